//! A container, or a process of the host, as something that is to serve.

use std::path::Path;
use std::time::Duration;

use super::ContainerEngine;
use crate::command::Ready;
use crate::engine::{Context, Failure};
use crate::process::Finished;
use crate::ready::{Probed, Stopped};

/// How many lines of a container's own log an error shows.
const LOG_LINES: &str = "20";

pub(super) struct Serving<'a> {
    pub(super) engine: &'a ContainerEngine,
    pub(super) ready: &'a Ready,
    pub(super) name: &'a str,
    pub(super) context: &'a Context<'a>,
}

impl Probed for Serving<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn probe(&self, limit: Duration) -> Result<Finished, Failure> {
        self.ready.attempt(&self.engine.program, &[], limit, self.context)
    }

    fn failed(&self, finished: &Finished) -> Failure {
        self.ready.failed(finished, &self.engine.given)
    }

    fn runs(&self) -> Result<(), Stopped> {
        match self.engine.inspect(self.name) {
            Err(error) => Err(Stopped::Unknown(error.to_string())),
            Ok(container) if container.runs() => Ok(()),
            Ok(container) => Err(Stopped::As(container.status.state)),
        }
    }

    fn log(&self) -> String {
        let Ok(answer) = self.engine.asked().ask(&["logs", "-n", LOG_LINES, self.name]) else { return String::new() };
        self.engine.given.said(&answer.finished.stdout)
    }
}

/// A process: its probe reaches whatever listens there, so it has to be looked at too.
pub(super) struct ServingProcess<'a>(pub(super) Serving<'a>);

impl Probed for ServingProcess<'_> {
    fn name(&self) -> &str {
        self.0.name
    }

    fn probe(&self, limit: Duration) -> Result<Finished, Failure> {
        self.0.ready.attempt(Path::new(self.0.ready.program()), &[], limit, self.0.context)
    }

    fn failed(&self, finished: &Finished) -> Failure {
        self.0.failed(finished)
    }

    fn runs(&self) -> Result<(), Stopped> {
        match self.0.engine.processes(self.0.context.project).runs(self.0.name) {
            Err(error) => Err(Stopped::Unknown(error.to_string())),
            Ok(true) => Ok(()),
            Ok(false) => Err(Stopped::As("ended".to_owned())),
        }
    }

    fn answered(&self) -> Result<(), Stopped> {
        self.runs()
    }

    fn log(&self) -> String {
        let log = self.0.engine.processes(self.0.context.project).log(self.0.name);
        self.0.engine.given.said(&log)
    }
}
