//! What the engine has of a project: eight calls in two rounds, however many bottles there are.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use bottle_planner::name::ProjectName;
use bottle_planner::observation::{ContainerState, Observation, ObservedContainer, ObservedImage, ObservedNetwork};
use bottle_planner::operation::{LABEL_PROJECT, ObjectKind};
use ipnet::Ipv4Net;
use serde::Deserialize;

use super::Docker;
use crate::engine::EngineError;
use crate::labels::{LabelMap, is_of_an_image, labels};

/// What the engine puts where there is no name.
const NONE: &str = "<none>";

const LIST_CONTAINERS: &str = concat!(
    "[{{json .ID}},{{json .Names}},",
    r#"{{json (.Label "bottle.project")}},{{json (.Label "bottle.address")}}]"#
);
const LIST_IMAGES: &str = "[{{json .ID}},{{json .Repository}},{{json .Tag}},{{json .Digest}}]";
const LIST_IDS: &str = "{{json .ID}}";
const LIST_NAMES: &str = "{{json .Name}}";
const LIST_PROJECTS: &str = r#"{{json (.Label "bottle.project")}}"#;
const CONTAINER: &str = concat!(
    r#"{"id":{{json .Id}},"name":{{json .Name}},"labels":{{json .Config.Labels}},"image":{{json .Image}},"#,
    r#""status":{{json .State.Status}},"running":{{json .State.Running}},"since":{{json .State.StartedAt}},"#,
    r#""exit":{{json .State.ExitCode}},"networks":{{json .NetworkSettings.Networks}},"mounts":{{json .Mounts}}}"#
);
const NETWORK: &str =
    r#"{"id":{{json .Id}},"name":{{json .Name}},"labels":{{json .Labels}},"subnets":{{json .IPAM.Config}}}"#;
const IMAGE: &str = concat!(
    r#"{"id":{{json .Id}},"tags":{{json .RepoTags}},"digests":{{json .RepoDigests}},"#,
    r#""labels":{{json .Config.Labels}}}"#
);

/// A container in a list: id, names, project, address.
#[derive(Clone, Deserialize)]
struct ListedContainer(String, String, String, String);

/// A name of an image in a list: id, repository, tag, digest.
#[derive(Deserialize)]
struct ListedImage(String, String, String, String);

#[derive(Deserialize)]
struct RawContainer {
    id: String,
    name: String,
    labels: LabelMap,
    image: String,
    status: String,
    running: bool,
    since: String,
    exit: i64,
    networks: Option<BTreeMap<String, serde::de::IgnoredAny>>,
    mounts: Option<Vec<RawMount>>,
}

/// A mount; `name` is that of a volume.
#[derive(Deserialize)]
struct RawMount {
    #[serde(rename = "Name")]
    name: Option<String>,
}

#[derive(Deserialize)]
struct RawNetwork {
    id: String,
    name: String,
    labels: LabelMap,
    subnets: Option<Vec<RawSubnet>>,
}

#[derive(Deserialize)]
struct RawSubnet {
    #[serde(rename = "Subnet", default)]
    subnet: String,
}

#[derive(Deserialize)]
struct RawImage {
    id: String,
    tags: Option<Vec<String>>,
    digests: Option<Vec<String>>,
    labels: LabelMap,
}

