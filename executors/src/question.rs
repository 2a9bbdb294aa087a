//! Questions to the engine: one command each, answered in JSON.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::engine::{Ended, EngineError};
use crate::process::{Finished, Process};
use crate::said;

/// How long the engine may take to answer a question.
const QUESTION: Duration = Duration::from_secs(60);
/// Questions are short; they are not hurried.
static CALM: AtomicBool = AtomicBool::new(false);

/// What the engine answered.
pub(crate) struct Answer {
    argv: String,
    pub(crate) finished: Finished,
}

impl Answer {
    /// What is wrong with an answer.
    pub(crate) fn not_understood(&self, why: impl ToString) -> EngineError {
        EngineError::Answer { argv: self.argv.clone(), why: why.to_string() }
    }

    /// Its lines, each of them JSON.
    pub(crate) fn rows<T: DeserializeOwned>(&self) -> Result<Vec<T>, EngineError> {
        if self.finished.stdout.cut {
            return Err(self.not_understood("it is too long"));
        }
        let lines =
            self.finished.stdout.bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(|error| self.not_understood(error))).collect()
    }

    /// All of it as one value.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        if self.finished.stdout.cut {
            return Err(self.not_understood("it is too long"));
        }
        serde_json::from_slice(&self.finished.stdout.bytes).map_err(|error| self.not_understood(error))
    }

    /// Its only line.
    pub(crate) fn one<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        let mut rows = self.rows()?;
        match (rows.pop(), rows.len()) {
            (Some(row), 0) => Ok(row),
            (row, more) => {
                Err(self.not_understood(format!("{} lines instead of one", more + usize::from(row.is_some()))))
            }
        }
    }

    /// What an answer that is none comes to.
    pub(crate) fn silence(&self) -> EngineError {
        let said = match self.finished.ended {
            Ended::TimeLimit(seconds) => format!("no answer within {seconds} seconds"),
            _ => said::said(&self.finished.stderr, &[]),
        };
        EngineError::Silent { argv: self.argv.clone(), said }
    }
}

/// Who is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The command.
    pub(crate) program: &'a Path,
    /// What it is called in errors.
    pub(crate) name: &'a str,
    /// Variables added to its environment.
    pub(crate) env: &'a [(&'a str, &'a OsStr)],
}

impl Asked<'_> {
    /// Asks, and takes any exit code for an answer.
    pub(crate) fn ask_anyway(&self, args: &[&str]) -> Result<Answer, EngineError> {
        let words: Vec<OsString> = args.iter().map(OsString::from).collect();
        let plain = args.iter().copied().take_while(|word| !word.starts_with('-'));
        let argv = [self.name].into_iter().chain(plain).collect::<Vec<_>>().join(" ");
        let process =
            Process { program: self.program, args: &words, env: self.env, feed: None, limit: QUESTION, hurry: &CALM };
        let finished = process.run().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => EngineError::Missing { program: self.program.display().to_string() },
            _ => EngineError::Silent { argv: argv.clone(), said: error.to_string() },
        })?;
        Ok(Answer { argv, finished })
    }

    /// Asks, and takes only success for an answer.
    pub(crate) fn ask(&self, args: &[&str]) -> Result<Answer, EngineError> {
        let answer = self.ask_anyway(args)?;
        if answer.finished.succeeded() { Ok(answer) } else { Err(answer.silence()) }
    }

    /// Asks several things at once.
    pub(crate) fn ask_at_once<const N: usize>(&self, calls: [&[&str]; N]) -> [Result<Answer, EngineError>; N] {
        at_once(calls.map(|args| move || self.ask(args)))
    }
}

/// Does several things at once and waits for all of them.
pub(crate) fn at_once<T: Send, const N: usize>(works: [impl FnOnce() -> T + Send; N]) -> [T; N] {
    thread::scope(|scope| {
        let running = works.map(|work| scope.spawn(work));
        running.map(|work| work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
