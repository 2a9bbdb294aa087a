//! What is known of a live bottle and of what is around it before anything is asked.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use crate::profile::Behaviour;

/// A live bottle, and what is around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// How its backend behaves.
    pub behaves: Behaviour,
    /// The hosts that it may reach.
    pub allow: Vec<String>,
    /// Whether the manifest makes the agent root.
    pub root: bool,
    /// The agent's container.
    pub agent: Posture,
    /// The networks that the plan knows the agent to be on.
    pub declared: BTreeSet<String>,
    /// The networks it is on.
    pub networks: Vec<Joined>,
    /// Its proxy.
    pub proxy: Option<Proxy>,
    /// The host's address on the network that leads out, as its members know it.
    pub gateway: Option<Ipv4Addr>,
    /// The addresses of the host that are not its loopback.
    pub host: Vec<IpAddr>,
    /// Other containers: of other bottles, and foreign ones on the egress network.
    pub neighbours: Vec<Neighbour>,
    /// How many more there are, which are not asked about.
    pub further_neighbours: usize,
    /// The service that was opened on the host for this.
    pub listener: Listener,
    /// Where a secret's value was found though it does not belong there, by name: never a value.
    pub leaks: Vec<String>,
    /// Whether whoever probes from is a stranger to the agent's files and processes: a helper's container.
    pub by_helper: bool,
}

/// What the engine says of a container's rights. A fact, and not what the plan asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posture {
    /// Whether it is privileged.
    pub privileged: bool,
    /// Capabilities added.
    pub capabilities_added: Vec<String>,
    /// Capabilities dropped.
    pub capabilities_dropped: Vec<String>,
    /// Namespaces of the host or of other containers that it is in: `pid=host`, `network=container:..`.
    pub foreign_namespaces: Vec<String>,
    /// What is mounted into it: paths of the host, names of volumes.
    pub mounts: Vec<String>,
    /// Devices of the host.
    pub devices: Vec<String>,
    /// `SecurityOpt`.
    pub security: Vec<String>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// The resolvers it was given.
    pub resolvers: Vec<String>,
    /// The user it was made for.
    pub user: String,
}

/// A network that the agent is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Its name.
    pub name: String,
    /// Whether the engine keeps it from leading out.
    pub internal: bool,
    /// Its range.
    pub subnet: Option<Ipv4Net>,
    /// Its gateway, as the engine would have it.
    pub gateway: Option<Ipv4Addr>,
    /// The agent's address on it.
    pub address: Option<Ipv4Addr>,
    /// The addresses of its other members.
    pub others: Vec<Ipv4Addr>,
}

/// The agent's proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The engine's id of its container.
    pub container: String,
    /// Its address on the agent's side.
    pub near: Ipv4Addr,
    /// Its address on the egress network.
    pub far: Option<Ipv4Addr>,
    /// The port on which it serves.
    pub port: u16,
    /// The name by which the agent knows it.
    pub name: String,
    /// What the engine says of its rights.
    pub posture: Posture,
    /// The volumes that its configuration lies in.
    pub volumes: Vec<String>,
}

/// A container that the agent is not to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The engine's id of it.
    pub container: String,
    /// Its name.
    pub name: String,
    /// An address of it.
    pub address: Ipv4Addr,
    /// A port where it serves HTTP, if one is known.
    pub serves: Option<u16>,
}

/// A service of our own on all addresses of the host, over TCP and UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its port over TCP.
    pub tcp: u16,
    /// Its port over UDP.
    pub udp: u16,
    /// What it answers: nobody can guess it.
    pub token: String,
}

impl Scene {
    /// Whether the bottle is on any network.
    #[must_use]
    pub fn has_network(&self) -> bool {
        !self.networks.is_empty()
    }

    /// A host that the allowlist has, as a name that can be asked for.
    #[must_use]
    pub fn listed(&self) -> Option<&str> {
        let plain = self.allow.iter().find(|host| !host.starts_with("*."));
        plain.or(self.allow.first()).map(|host| host.trim_start_matches("*."))
    }

    /// The addresses of the host over IPv4: that on the egress network first.
    #[must_use]
    pub fn host_v4(&self) -> Vec<Ipv4Addr> {
        let others = self.host.iter().filter_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        let mut all: Vec<Ipv4Addr> = Vec::new();
        for address in self.gateway.into_iter().chain(others) {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        all
    }
}
