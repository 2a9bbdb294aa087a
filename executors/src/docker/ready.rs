//! Waiting until a container says that it serves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bottle_planner::intent::Readiness;

use super::run::{Ready, id_of};
use super::{Docker, said};
use crate::engine::{Context, Ended, Failure, Outcome};
use crate::process::Kept;

/// The first pause between two probes, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How many lines of a container's own log an error shows.
const LOG_LINES: &str = "20";

impl Docker {
    /// Probes until it answers, for at most `readiness.within` seconds, and no longer than the container runs.
    pub(super) fn await_ready(
        &self,
        ready: &Ready,
        readiness: &Readiness,
        limit: Duration,
        context: &Context<'_>,
    ) -> Result<Outcome, Failure> {
        let within = Duration::from_secs(readiness.within.into()).min(limit);
        let container = id_of(&readiness.container, context);
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let left = within.saturating_sub(began.elapsed());
            let finished = self.attempt(ready, left, context)?;
            if finished.succeeded() {
                return Ok(Outcome::default());
            }
            let mut failure = self.failed(ready, &finished);
            if finished.ended == Ended::Hurried {
                return Err(failure);
            }
            let status = self.status(&container);
            let stopped = !matches!(status.as_deref(), Ok("running" | "restarting" | "paused"));
            let late = began.elapsed() + pause >= within;
            if stopped || late {
                let why = match status {
                    Err(why) => why,
                    Ok(status) if stopped => {
                        format!("{} stopped before it served: its state is {status}", readiness.container)
                    }
                    Ok(_) => {
                        failure.ended = Ended::TimeLimit(readiness.within);
                        format!("{} did not serve within {} seconds", readiness.container, readiness.within)
                    }
                };
                let log = self.log(&container);
                failure.said =
                    [why, failure.said, log].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
                return Err(failure);
            }
            if !rest(pause, context.hurry) {
                failure.ended = Ended::Hurried;
                return Err(failure);
            }
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// The engine's word for the state of a container.
    fn status(&self, container: &str) -> Result<String, String> {
        let answer = self
            .ask(&["container", "inspect", "--format", "{{json .State.Status}}", "--", container])
            .and_then(|answer| answer.one());
        answer.map_err(|error| error.to_string())
    }

    /// The last lines of a container's own log.
    fn log(&self, container: &str) -> String {
        let Ok(answer) = self.ask(&["logs", "--tail", LOG_LINES, "--", container]) else { return String::new() };
        let (stdout, stderr) = (answer.finished.stdout, answer.finished.stderr);
        let cut = stdout.cut || stderr.cut;
        let kept = Kept { bytes: [stdout.bytes, stderr.bytes].concat(), cut };
        let said = said::said(&kept, &self.given());
        if said.is_empty() { said } else { format!("its log ends with:\n{said}") }
    }
}

/// Waits, and says whether the wait was not hurried.
fn rest(pause: Duration, hurry: &AtomicBool) -> bool {
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
