//! What must be true of a graph after every pass.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::address::Address;
use crate::intent::{Graph, Need, ObjectName, Reach, Role, Step};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// An agent could start before its sidecar serves.
    StartsBeforeSidecar(Address),
    /// An agent is a member of a network that leads out.
    AgentOnEgress(Address),
    /// A container is a member of a network that nothing makes.
    UnknownNetwork(Address, ObjectName),
    /// A step works on a container and does not wait for it.
    BeforeContainer(Address),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartsBeforeSidecar(address) => write!(f, "{address} could run before its sidecar serves"),
            Self::AgentOnEgress(address) => write!(f, "{address} would put an agent on a network that leads out"),
            Self::UnknownNetwork(address, network) => {
                write!(f, "{address} names the network {network}, made by nothing")
            }
            Self::BeforeContainer(address) => write!(f, "{address} does not wait for the container it works on"),
        }
    }
}

/// Checks the invariants. That the graph is acyclic and its addresses are distinct is so by construction.
///
/// # Errors
/// Names the first that does not hold.
pub fn verify(graph: &Graph) -> Result<(), Broken> {
    let mut networks: HashMap<&ObjectName, Reach> = HashMap::new();
    let mut creates: HashMap<&ObjectName, (&Address, Role)> = HashMap::new();
    let mut ready: HashSet<&Address> = HashSet::new();
    for node in graph.nodes() {
        match &node.step {
            Step::CreateNetwork(network) => {
                networks.insert(&network.name, network.reach);
            }
            Step::CreateContainer(container) => {
                creates.insert(&container.name, (&node.address, container.role));
            }
            Step::AwaitReady(_) => {
                ready.insert(&node.address);
            }
            _ => {}
        }
    }
    let guarded: HashSet<&str> = ready.iter().filter_map(|address| address.bottle()).collect();

    for (node, needs) in graph.with_needs() {
        let (role, memberships) = match &node.step {
            Step::CreateContainer(container) => (container.role, container.networks.iter().collect()),
            Step::Attach(attachment) => (
                creates.get(&attachment.container).map_or(Role::Agent, |(_, role)| *role),
                vec![&attachment.membership],
            ),
            _ => (Role::Sidecar, Vec::new()),
        };
        for membership in memberships {
            match networks.get(&membership.network) {
                None => return Err(Broken::UnknownNetwork(node.address.clone(), membership.network.clone())),
                Some(Reach::Egress) if role == Role::Agent => {
                    return Err(Broken::AgentOnEgress(node.address.clone()));
                }
                Some(_) => {}
            }
        }
        let Some(container) = node.step.container() else { continue };
        let Some((create, role)) = creates.get(container) else {
            return Err(Broken::BeforeContainer(node.address.clone()));
        };
        if node.address != **create && !needs.clone().any(|(_, on)| on.address == **create) {
            let through_start =
                needs.clone().any(|(need, on)| need == Need::On && on.step.container() == Some(container));
            if !through_start {
                return Err(Broken::BeforeContainer(node.address.clone()));
            }
        }
        if matches!(node.step, Step::Start(_))
            && *role == Role::Agent
            && node.address.bottle().is_some_and(|bottle| guarded.contains(bottle))
            && !needs.clone().any(|(_, on)| ready.contains(&on.address) && on.address.bottle() == node.address.bottle())
        {
            return Err(Broken::StartsBeforeSidecar(node.address.clone()));
        }
    }
    Ok(())
}
