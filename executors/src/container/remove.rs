//! Taking away: only what carries the project's label, looked at right before. That something is missing is seen in a list, never read
//! from the words of an error.

use std::time::{Duration, Instant};

use bottle_planner::address::Address;
use bottle_planner::intent::{ImageName, StageName};
use bottle_planner::operation::{LABEL_PROJECT, ObjectKind, Removal, Removed};

use super::observe::{inherits, is_of};
use super::{ContainerEngine, PROGRAM};
use crate::command::not_for;
use crate::engine::{Context, Ended, EngineError, Failure};
use crate::labels::LabelMap;
use crate::ready::rest;

/// How long a removal may take.
const LIMIT: Duration = Duration::from_secs(120);
/// The pause between two looks at a container that is stopping.
const PAUSE: Duration = Duration::from_millis(200);

/// What stands where something is to be taken away.
enum Found {
    Nothing,
    Ours {
        /// Whether it is stopping: it cannot be taken away until it has, not even by force.
        stops: bool,
    },
    Foreign,
}

impl ContainerEngine {
    pub(super) fn take_away(&self, address: &Address, removal: &Removal, context: &Context<'_>) -> Result<(), Failure> {
        let Removed::Object { kind, name, id } = &removal.what else { return Err(not_for(PROGRAM, address)) };
        let of_host = match kind {
            ObjectKind::Process => Some(self.processes(context.project).remove(name, id, context.hurry)),
            ObjectKind::Stage => {
                let removed = self.stages(context.project).remove(&StageName(name.clone()));
                Some(removed.map_err(|error| format!("the stage {name}: {error}")))
            }
            ObjectKind::Container | ObjectKind::Network | ObjectKind::Image | ObjectKind::Volume => None,
        };
        if let Some(removed) = of_host {
            let address = address.clone();
            return removed.map_err(|said| Failure { address, argv: Vec::new(), ended: Ended::NotStarted, said });
        }
        let Some(command) = &removal.command else { return Err(not_for(PROGRAM, address)) };
        let ready = self.ready(address, command, None, context)?;
        if ready.program() != PROGRAM {
            return Err(not_for(PROGRAM, address));
        }
        let began = Instant::now();
        // Of the last attempt, as long as nothing has changed since.
        let mut failure: Option<Failure> = None;
        loop {
            let left = LIMIT.saturating_sub(began.elapsed());
            match self.find(*kind, name, id, context) {
                Err(error) => {
                    return Err(failure.unwrap_or_else(|| ready.failure(Ended::NotStarted, error.to_string())));
                }
                Ok(Found::Nothing) => return Ok(()),
                Ok(Found::Foreign) => {
                    let project = context.project;
                    let why = format!("it no longer carries the label {LABEL_PROJECT}={project}, so it is left alone");
                    return Err(ready.failure(Ended::NotStarted, why));
                }
                Ok(Found::Ours { stops: true }) => {
                    failure = None;
                    let still = || format!("{name} is still stopping");
                    if left < PAUSE {
                        let seconds = u32::try_from(LIMIT.as_secs()).unwrap_or(u32::MAX);
                        return Err(ready.failure(Ended::TimeLimit(seconds), still()));
                    }
                    if !rest(PAUSE, context.hurry) {
                        return Err(ready.failure(Ended::Hurried, still()));
                    }
                }
                Ok(Found::Ours { stops: false }) => {
                    if let Some(failure) = failure {
                        return Err(failure);
                    }
                    let finished = ready.attempt(&self.program, &[], left, context)?;
                    if finished.succeeded() {
                        return Ok(());
                    }
                    let failed = ready.failed(&finished, &self.given);
                    if finished.ended == Ended::Hurried {
                        return Err(failed);
                    }
                    failure = Some(failed);
                }
            }
        }
    }

    fn find(&self, kind: ObjectKind, name: &str, id: &str, context: &Context<'_>) -> Result<Found, EngineError> {
        let (labels, stops): (LabelMap, bool) = match kind {
            ObjectKind::Container => {
                let there = self.list()?.into_iter().find(|container| container.identity() == id);
                let Some(container) = there else { return Ok(Found::Nothing) };
                if inherits(&container.configuration.labels) {
                    return Ok(Found::Foreign);
                }
                let stops = container.stops();
                (container.configuration.labels, stops)
            }
            ObjectKind::Network => {
                let there = self.list_networks()?.into_iter().find(|network| network.id == name);
                let Some(network) = there else { return Ok(Found::Nothing) };
                (network.configuration.labels, false)
            }
            ObjectKind::Image => {
                let listed = |name: &str| ImageName(name.to_owned()).listed();
                let there = self.list_images()?.into_iter().find(|image| listed(&image.configuration.name) == name);
                let Some(image) = there else { return Ok(Found::Nothing) };
                let inspected = self.inspect_images(&[&image.configuration.name])?;
                (inspected.first().and_then(super::objects::RawImage::labels), false)
            }
            ObjectKind::Volume => {
                let there = self.list_volumes()?.into_iter().find(|volume| volume.id == name);
                let Some(volume) = there else { return Ok(Found::Nothing) };
                (volume.configuration.labels, false)
            }
            ObjectKind::Process | ObjectKind::Stage => return Ok(Found::Nothing),
        };
        Ok(if is_of(&labels, context.project) { Found::Ours { stops } } else { Found::Foreign })
    }
}
