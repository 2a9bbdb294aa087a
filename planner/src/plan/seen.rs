//! What was observed, found by name.

use std::collections::{HashMap, HashSet};

use crate::address::Address;
use crate::intent::{ImageName, ObjectName};
use crate::observation::{Done, Observation, ObservedContainer, ObservedImage, ObservedNetwork, ObservedProcess};
use crate::operation::{Input, ObjectKind};
use crate::profile::Behaviour;

/// An observation with its indices.
pub(super) struct Seen<'o> {
    observation: &'o Observation,
    behaves: Behaviour,
    containers: HashMap<&'o str, &'o ObservedContainer>,
    networks: HashMap<&'o str, &'o ObservedNetwork>,
    images: HashMap<&'o str, &'o ObservedImage>,
    stages: HashSet<&'o str>,
    files: HashMap<&'o str, Vec<&'o str>>,
}

impl<'o> Seen<'o> {
    pub(super) fn new(observation: &'o Observation, behaves: Behaviour) -> Self {
        let images =
            observation.images.iter().flat_map(|image| image.names.iter().map(move |name| (name.as_str(), image)));
        let mut files: HashMap<&str, Vec<&str>> = HashMap::new();
        for done in observation.done.values() {
            let Some(container) = &done.container else { continue };
            files.entry(container).or_default().extend(done.inputs.iter().filter_map(Input::file));
        }
        Self {
            observation,
            behaves,
            containers: observation.containers.iter().map(|container| (container.name.as_str(), container)).collect(),
            networks: observation.networks.iter().map(|network| (network.name.as_str(), network)).collect(),
            images: images.collect(),
            stages: observation.stages.iter().map(String::as_str).collect(),
            files,
        }
    }

    /// Whose words removals are spelled in.
    pub(super) fn behaves(&self) -> Behaviour {
        self.behaves
    }

    pub(super) fn process(&self, name: &str) -> Option<&'o ObservedProcess> {
        self.observation.processes.iter().find(|process| process.name == name)
    }

    pub(super) fn has_stage(&self, name: &str) -> bool {
        self.stages.contains(name)
    }

    pub(super) fn all(&self) -> &'o Observation {
        self.observation
    }

    pub(super) fn container(&self, name: &ObjectName) -> Option<&'o ObservedContainer> {
        self.containers.get(name.0.as_str()).copied()
    }

    pub(super) fn network(&self, name: &ObjectName) -> Option<&'o ObservedNetwork> {
        self.networks.get(name.0.as_str()).copied()
    }

    pub(super) fn built(&self, name: &ImageName) -> Option<&'o ObservedImage> {
        self.images.get(name.0.as_str()).copied()
    }

    pub(super) fn has_image(&self, name: &ImageName) -> bool {
        self.observation.image_names.contains(&name.listed())
    }

    /// What the journal knows of an operation on this very container.
    pub(super) fn done(&self, address: &Address, container: &ObservedContainer) -> Option<&'o Done> {
        self.recorded(address).filter(|done| done.container.as_deref() == Some(container.id.as_str()))
    }

    /// The files that were put into a container, as far as the journal knows.
    pub(super) fn files_in(&self, container: &ObservedContainer) -> impl Iterator<Item = &'o str> {
        self.files.get(container.id.as_str()).into_iter().flatten().copied()
    }

    pub(super) fn recorded(&self, address: &Address) -> Option<&'o Done> {
        self.observation.done.get(address)
    }

    /// Whether something that is not ours has a name.
    pub(super) fn taken(&self, kind: ObjectKind, name: &str) -> bool {
        self.observation.taken.contains(&(kind, name.to_owned()))
    }

    /// Volumes of the project that no container of ours uses.
    pub(super) fn orphaned_volumes(&self) -> impl Iterator<Item = &'o str> {
        let used: HashSet<&str> = self
            .observation
            .containers
            .iter()
            .flat_map(|container| container.volumes.iter().map(String::as_str))
            .collect();
        self.observation.volumes.iter().map(String::as_str).filter(move |name| !used.contains(name))
    }
}
