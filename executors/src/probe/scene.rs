//! What the engine says, as the scene of one bottle.

use std::net::{IpAddr, Ipv4Addr};

use bottle_planner::address::Address;
use bottle_planner::probe::{Joined, Listener, Neighbour, PROXY_NAME, PROXY_PORT, Proxy, Scene, Subject};
use bottle_planner::profile::Behaviour;

use super::seen::{SeenContainer, Surroundings};

/// How many neighbours are asked about where it is to be quick. Each takes a container of our own as a control.
const QUICK_NEIGHBOURS: usize = 2;

/// The agent of a bottle and its proxy.
pub(super) struct Cast<'a> {
    pub(super) agent: &'a SeenContainer,
    pub(super) proxy: Option<&'a SeenContainer>,
}

impl<'a> Cast<'a> {
    pub(super) fn of(subject: &Subject, surroundings: &'a Surroundings) -> Option<Self> {
        let made = |object: &str| surroundings.made_by(&Address::of(&subject.bottle, object, "create"));
        Some(Self { agent: made("agent")?, proxy: made("pipelock") })
    }
}

/// What else goes into a scene.
pub(super) struct Given<'a> {
    pub(super) behaves: Behaviour,
    pub(super) listener: Listener,
    pub(super) host: &'a [IpAddr],
    pub(super) leaks: Vec<String>,
    pub(super) quick: bool,
    pub(super) by_helper: bool,
}

/// The scene of a bottle.
pub(super) fn of(subject: &Subject, cast: &Cast<'_>, surroundings: &Surroundings, given: Given<'_>) -> Scene {
    let agent = cast.agent;
    let networks = agent
        .networks
        .iter()
        .filter_map(|endpoint| Some((surroundings.network(&endpoint.network)?, endpoint.address)))
        // What the engine calls a network and is none.
        .filter(|(network, _)| network.name != "none")
        .map(|(network, address)| Joined {
            name: network.name.clone(),
            internal: network.internal,
            subnet: network.subnet,
            gateway: surroundings.gateway(network),
            address,
            others: network
                .members
                .iter()
                .filter(|member| member.id != agent.id)
                .filter_map(|member| member.address)
                .collect(),
        })
        .collect();
    let egress = surroundings.egress();
    let proxy = cast.proxy.and_then(|proxy| {
        let near =
            proxy.networks.iter().find(|far| agent.networks.iter().any(|own| own.network == far.network))?.address?;
        let far = egress.and_then(|egress| proxy.networks.iter().find(|far| far.network == egress.id)?.address);
        Some(Proxy {
            container: proxy.id.clone(),
            near,
            far,
            port: PROXY_PORT,
            name: PROXY_NAME.to_owned(),
            posture: proxy.posture.clone(),
            volumes: proxy.volumes.clone(),
        })
    });
    let gateway = egress.and_then(|egress| surroundings.gateway(egress));
    let mut neighbours = neighbours(cast, surroundings);
    let asked = if given.quick { QUICK_NEIGHBOURS.min(neighbours.len()) } else { neighbours.len() };
    let further_neighbours = neighbours.split_off(asked).len();
    Scene {
        behaves: given.behaves,
        allow: subject.allow.clone(),
        root: subject.root,
        agent: agent.posture.clone(),
        declared: subject.networks.clone(),
        networks,
        proxy,
        gateway,
        host: given.host.to_vec(),
        neighbours,
        further_neighbours,
        listener: given.listener,
        leaks: given.leaks,
        by_helper: given.by_helper,
    }
}

/// Whom the agent is not to reach: what else runs of the project, at each of its addresses, and strangers on the egress network.
fn neighbours(cast: &Cast<'_>, surroundings: &Surroundings) -> Vec<Neighbour> {
    let own = |id: &str| id == cast.agent.id || cast.proxy.is_some_and(|proxy| id == proxy.id);
    let neighbour = |container: &str, name: &str, address: Ipv4Addr, serves| Neighbour {
        container: container.to_owned(),
        name: name.to_owned(),
        address,
        serves,
    };
    let mut found = Vec::new();
    for other in surroundings.containers.iter().filter(|other| other.running && !own(&other.id)) {
        let serves = other.address.as_str().ends_with("/pipelock/create").then_some(PROXY_PORT);
        let addresses = other.networks.iter().filter_map(|endpoint| endpoint.address);
        found.extend(addresses.map(|address| neighbour(&other.id, &other.name, address, serves)));
    }
    let is_of_project = |id: &str| surroundings.containers.iter().any(|container| container.id == id);
    for member in surroundings.egress().into_iter().flat_map(|egress| &egress.members) {
        if let Some(address) = member.address.filter(|_| !is_of_project(&member.id)) {
            found.push(neighbour(&member.id, &member.name, address, None));
        }
    }
    found
}
