//! Questions to the engine: one command each, answered in lines of JSON.

use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Docker, said};
use crate::engine::{Ended, EngineError};
use crate::process::{Feed, Finished, Process};

/// How long the engine may take to answer a question.
const QUESTION: Duration = Duration::from_secs(60);
/// Questions are short; they are not hurried.
static CALM: AtomicBool = AtomicBool::new(false);
/// Ids to one command: 5,000 of 65 bytes are far below any system's limit for an argv.
const IDS_TO_A_CALL: usize = 5000;

/// What the engine answered.
pub(super) struct Answer {
    argv: String,
    pub(super) finished: Finished,
}

impl Answer {
    /// What is wrong with an answer.
    pub(super) fn not_understood(&self, why: impl ToString) -> EngineError {
        EngineError::Answer { argv: self.argv.clone(), why: why.to_string() }
    }

    /// Its lines, each of them JSON.
    pub(super) fn rows<T: DeserializeOwned>(&self) -> Result<Vec<T>, EngineError> {
        if self.finished.stdout.cut {
            return Err(self.not_understood("it is too long"));
        }
        let lines =
            self.finished.stdout.bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(|error| self.not_understood(error))).collect()
    }

    /// Its only line.
    pub(super) fn one<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        let mut rows = self.rows()?;
        match (rows.pop(), rows.len()) {
            (Some(row), 0) => Ok(row),
            (row, more) => {
                Err(self.not_understood(format!("{} lines instead of one", more + usize::from(row.is_some()))))
            }
        }
    }

    /// What an answer that is none comes to.
    pub(super) fn silence(&self) -> EngineError {
        let said = match self.finished.ended {
            Ended::TimeLimit(seconds) => format!("no answer within {seconds} seconds"),
            _ => said::said(&self.finished.stderr, &[]),
        };
        EngineError::Silent { argv: self.argv.clone(), said }
    }
}

impl Docker {
    /// Runs `docker` with some words.
    pub(super) fn process(
        &self,
        args: &[OsString],
        env: &[(&str, &OsStr)],
        feed: Option<Feed>,
        limit: Duration,
        hurry: &AtomicBool,
    ) -> io::Result<Finished> {
        let mut env = env.to_vec();
        env.push(("DOCKER_CLI_HINTS", OsStr::new("false")));
        Process { program: &self.program, args, env: &env, feed, limit, hurry }.run()
    }

    /// Asks, and takes any exit code for an answer.
    pub(super) fn ask_anyway(&self, args: &[&str]) -> Result<Answer, EngineError> {
        let words: Vec<OsString> = args.iter().map(OsString::from).collect();
        let plain = args.iter().copied().take_while(|word| !word.starts_with('-'));
        let argv = ["docker"].into_iter().chain(plain).collect::<Vec<_>>().join(" ");
        let finished = self.process(&words, &[], None, QUESTION, &CALM).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => EngineError::Missing { program: self.program.display().to_string() },
            _ => EngineError::Silent { argv: argv.clone(), said: error.to_string() },
        })?;
        Ok(Answer { argv, finished })
    }

    /// Asks, and takes only success for an answer.
    pub(super) fn ask(&self, args: &[&str]) -> Result<Answer, EngineError> {
        let answer = self.ask_anyway(args)?;
        if answer.finished.succeeded() { Ok(answer) } else { Err(answer.silence()) }
    }

    /// Asks several things at once.
    pub(super) fn ask_at_once<const N: usize>(&self, calls: [&[&str]; N]) -> [Result<Answer, EngineError>; N] {
        at_once(calls.map(|args| move || self.ask(args)))
    }

    /// Looks at objects by their ids. One that has gone since it was listed is left out; `listed` lists the ids there are now,
    /// and is called only when something is missing.
    pub(super) fn inspect<T: DeserializeOwned>(
        &self,
        kind: &str,
        format: &str,
        ids: &[String],
        id_of: impl Fn(&T) -> &str,
        listed: impl Fn() -> Result<Vec<String>, EngineError>,
    ) -> Result<Vec<T>, EngineError> {
        let mut seen: Vec<T> = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(IDS_TO_A_CALL) {
            let mut args = vec![kind, "inspect", "--format", format, "--"];
            args.extend(chunk.iter().map(String::as_str));
            // It exits with 1 when one of the objects is gone, and still prints the others.
            let answer = self.ask_anyway(&args)?;
            let rows = answer.rows::<T>()?;
            if !answer.finished.succeeded() {
                let now = listed()?;
                let missing = |id: &&String| !rows.iter().any(|row| id_of(row) == id.as_str());
                if chunk.iter().filter(missing).any(|id| now.contains(id)) {
                    return Err(answer.silence());
                }
            }
            seen.extend(rows);
        }
        Ok(seen)
    }
}

/// Does several things at once and waits for all of them.
fn at_once<T: Send, const N: usize>(works: [impl FnOnce() -> T + Send; N]) -> [T; N] {
    thread::scope(|scope| {
        let running = works.map(|work| scope.spawn(work));
        running.map(|work| work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
