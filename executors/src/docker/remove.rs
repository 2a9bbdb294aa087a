//! Taking objects away: only what carries the project's label, looked at right before.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use bottle_planner::address::Address;
use bottle_planner::operation::{LABEL_PROJECT, ObjectKind, Removal, Removed};
use serde::Deserialize;

use super::Docker;
use crate::command::not_for;
use crate::engine::{Context, Ended, EngineError, Failure};

/// How long a removal may take: the engine gives a container ten seconds to stop, and is slow when it removes many.
const LIMIT: Duration = Duration::from_secs(120);
/// The pause between two looks at a container that is on its way out.
const PAUSE: Duration = Duration::from_millis(100);

/// What stands where something is to be taken away.
enum Found {
    Nothing,
    Ours {
        /// Whether the engine is taking it away already.
        going: bool,
    },
    Foreign,
}

/// One line of an inspection.
#[derive(Deserialize)]
struct Row {
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    networks: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

impl Docker {
    pub(super) fn take_away(&self, address: &Address, removal: &Removal, context: &Context<'_>) -> Result<(), Failure> {
        let Some(command) = &removal.command else { return Err(not_for("docker", address)) };
        let ready = self.ready(address, command, None, context)?;
        let unknown = |error: EngineError| ready.failure(Ended::NotStarted, error.to_string());
        match self.find(&removal.what, context).map_err(unknown)? {
            Found::Nothing => return Ok(()),
            Found::Foreign => {
                let why =
                    format!("it no longer carries the label {LABEL_PROJECT}={}, so it is left alone", context.project);
                return Err(ready.failure(Ended::NotStarted, why));
            }
            Found::Ours { .. } => {}
        }
        let began = Instant::now();
        let finished = self.attempt(&ready, LIMIT, context)?;
        if finished.succeeded() {
            return Ok(());
        }
        let failure = ready.failed(&finished, &self.given);
        if finished.ended == Ended::Hurried {
            return Err(failure);
        }
        loop {
            match self.find(&removal.what, context) {
                Ok(Found::Nothing) => return Ok(()),
                // Somebody, perhaps this command before it was killed, is taking it away already.
                Ok(Found::Ours { going: true })
                    if began.elapsed() < LIMIT && !context.hurry.load(std::sync::atomic::Ordering::Relaxed) =>
                {
                    thread::sleep(PAUSE);
                }
                _ => return Err(failure),
            }
        }
    }

    fn find(&self, what: &Removed, context: &Context<'_>) -> Result<Found, EngineError> {
        // A build took it from the cache: it has its name again, or is below an image that has one. Neither is a leftover.
        if what.is_unnamed_image() && !self.is_dangling(what)? {
            return Ok(Found::Nothing);
        }
        let (kind, id, network) = match what {
            Removed::Object { kind: ObjectKind::Volume, name, .. } => (ObjectKind::Volume, name, None),
            Removed::Object { kind, id, .. } => (*kind, id, None),
            Removed::Membership { container_id, network, .. } => (ObjectKind::Container, container_id, Some(network)),
        };
        let (word, format) = match kind {
            ObjectKind::Container => (
                "container",
                concat!(
                    r#"{"labels":{{json .Config.Labels}},"status":{{json .State.Status}},"#,
                    r#""networks":{{json .NetworkSettings.Networks}}}"#
                ),
            ),
            ObjectKind::Network => ("network", r#"{"labels":{{json .Labels}}}"#),
            ObjectKind::Image => ("image", r#"{"labels":{{json .Config.Labels}}}"#),
            ObjectKind::Volume => ("volume", r#"{"labels":{{json .Labels}}}"#),
            ObjectKind::Process | ObjectKind::Stage => return Ok(Found::Nothing),
        };
        let answer = self.ask_anyway(&[word, "inspect", "--format", format, "--", id])?;
        if !answer.finished.succeeded() {
            // Gone, or not to be looked at: the list, which is no prose, tells.
            return match self.is_listed(kind, id)? {
                true => Err(answer.silence()),
                false => Ok(Found::Nothing),
            };
        }
        let row: Row = answer.one()?;
        if network.is_some_and(|network| !row.networks.unwrap_or_default().contains_key(network)) {
            return Ok(Found::Nothing);
        }
        let project = row.labels.unwrap_or_default().remove(LABEL_PROJECT);
        if project.as_deref() != Some(context.project.as_str()) {
            return Ok(Found::Foreign);
        }
        Ok(Found::Ours { going: row.status == "removing" })
    }

    /// Whether an image has neither a name nor images that are laid over it.
    fn is_dangling(&self, what: &Removed) -> Result<bool, EngineError> {
        let Removed::Object { id, .. } = what else { return Ok(false) };
        let listed: Vec<String> = self
            .ask(&["image", "ls", "--no-trunc", "--filter", "dangling=true", "--format", "{{json .ID}}"])?
            .rows()?;
        Ok(listed.contains(id))
    }

    fn is_listed(&self, kind: ObjectKind, id: &str) -> Result<bool, EngineError> {
        let args: &[&str] = match kind {
            ObjectKind::Container => &["ps", "--all", "--no-trunc", "--format", "{{json .ID}}"],
            ObjectKind::Network => &["network", "ls", "--no-trunc", "--format", "{{json .ID}}"],
            ObjectKind::Image => &["image", "ls", "--all", "--no-trunc", "--format", "{{json .ID}}"],
            ObjectKind::Volume => &["volume", "ls", "--format", "{{json .Name}}"],
            ObjectKind::Process | ObjectKind::Stage => return Ok(false),
        };
        let listed: Vec<String> = self.ask(args)?.rows()?;
        Ok(listed.iter().any(|listed| listed == id))
    }
}
