//! Networks: their addresses, and containers as their members.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bottle_planner::intent::{Membership, Reach};
use bottle_planner::profile::Behaviour;
use ipnet::Ipv4Net;

use super::state::{Change, Container, Joined, Network, State, Status};
use super::step::{Answer, Refusal, Scene};
use crate::engine::Outcome;

/// The network of a container that has none, as Docker lists it.
pub(super) const NO_NETWORK: &str = "none";

/// `network create`.
pub(super) fn create(scene: &Scene<'_>, network: &bottle_planner::intent::Network) -> Result<Answer, Refusal> {
    let Some(subnet) = network.subnet else {
        return Err(Refusal::before("no subnet was chosen for it"));
    };
    let internal = network.reach == Reach::Internal;
    let (made, changes) =
        new(scene, &network.name.0, subnet, |made| Network { internal, closing: network.closing, ..made })?;
    Ok(Answer { changes, outcome: Outcome { made: Some(made), ..Outcome::default() } })
}

/// A network of a name and a subnet: its id, and the changes that make it.
pub(super) fn new(
    scene: &Scene<'_>,
    name: &str,
    subnet: Ipv4Net,
    with: impl FnOnce(Network) -> Network,
) -> Result<(String, Vec<Change>), Refusal> {
    let state = scene.state;
    if state.network_named(name).is_some() {
        return Err(match state.behaves {
            Behaviour::Docker => Refusal::daemon(format!("network with name {name} already exists")),
            Behaviour::Container => Refusal::container(format!("network {name} already exists")),
        });
    }
    // The subnets that are there do not overlap, so only the next one on either side can be in the way.
    let below = state.subnets.range(..=subnet.network()).next_back().filter(|(_, net)| net.contains(&subnet.network()));
    let above = state.subnets.range(subnet.network()..).next().filter(|(at, _)| subnet.contains(*at));
    if let Some((_, other)) = below.or(above) {
        return Err(match state.behaves {
            Behaviour::Docker => Refusal::daemon("Pool overlaps with other one on this address space"),
            Behaviour::Container => {
                Refusal::container(format!("IPv4 subnet {subnet} overlaps an existing network with subnet {other}"))
            }
        });
    }
    let (id, count) = scene.new_id("network");
    let network = with(Network {
        id: id.clone(),
        name: name.to_owned(),
        labels: scene.labels.clone(),
        subnet: Some(subnet.trunc()),
        internal: false,
        closing: None,
        members: BTreeMap::new(),
        last: None,
    });
    Ok((id, vec![count, Change::Network(network)]))
}

/// A membership of a container that does not run: the network is bound if it is there, and looked for again at start if not.
pub(super) fn bind(state: &State, membership: &Membership, id: Option<String>) -> Joined {
    let name = &membership.network.0;
    Joined {
        network: name.clone(),
        id: id.or_else(|| state.network_named(name).map(|network| network.id.clone())),
        alias: membership.alias.clone(),
        default_route: membership.default_route,
        address: None,
    }
}

/// `network connect`.
pub(super) fn connect(state: &State, container: &Container, joined: Joined) -> Result<Vec<Change>, Refusal> {
    frozen(state)?;
    if joined.network != NO_NETWORK && container.networks.iter().any(|before| before.network == NO_NETWORK) {
        return Err(Refusal::daemon(
            "container cannot be connected to multiple networks with one of the networks in private (none) mode",
        ));
    }
    let joined = match container.status {
        Status::Running(_) => {
            let member = container.networks.iter().any(|before| before.network == joined.network);
            if member {
                return Err(Refusal::daemon(format!(
                    "endpoint with name {} already exists in network {}",
                    container.name, joined.network
                )));
            }
            addressed(state, joined)?
        }
        _ => joined,
    };
    Ok(vec![Change::Joined(container.id.clone(), joined)])
}

