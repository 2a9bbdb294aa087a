//! What an engine says around its bottles, in no engine's terms.

use std::net::Ipv4Addr;

use bottle_planner::address::Address;
use bottle_planner::probe::Posture;
use ipnet::Ipv4Net;

/// Containers and networks.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The project's containers.
    pub containers: Vec<SeenContainer>,
    /// All networks that they are on, and the project's own.
    pub networks: Vec<SeenNetwork>,
}

/// A container of the project.
#[derive(Clone, Debug)]
pub struct SeenContainer {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The operation that made it.
    pub address: Address,
    /// The id of its image.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// What the engine says of its rights.
    pub posture: Posture,
    /// The networks it is on.
    pub networks: Vec<Endpoint>,
    /// The volumes mounted into it.
    pub volumes: Vec<String>,
}

/// A container's place on a network.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The network, by the engine's id.
    pub network: String,
    /// The container's address there.
    pub address: Option<Ipv4Addr>,
    /// The gateway that it was given.
    pub gateway: Option<Ipv4Addr>,
}

/// A network.
#[derive(Clone, Debug)]
pub struct SeenNetwork {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The operation that made it, where it is the project's.
    pub address: Option<Address>,
    /// Whether the engine keeps it from leading out.
    pub internal: bool,
    /// Its range.
    pub subnet: Option<Ipv4Net>,
    /// Its gateway, as the engine would have it.
    pub gateway: Option<Ipv4Addr>,
    /// Its members that run.
    pub members: Vec<Member>,
}

/// A member of a network.
#[derive(Clone, Debug)]
pub struct Member {
    /// The engine's id of the container.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Option<Ipv4Addr>,
}

impl Surroundings {
    pub(super) fn made_by(&self, address: &Address) -> Option<&SeenContainer> {
        self.containers.iter().find(|container| container.address == *address)
    }

    /// The gateway of a network, from its own configuration, else as its members were given it.
    pub(super) fn gateway(&self, network: &SeenNetwork) -> Option<Ipv4Addr> {
        let endpoints = self.containers.iter().flat_map(|container| &container.networks);
        let given = endpoints.filter(|endpoint| endpoint.network == network.id).find_map(|endpoint| endpoint.gateway);
        network.gateway.or(given)
    }

    pub(super) fn network(&self, id: &str) -> Option<&SeenNetwork> {
        self.networks.iter().find(|network| network.id == id)
    }

    /// The network on which the project's proxies reach out.
    pub(super) fn egress(&self) -> Option<&SeenNetwork> {
        let made = Address::shared("egress", "create");
        self.networks.iter().find(|network| network.address.as_ref() == Some(&made))
    }
}
