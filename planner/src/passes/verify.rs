//! What must be true of a graph after every pass.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::address::Address;
use crate::intent::{Gate, Graph, Hold, Need, Node, ObjectName, Reach, Role, Step};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// An agent could start before its sidecar serves.
    StartsBeforeSidecar(Address),
    /// An agent could run before the rules that hold it are loaded.
    GoesBeforeRules(Address),
    /// An agent could run before its gate has let it through.
    GoesBeforeGate(Address),
    /// An agent is a member of a network that leads out.
    AgentOnEgress(Address),
    /// A container on the host's network is to be a member of another one, or is no agent whose manifest asks for it.
    OnHostsNetwork(Address),
    /// A sidecar gives up what protects it: only an agent's manifest can ask for that.
    SidecarGivesUp(Address),
    /// A container is a member of a network that nothing makes.
    UnknownNetwork(Address, ObjectName),
    /// A step works on a container and does not wait for it.
    BeforeContainer(Address),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartsBeforeSidecar(address) => write!(f, "{address} could run before its sidecar serves"),
            Self::GoesBeforeRules(address) => write!(f, "{address} could run before its rules are loaded"),
            Self::GoesBeforeGate(address) => write!(f, "{address} could run before its gate has let it through"),
            Self::AgentOnEgress(address) => write!(f, "{address} would put an agent on a network that leads out"),
            Self::OnHostsNetwork(address) => write!(f, "{address} would be on the host's network and on another one"),
            Self::SidecarGivesUp(address) => write!(f, "{address} would take a wall of a sidecar away"),
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
            Step::AwaitReady(_) | Step::AwaitProcess(_) => {
                ready.insert(&node.address);
            }
            _ => {}
        }
    }
    let guarded: HashSet<&str> = ready.iter().filter_map(|address| address.bottle()).collect();

    let mut on_hosts: HashSet<&ObjectName> = HashSet::new();
    for node in graph.nodes() {
        if let Step::CreateContainer(container) = &node.step {
            if container.role != Role::Agent && !container.given_up.is_empty() {
                return Err(Broken::SidecarGivesUp(node.address.clone()));
            }
            if container.is_on_hosts_network() {
                on_hosts.insert(&container.name);
            }
        }
    }

    for (node, needs) in graph.with_needs() {
        let joins = match &node.step {
            Step::CreateContainer(container) => !container.networks.is_empty(),
            Step::Attach(_) => true,
            _ => false,
        };
        if joins && node.step.container().is_some_and(|container| on_hosts.contains(container)) {
            return Err(Broken::OnHostsNetwork(node.address.clone()));
        }
        let (role, memberships) = match &node.step {
            Step::CreateContainer(container) => (container.role, container.networks.iter().collect()),
            Step::Attach(attachment) => (
                creates.get(&attachment.container).map_or(Role::Agent, |(_, role)| *role),
                vec![&attachment.membership],
            ),
            _ => (Role::Sidecar, Vec::new()),
        };
        let behind_rules = matches!(&node.step, Step::CreateContainer(container) if container.hold == Hold::HeldByRoot);
        for membership in memberships {
            // An agent may be where it leads out only if it is held there until rules are loaded.
            let leads_out = membership.own || networks.get(&membership.network) == Some(&Reach::Egress);
            if leads_out && role == Role::Agent && !behind_rules && !is_held_attach(node, graph) {
                return Err(Broken::AgentOnEgress(node.address.clone()));
            }
            if membership.own {
                continue;
            }
            if !networks.contains_key(&membership.network) {
                return Err(Broken::UnknownNetwork(node.address.clone(), membership.network.clone()));
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
        if *role == Role::Agent && lets_go(node, graph) {
            // A release comes after the start, and so after all that the start needs.
            let start = create.beside("start");
            let before_start = graph.needs(&start).map(|(_, on)| on);
            let needs: Vec<&Address> = needs.clone().map(|(_, on)| &on.address).chain(before_start).collect();
            let bottle = node.address.bottle();
            let serves = needs.iter().any(|on| ready.contains(on) && on.bottle() == bottle);
            if bottle.is_some_and(|bottle| guarded.contains(bottle)) && !serves {
                return Err(Broken::StartsBeforeSidecar(node.address.clone()));
            }
            let gate = create.beside(Gate::STEP);
            if graph.get(&gate).is_some() && !needs.contains(&&gate) {
                return Err(Broken::GoesBeforeGate(node.address.clone()));
            }
            let by_root =
                matches!(graph.get(create), Some(Step::CreateContainer(made)) if made.hold == Hold::HeldByRoot);
            if by_root && !needs.iter().any(|on| **on == create.beside("rules")) {
                return Err(Broken::GoesBeforeRules(node.address.clone()));
            }
        }
    }
    Ok(())
}

/// Whether a step is what lets an agent's command run: the release of a container that is held, the start of any other.
fn lets_go(node: &Node, graph: &Graph) -> bool {
    match &node.step {
        Step::Release(_) => true,
        Step::Start(_) => !is_held(&node.address, graph),
        _ => false,
    }
}

fn is_held(address: &Address, graph: &Graph) -> bool {
    matches!(graph.get(&address.beside("create")), Some(Step::CreateContainer(made)) if made.hold != Hold::None)
}

/// Whether a step attaches a container that root holds until rules are loaded.
fn is_held_attach(node: &Node, graph: &Graph) -> bool {
    matches!(&node.step, Step::Attach(_))
        && matches!(graph.get(&node.address.beside("create")), Some(Step::CreateContainer(made)) if made.hold == Hold::HeldByRoot)
}
