//! The loop that decides what starts, and that alone writes the journal.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bottle_planner::observation::WasHeld;
use bottle_planner::plan::{Task, TaskKind};
use rayon::Scope;

use super::asking::{Answer, Asking, Message};
use super::board::{Board, State};
use super::event::{Event, Work};
use super::guarantees::Guarantees;
use super::known::{Known, container_of};
use super::{Counts, Halt, Report, Run};
use crate::crash::{CrashPoint, Death, Moment, die};
use crate::engine::{Ended, Failure};
use crate::journal::{Journal, Record};

/// The loop's own.
pub(super) struct Coordinator<'run> {
    tasks: &'run [Task<'run>],
    board: Board,
    known: Known<'run>,
    guarantees: Guarantees<'run>,
    journal: &'run mut Journal,
    run: &'run Run<'run>,
    failures: Vec<Failure>,
    /// The first signal was seen.
    stopping: bool,
    /// The second signal was seen.
    hurrying: bool,
    /// A thread panicked: the run ends with that.
    panicked: bool,
    halted: Option<Halt>,
}

/// A task whose answer is in hand and not yet durable.
struct Ending {
    task: usize,
    took: Duration,
    /// `Ok` when it succeeded, with what is to be known of it.
    result: Result<Vec<String>, Failure>,
}

