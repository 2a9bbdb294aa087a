//! What `container` and the host have of a project: five calls and one look at the host, however many bottles there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::thread;

use bottle_planner::intent::ImageName;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::{ContainerState, Observation, ObservedContainer, ObservedImage, ObservedNetwork};
use bottle_planner::operation::{LABEL_ADDRESS, LABEL_PROJECT, ObjectKind};
use bottle_planner::profile::Backend;

use super::ContainerEngine;
use super::objects::{RawContainer, RawImage, RawNetwork, RawVolume, bare};
use crate::engine::EngineError;
use crate::labels::{LabelMap, is_of_an_image, labels};

/// All that the engine has.
struct All {
    containers: Vec<RawContainer>,
    networks: Vec<RawNetwork>,
    images: Vec<RawImage>,
    volumes: Vec<RawVolume>,
}

impl ContainerEngine {
    fn all(&self) -> Result<All, EngineError> {
        self.macos()?;
        thread::scope(|scope| {
            let containers = scope.spawn(|| self.list());
            let networks = scope.spawn(|| self.list_networks());
            let images = scope.spawn(|| self.list_images());
            let volumes = self.list_volumes();
            Ok(All {
                containers: joined(containers.join())?,
                networks: joined(networks.join())?,
                images: joined(images.join())?,
                volumes: volumes?,
            })
        })
    }

    pub(super) fn look_at(&self, project: &ProjectName) -> Result<Observation, EngineError> {
        let All { containers, networks, images, volumes } = self.all()?;
        let mut seen = Observation::default();
        for container in containers {
            match observed_container(&container, project) {
                Some(container) => seen.containers.push(container),
                None => _ = seen.taken.insert((ObjectKind::Container, container.id)),
            }
        }
        for network in networks {
            let subnet = network.subnet();
            match labels(network.configuration.labels, project, ObjectKind::Network, &network.id) {
                Some(labels) => {
                    seen.networks.push(ObservedNetwork { id: network.id.clone(), name: network.id, labels, subnet });
                }
                None => {
                    seen.foreign_subnets.extend(subnet);
                    seen.taken.insert((ObjectKind::Network, network.id));
                }
            }
        }
        seen.networks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        seen.foreign_subnets.sort_unstable();
        self.look_at_images(&images, project, &mut seen)?;
        let of_project = |volume: RawVolume| is_of(&volume.configuration.labels, project).then_some(volume.id);
        seen.volumes = volumes.into_iter().filter_map(of_project).collect();
        seen.volumes.sort_unstable();
        seen.processes = self.processes(project).observe()?;
        seen.stages = self.stages(project).list().map_err(|error| self.state_error(&error))?;
        Ok(seen)
    }

    fn look_at_images(
        &self,
        images: &[RawImage],
        project: &ProjectName,
        seen: &mut Observation,
    ) -> Result<(), EngineError> {
        let prefix = format!("bottle_{project}_");
        let names = images.iter().map(|image| image.configuration.name.as_str());
        let ours: Vec<&str> = names.filter(|name| listed(name).starts_with(&prefix)).collect();
        let mut by_id: BTreeMap<String, ObservedImage> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for image in self.inspect_images_there(&ours)? {
            let name = listed(&image.configuration.name);
            let id = bare(&image.id).to_owned();
            let Some(labels) = labels(image.labels(), project, ObjectKind::Image, &name) else { continue };
            named.insert(name.clone());
            by_id.entry(id.clone()).or_insert(ObservedImage { id, names: Vec::new(), labels }).names.push(name);
        }
        seen.images = by_id.into_values().collect();
        for image in &mut seen.images {
            image.names.sort_unstable();
        }
        seen.images.sort_unstable_by(|a, b| (&a.names, &a.id).cmp(&(&b.names, &b.id)));
        for image in images {
            let name = listed(&image.configuration.name);
            if !named.contains(&name) {
                seen.taken.insert((ObjectKind::Image, name.clone()));
            }
            seen.image_names.insert(name);
        }
        Ok(())
    }