/// That an engine can change what networks a container is on: Apple's `container` has no command for it.
fn frozen(state: &State) -> Result<(), Refusal> {
    match state.behaves {
        Behaviour::Docker => Ok(()),
        Behaviour::Container => Err(Refusal::container("a container's networks are those that it was made with")),
    }
}

/// `network disconnect`.
pub(super) fn disconnect(state: &State, container: &Container, network: &str) -> Result<Vec<Change>, Refusal> {
    frozen(state)?;
    if !container.networks.iter().any(|joined| joined.network == network) {
        let id = &container.id;
        return Err(Refusal::daemon(format!("container {id} is not connected to network {network}")));
    }
    Ok(vec![Change::Left(container.id.clone(), network.to_owned())])
}

/// A membership of a container that runs: with a free address of its network.
pub(super) fn addressed(state: &State, joined: Joined) -> Result<Joined, Refusal> {
    let network = match &joined.id {
        Some(id) => state.networks.get(id).ok_or_else(|| missing(state, id))?,
        None => state.network_named(&joined.network).ok_or_else(|| missing(state, &joined.network))?,
    };
    let free = |subnet| match state.behaves {
        Behaviour::Docker => lowest_free(subnet, network),
        Behaviour::Container => next_free(subnet, network),
    };
    let address = match network.subnet {
        Some(subnet) => Some(free(subnet).ok_or_else(|| {
            let (name, id) = (&network.name, &network.id);
            match state.behaves {
                Behaviour::Docker => Refusal::daemon(format!(
                    "no available IPv4 addresses on this network's address pools: {name} ({id})"
                )),
                Behaviour::Container => Refusal::container(format!("network {name} has no free address")),
            }
        })?),
        None => None,
    };
    Ok(Joined { id: Some(network.id.clone()), address, ..joined })
}

/// A network that is not there.
pub(super) fn missing(state: &State, name: &str) -> Refusal {
    let said = format!("network {name} not found");
    match state.behaves {
        Behaviour::Docker => Refusal::daemon(said),
        Behaviour::Container => Refusal::container(said),
    }
}

/// The lowest address that is nobody's; the first is the gateway's, whether the gateway is closed or not.
fn lowest_free(subnet: Ipv4Net, network: &Network) -> Option<Ipv4Addr> {
    let mut taken = network.members.keys().copied().peekable();
    subnet.hosts().skip(1).find(|address| taken.next_if_eq(address).is_none())
}

/// The next address after the last that was given out, so that a container that is started again has another one.
fn next_free(subnet: Ipv4Net, network: &Network) -> Option<Ipv4Addr> {
    let free = |address: &Ipv4Addr| !network.members.contains_key(address);
    let after = |address: &Ipv4Addr| network.last.is_none_or(|last| *address > last);
    let from_the_start = || subnet.hosts().skip(1).find(free);
    subnet.hosts().skip(1).filter(after).find(free).or_else(from_the_start)
}

/// `network rm`. Docker minds members that run; Apple's `container` every container that was made with it.
pub(super) fn remove(state: &State, network: &Network) -> Result<Vec<Change>, Refusal> {
    let (name, id) = (&network.name, &network.id);
    let referring = || {
        let refers = |container: &&Container| container.networks.iter().any(|joined| joined.network == *name);
        state.containers.values().filter(refers).map(|container| container.name.as_str()).collect::<Vec<_>>()
    };
    match state.behaves {
        Behaviour::Docker if !network.members.is_empty() => {
            return Err(Refusal::daemon(format!(
                "error while removing network: network {name} id {id} has active endpoints"
            )));
        }
        Behaviour::Container if !referring().is_empty() => {
            let containers = referring().join(", ");
            return Err(Refusal::container(format!(
                "delete failed for one or more networks: [\"{name}\"]: cannot delete subnet {name} with referring containers: \
                 {containers}"
            )));
        }
        _ => {}
    }
    Ok(vec![Change::Gone(bottle_planner::operation::ObjectKind::Network, network.id.clone())])
}
