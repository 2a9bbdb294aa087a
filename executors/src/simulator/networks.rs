//! Networks: their addresses, and containers as their members.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bottle_planner::intent::{Membership, Reach};
use ipnet::Ipv4Net;

use super::state::{Change, Container, Joined, Network, State, Status};
use super::step::{Answer, Refusal, Scene};
use crate::engine::Outcome;

/// The network of a container that has none.
pub(super) const NO_NETWORK: &str = "none";

/// `network create`.
pub(super) fn create(scene: &Scene<'_>, network: &bottle_planner::intent::Network) -> Result<Answer, Refusal> {
    let Some(subnet) = network.subnet else {
        return Err(Refusal::before("no subnet was chosen for it"));
    };
    let internal = network.reach == Reach::Internal;
    let (made, changes) =
        new(scene, &network.name.0, subnet, |made| Network { internal, closing: network.closing, ..made })?;
    Ok(Answer { changes, outcome: Outcome { made: Some(made), outputs: Vec::new() } })
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
        return Err(Refusal::daemon(format!("network with name {name} already exists")));
    }
    // The subnets that are there do not overlap, so only the next one on either side can be in the way.
    let below = state.subnets.range(..=subnet.network()).next_back();
    let above = state.subnets.range(subnet.network()..).next();
    if below.is_some_and(|(_, net)| net.contains(&subnet.network())) || above.is_some_and(|(at, _)| subnet.contains(at))
    {
        return Err(Refusal::daemon("Pool overlaps with other one on this address space"));
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

/// `network disconnect`.
pub(super) fn disconnect(container: &Container, network: &str) -> Result<Vec<Change>, Refusal> {
    if !container.networks.iter().any(|joined| joined.network == network) {
        let id = &container.id;
        return Err(Refusal::daemon(format!("container {id} is not connected to network {network}")));
    }
    Ok(vec![Change::Left(container.id.clone(), network.to_owned())])
}

/// A membership of a container that runs: with the lowest free address of its network.
pub(super) fn addressed(state: &State, joined: Joined) -> Result<Joined, Refusal> {
    let network = match &joined.id {
        Some(id) => state.networks.get(id).ok_or_else(|| Refusal::daemon(format!("network {id} not found")))?,
        None => state
            .network_named(&joined.network)
            .ok_or_else(|| Refusal::daemon(format!("network {} not found", joined.network)))?,
    };
    let address = match network.subnet {
        Some(subnet) => Some(free_address(subnet, network).ok_or_else(|| {
            let (name, id) = (&network.name, &network.id);
            Refusal::daemon(format!("no available IPv4 addresses on this network's address pools: {name} ({id})"))
        })?),
        None => None,
    };
    Ok(Joined { id: Some(network.id.clone()), address, ..joined })
}

/// The lowest address that is nobody's; the first is the gateway's, whether the gateway is closed or not.
fn free_address(subnet: Ipv4Net, network: &Network) -> Option<Ipv4Addr> {
    let mut taken = network.members.keys().copied().peekable();
    subnet.hosts().skip(1).find(|address| taken.next_if_eq(address).is_none())
}

/// `network rm`.
pub(super) fn remove(network: &Network) -> Result<Vec<Change>, Refusal> {
    if !network.members.is_empty() {
        let (name, id) = (&network.name, &network.id);
        return Err(Refusal::daemon(format!(
            "error while removing network: network {name} id {id} has active endpoints"
        )));
    }
    Ok(vec![Change::Gone(bottle_planner::operation::ObjectKind::Network, network.id.clone())])
}
