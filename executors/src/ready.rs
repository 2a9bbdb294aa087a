//! Waiting until something says that it serves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{Ended, Failure, Outcome};
use crate::process::Finished;

/// The first pause between two probes, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What is to serve.
pub(crate) trait Probed {
    /// Its name.
    fn name(&self) -> &str;
    /// Asks once whether it serves, for at most so long.
    fn probe(&self, limit: Duration) -> Result<Finished, Failure>;
    /// What a probe that did not succeed comes to.
    fn failed(&self, finished: &Finished) -> Failure;
    /// Whether it runs, or the word for what it does instead.
    fn runs(&self) -> Result<(), Stopped>;
    /// After an answer, whether it was it that gave it; where the probe could have reached nothing else, it was.
    fn answered(&self) -> Result<(), Stopped> {
        Ok(())
    }
    /// The last lines of its own log, or nothing.
    fn log(&self) -> String;
}

/// Why there is nothing to wait for.
pub(crate) enum Stopped {
    /// It does not run: the word for its state.
    As(String),
    /// That could not be found out.
    Unknown(String),
}

/// Probes until it answers, for at most `seconds`, and no longer than it runs.
pub(crate) fn wait(probed: &dyn Probed, seconds: u32, limit: Duration, hurry: &AtomicBool) -> Result<Outcome, Failure> {
    let within = Duration::from_secs(seconds.into()).min(limit);
    let name = probed.name();
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = within.saturating_sub(began.elapsed());
        let finished = probed.probe(left)?;
        let runs = if finished.succeeded() { probed.answered() } else { probed.runs() };
        if finished.succeeded() && runs.is_ok() {
            return Ok(Outcome::default());
        }
        let mut failure = probed.failed(&finished);
        if finished.ended == Ended::Hurried {
            return Err(failure);
        }
        let why = match runs {
            Err(Stopped::Unknown(why)) => Some(why),
            Err(Stopped::As(state)) => Some(format!("{name} stopped before it served: its state is {state}")),
            Ok(()) if began.elapsed() + pause >= within => {
                failure.ended = Ended::TimeLimit(seconds);
                Some(format!("{name} did not serve within {seconds} seconds"))
            }
            Ok(()) => None,
        };
        if let Some(why) = why {
            let log = probed.log();
            let log = if log.is_empty() { log } else { format!("its log ends with:\n{log}") };
            failure.said =
                [why, failure.said, log].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
            return Err(failure);
        }
        if !rest(pause, hurry) {
            failure.ended = Ended::Hurried;
            return Err(failure);
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// Waits, and says whether the wait was not hurried.
pub(crate) fn rest(pause: Duration, hurry: &AtomicBool) -> bool {
    const LOOK: Duration = Duration::from_millis(25);
    let end = Instant::now() + pause;
    loop {
        if hurry.load(Ordering::Relaxed) {
            return false;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(LOOK));
    }
}
