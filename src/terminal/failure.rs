//! A failed operation: its address, its argv, how it ended, and the engine's own words.

use std::fmt::{self, Write as _};

use bottle_executors::engine::{Ended, Failure};
use bottle_planner::render;

/// A failure, to be shown.
#[derive(Debug)]
pub(crate) struct Failed {
    text: String,
    command: &'static str,
}

impl Failed {
    /// `command` is what goes on once the cause is mended.
    pub(crate) fn of(failure: &Failure, command: &'static str) -> Self {
        let ended = match failure.ended {
            Ended::Exit(code) => format!("exit code {code}"),
            Ended::Signal(signal) => format!("signal {signal}"),
            Ended::TimeLimit(seconds) => format!("no answer within {seconds} s"),
            Ended::Hurried => "hurried to its end by a second signal".to_owned(),
            Ended::NotStarted => "not started".to_owned(),
            Ended::Refuted => "what the bottle requires is not so".to_owned(),
        };
        let mut text = format!("{} failed: {ended}", render::harmless(failure.address.as_str()));
        if !failure.argv.is_empty() {
            let words: Vec<String> = failure.argv.iter().map(|word| render::shell(word)).collect();
            let _ = write!(text, "\n$ {}", words.join(" "));
        }
        for line in failure.said.trim_end().lines() {
            let _ = write!(text, "\n{}", render::harmless(line));
        }
        Self { text, command }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failed {}

impl miette::Diagnostic for Failed {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new("bottle::operation"))
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        let command = self.command;
        Some(Box::new(format!(
            "what did not depend on it is done; once the cause is mended, `{command}` goes on from here"
        )))
    }
}
