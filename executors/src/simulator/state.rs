//! What the simulated engine has, and the changes by which it comes about.
//!
//! A state is nothing but the changes that made it, applied in order: that is what the log on disk holds.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use bottle_planner::intent::{EnvSource, Hold, ImageName, Membership, Mount, Role};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Labels;
use bottle_planner::operation::ObjectKind;
use bottle_planner::profile::{Behaviour, GatewayClosing};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::faults::Fault;
use super::processes::Process;
use super::stages::Stage;

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels; `None` for one that is not ours.
    pub labels: Option<Labels>,
    /// The name of its image.
    pub image: String,
    /// The engine's id of that image.
    pub image_id: String,
    /// What it is for.
    pub role: Role,
    /// As whom it runs.
    pub user: Option<String>,
    /// Its command.
    pub command: Vec<String>,
    /// Its variables; secrets by name.
    pub env: BTreeMap<String, EnvSource>,
    /// The runtime; `None` is the engine's own.
    pub runtime: Option<String>,
    /// Whether its own command waits for its release.
    #[serde(default)]
    pub hold: Hold,
    /// Whether it was released since it was last started: a mark in memory, which ends with the run.
    #[serde(default)]
    pub released: bool,
    /// Whether it was ever released: a mark on its disk.
    #[serde(default)]
    pub begun: bool,
    /// Whether it was seen to serve since it was last started.
    #[serde(default)]
    pub serves: bool,
    /// The resolvers that it was told of.
    #[serde(default)]
    pub resolvers: Vec<String>,
    /// Host folders in it.
    pub mounts: Vec<Mount>,
    /// The folder in which its commands begin.
    pub workdir: Option<String>,
    /// The path of its own volume.
    pub volume: Option<String>,
    /// Whether its root is read-only.
    pub read_only: bool,
    /// Whether outside names are kept from being resolved for it.
    pub dns_closed: bool,
    /// The networks of which it is a member, in the order in which it joined.
    pub networks: Vec<Joined>,
    /// Whether it runs.
    pub status: Status,
    /// What was put into it, by path; what came with its image is in the image.
    pub files: BTreeMap<String, Stored>,
    /// The commands that ran in it, in order.
    pub ran: Vec<Ran>,
}

impl Container {
    /// Since when it runs.
    #[must_use]
    pub fn since(&self) -> Option<&str> {
        match &self.status {
            Status::Running(since) => Some(since),
            Status::Created | Status::Exited(_) => None,
        }
    }

    /// Whether its own command runs: it was started, and is not held back.
    #[must_use]
    pub fn has_gone_on(&self) -> bool {
        self.since().is_some() && (self.hold == Hold::None || self.released)
    }
}

/// Whether a container runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Made and never started.
    Created,
    /// Running, since.
    Running(String),
    /// Ended, with an exit code.
    Exited(i64),
}

/// A membership of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The network's name.
    pub network: String,
    /// The engine's id of it; `None` until a network of that name is there.
    pub id: Option<String>,
    /// The name by which other members reach it.
    pub alias: Option<String>,
    /// Whether the default route goes there.
    pub default_route: bool,
    /// Its address, while it runs.
    pub address: Option<Ipv4Addr>,
}

/// A file, folder or link in a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The number of its user.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// What it is.
    pub what: What,
}

/// What stands at a path of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A folder.
    Folder,
    /// A file, by the SHA-256 of its content in hex.
    File(String),
    /// A symbolic link and the text it holds.
    Link(String),
}

/// A command that ran in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The argv.
    pub command: Vec<String>,
    /// As whom.
    pub user: Option<String>,
    /// Variables added for it.
    pub env: BTreeMap<String, String>,
    /// What it read: a text, or the name of a secret.
    pub stdin: Option<String>,
    /// Since when the container ran.
    #[serde(default)]
    pub since: String,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels; `None` for one that is not ours.
    pub labels: Option<Labels>,
    /// Its addresses.
    pub subnet: Option<Ipv4Net>,
    /// Whether it leads nowhere else.
    pub internal: bool,
    /// How its gateway is closed.
    pub closing: Option<GatewayClosing>,
    /// The ids of its running members, by address.
    #[serde(skip)]
    pub members: BTreeMap<Ipv4Addr, String>,
    /// The address that was given out last.
    #[serde(default)]
    pub last: Option<Ipv4Addr>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The engine's id.
    pub id: String,
    /// Its name as Docker lists it; `None` once the name went to another image or was taken away.
    pub name: Option<String>,
    /// Its labels; `None` for one that was pulled.
    pub labels: Option<Labels>,
    /// What was baked into it, by path.
    pub files: BTreeMap<String, Stored>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// The project that it is labelled with.
    pub project: Option<ProjectName>,
    /// The id of the container that it goes with.
    pub container: Option<String>,
}

