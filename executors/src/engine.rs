//! What every backend gives: an observation, and operations carried out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use bottle_planner::address::Address;
use bottle_planner::intent::{ObjectName, OutputRef, Secret};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::operation::{Operation, Removal};
use bottle_planner::profile::Profile;
use serde::Serialize;
use zeroize::Zeroize as _;

use crate::host_files::HostFiles;
use crate::probe::Prober;

/// A backend.
pub trait Engine: Send + Sync {
    /// What it can do, as it answers itself.
    ///
    /// # Errors
    /// When it does not answer, or is too old.
    fn profile(&self) -> Result<Profile, EngineError>;

    /// What it has of a project, and what could be in its way, in a number of calls that does not depend on how much there is.
    /// `done` is left empty: the journal's part.
    ///
    /// # Errors
    /// When it does not answer.
    fn observe(&self, project: &ProjectName) -> Result<Observation, EngineError>;

    /// The projects of which it has anything, sorted.
    ///
    /// # Errors
    /// When it does not answer.
    fn projects(&self) -> Result<Vec<ProjectName>, EngineError>;

    /// Carries out an operation.
    ///
    /// # Errors
    /// When the engine refused, or it took longer than the operation's limit, or was hurried to its end.
    fn run(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure>;

    /// Takes something away. That it is gone already is no error.
    ///
    /// # Errors
    /// As for [`Engine::run`].
    fn remove(&self, address: &Address, removal: &Removal, context: &Context<'_>) -> Result<(), Failure>;

    /// Which container now has a name, and since when it runs.
    ///
    /// # Errors
    /// As for [`Engine::run`].
    fn incarnation(&self, container: &ObjectName) -> Result<Incarnation, EngineError>;

    /// What its live bottles can be asked by.
    ///
    /// # Errors
    /// Why they cannot, in words for a reason.
    fn prober(&self) -> Result<&dyn Prober, String> {
        Err("this backend's bottles cannot be asked".to_owned())
    }
}

/// A container as one of possibly many of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// The engine's id.
    pub id: String,
    /// Since when it runs, in the engine's own words.
    pub since: Option<String>,
}

/// What operations are given besides themselves.
pub struct Context<'run> {
    /// The project: what is made is labelled with it, and nothing without that label is taken away.
    pub project: &'run ProjectName,
    /// The manifest's files: what host paths are relative to, and which of them may be looked at.
    pub files: &'run HostFiles,
    /// Where secrets come from, at the moment of use.
    pub secrets: &'run dyn Secrets,
    /// What operations that are done have put out.
    pub outputs: &'run Mutex<BTreeMap<OutputRef, String>>,
    /// The engine's ids of our containers and networks, as observed or as made in this run: what a `Part::Object` becomes.
    pub ids: &'run Mutex<BTreeMap<ObjectName, String>>,
    /// Set when what is in flight is to be hurried to its end.
    pub hurry: &'run AtomicBool,
}

/// Reads secrets at the moment of use.
pub trait Secrets: Send + Sync {
    /// The value of a secret.
    ///
    /// # Errors
    /// When it is not set, cannot be read, or nobody answers.
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError>;
}

/// A secret's value. It cannot be printed, compared or serialized; only handed on as bytes.
pub struct SecretValue(Vec<u8>);

impl SecretValue {
    /// Takes a value in.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Hands the value on, to a child's environment or standard input and to nothing else.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(hidden)")
    }
}

/// Why a secret could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{secret}: {why}")]
#[diagnostic(code(bottle::secret))]
pub struct SecretError {
    /// Which.
    pub secret: Secret,
    /// Why, in words without the value.
    pub why: String,
}

/// What came of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The engine's id of the container or network it made.
    pub made: Option<String>,
    /// Its outputs, by name.
    pub outputs: Vec<(String, String)>,
    /// What whoever runs it is to know, though it succeeded.
    pub notes: Vec<String>,
}