impl Docker {
    pub(super) fn look_at(&self, project: &ProjectName) -> Result<Observation, EngineError> {
        let ours = format!("label={LABEL_PROJECT}={project}");
        let [containers, networks, images, our_images, volumes] = self.ask_at_once([
            &["ps", "--all", "--no-trunc", "--format", LIST_CONTAINERS],
            &["network", "ls", "--no-trunc", "--format", LIST_IDS],
            &["image", "ls", "--no-trunc", "--digests", "--format", LIST_IMAGES],
            &["image", "ls", "--no-trunc", "--format", LIST_IDS, "--filter", &ours],
            &["volume", "ls", "--format", LIST_NAMES, "--filter", &ours],
        ]);
        let containers: Vec<ListedContainer> = containers?.rows()?;
        let networks: Vec<String> = networks?.rows()?;
        let images: Vec<ListedImage> = images?.rows()?;
        let mut our_images: Vec<String> = our_images?.rows()?;
        our_images.sort_unstable();
        our_images.dedup();
        let mut observation = Observation { volumes: volumes?.rows()?, ..Observation::default() };
        observation.volumes.sort_unstable();

        let mut our_containers = Vec::new();
        for container in containers {
            if container.is_of(project) {
                our_containers.push(container.0);
            } else {
                let names = container.names().map(|name| (ObjectKind::Container, name.to_owned()));
                observation.taken.extend(names);
            }
        }
        let (containers, networks, our_images) = thread::scope(|scope| {
            let containers = scope.spawn(|| self.inspect_containers(&our_containers));
            let networks = scope.spawn(|| self.inspect_networks(&networks));
            let images = self.inspect_images(&our_images);
            (joined(containers.join()), joined(networks.join()), images)
        });
        let networks = networks?;
        let names: BTreeMap<&str, &str> =
            networks.iter().map(|network| (network.id.as_str(), network.name.as_str())).collect();
        observation.containers = containers?.into_iter().filter_map(|raw| raw.observed(project, &names)).collect();
        observation.containers.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for network in networks {
            match network.observed(project) {
                Ok(network) => observation.networks.push(network),
                Err(RawNetwork { name, subnets, .. }) => {
                    observation.foreign_subnets.extend(ipv4(subnets.as_deref()));
                    observation.taken.insert((ObjectKind::Network, name));
                }
            }
        }
        observation.networks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        observation.foreign_subnets.sort_unstable();
        observation.images = our_images?.into_iter().filter_map(|raw| raw.observed(project)).collect();
        observation.images.sort_unstable_by(|a, b| (&a.names, &a.id).cmp(&(&b.names, &b.id)));
        let ours: BTreeSet<&String> = observation.images.iter().map(|image| &image.id).collect();
        for image in &images {
            for name in image.names() {
                if !ours.contains(&image.0) {
                    observation.taken.insert((ObjectKind::Image, name.clone()));
                }
                observation.image_names.insert(name);
            }
        }
        Ok(observation)
    }

    pub(super) fn labelled_projects(&self) -> Result<Vec<ProjectName>, EngineError> {
        let any = format!("label={LABEL_PROJECT}");
        let [containers, networks, images, volumes] = self.ask_at_once([
            &["ps", "--all", "--no-trunc", "--format", LIST_CONTAINERS, "--filter", &any],
            &["network", "ls", "--format", LIST_PROJECTS, "--filter", &any],
            &["image", "ls", "--no-trunc", "--format", LIST_IDS, "--filter", &any],
            &["volume", "ls", "--format", LIST_PROJECTS, "--filter", &any],
        ]);
        let containers: Vec<ListedContainer> = containers?.rows()?;
        let mut images: Vec<String> = images?.rows()?;
        images.sort_unstable();
        images.dedup();
        let mut names: Vec<String> = networks?.rows()?;
        names.extend(volumes?.rows::<String>()?);
        names.extend(containers.into_iter().filter(|container| !container.inherits()).map(|container| container.2));
        let mut projects: BTreeSet<ProjectName> = names.iter().filter_map(|name| ProjectName::new(name).ok()).collect();
        for image in self.inspect_images(&images)? {
            let name = image.labels.as_ref().and_then(|labels| labels.get(LABEL_PROJECT));
            if let Some(project) = name.and_then(|name| ProjectName::new(name).ok())
                && image.observed(&project).is_some()
            {
                projects.insert(project);
            }
        }
        Ok(projects.into_iter().collect())
    }

    fn inspect_containers(&self, ids: &[String]) -> Result<Vec<RawContainer>, EngineError> {
        let list = || self.ask(&["ps", "--all", "--no-trunc", "--format", LIST_IDS])?.rows();
        self.inspect("container", CONTAINER, ids, |raw: &RawContainer| &raw.id, list)
    }

    fn inspect_networks(&self, ids: &[String]) -> Result<Vec<RawNetwork>, EngineError> {
        let list = || self.ask(&["network", "ls", "--no-trunc", "--format", LIST_IDS])?.rows();
        self.inspect("network", NETWORK, ids, |raw: &RawNetwork| &raw.id, list)
    }

    fn inspect_images(&self, ids: &[String]) -> Result<Vec<RawImage>, EngineError> {
        let list = || self.ask(&["image", "ls", "--no-trunc", "--format", LIST_IDS])?.rows();
        self.inspect("image", IMAGE, ids, |raw: &RawImage| &raw.id, list)
    }
}

fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl ListedContainer {
    fn is_of(&self, project: &ProjectName) -> bool {
        self.2 == project.as_str() && !self.inherits()
    }

    fn inherits(&self) -> bool {
        is_of_an_image(&self.3)
    }

    /// Its names, without those that links of other containers give it.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.1.split(',').filter(|name| !name.is_empty() && !name.contains('/'))
    }
}

