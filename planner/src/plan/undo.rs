//! How each operation would be undone.

use std::collections::HashMap;
use std::fmt;

use super::Plan;
use crate::address::Address;
use crate::intent::{Content, CopyIn, Lasts, MountSource, ObjectName, Step};
use crate::operation::{Command, ObjectKind, Operation, Removed, makes};
use crate::spelling;

/// How an operation would be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// By the command with which `destroy` takes away what it made.
    Command(Command),
    /// By `destroy`, on the host itself: what is there is of this kind.
    OnHost(ObjectKind),
    /// With its container.
    WithContainer,
    /// With its container, but for these files: they went through a mounted folder to the host.
    ThroughMount(Vec<String>),
    /// A command of the manifest ran, and only what it did in its container goes with that.
    Ran,
    /// It ends when its container stops.
    EndsWithRun,
    /// It only asked.
    Asked,
    /// A pulled image is kept: it is the engine's, and others may use it.
    KeptImage,
}

impl fmt::Display for Undo {
    /// In words, for what is not a command of the engine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => f.write_str(&crate::render::argv(&command.argv)),
            Self::OnHost(ObjectKind::Process) => f.write_str("the process is ended, on this host"),
            Self::OnHost(ObjectKind::Stage) => f.write_str("the staged folder is deleted, on this host"),
            Self::OnHost(kind) => write!(f, "the {kind} is taken away, on this host"),
            Self::WithContainer => f.write_str("goes with its container"),
            Self::ThroughMount(files) => {
                write!(f, "goes with its container; stays in a mounted folder of this host: {}", files.join(", "))
            }
            Self::Ran => f.write_str("what it did in its container goes with that, what it did elsewhere stays"),
            Self::EndsWithRun => f.write_str("ends when its container stops"),
            Self::Asked => f.write_str("nothing to undo: it only asks"),
            Self::KeptImage => f.write_str("stays: a pulled image is kept"),
        }
    }
}

impl Plan {
    /// How each operation would be undone, by address. Entries that only take something away have none: it does not come back.
    #[must_use]
    pub fn undos(&self) -> HashMap<&Address, Undo> {
        let operations = || self.entries.iter().filter_map(|entry| entry.operation.as_ref());
        let mut mounted: HashMap<&ObjectName, Vec<&str>> = HashMap::new();
        for operation in operations() {
            if let Step::CreateContainer(container) = &operation.step {
                let host = container.mounts.iter().filter(|mount| matches!(mount.from, MountSource::Host(_)));
                mounted.insert(&container.name, host.map(|mount| mount.to.as_str()).collect());
            }
        }
        operations().map(|operation| (&operation.address, self.undo(operation, &mounted))).collect()
    }

    fn undo(&self, operation: &Operation, mounted: &HashMap<&ObjectName, Vec<&str>>) -> Undo {
        if let Some((kind, name)) = makes(&operation.step) {
            // Commands name objects; the id is what they are given when they are run.
            let what = Removed::Object { kind, name: name.to_owned(), id: String::new() };
            return spelling::removal(&what, self.profile.behaves).map_or(Undo::OnHost(kind), Undo::Command);
        }
        match &operation.step {
            Step::PullImage(_) => Undo::KeptImage,
            Step::CopyIn(copy) => match through(copy, mounted.get(&copy.container).map_or(&[], Vec::as_slice)) {
                files if files.is_empty() => Undo::WithContainer,
                files => Undo::ThroughMount(files),
            },
            Step::Exec(exec) => match exec.lasts {
                Lasts::Container => Undo::Ran,
                Lasts::Run => Undo::EndsWithRun,
            },
            Step::Start(_) | Step::Release(_) | Step::Attach(_) => Undo::WithContainer,
            Step::LearnOwners(_)
            | Step::LearnAddress(_)
            | Step::AwaitReady(_)
            | Step::Gate(_)
            | Step::AwaitProcess(_)
            | Step::ResolveHosts(_)
            // Each of these makes an object, which was seen to above.
            | Step::BuildImage(_)
            | Step::CreateNetwork(_)
            | Step::CreateContainer(_)
            | Step::Stage(_)
            | Step::StartProcess(_) => Undo::Asked,
        }
    }
}

/// The files of a copy that lie in a mounted folder.
fn through(copy: &CopyIn, mounted: &[&str]) -> Vec<String> {
    let below = |path: &str| {
        mounted.iter().any(|folder| {
            let rest = path.strip_prefix(folder.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let files = copy.files.entries.iter().filter(|entry| entry.content != Content::Folder);
    files.filter(|entry| below(&entry.path)).map(|entry| entry.path.clone()).collect()
}