    /// Images that were listed. When one of them has gone since, there is no answer about any, so they are listed once more.
    fn inspect_images_there(&self, names: &[&str]) -> Result<Vec<RawImage>, EngineError> {
        self.inspect_images(names).or_else(|error| {
            let listed = self.list_images()?;
            let still = |name: &&&str| listed.iter().any(|image| image.configuration.name == ***name);
            let there: Vec<&str> = names.iter().filter(still).copied().collect();
            if there.len() == names.len() { Err(error) } else { self.inspect_images(&there) }
        })
    }

    pub(super) fn labelled_projects(&self) -> Result<Vec<ProjectName>, EngineError> {
        let All { containers, networks, images, volumes } = self.all()?;
        let ours: Vec<&str> = images
            .iter()
            .map(|image| image.configuration.name.as_str())
            .filter(|name| listed(name).starts_with("bottle_"))
            .collect();
        let images = self.inspect_images_there(&ours)?;
        let containers = containers.into_iter().map(|container| container.configuration.labels);
        let labelled = containers
            .filter(|labels| !inherits(labels))
            .chain(networks.into_iter().map(|network| network.configuration.labels))
            .chain(images.iter().map(RawImage::labels))
            .chain(volumes.into_iter().map(|volume| volume.configuration.labels));
        let named = labelled.filter_map(|labels| ProjectName::new(labels?.get(LABEL_PROJECT)?).ok());
        let mut projects: BTreeSet<ProjectName> = named.collect();
        for project in self.remembered().map_err(|error| self.state_error(&error))? {
            let stages = self.stages(&project).list().map_err(|error| self.state_error(&error))?;
            if !projects.contains(&project) && (!stages.is_empty() || !self.processes(&project).observe()?.is_empty()) {
                projects.insert(project);
            }
        }
        Ok(projects.into_iter().collect())
    }

    /// The projects of which there is a state folder.
    fn remembered(&self) -> io::Result<Vec<ProjectName>> {
        let entries = match fs::read_dir(self.state.join(Backend::Container.to_string())) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut projects = Vec::new();
        for entry in entries {
            projects.extend(entry?.file_name().to_str().and_then(|name| ProjectName::new(name).ok()));
        }
        Ok(projects)
    }

    fn state_error(&self, error: &io::Error) -> EngineError {
        EngineError::Host { path: self.state.display().to_string(), why: error.to_string() }
    }
}

fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A name as plans know it: without the registry that needs no name, with a tag.
fn listed(name: &str) -> String {
    ImageName(name.to_owned()).listed()
}

pub(super) fn is_of(labels: &LabelMap, project: &ProjectName) -> bool {
    labels.as_ref().and_then(|labels| labels.get(LABEL_PROJECT)).map(String::as_str) == Some(project.as_str())
}

/// Whether a container has its labels from an image of ours: somebody else made it.
pub(super) fn inherits(labels: &LabelMap) -> bool {
    let address = labels.as_ref().and_then(|labels| labels.get(LABEL_ADDRESS));
    address.is_some_and(|address| is_of_an_image(address))
}

fn observed_container(raw: &RawContainer, project: &ProjectName) -> Option<ObservedContainer> {
    let configuration = &raw.configuration;
    if inherits(&configuration.labels) {
        return None;
    }
    let labels = labels(configuration.labels.clone(), project, ObjectKind::Container, &raw.id)?;
    let state = match (raw.runs(), &raw.status.started) {
        (true, since) => ContainerState::Running(since.clone().unwrap_or_default()),
        // There is no word for one that was made and never started, and no exit code.
        (false, None) => ContainerState::Created,
        (false, Some(_)) => ContainerState::Stopped { exit: 0 },
    };
    let mut networks: Vec<String> = configuration.networks.iter().map(|joined| joined.network.clone()).collect();
    networks.sort_unstable();
    let mut volumes: Vec<String> =
        configuration.mounts.iter().filter_map(|mount| mount.volume().map(str::to_owned)).collect();
    volumes.sort_unstable();
    Some(ObservedContainer {
        id: raw.identity(),
        name: raw.id.clone(),
        labels,
        image_id: configuration
            .image
            .as_ref()
            .map(|image| bare(&image.descriptor.digest).to_owned())
            .unwrap_or_default(),
        state,
        networks,
        volumes,
    })
}