impl ListedImage {
    fn names(&self) -> Vec<String> {
        let Self(_, repository, tag, digest) = self;
        if repository == NONE || repository.is_empty() {
            return Vec::new();
        }
        let named =
            |mark: char, part: &String| (part != NONE && !part.is_empty()).then(|| format!("{repository}{mark}{part}"));
        named(':', tag).into_iter().chain(named('@', digest)).collect()
    }
}

impl RawContainer {
    /// The container, when it is ours, with its networks by their names in `networks`. Until its first start, a container that was made on
    /// several networks by their ids has those after the first by id. Measured on 26.1.5 and 28.5.2 (`tests/docker/crash.rs`).
    fn observed(self, project: &ProjectName, networks: &BTreeMap<&str, &str>) -> Option<ObservedContainer> {
        let name = self.name.trim_start_matches('/').to_owned();
        let labels = labels(self.labels, project, ObjectKind::Container, &name)?;
        let state = match (self.running, self.status.as_str()) {
            (true, _) => ContainerState::Running(self.since),
            (false, "created") => ContainerState::Created,
            (false, _) => ContainerState::Stopped { exit: self.exit },
        };
        let named = |key: String| networks.get(key.as_str()).map_or(key, |name| (*name).to_owned());
        let mut networks: Vec<String> = self.networks.unwrap_or_default().into_keys().map(named).collect();
        networks.sort_unstable();
        let mounts = self.mounts.unwrap_or_default().into_iter();
        let mut volumes: Vec<String> = mounts.filter_map(|mount| mount.name).filter(|name| !name.is_empty()).collect();
        volumes.sort_unstable();
        Some(ObservedContainer { id: self.id, name, labels, image_id: self.image, state, networks, volumes })
    }
}

impl RawNetwork {
    /// The network, or itself when it is not ours.
    fn observed(mut self, project: &ProjectName) -> Result<ObservedNetwork, Self> {
        match labels(self.labels.take(), project, ObjectKind::Network, &self.name) {
            Some(labels) => {
                let subnet = ipv4(self.subnets.as_deref()).next();
                Ok(ObservedNetwork { id: self.id, name: self.name, labels, subnet })
            }
            None => Err(self),
        }
    }
}

impl RawImage {
    /// The image, when it is one that we built. One that somebody built on top of ours inherits its labels, and has another name.
    fn observed(self, project: &ProjectName) -> Option<ObservedImage> {
        let mut names: Vec<String> =
            [self.tags, self.digests].into_iter().flatten().flatten().filter(|name| !name.contains(NONE)).collect();
        names.sort_unstable();
        let ours = format!("bottle_{project}_");
        if !names.is_empty() && !names.iter().any(|name| name.starts_with(&ours)) {
            return None;
        }
        let labels = labels(self.labels, project, ObjectKind::Image, names.first().unwrap_or(&self.id))?;
        Some(ObservedImage { id: self.id, names, labels })
    }
}

fn ipv4(subnets: Option<&[RawSubnet]>) -> impl Iterator<Item = Ipv4Net> {
    subnets.unwrap_or_default().iter().filter_map(|subnet| subnet.subnet.parse().ok())
}

#[cfg(test)]
mod tests {
    use bottle_planner::digest::Digest;

    use super::*;

    fn acme() -> ProjectName {
        ProjectName::new("acme").unwrap()
    }