impl<'run> Coordinator<'run> {
    pub(super) fn new(
        tasks: &'run [Task<'run>],
        jobs: usize,
        (known, guarantees): (Known<'run>, Guarantees<'run>),
        journal: &'run mut Journal,
        run: &'run Run<'run>,
    ) -> Self {
        Self {
            tasks,
            board: Board::new(tasks, jobs),
            known,
            guarantees,
            journal,
            run,
            failures: Vec::new(),
            stopping: false,
            hurrying: false,
            panicked: false,
            halted: None,
        }
    }

    /// Goes on until nothing is in flight and nothing can be started.
    pub(super) fn drive<'scope>(
        mut self,
        scope: &Scope<'scope>,
        asking: &'scope Asking<'scope>,
        receiver: &Receiver<Message>,
    ) -> Report
    where
        'run: 'scope,
    {
        let mut ending = Vec::new();
        loop {
            self.heed_signals();
            let beginning = self.begin();
            for at in self.write(ending, beginning) {
                let task = &self.tasks[at];
                scope.spawn(move |_| asking.carry_out(at, task));
            }
            if self.board.occupied() == 0 {
                return self.report(None);
            }
            ending = self.hear(receiver);
        }
    }

    /// What came of it all.
    pub(super) fn report(mut self, halted: Option<Halt>) -> Report {
        self.board.close();
        let counts = Counts {
            done: self.board.count(|state| state == State::Done),
            failed: self.board.count(|state| state == State::Failed),
            skipped: self.board.count(|state| matches!(state, State::Skipped { .. })),
            not_started: self.board.count(|state| state == State::NotStarted),
            lost: self.board.count(|state| state == State::Lost),
        };
        let hurried = self.failures.iter().any(|failure| failure.ended == Ended::Hurried);
        let interrupted = self.stopping && (counts.not_started > 0 || hurried);
        self.tell(&Event::RunEnded { counts, interrupted });
        Report { counts, failures: self.failures, interrupted, halted: self.halted.or(halted) }
    }

    fn heed_signals(&mut self) {
        let in_flight = self.board.occupied();
        if !self.stopping && self.run.signals.stop() {
            self.stopping = true;
            self.tell(&Event::Stopping { in_flight });
        }
        if !self.hurrying && self.run.signals.hurry().load(Ordering::SeqCst) {
            self.hurrying = true;
            self.tell(&Event::Hurrying { in_flight });
        }
    }

    /// Chooses what starts now.
    fn begin(&mut self) -> Vec<usize> {
        let mut beginning = Vec::new();
        while !self.stopping && !self.panicked && self.halted.is_none() {
            let Some(at) = self.board.startable() else { break };
            if self.crashes(at, Moment::Before) {
                break;
            }
            let task = &self.tasks[at];
            let address = Cow::Borrowed(task.address);
            self.journal.push(&match task.kind {
                TaskKind::Run(operation) => Record::Begin { address, digest: Cow::Borrowed(&operation.digest) },
                TaskKind::Remove(removal) => {
                    Record::Removing { address, container: container_of(&removal.what).map(Cow::Borrowed) }
                }
            });
            self.board.set(at, State::Beginning);
            beginning.push(at);
        }
        beginning
    }

    /// Makes durable what this turn has to say, and only then lets it count. Gives the tasks of which the engine may now be asked.
    fn write(&mut self, ending: Vec<Ending>, mut beginning: Vec<usize>) -> Vec<usize> {
        if self.halted.is_none()
            && let Err(error) = self.journal.commit()
        {
            self.halted = Some(error.into());
        }
        let durable = self.halted.is_none();
        for Ending { task, took, result } in ending {
            self.end(task, took, result, durable);
        }
        let mut asked = 0;
        for at in &beginning {
            if self.halted.is_some() || self.crashes(*at, Moment::Begin) {
                self.board.set(*at, State::NotStarted);
            } else {
                self.board.set(*at, State::Running);
                self.tell(&Event::Began { work: Work::of(&self.tasks[*at]) });
                asked += 1;
            }
        }
        beginning.truncate(asked);
        beginning
    }

    /// Lets an end count, or not, when it could not be written.
    fn end(&mut self, at: usize, took: Duration, result: Result<Vec<String>, Failure>, durable: bool) {
        let work = Work::of(&self.tasks[at]);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let notes = result.clone().unwrap_or_default();
        if let Err(failure) = result {
            self.tell(&Event::Failed { work, ms, failure: &failure });
            self.failures.push(failure);
            for skipped in self.board.take_skipped() {
                if let State::Skipped { because } = self.board.state(skipped) {
                    let because = self.tasks[because].address;
                    self.tell(&Event::Skipped { work: Work::of(&self.tasks[skipped]), because });
                }
            }
        } else if durable {
            self.board.set(at, State::Done);
            self.tell(&Event::Done { work, ms, notes: &notes });
        } else {
            self.board.set(at, State::Lost);
        }
        if durable {
            self.crashes(at, Moment::End);
        }
    }

    /// Waits for news, and takes in all there is.
    fn hear(&mut self, receiver: &Receiver<Message>) -> Vec<Ending> {
        let mut ending = Vec::new();
        let first = receiver.recv();
        for message in first.into_iter().chain(receiver.try_iter()) {
            match message {
                Message::Answer { task, took, answer } => {
                    let result = self.answered(task, answer);
                    ending.push(Ending { task, took, result });
                }
                Message::Panicked { task } => {
                    self.panicked = true;
                    self.board.set(task, State::Lost);
                }
                Message::Signal => {}
            }
        }
        ending
    }

    /// Takes in an answer, and notes for the journal what it comes to.
    fn answered(&mut self, at: usize, answer: Result<Answer, Failure>) -> Result<Vec<String>, Failure> {
        self.crashes(at, Moment::Answer);
        let task = &self.tasks[at];
        let address = Cow::Borrowed(task.address);
        let result = match (answer, task.kind) {
            (Ok(Answer { mut outcome, started }), TaskKind::Run(operation)) => {
                let notes = std::mem::take(&mut outcome.notes);
                let done = self.known.done(operation, outcome, started);
                self.journal.push(&Record::end(task.address, &done));
                Ok(notes)
            }
            (Ok(_), TaskKind::Remove(removal)) => {
                self.known.removed(&removal.what);
                self.journal.push(&Record::Removed { address });
                Ok(Vec::new())
            }
            (Err(failure), _) => {
                self.journal.push(&Record::Failed { address });
                Err(failure)
            }
        };
        if result.is_ok() {
            self.note_held(at);
        }
        self.board.set(at, if result.is_err() { State::Failed } else { State::Ending });
        result
    }

    /// Notes what is held of a bottle, when a task that was done let it go or was its last.
    fn note_held(&mut self, at: usize) {
        let Some(held) = self.guarantees.done(&self.tasks[at]) else { return };
        if let Some(container) = self.known.id(held.agent) {
            self.journal.push(&Record::held(held.bottle, &WasHeld { container, guarantees: held.guarantees }));
        }
    }

    /// Whether the run ends here as if it had been killed.
    fn crashes(&mut self, at: usize, moment: Moment) -> bool {
        let Some(crash) = self.run.crash else { return false };
        let task = &self.tasks[at];
        let here =
            CrashPoint { removal: matches!(task.kind, TaskKind::Remove(_)), address: task.address.clone(), moment };
        if crash.at != here || self.halted.is_some() {
            return false;
        }
        match crash.death {
            Death::Process => die(),
            Death::Run => self.halted = Some(Halt::Crash(here)),
        }
        true
    }

    fn tell(&self, event: &Event<'_>) {
        self.run.reporter.event(event);
    }
}
