//! Operations: lowered steps, spelled for one backend.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::digest::Digest;
use crate::intent::{Archive, ImageName, Need, ObjectName, OutputRef, Secret, StageName, Step, Word};
use crate::source::SourcePath;

/// The label that names the project. Nothing without it is ours.
pub const LABEL_PROJECT: &str = "bottle.project";
/// The label that holds the address of the operation that made the object.
pub const LABEL_ADDRESS: &str = "bottle.address";
/// The label that holds the digest of that operation.
pub const LABEL_DIGEST: &str = "bottle.digest";

/// One thing that the executor does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its address.
    pub address: Address,
    /// The lowered step: what the simulator carries out, and what a command line is spelled from.
    pub step: Step,
    /// What is done for it.
    pub action: Action,
    /// What it was made from, by name, in words that a plan can show: `image` = `node:22-slim`.
    pub inputs: Vec<Input>,
    /// The digest of the inputs.
    pub digest: Digest,
    /// What it needs.
    pub needs: Vec<(Need, Address)>,
    /// After how many seconds it has failed.
    pub time_limit: u32,
}

/// What the executor does for an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Runs a command to its end.
    Command(Command),
    /// Starts a command that goes on by itself, as a process of the host.
    Process(Command),
    /// Puts files into a folder of ours on the host.
    Stage {
        /// The folder.
        name: StageName,
        /// The files.
        files: Archive,
        /// The folder of the guest to which their paths are relative.
        base: String,
    },
    /// Asks the host's resolver for the addresses of names.
    Resolve(Vec<String>),
}

impl Operation {
    /// The command that is run or started, if it is one.
    #[must_use]
    pub fn command(&self) -> Option<&Command> {
        match &self.action {
            Action::Command(command) | Action::Process(command) => Some(command),
            Action::Stage { .. } | Action::Resolve(_) => None,
        }
    }
}

/// One input of an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// Which: `image`, `env GITHUB_TOKEN`.
    pub name: String,
    /// Its value in plain text, or its digest; never a secret.
    pub value: String,
}

impl Input {
    const FILE: &str = "file ";

    /// The input that a file put into a guest is.
    #[must_use]
    pub fn of_file(path: &str, value: String) -> Self {
        Self { name: format!("{}{path}", Self::FILE), value }
    }

    /// The file in the guest, where the input is one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.name.strip_prefix(Self::FILE)
    }
}

/// A command: argv of typed parts, variables by name, and what it reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The words, the program first.
    pub argv: Vec<Arg>,
    /// Variables that the executor sets in the command's own environment, so that `--env NAME` passes them on.
    pub env: Vec<(String, Secret)>,
    /// Standard input.
    pub stdin: Stdin,
}

/// What a command reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stdin {
    /// Nothing.
    #[default]
    Nothing,
    /// A tar stream of these files.
    Archive {
        /// The files.
        files: Archive,
        /// The folder to which their paths are relative in the stream: `/`, or one above all of them.
        base: String,
    },
    /// A secret.
    Secret(Secret),
    /// A text of these parts.
    Text(Vec<Part>),
}

/// One word of an argv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arg(pub Vec<Part>);

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The text itself.
    Literal(String),
    /// The name of a variable whose value is a secret.
    SecretName(String),
    /// A path of the host, as the manifest wrote it; the executor makes it absolute.
    HostPath(SourcePath),
    /// What an earlier operation will know.
    Output(OutputRef),
    /// A folder in which files were staged; the executor knows where.
    Stage(StageName),
    /// An object by its name; the executor passes the id that was observed, so that nothing of the same name is touched.
    Object(ObjectName),
}

impl Part {
    /// The part that a word of a step becomes.
    #[must_use]
    pub fn of_word(word: &Word) -> Self {
        match word {
            Word::Text(text) => Self::Literal(text.clone()),
            Word::Output(output) => Self::Output(output.clone()),
            // Decided by a pass before anything is spelled; the name says which, should it not have been.
            Word::Gateway(network) => Self::Object(network.clone()),
        }
    }
}

impl Arg {
    /// The argv's word that a word of a step becomes.
    #[must_use]
    pub fn from_word(word: &Word) -> Self {
        Self(vec![Part::of_word(word)])
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self(vec![Part::Literal(text.to_owned())])
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self(vec![Part::Literal(text)])
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Literal(text) | Part::SecretName(text) => f.write_str(text)?,
                Part::HostPath(path) => write!(f, "{path}")?,
                Part::Output(output) => write!(f, "${{{}.{}}}", output.address, output.name)?,
                Part::Stage(name) => write!(f, "${{stage}}/{}", name.0)?,
                Part::Object(name) => write!(f, "{name}")?,
            }
        }
        Ok(())
    }
}

/// The kinds of objects that an engine keeps for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// An image that we built.
    Image,
    /// A volume.
    Volume,
    /// A process of the host.
    Process,
    /// A folder of staged files on the host.
    Stage,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Image => "image",
            Self::Volume => "volume",
            Self::Process => "process",
            Self::Stage => "stage",
        })
    }
}

/// The taking away of something observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// What goes.
    pub what: Removed,
    /// The command line of it; `None` for what is the host's and not the engine's.
    pub command: Option<Command>,
    /// The entries whose own removal must come before: the members of a network, the containers of an image.
    pub after: Vec<Address>,
}

/// What a removal takes away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removed {
    /// An object.
    Object {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// The engine's id of it.
        id: String,
    },
    /// A container's membership of a network that the plan does not know.
    Membership {
        /// The container's name.
        container: String,
        /// The engine's id of it.
        container_id: String,
        /// The network's name.
        network: String,
    },
}

impl Removed {
    /// Whether it is an image that has no name: what is left when another took its name, or when a build was killed before it gave it
    /// one. A build may give it a name at any time.
    #[must_use]
    pub fn is_unnamed_image(&self) -> bool {
        matches!(self, Self::Object { kind: ObjectKind::Image, name, id } if name == id)
    }
}

/// What an operation makes on the engine, if it makes an object.
#[must_use]
pub fn makes(step: &Step) -> Option<(ObjectKind, &str)> {
    match step {
        Step::CreateContainer(container) => Some((ObjectKind::Container, &container.name.0)),
        Step::CreateNetwork(network) => Some((ObjectKind::Network, &network.name.0)),
        Step::BuildImage(build) => Some((ObjectKind::Image, &build.image.0)),
        Step::StartProcess(process) => Some((ObjectKind::Process, &process.name.0)),
        Step::Stage(stage) => Some((ObjectKind::Stage, &stage.name.0)),
        _ => None,
    }
}

/// The image that a step brings or makes.
#[must_use]
pub fn provides_image(step: &Step) -> Option<&ImageName> {
    match step {
        Step::PullImage(image) => Some(image),
        Step::BuildImage(build) => Some(&build.image),
        _ => None,
    }
}
