//! The scheduler: runs the tasks of a plan, side by side where nothing speaks against it.
//!
//! One loop on the calling thread owns all states and the journal. Each turn takes in what the engine has answered, writes the ends of
//! those and the begins of what may start now with one durable write, and hands the latter to a pool of threads, which do nothing but ask the
//! engine. So independent tasks share a write, nothing is asked for before its begin is durable, and nothing
//! starts before the ends of what it waits for are.

mod asking;
mod board;
mod coordinator;
mod event;
mod guarantees;
mod known;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::mpsc;

use bottle_planner::observation::Observation;
use bottle_planner::plan::{Plan, Reason};
use rayon::ThreadPoolBuilder;
use serde::Serialize;

use self::asking::{Asking, Message};
use self::coordinator::Coordinator;
pub use self::event::{Event, Reporter, Work};
use self::guarantees::Guarantees;
use self::known::{Known, Shared};
use crate::crash::{Crash, CrashPoint};
use crate::engine::{Context, Engine, Failure, Secrets};
use crate::host_files::HostFiles;
use crate::journal::{Journal, JournalError, Record};
use crate::signals::Signals;

/// How a plan is run.
pub struct Run<'run> {
    /// The manifest's files, and which of the host's may be looked at.
    pub files: &'run HostFiles,
    /// Where secrets come from.
    pub secrets: &'run dyn Secrets,
    /// How many tasks run side by side.
    pub jobs: NonZeroUsize,
    /// Who is told.
    pub reporter: &'run dyn Reporter,
    /// What ends the run early.
    pub signals: &'run Signals,
    /// Where it is to end as if it had been killed; for tests.
    pub crash: Option<&'run Crash>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// How the tasks ended.
    pub counts: Counts,
    /// How those that failed did, in the order in which that was known.
    pub failures: Vec<Failure>,
    /// Whether signals kept anything from being done.
    pub interrupted: bool,
    /// Why the run ended before its time, for other reasons than signals.
    pub halted: Option<Halt>,
}

impl Report {
    /// Whether everything was done.
    #[must_use]
    pub fn complete(&self) -> bool {
        let Counts { done: _, failed, skipped, not_started, lost } = self.counts;
        failed + skipped + not_started + lost == 0 && self.halted.is_none()
    }
}

/// How many tasks ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Done, and written down.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Not begun, because they waited for one that failed.
    pub skipped: usize,
    /// Not begun, because the run ended before.
    pub not_started: usize,
    /// Done by the engine, but that could not be written down; they will be looked at again.
    pub lost: usize,
}

/// Why a run ended before its time.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Halt {
    /// The journal could not be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Journal(#[from] JournalError),
    /// The system gave no threads.
    #[error("no threads to run on: {0}")]
    #[diagnostic(code(bottle::run::threads), help("try fewer `--jobs`"))]
    Threads(String),
    /// It came to its crash point.
    #[error("ended at {0}, as asked")]
    #[diagnostic(code(bottle::run::crash))]
    Crash(CrashPoint),
}

/// Carries out what `plan` says. `observation` is what it was made from.
///
/// A failure skips what waits for it, and the rest goes on. It comes back when nothing is in flight any more.
///
/// # Panics
/// When the engine did, after all that was in flight has ended and was written down.
pub fn run(
    plan: &Plan,
    observation: &Observation,
    engine: &dyn Engine,
    journal: &mut Journal,
    run: &Run<'_>,
) -> Report {
    let tasks = plan.tasks();
    let jobs = run.jobs.get().min(tasks.len().max(1));
    run.reporter.event(&Event::RunBegan { project: &plan.project, tasks: tasks.len(), jobs });

    let shared = Shared::of(observation);
    let context = Context {
        project: &plan.project,
        files: run.files,
        secrets: run.secrets,
        outputs: &shared.outputs,
        ids: &shared.ids,
        hurry: run.signals.hurry(),
    };
    let (sender, receiver) = mpsc::channel();
    let wake = sender.clone();
    // After the run there is nobody left to be woken.
    let _listening = run.signals.listen(move || drop(wake.send(Message::Signal)));

    forget_what_is_redone(plan, journal);
    let asking = Asking { engine, context: &context, sender };
    let known = Known::of(observation, &shared);
    let guarantees = Guarantees::of(plan, &tasks);
    let coordinator = Coordinator::new(&tasks, jobs, (known, guarantees), journal, run);
    match ThreadPoolBuilder::new().num_threads(jobs).thread_name(|at| format!("job-{at}")).build() {
        Ok(pool) => pool.in_place_scope(|scope| coordinator.drive(scope, &asking, &receiver)),
        Err(error) => coordinator.report(Some(Halt::Threads(error.to_string()))),
    }
}

/// Takes back what is known of operations that are done again only because of others. Once those were done, nothing else would tell
/// that these were not, should the run end in between. It is written with the first begin.
fn forget_what_is_redone(plan: &Plan, journal: &mut Journal) {
    for entry in &plan.entries {
        let because_of_others = entry.reasons.iter().any(|reason| matches!(reason, Reason::NeedRedone { .. }));
        if let (true, Some(operation)) = (because_of_others, &entry.operation) {
            let (address, digest) = (Cow::Borrowed(&operation.address), Cow::Borrowed(&operation.digest));
            journal.push(&Record::Begin { address, digest });
        }
    }
}
