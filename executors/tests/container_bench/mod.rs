//! A machine with a `container` command of its own for each test, and nothing left of it afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command as Child;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock};

use bottle_executors::container::ContainerEngine;
use bottle_executors::engine::{Context, Engine as _, Failure, Outcome, SecretError, SecretValue, Secrets};
use bottle_executors::host_files::HostFiles;
use bottle_executors::journal::{self, Journal};
use bottle_executors::run::{self, Event, Report, Reporter, Run};
use bottle_executors::signals::Signals;
use bottle_executors::state_dir::StateDir;
use bottle_planner::address::Address;
use bottle_planner::intent::{ObjectName, OutputRef, Secret, Step};
use bottle_planner::manifest;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::operation::{Command, ObjectKind, Operation, Removal, Removed};
use bottle_planner::plan::{BackendReason, Plan, Target, build, destroy};
use bottle_planner::profile::{Backend, Profile};
use bottle_planner::spelling::operation;

pub(crate) struct Machine {
    pub(crate) engine: ContainerEngine,
    pub(crate) project: ProjectName,
    pub(crate) hurry: AtomicBool,
    folder: tempfile::TempDir,
    outputs: Mutex<BTreeMap<OutputRef, String>>,
    ids: Mutex<BTreeMap<ObjectName, String>>,
}

/// Secrets that are `value of NAME`.
struct Values;

impl Secrets for Values {
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        Ok(SecretValue::new(format!("value of {secret}").into_bytes()))
    }
}

struct Quiet;

impl Reporter for Quiet {
    fn event(&self, _: &Event<'_>) {}
}

fn double() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| container_double::program().unwrap())
}

/// A path that is a shell script.
pub(crate) fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Machine {
    /// One whose containers are only noted down.
    pub(crate) fn without_engine(settings: &str) -> Self {
        Self::new(&format!("CONTAINER_DOUBLE_ENGINE=none CONTAINER_DOUBLE_REGISTRY=img:1 {settings}"))
    }

    pub(crate) fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = folder.path().join("machine");
        let text = format!(
            "echo \"$@\" >>'{}/calls'\nexport CONTAINER_DOUBLE_STATE='{}' {settings}\nexec '{}' \"$@\"",
            folder.path().display(),
            machine.display(),
            double().display()
        );
        script(&folder.path().join("container"), &text);
        let engine = ContainerEngine::at(folder.path().join("container"), folder.path().join("state"));
        let machine = Self {
            engine: engine.on_macos("26.1"),
            project: ProjectName::new("acme").unwrap(),
            hurry: AtomicBool::new(false),
            folder,
            outputs: Mutex::default(),
            ids: Mutex::default(),
        };
        machine.dir().make().unwrap();
        machine.by_hand("system start --disable-kernel-install");
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn dir(&self) -> StateDir {
        StateDir::of(&self.path("state"), Backend::Container, &self.project)
    }

    /// What somebody does at the terminal, and what is printed.
    pub(crate) fn by_hand(&self, words: &str) -> String {
        let output = Child::new(self.path("container")).args(words.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// How often the command is called by some work.
    pub(crate) fn calls(&self, work: impl FnOnce()) -> usize {
        fs::write(self.path("calls"), "").unwrap();
        work();
        fs::read_to_string(self.path("calls")).unwrap().lines().count()
    }

    pub(crate) fn operation(&self, address: &str, step: Step) -> Operation {
        let profile = Profile::named("container").unwrap();
        operation(Address::recorded(address), step, &profile, &self.project)
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        work(&Context {
            project: &self.project,
            files: &HostFiles::new(self.folder.path().to_owned()),
            secrets: &Values,
            outputs: &self.outputs,
            ids: &self.ids,
            hurry: &self.hurry,
        })
    }

    /// Runs a step and keeps what came of it, as a scheduler does.
    pub(crate) fn run(&self, address: &str, step: Step) -> Result<Outcome, Failure> {
        self.run_operation(&self.operation(address, step))
    }

    pub(crate) fn run_operation(&self, operation: &Operation) -> Result<Outcome, Failure> {
        let outcome = self.with(|context| self.engine.run(operation, context))?;
        let mut outputs = self.outputs.lock().unwrap();
        for (name, value) in &outcome.outputs {
            outputs.insert(OutputRef { address: operation.address.clone(), name: name.clone() }, value.clone());
        }
        Ok(outcome)
    }

    pub(crate) fn remove(&self, kind: ObjectKind, name: &str, id: &str) -> Result<(), Failure> {
        let words: &[&str] = match kind {
            ObjectKind::Container => &["container", "delete", "--force", name],
            ObjectKind::Network => &["container", "network", "delete", name],
            ObjectKind::Image => &["container", "image", "delete", name],
            ObjectKind::Volume => &["container", "volume", "delete", name],
            ObjectKind::Process | ObjectKind::Stage => &[],
        };
        let argv: Vec<_> = words.iter().map(|word| (*word).into()).collect();
        let command = (!argv.is_empty()).then(|| Command { argv, ..Command::default() });
        let what = Removed::Object { kind, name: name.to_owned(), id: id.to_owned() };
        let removal = Removal { what, command, after: Vec::new() };
        self.with(|context| self.engine.remove(&Address::recorded("one/x/create"), &removal, context))
    }

    pub(crate) fn seen(&self) -> Observation {
        self.engine.observe(&self.project).unwrap()
    }

    /// A manifest's plan, for what is there.
    pub(crate) fn plan(&self, manifest: &str, observation: &Observation) -> Plan {
        let files = HostFiles::new(self.folder.path().to_owned());
        let manifest = manifest::parse("bottle.toml", manifest.as_bytes(), &files).unwrap();
        let profile = self.engine.profile().unwrap();
        let target =
            Target { profile: &profile, chosen: &BackendReason::Named, observation: Some(observation), part: None };
        build(&manifest, &files, target).unwrap()
    }

    pub(crate) fn destruction(&self, observation: &Observation) -> Plan {
        let profile = self.engine.profile().unwrap();
        let target =
            Target { profile: &profile, chosen: &BackendReason::Named, observation: Some(observation), part: None };
        destroy(&self.project, target)
    }

    /// What is there, with what the journal knows.
    pub(crate) fn look(&self) -> (Journal, Observation) {
        let (journal, known) = Journal::open(self.dir().path()).unwrap();
        let mut observation = self.seen();
        let mut done = known.done;
        journal::prune(&mut done, &observation);
        observation.done = done;
        (journal, observation)
    }

    pub(crate) fn carry_out(&self, plan_of: impl FnOnce(&Observation) -> Plan) -> Report {
        let (mut journal, observation) = self.look();
        let plan = plan_of(&observation);
        let signals = Signals::by_hand();
        let run = Run {
            files: &HostFiles::new(self.folder.path().to_owned()),
            secrets: &Values,
            jobs: NonZeroUsize::new(4).unwrap(),
            reporter: &Quiet,
            signals: &signals,
            crash: None,
        };
        run::run(&plan, &observation, &self.engine, &mut journal, &run)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for process in self.engine.observe(&self.project).map(|seen| seen.processes).unwrap_or_default() {
            let _ = self.remove(ObjectKind::Process, &process.name, &process.id);
        }
        let left = container_double::clean_up(&self.path("machine"));
        if !std::thread::panicking() {
            assert_eq!(left, Ok(()));
        }
    }
}
