//! Containers, and everything that can only be said when they are made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ImageName, Membership, ObjectName, StageName};
use crate::digest::Digest;
use crate::fixed::{self, Fixed};
use crate::manifest::{Allowance, Runtime};
use crate::source::SourcePath;

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It runs the agent.
    Agent,
    /// It runs pipelock.
    Sidecar,
}

/// A container, and everything that can only be said when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: ObjectName,
    /// What it is for.
    pub role: Role,
    /// What it starts from.
    pub image: ImageName,
    /// `None` leaves it to the image.
    pub user: Option<String>,
    /// The arguments to the image's entry point, or the command.
    pub command: Vec<String>,
    /// The folder in which its commands run; `None` leaves it to the image.
    pub workdir: Option<String>,
    /// Environment.
    pub env: BTreeMap<String, EnvSource>,
    /// Networks joined when it is made; filled by a pass from its attach steps.
    pub networks: Vec<Membership>,
    /// The runtime asked for.
    pub asked: Runtime,
    /// The runtime; `None` is the engine's own. Decided by a pass.
    #[serde(deserialize_with = "fixed::of_runtime")]
    pub runtime: Option<Fixed>,
    /// Whether its own command waits for a [`Step::Release`](super::Step::Release) once it was started.
    pub hold: Hold,
    /// The resolvers it is told of, instead of its network's.
    pub resolvers: Vec<String>,
    /// Folders mounted into it.
    pub mounts: Vec<Mount>,
    /// An empty volume of the container's own at this path, so that files can be put into a container whose root is read-only.
    pub volume: Option<String>,
    /// The digest of a configuration that it reads once, when it starts: with another one it is another container.
    pub configuration: Option<Digest>,
    /// Whether its root is read-only.
    pub read_only: bool,
    /// Whether a small init reaps its processes.
    pub init: bool,
    /// Whether outside names are kept from being resolved for it.
    pub dns_closed: bool,
    /// Capabilities kept; all others are dropped.
    #[serde(deserialize_with = "fixed::of_capabilities")]
    pub capabilities: Vec<Fixed>,
    /// The walls that the manifest takes away, sorted. Only ever of an agent.
    pub given_up: Vec<Allowance>,
    /// Processes and threads.
    pub pids: u32,
    /// Processors.
    pub cpus: Option<String>,
    /// Memory.
    pub memory: Option<String>,
}

impl Container {
    /// Whether it has the host's network instead of any of its own.
    #[must_use]
    pub fn is_on_hosts_network(&self) -> bool {
        self.given_up.contains(&Allowance::HostNetwork)
    }
}

/// Whether a container's command waits after the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// It does not: what it needs can be made before the start.
    #[default]
    None,
    /// It waits, as its own user.
    Held,
    /// It waits as root, which then lays down all capabilities and the way back to them, and becomes the user.
    HeldByRoot,
}

/// Where a variable's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvSource {
    /// The text itself.
    Literal(String),
    /// A secret, by name; read when the container is made.
    Secret(Secret),
}

/// A secret by name. The planner never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// A variable of the host.
    HostEnv(String),
    /// An answer to a prompt.
    Ask(String),
    /// A file of the host: a private key.
    File(SourcePath),
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HostEnv(name) => write!(f, "host variable {name}"),
            Self::Ask(prompt) => write!(f, "asked for: {prompt:?}"),
            Self::File(path) => write!(f, "host file {path}"),
        }
    }
}

/// Where a mount comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountSource {
    /// A folder of the host: the guest may write.
    Host(SourcePath),
    /// A stage: the guest may only read.
    Stage(StageName),
}

/// A folder in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it comes from.
    pub from: MountSource,
    /// The guest's.
    pub to: String,
}

/// How a container proves that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// The container.
    pub container: ObjectName,
    /// A command in it that exits with 0 once it serves.
    pub probe: Vec<String>,
    /// How long it may take, in seconds.
    pub within: u32,
}

/// The address that a container has on one of its networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressOf {
    /// The container.
    pub container: ObjectName,
    /// The network.
    pub network: ObjectName,
}

impl AddressOf {
    /// The name of the output.
    pub const IPV4: &'static str = "ipv4";
}
