//! The state as an observation.

use bottle_planner::name::ProjectName;
use bottle_planner::observation::{
    ContainerState, Labels, Observation, ObservedContainer, ObservedImage, ObservedNetwork, ObservedProcess,
};
use bottle_planner::operation::ObjectKind;

use super::state::{Container, State, Status};

/// What there is of a project, and what could be in its way.
pub(super) fn observe(state: &State, project: &ProjectName) -> Observation {
    let mut seen = Observation::default();
    let ours = |labels: &Option<Labels>| labels.clone().filter(|labels| labels.project == *project);
    for container in state.containers.values() {
        match ours(&container.labels) {
            Some(labels) => seen.containers.push(observed(state, container, labels)),
            None => _ = seen.taken.insert((ObjectKind::Container, container.name.clone())),
        }
    }
    for network in state.networks.values() {
        let (id, name, subnet) = (network.id.clone(), network.name.clone(), network.subnet);
        match ours(&network.labels) {
            Some(labels) => seen.networks.push(ObservedNetwork { id, name, labels, subnet }),
            None => {
                seen.taken.insert((ObjectKind::Network, name));
                seen.foreign_subnets.extend(subnet);
            }
        }
    }
    for image in state.images.values() {
        seen.image_names.extend(image.name.clone());
        let names: Vec<String> = image.name.clone().into_iter().collect();
        match ours(&image.labels) {
            Some(labels) => seen.images.push(ObservedImage { id: image.id.clone(), names, labels }),
            None => seen.taken.extend(names.into_iter().map(|name| (ObjectKind::Image, name))),
        }
    }
    for volume in state.volumes.values() {
        if volume.project.as_ref() == Some(project) {
            seen.volumes.push(volume.name.clone());
        }
    }
    for process in state.processes.values().filter(|process| process.labels.project == *project) {
        let (id, name, labels) = (process.id.clone(), process.name.clone(), process.labels.clone());
        seen.processes.push(ObservedProcess { id, name, labels });
    }
    seen.stages =
        state.stages.values().filter(|stage| stage.project == *project).map(|stage| stage.name.clone()).collect();
    seen.processes.sort_unstable_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    seen.containers.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    seen.networks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    seen.images.sort_unstable_by(|a, b| (&a.names, &a.id).cmp(&(&b.names, &b.id)));
    seen.foreign_subnets.sort_unstable();
    seen
}

fn observed(state: &State, container: &Container, labels: Labels) -> ObservedContainer {
    let mut networks: Vec<String> = container.networks.iter().map(|joined| joined.network.clone()).collect();
    networks.sort_unstable();
    ObservedContainer {
        id: container.id.clone(),
        name: container.name.clone(),
        labels,
        image_id: container.image_id.clone(),
        state: match &container.status {
            Status::Created => ContainerState::Created,
            Status::Running(since) => ContainerState::Running(since.clone()),
            Status::Exited(exit) => ContainerState::Stopped { exit: *exit },
        },
        networks,
        volumes: state.volume_of(&container.id).map(|volume| volume.name.clone()).into_iter().collect(),
    }
}

/// The projects of which there is anything, sorted.
pub(super) fn projects(state: &State) -> Vec<ProjectName> {
    let of = |labels: &Option<Labels>| labels.as_ref().map(|labels| labels.project.clone());
    let mut projects: Vec<ProjectName> = state
        .containers
        .values()
        .filter_map(|container| of(&container.labels))
        .chain(state.networks.values().filter_map(|network| of(&network.labels)))
        .chain(state.images.values().filter_map(|image| of(&image.labels)))
        .chain(state.volumes.values().filter_map(|volume| volume.project.clone()))
        .chain(state.processes.values().map(|process| process.labels.project.clone()))
        .chain(state.stages.values().map(|stage| stage.project.clone()))
        .collect();
    projects.sort_unstable();
    projects.dedup();
    projects
}
