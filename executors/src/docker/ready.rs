//! A container as something that is to serve.

use std::time::Duration;

use super::Docker;
use crate::command::Ready;
use crate::engine::{Context, Failure};
use crate::process::{Finished, Kept};
use crate::ready::{Probed, Stopped};

/// How many lines of a container's own log an error shows.
const LOG_LINES: &str = "20";

pub(super) struct Serving<'a> {
    pub(super) docker: &'a Docker,
    pub(super) ready: &'a Ready,
    pub(super) name: &'a str,
    /// The engine's id.
    pub(super) id: String,
    pub(super) context: &'a Context<'a>,
}

impl Probed for Serving<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn probe(&self, limit: Duration) -> Result<Finished, Failure> {
        self.docker.attempt(self.ready, limit, self.context)
    }

    fn failed(&self, finished: &Finished) -> Failure {
        self.ready.failed(finished, &self.docker.given)
    }

    fn runs(&self) -> Result<(), Stopped> {
        let args = ["container", "inspect", "--format", "{{json .State.Status}}", "--", &self.id];
        let status: Result<String, _> = self.docker.ask(&args).and_then(|answer| answer.one());
        match status {
            Err(error) => Err(Stopped::Unknown(error.to_string())),
            Ok(status) if ["running", "restarting", "paused"].contains(&status.as_str()) => Ok(()),
            Ok(status) => Err(Stopped::As(status)),
        }
    }

    fn log(&self) -> String {
        let Ok(answer) = self.docker.ask(&["logs", "--tail", LOG_LINES, "--", &self.id]) else {
            return String::new();
        };
        let (stdout, stderr) = (answer.finished.stdout, answer.finished.stderr);
        let cut = stdout.cut || stderr.cut;
        self.docker.given.said(&Kept { bytes: [stdout.bytes, stderr.bytes].concat(), cut })
    }
}