/// How an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The operation.
    pub address: Address,
    /// The words of the command, secrets by name; empty where no command was run.
    pub argv: Vec<String>,
    /// How it ended.
    pub ended: Ended,
    /// The engine's own words, every secret's value taken out.
    pub said: String,
}

/// How a failed command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// By itself.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// By us: it took longer than its limit, in seconds.
    TimeLimit(u32),
    /// By us: it was hurried to its end.
    Hurried,
    /// It did not begin.
    NotStarted,
    /// It was done, and found broken what is required.
    Refuted,
}

/// Why an engine could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum EngineError {
    /// Its command is not on this machine.
    #[error("`{program}` is not on this machine")]
    #[diagnostic(
        code(bottle::engine::missing),
        help(
            "install it; `bottle plan --offline` needs none, and `--backend simulator` is an engine inside this command"
        )
    )]
    Missing {
        /// The command.
        program: String,
    },
    /// Apple's `container` is not on this machine.
    #[error("`{program}` is not on this machine, and a bottle in a virtual machine of its own needs it")]
    #[diagnostic(
        code(bottle::engine::missing),
        help(
            "it takes macOS 26 on Apple silicon and `container` 1.1 or newer (github.com/apple/container), then \
             `container system start`; elsewhere, use `sandbox = \"shared-kernel\"` or `--backend docker`"
        )
    )]
    ContainerMissing {
        /// The command.
        program: String,
    },
    /// The services of `container` are not up.
    #[error("the services of `container` do not run: their status is `{status}`")]
    #[diagnostic(code(bottle::engine::down), help("start them: `container system start`"))]
    ContainerDown {
        /// Its own word.
        status: String,
    },
    /// The command was upgraded, and the services were not started again.
    #[error("the `container` command is {client}, and its services are still {server}")]
    #[diagnostic(
        code(bottle::engine::skew),
        help(
            "start them again: `container system stop`, then `container system start`; all containers stop with them"
        )
    )]
    ContainerSkew {
        /// The command's version.
        client: String,
        /// The services' version.
        server: String,
    },
    /// The macOS is older than any on which `container` runs.
    #[error("macOS {version} is too old: `container` runs on macOS 26, and with one network on 15")]
    #[diagnostic(code(bottle::engine::macos), help("upgrade macOS, or use `sandbox = \"shared-kernel\"`"))]
    OldMacos {
        /// Its version.
        version: String,
    },
    /// There is a `container` command, and no macOS below it.
    #[error("there is a `container` command here, but this is no macOS: there is no `sw_vers`")]
    #[diagnostic(
        code(bottle::engine::macos),
        help(
            "Apple's `container` takes macOS 26 on Apple silicon; use `sandbox = \"shared-kernel\"` or `--backend docker`"
        )
    )]
    NoMacos,
    /// What is kept on the host could not be read.
    #[error("{path}: {why}")]
    #[diagnostic(code(bottle::engine::host), help("bottle keeps staged files there: the folder must be yours"))]
    Host {
        /// The folder.
        path: String,
        /// The system's words.
        why: String,
    },
    /// It does not answer.
    #[error("the engine does not answer: {said}")]
    #[diagnostic(
        code(bottle::engine::silent),
        help("start it and check that you may use it: `{argv}`; `bottle plan --offline` needs none")
    )]
    Silent {
        /// What was run.
        argv: String,
        /// Its own words.
        said: String,
    },
    /// It answered something that is not what it answers.
    #[error("the engine's answer to `{argv}` was not understood: {why}")]
    #[diagnostic(code(bottle::engine::answer))]
    Answer {
        /// What was run.
        argv: String,
        /// What was wrong with the answer.
        why: String,
    },
    /// It is of no use to us.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Profile(#[from] bottle_planner::profile::ProfileError),
    /// The simulator's file.
    #[error("the simulator's state in {path}: {why}")]
    #[diagnostic(
        code(bottle::simulator::state),
        help("mend or delete that file; without it the simulator is an engine that has nothing")
    )]
    State {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}
