//! What the threads do: ask the engine, and say what it answered.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use bottle_planner::intent::Step;
use bottle_planner::plan::{Task, TaskKind};

use crate::engine::{Context, Engine, Failure, Incarnation, Outcome};

/// What the coordinating loop hears of.
pub(super) enum Message {
    /// The engine has answered.
    Answer {
        /// To which task.
        task: usize,
        /// After how long.
        took: Duration,
        /// What.
        answer: Result<Answer, Failure>,
    },
    /// The thread that asked the engine panicked.
    Panicked {
        /// For which task.
        task: usize,
    },
    /// A signal has come.
    Signal,
}

/// What the engine said to a task that succeeded.
#[derive(Default)]
pub(super) struct Answer {
    /// What came of an operation; nothing comes of a removal.
    pub(super) outcome: Outcome,
    /// After a start, which container was started.
    pub(super) started: Option<Incarnation>,
}

/// What a thread needs in order to ask the engine.
pub(super) struct Asking<'run> {
    pub(super) engine: &'run dyn Engine,
    pub(super) context: &'run Context<'run>,
    pub(super) sender: Sender<Message>,
}

impl Asking<'_> {
    /// Carries out a task and sends what came of it. A panic of the engine's goes on after that was sent.
    pub(super) fn carry_out(&self, at: usize, task: &Task<'_>) {
        let began = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| self.ask(task)));
        let took = began.elapsed();
        // The loop listens for as long as anything is in flight.
        let send = |message| drop(self.sender.send(message));
        match answer {
            Ok(answer) => send(Message::Answer { task: at, took, answer }),
            Err(panic) => {
                send(Message::Panicked { task: at });
                resume_unwind(panic);
            }
        }
    }

    fn ask(&self, task: &Task<'_>) -> Result<Answer, Failure> {
        match task.kind {
            TaskKind::Run(operation) => {
                let outcome = self.engine.run(operation, self.context)?;
                let started = match &operation.step {
                    // Not to know it only costs that what lasts as long as this run of the container is done again.
                    Step::Start(container) => self.engine.incarnation(container).ok(),
                    _ => None,
                };
                Ok(Answer { outcome, started })
            }
            TaskKind::Remove(removal) => {
                self.engine.remove(task.address, removal, self.context).map(|()| Answer::default())
            }
        }
    }
}
