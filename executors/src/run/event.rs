//! What a run tells while it goes on.

use bottle_planner::address::Address;
use bottle_planner::name::ProjectName;
use bottle_planner::operation::Removed;
use bottle_planner::plan::{Task, TaskKind};
use serde::Serialize;

use super::Counts;
use crate::engine::Failure;

/// Is told what happens, always from the thread that called [`super::run`], in order.
pub trait Reporter: Sync {
    /// Something happened. The run goes on when this comes back.
    fn event(&self, event: &Event<'_>);
}

/// Something that happened. As JSON it is one line of an event stream; no secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// The run begins.
    RunBegan {
        /// The project.
        project: &'a ProjectName,
        /// How many tasks there are.
        tasks: usize,
        /// How many run side by side.
        jobs: usize,
    },
    /// A task begins.
    Began {
        /// Which.
        #[serde(flatten)]
        work: Work<'a>,
    },
    /// A task is done, and that is written down.
    Done {
        /// Which.
        #[serde(flatten)]
        work: Work<'a>,
        /// How long the engine took, in milliseconds.
        ms: u64,
        /// What is to be known of it, though it succeeded.
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        notes: &'a [String],
    },
    /// A task failed.
    Failed {
        /// Which.
        #[serde(flatten)]
        work: Work<'a>,
        /// How long it took, in milliseconds.
        ms: u64,
        /// How it failed.
        failure: &'a Failure,
    },
    /// A task will not be begun, because it waited for one that failed.
    Skipped {
        /// Which.
        #[serde(flatten)]
        work: Work<'a>,
        /// The one that failed.
        because: &'a Address,
    },
    /// The first signal came: nothing more is begun.
    Stopping {
        /// How many tasks are waited for.
        in_flight: usize,
    },
    /// The second signal came: what is in flight is hurried to its end.
    Hurrying {
        /// How many tasks that are.
        in_flight: usize,
    },
    /// The run is over.
    RunEnded {
        /// What came of the tasks.
        #[serde(flatten)]
        counts: Counts,
        /// Whether signals kept any of them from being done.
        interrupted: bool,
    },
}

/// A task, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Work<'a> {
    /// The operation.
    pub address: &'a Address,
    /// Whether what it made is taken away; else it is run.
    pub removal: bool,
    /// What is done: `start`, `remove network`.
    pub does: &'static str,
}

impl<'a> Work<'a> {
    pub(super) fn of(task: &Task<'a>) -> Self {
        let (removal, does) = match task.kind {
            TaskKind::Run(operation) => (false, operation.step.verb()),
            TaskKind::Remove(removal) => (true, removing(&removal.what)),
        };
        Self { address: task.address, removal, does }
    }
}

fn removing(what: &Removed) -> &'static str {
    use bottle_planner::operation::ObjectKind;

    match what {
        Removed::Object { kind: ObjectKind::Container, .. } => "remove container",
        Removed::Object { kind: ObjectKind::Network, .. } => "remove network",
        Removed::Object { kind: ObjectKind::Image, .. } => "remove image",
        Removed::Object { kind: ObjectKind::Volume, .. } => "remove volume",
        Removed::Object { kind: ObjectKind::Process, .. } => "end process",
        Removed::Object { kind: ObjectKind::Stage, .. } => "remove stage",
        Removed::Membership { .. } => "detach",
    }
}