/// An id as engines have them, 64 hex digits, of a thing of a kind.
pub(super) fn id(kind: &str, key: impl std::fmt::Display) -> String {
    hex(&Sha256::digest(format!("{kind} {key}")))
}

/// Bytes as lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A change of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// This many numbers were given out: ids and moments.
    Count(u64),
    /// A network is there.
    Network(Network),
    /// An image is there, or is other than it was.
    Image(Image),
    /// A volume is there.
    Volume(Volume),
    /// A container is there.
    Container(Box<Container>),
    /// An object is gone.
    Gone(ObjectKind, String),
    /// A container became a member of a network, or is one otherwise than it was.
    Joined(String, Joined),
    /// A container is no longer a member of the network of that name.
    Left(String, String),
    /// A container runs or ended.
    Status(String, Status),
    /// Files are in a container.
    Files(String, BTreeMap<String, Stored>),
    /// A command ran in a container.
    Ran(String, Ran),
    /// A held container goes on to its own command.
    Released(String),
    /// A container or a process, by its id, was seen to serve.
    Serves(String),
    /// A process of the host runs.
    Process(Process),
    /// A folder of staged files is there.
    Stage(Stage),
    /// The addresses behind a host name are these from now on.
    Resolves(String, Vec<IpAddr>),
    /// These failures are asked for.
    Faults(Vec<Fault>),
}

/// What the engine has, and what the host around it has of ours.
#[derive(Debug)]
pub(super) struct State {
    /// Whose behaviour it shows.
    pub(super) behaves: Behaviour,
    /// How many numbers were given out.
    pub(super) count: u64,
    /// By id.
    pub(super) containers: BTreeMap<String, Container>,
    /// By id.
    pub(super) networks: BTreeMap<String, Network>,
    /// By id.
    pub(super) images: BTreeMap<String, Image>,
    /// By name.
    pub(super) volumes: BTreeMap<String, Volume>,
    /// By id.
    pub(super) processes: BTreeMap<String, Process>,
    /// By name.
    pub(super) stages: BTreeMap<String, Stage>,
    /// The addresses of host names that were set by hand.
    pub(super) resolves: BTreeMap<String, Vec<IpAddr>>,
    /// The failures asked for.
    pub(super) faults: Vec<Fault>,
    /// Networks' subnets by their first address: no two overlap.
    pub(super) subnets: BTreeMap<Ipv4Addr, Ipv4Net>,
    container_names: HashMap<String, String>,
    network_names: HashMap<String, String>,
    image_names: HashMap<String, String>,
    /// How many containers an image has, by its id.
    image_users: HashMap<String, usize>,
    /// The volume of a container, by its id.
    container_volumes: HashMap<String, String>,
}

/// The networks that an engine has of its own, each with its subnet.
pub(super) fn predefined(behaves: Behaviour) -> &'static [(&'static str, Option<Ipv4Net>)] {
    const DOCKER: &[(&str, Option<Ipv4Net>)] =
        &[("bridge", Some(Ipv4Net::new_assert(Ipv4Addr::new(172, 17, 0, 0), 16))), ("host", None), ("none", None)];
    const CONTAINER: &[(&str, Option<Ipv4Net>)] =
        &[(Membership::OWN_NETWORK, Some(Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 64, 0), 24)))];
    match behaves {
        Behaviour::Docker => DOCKER,
        Behaviour::Container => CONTAINER,
    }
}