    fn container(labels: &str, state: &str) -> Option<ObservedContainer> {
        let text = format!(
            r#"{{"id":"abc","name":"/bottle_acme_one","labels":{labels},"image":"sha256:1",{state},
            "networks":{{"b":{{"NetworkID":""}},"0a1b":{{"Aliases":null}}}},
            "mounts":[{{"Type":"volume","Name":"v2"}},{{"Type":"bind","Source":"/x"}},{{"Type":"volume","Name":"v1"}}]}}"#
        );
        serde_json::from_str::<RawContainer>(&text).unwrap().observed(&acme(), &BTreeMap::from([("0a1b", "a")]))
    }

    const OURS: &str = r#"{"bottle.project":"acme","bottle.address":"one/agent/create","bottle.digest":"012"}"#;
    const CREATED: &str = r#""status":"created","running":false,"since":"0001-01-01T00:00:00Z","exit":0"#;

    #[test]
    fn a_container_is_as_its_inspection_says() {
        let seen = container(OURS, CREATED).unwrap();
        assert_eq!(seen.name, "bottle_acme_one");
        assert_eq!(seen.labels.address.as_str(), "one/agent/create");
        assert_eq!(seen.labels.digest, Digest::recorded("012"));
        assert_eq!((seen.state, seen.networks), (ContainerState::Created, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(seen.volumes, ["v1", "v2"]);

        let running = r#""status":"running","running":true,"since":"2026-01-02T03:04:05.678Z","exit":0"#;
        let since = ContainerState::Running("2026-01-02T03:04:05.678Z".to_owned());
        assert_eq!(container(OURS, running).unwrap().state, since);
        let exited = r#""status":"exited","running":false,"since":"2026-01-02T03:04:05.678Z","exit":137"#;
        assert_eq!(container(OURS, exited).unwrap().state, ContainerState::Stopped { exit: 137 });
    }

    #[test]
    fn only_the_project_label_makes_it_ours() {
        assert_eq!(container("null", CREATED), None);
        assert_eq!(container("{}", CREATED), None);
        assert_eq!(container(&OURS.replace("acme", "acme2"), CREATED), None);
        for labels in [
            r#"{"bottle.project":"acme"}"#,
            r#"{"bottle.project":"acme","bottle.address":""}"#,
            r#"{"bottle.project":"acme","bottle.address":"\u001b[2J"}"#,
        ] {
            let seen = container(labels, CREATED).unwrap();
            assert_eq!(seen.labels.address.as_str(), "?/container/bottle_acme_one", "{labels}");
            assert_eq!(seen.labels.digest, Digest::recorded(""));
        }
    }

    #[test]
    fn what_was_made_from_our_image_is_not_ours() {
        let listed = |row: &str| serde_json::from_str::<ListedContainer>(row).unwrap().is_of(&acme());
        assert!(listed(r#"["1","x","acme","one/agent/create"]"#));
        assert!(listed(r#"["1","x","acme",""]"#));
        assert!(!listed(r#"["1","x","other","one/agent/create"]"#));
        assert!(!listed(r#"["1","x","acme","shared/image/build:."]"#));
        assert!(!listed(r#"["1","x","acme","one/image/bake"]"#));

        let image = |tags: &str| {
            let labels = OURS.replace("one/agent/create", "shared/image/build:.");
            let text = format!(r#"{{"id":"sha256:1","tags":{tags},"digests":null,"labels":{labels}}}"#);
            serde_json::from_str::<RawImage>(&text).unwrap().observed(&acme())
        };
        assert_eq!(image(r#"["mine:1","bottle_acme_image:12"]"#).unwrap().names, ["bottle_acme_image:12", "mine:1"]);
        assert_eq!(image("[]").unwrap().names, [""; 0]);
        assert_eq!(image(r#"["mine:1"]"#), None);
    }

    #[test]
    fn networks_of_others_are_told_apart() {
        let network = |labels: &str| {
            let text = format!(
                r#"{{"id":"n","name":"net","labels":{labels},"subnets":[{{"Subnet":"fd00::/64"}},{{"Subnet":"10.207.0.8/29","Gateway":"10.207.0.9"}}]}}"#
            );
            serde_json::from_str::<RawNetwork>(&text).unwrap().observed(&acme())
        };
        assert_eq!(network(OURS).ok().and_then(|ours| ours.subnet), "10.207.0.8/29".parse().ok());
        let foreign = network("null").err().unwrap();
        assert_eq!(ipv4(foreign.subnets.as_deref()).collect::<Vec<_>>(), ["10.207.0.8/29".parse().unwrap()]);
        let host: RawNetwork = serde_json::from_str(r#"{"id":"h","name":"host","labels":{},"subnets":null}"#).unwrap();
        assert!(host.observed(&acme()).is_err());
    }

    #[test]
    fn an_image_has_the_names_by_which_it_can_be_had() {
        let names = |row: &str| serde_json::from_str::<ListedImage>(row).unwrap().names();
        assert_eq!(names(r#"["1","node","22-slim","sha256:ab"]"#), ["node:22-slim", "node@sha256:ab"]);
        assert_eq!(names(r#"["1","node","\u003cnone\u003e","sha256:ab"]"#), ["node@sha256:ab"]);
        assert_eq!(names(r#"["1","\u003cnone\u003e","\u003cnone\u003e","\u003cnone\u003e"]"#), [""; 0]);
    }

    #[test]
    fn names_by_links_are_no_names() {
        let row: ListedContainer = serde_json::from_str(r#"["1","web,other/db","",""]"#).unwrap();
        assert_eq!(row.names().collect::<Vec<_>>(), ["web"]);
    }
}
