//! What may be taken away, and when.

use bottle_planner::name::ProjectName;
use bottle_planner::observation::Labels;
use bottle_planner::operation::{ObjectKind, Removed};

use super::state::{Change, State, Volume};
use super::step::Refusal;
use super::{containers, images, networks};

/// Takes away something of a project. What is gone already changes nothing.
pub(super) fn remove(state: &State, project: &ProjectName, what: &Removed) -> Result<Vec<Change>, Refusal> {
    match what {
        Removed::Object { kind, name, id } => object(state, project, *kind, name, id),
        Removed::Membership { container, container_id, network } => {
            let Some(found) = state.container(container_id) else { return Ok(Vec::new()) };
            ours(found.labels.as_ref(), project, ObjectKind::Container, container)?;
            if !found.networks.iter().any(|joined| joined.network == *network) {
                return Ok(Vec::new());
            }
            networks::disconnect(state, found, network)
        }
    }
}

fn object(
    state: &State,
    project: &ProjectName,
    kind: ObjectKind,
    name: &str,
    id: &str,
) -> Result<Vec<Change>, Refusal> {
    match kind {
        ObjectKind::Container => {
            let Some(container) = state.container(id) else { return Ok(Vec::new()) };
            ours(container.labels.as_ref(), project, kind, name)?;
            Ok(containers::remove(state, container))
        }
        ObjectKind::Network => {
            let Some(network) = state.networks.get(id) else { return Ok(Vec::new()) };
            ours(network.labels.as_ref(), project, kind, name)?;
            networks::remove(state, network)
        }
        ObjectKind::Image => {
            let Some(image) = state.images.get(id) else { return Ok(Vec::new()) };
            ours(image.labels.as_ref(), project, kind, name)?;
            // It had no name, and a build gave it one.
            if name == id && image.name.is_some() {
                return Ok(Vec::new());
            }
            images::remove(state, image)
        }
        ObjectKind::Volume => {
            let Some(volume) = state.volumes.get(name) else { return Ok(Vec::new()) };
            if volume.project.as_ref() != Some(project) {
                return Err(foreign(project, kind, name));
            }
            remove_volume(state, volume)
        }
        ObjectKind::Process => {
            let Some(process) = state.processes.get(id) else { return Ok(Vec::new()) };
            ours(Some(&process.labels), project, kind, name)?;
            Ok(vec![Change::Gone(kind, process.id.clone())])
        }
        ObjectKind::Stage => {
            let Some(stage) = state.stages.get(name) else { return Ok(Vec::new()) };
            if stage.project != *project {
                return Err(foreign(project, kind, name));
            }
            Ok(vec![Change::Gone(kind, stage.name.clone())])
        }
    }
}

/// `volume rm`.
pub(super) fn remove_volume(state: &State, volume: &Volume) -> Result<Vec<Change>, Refusal> {
    if let Some(container) = volume.container.as_ref().and_then(|id| state.container(id)) {
        let (name, id) = (&volume.name, &container.id);
        return Err(Refusal::daemon(format!("remove {name}: volume is in use - [{id}]")));
    }
    Ok(vec![Change::Gone(ObjectKind::Volume, volume.name.clone())])
}

fn ours(labels: Option<&Labels>, project: &ProjectName, kind: ObjectKind, name: &str) -> Result<(), Refusal> {
    match labels {
        Some(labels) if labels.project == *project => Ok(()),
        _ => Err(foreign(project, kind, name)),
    }
}

fn foreign(project: &ProjectName, kind: ObjectKind, name: &str) -> Refusal {
    Refusal::before(format!(
        "the {kind} {name} does not carry the label of project {project}: it is left alone, since somebody else may need it"
    ))
}