impl State {
    /// An engine that was just installed.
    pub(super) fn new(behaves: Behaviour) -> Self {
        let mut state = Self {
            behaves,
            count: 0,
            containers: BTreeMap::new(),
            networks: BTreeMap::new(),
            images: BTreeMap::new(),
            volumes: BTreeMap::new(),
            processes: BTreeMap::new(),
            stages: BTreeMap::new(),
            resolves: BTreeMap::new(),
            faults: Vec::new(),
            subnets: BTreeMap::new(),
            container_names: HashMap::new(),
            network_names: HashMap::new(),
            image_names: HashMap::new(),
            image_users: HashMap::new(),
            container_volumes: HashMap::new(),
        };
        for (name, subnet) in predefined(behaves) {
            state.apply(Change::Network(Network {
                id: id("predefined", name),
                name: (*name).to_owned(),
                labels: None,
                subnet: *subnet,
                internal: false,
                closing: None,
                members: BTreeMap::new(),
                last: None,
            }));
        }
        state
    }

    /// A container by its id.
    pub(super) fn container(&self, id: &str) -> Option<&Container> {
        self.containers.get(id)
    }

    /// A container by its name.
    pub(super) fn container_named(&self, name: &str) -> Option<&Container> {
        self.containers.get(self.container_names.get(name)?)
    }

    /// A network by its name.
    pub(super) fn network_named(&self, name: &str) -> Option<&Network> {
        self.networks.get(self.network_names.get(name)?)
    }

    /// An image by any spelling of its name.
    pub(super) fn image_named(&self, name: &ImageName) -> Option<&Image> {
        self.images.get(self.image_names.get(&name.listed())?)
    }

    /// How many containers an image has.
    pub(super) fn image_users(&self, id: &str) -> usize {
        self.image_users.get(id).copied().unwrap_or(0)
    }

    /// The volume that goes with a container.
    pub(super) fn volume_of(&self, container: &str) -> Option<&Volume> {
        self.volumes.get(self.container_volumes.get(container)?)
    }

