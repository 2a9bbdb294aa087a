//! The `docker` command: asked, and told.

use std::ffi::OsStr;

use serde::de::DeserializeOwned;

use super::Docker;
use crate::engine::EngineError;
use crate::question::{Answer, Asked};

/// Ids to one command: 5,000 of 65 bytes are far below any system's limit for an argv.
const IDS_TO_A_CALL: usize = 5000;

/// Variables of every call: no advertising among the answers.
pub(super) fn environment() -> [(&'static str, &'static OsStr); 1] {
    [("DOCKER_CLI_HINTS", OsStr::new("false"))]
}

impl Docker {
    /// Asks, and takes any exit code for an answer.
    pub(super) fn ask_anyway(&self, args: &[&str]) -> Result<Answer, EngineError> {
        Asked { program: &self.program, name: "docker", env: &environment() }.ask_anyway(args)
    }

    /// Asks, and takes only success for an answer.
    pub(super) fn ask(&self, args: &[&str]) -> Result<Answer, EngineError> {
        Asked { program: &self.program, name: "docker", env: &environment() }.ask(args)
    }

    /// Asks several things at once.
    pub(super) fn ask_at_once<const N: usize>(&self, calls: [&[&str]; N]) -> [Result<Answer, EngineError>; N] {
        Asked { program: &self.program, name: "docker", env: &environment() }.ask_at_once(calls)
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