    /// Applies a change. One that names what is not there changes nothing.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Count(count) => self.count = count,
            Change::Network(network) => {
                if let Some(subnet) = network.subnet {
                    self.subnets.insert(subnet.network(), subnet);
                }
                self.network_names.insert(network.name.clone(), network.id.clone());
                self.networks.insert(network.id.clone(), network);
            }
            Change::Image(image) => self.put_image(image),
            Change::Volume(volume) => {
                if let Some(container) = &volume.container {
                    self.container_volumes.insert(container.clone(), volume.name.clone());
                }
                self.volumes.insert(volume.name.clone(), volume);
            }
            Change::Container(container) => self.put_container(*container),
            Change::Gone(kind, id) => self.drop_object(kind, &id),
            Change::Joined(container, joined) => self.join(&container, joined),
            Change::Left(container, network) => self.leave(&container, &network),
            Change::Status(container, status) => self.set_status(&container, status),
            Change::Files(container, files) => {
                if let Some(container) = self.containers.get_mut(&container) {
                    container.files.extend(files);
                }
            }
            Change::Ran(container, ran) => {
                if let Some(container) = self.containers.get_mut(&container) {
                    container.ran.push(ran);
                }
            }
            Change::Released(container) => {
                if let Some(container) = self.containers.get_mut(&container) {
                    container.released = true;
                    container.begun = true;
                }
            }
            Change::Serves(id) => match (self.containers.get_mut(&id), self.processes.get_mut(&id)) {
                (Some(container), _) => container.serves = true,
                (None, Some(process)) => process.serves = true,
                (None, None) => {}
            },
            Change::Process(process) => _ = self.processes.insert(process.id.clone(), process),
            Change::Stage(stage) => _ = self.stages.insert(stage.name.clone(), stage),
            Change::Resolves(host, addresses) => _ = self.resolves.insert(host, addresses),
            Change::Faults(faults) => self.faults = faults,
        }
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> usize {
        let of_the_host = self.processes.len() + self.stages.len() + self.resolves.len();
        self.containers.len() + self.networks.len() + self.images.len() + self.volumes.len() + of_the_host
    }

    /// The fewest changes that make this state out of nothing.
    pub(super) fn changes(&self) -> Vec<Change> {
        let mut changes = vec![Change::Count(self.count)];
        changes.extend(self.networks.values().cloned().map(Change::Network));
        changes.extend(self.images.values().cloned().map(Change::Image));
        changes.extend(self.containers.values().cloned().map(Box::new).map(Change::Container));
        changes.extend(self.volumes.values().cloned().map(Change::Volume));
        changes.extend(self.processes.values().cloned().map(Change::Process));
        changes.extend(self.stages.values().cloned().map(Change::Stage));
        changes.extend(self.resolves.clone().into_iter().map(|(host, addresses)| Change::Resolves(host, addresses)));
        if !self.faults.is_empty() {
            changes.push(Change::Faults(self.faults.clone()));
        }
        changes
    }

    fn put_image(&mut self, image: Image) {
        if let Some(name) = self.images.get(&image.id).and_then(|before| before.name.as_ref())
            && self.image_names.get(name) == Some(&image.id)
        {
            self.image_names.remove(name);
        }
        if let Some(name) = &image.name {
            self.image_names.insert(name.clone(), image.id.clone());
        }
        self.images.insert(image.id.clone(), image);
    }

    fn put_container(&mut self, container: Container) {
        self.container_names.insert(container.name.clone(), container.id.clone());
        *self.image_users.entry(container.image_id.clone()).or_default() += 1;
        for joined in &container.networks {
            self.occupy(&container.id, joined);
        }
        self.containers.insert(container.id.clone(), container);
    }

    fn drop_object(&mut self, kind: ObjectKind, id: &str) {
        match kind {
            ObjectKind::Container => {
                let Some(container) = self.containers.remove(id) else { return };
                self.container_names.remove(&container.name);
                self.container_volumes.remove(id);
                for joined in &container.networks {
                    self.vacate(joined);
                }
                if let Some(users) = self.image_users.get_mut(&container.image_id) {
                    *users = users.saturating_sub(1);
                }
            }
            ObjectKind::Network => {
                let Some(network) = self.networks.remove(id) else { return };
                self.network_names.remove(&network.name);
                if let Some(subnet) = network.subnet {
                    self.subnets.remove(&subnet.network());
                }
            }
            ObjectKind::Image => {
                let Some(image) = self.images.remove(id) else { return };
                if let Some(name) = &image.name
                    && self.image_names.get(name) == Some(&image.id)
                {
                    self.image_names.remove(name);
                }
            }
            ObjectKind::Volume => {
                if let Some(container) = self.volumes.remove(id).and_then(|volume| volume.container) {
                    self.container_volumes.remove(&container);
                }
            }
            ObjectKind::Process => _ = self.processes.remove(id),
            ObjectKind::Stage => _ = self.stages.remove(id),
        }
    }

    fn set_status(&mut self, container: &str, status: Status) {
        let Some(container) = self.containers.get_mut(container) else { return };
        let runs = matches!(status, Status::Running(_));
        container.status = status;
        container.released = false;
        container.serves = false;
        if !runs {
            let joined = container.networks.clone();
            for joined in &mut container.networks {
                joined.address = None;
            }
            for joined in &joined {
                self.vacate(joined);
            }
        }
    }

    fn join(&mut self, container: &str, joined: Joined) {
        self.occupy(container, &joined);
        let Some(container) = self.containers.get_mut(container) else { return };
        let before = container.networks.iter_mut().find(|before| before.network == joined.network);
        match before {
            Some(before) => *before = joined,
            None => container.networks.push(joined),
        }
    }

    fn leave(&mut self, container: &str, network: &str) {
        let Some(container) = self.containers.get_mut(container) else { return };
        let left: Vec<Joined> = container.networks.extract_if(.., |joined| joined.network == network).collect();
        for joined in &left {
            self.vacate(joined);
        }
    }

    fn occupy(&mut self, container: &str, joined: &Joined) {
        if let (Some(id), Some(address)) = (&joined.id, joined.address)
            && let Some(network) = self.networks.get_mut(id)
        {
            network.members.insert(address, container.to_owned());
            network.last = Some(address);
        }
    }

    fn vacate(&mut self, joined: &Joined) {
        if let (Some(id), Some(address)) = (&joined.id, joined.address)
            && let Some(network) = self.networks.get_mut(id)
        {
            network.members.remove(&address);
        }
    }
}
