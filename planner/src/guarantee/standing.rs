//! Where each guarantee stands for a bottle: from the lowered graph and the profile, never from what was hoped for.

mod container;
mod docker;

use std::collections::{HashMap, HashSet};

use super::{Guarantee, Standing};
use crate::intent::{Container, Graph, Hold, Lasts, Membership, Network, ObjectName, Role, Step, Way};
use crate::profile::{Behaviour, Profile};

/// The containers and networks of a lowered graph, by what they belong to.
pub struct Topology<'g> {
    agents: HashMap<&'g str, &'g Container>,
    sidecars: HashMap<&'g str, &'g Container>,
    networks: HashMap<&'g ObjectName, &'g Network>,
    connected: HashMap<&'g ObjectName, Vec<&'g Membership>>,
    processes: HashSet<&'g str>,
    /// The bottles in which commands of the manifest run.
    execs: HashSet<&'g str>,
}

impl<'g> Topology<'g> {
    /// Reads it off a graph.
    #[must_use]
    pub fn of(graph: &'g Graph) -> Self {
        let mut topology = Self {
            agents: HashMap::new(),
            sidecars: HashMap::new(),
            networks: HashMap::new(),
            connected: HashMap::new(),
            processes: HashSet::new(),
            execs: HashSet::new(),
        };
        for node in graph.nodes() {
            match &node.step {
                Step::CreateContainer(container) => {
                    let Some(bottle) = node.address.bottle() else { continue };
                    match container.role {
                        Role::Agent => topology.agents.insert(bottle, container),
                        Role::Sidecar => topology.sidecars.insert(bottle, container),
                    };
                    topology.connected.entry(&container.name).or_default().extend(&container.networks);
                }
                Step::Attach(attachment) => {
                    topology.connected.entry(&attachment.container).or_default().push(&attachment.membership);
                }
                Step::CreateNetwork(network) => {
                    topology.networks.insert(&network.name, network);
                }
                Step::Exec(exec) if exec.lasts == Lasts::Container => topology.execs.extend(node.address.bottle()),
                Step::StartProcess(_) => {
                    topology.processes.extend(node.address.bottle());
                }
                _ => {}
            }
        }
        topology
    }

    fn networks_of(&self, container: &Container) -> Vec<&'g Network> {
        let memberships = self.connected.get(&container.name).into_iter().flatten();
        memberships.filter_map(|membership| self.networks.get(&membership.network).copied()).collect()
    }

    fn is_on_own_network(&self, container: &Container) -> bool {
        self.connected.get(&container.name).into_iter().flatten().any(|membership| membership.own)
    }

    /// The way out that was lowered, read off what there is.
    fn way(&self, bottle: &str, agent: &Container) -> Option<Way> {
        if self.sidecars.contains_key(bottle) {
            Some(Way::Sidecar)
        } else if self.processes.contains(bottle) {
            Some(Way::HostLoopback)
        } else if agent.hold == Hold::HeldByRoot {
            Some(Way::Firewall)
        } else {
            None
        }
    }
}

/// What is known of one bottle.
struct Bottle<'a> {
    agent: &'a Container,
    networks: Vec<&'a Network>,
    /// Whether commands of the manifest run in it beside the agent's.
    execs: bool,
    /// Whether it is a member of the engine's own network, which leads out.
    on_own_network: bool,
    way: Option<Way>,
    wildcards: Vec<&'a str>,
    profile: &'a Profile,
}

/// Every guarantee of a bottle, in the order of all tables.
#[must_use]
pub fn standings(
    bottle: &str,
    allow: &[String],
    topology: &Topology<'_>,
    profile: &Profile,
) -> Vec<(Guarantee, Standing)> {
    let Some(agent) = topology.agents.get(bottle).copied() else {
        let missing = Standing::NotHeld("the plan makes no agent for this bottle".to_owned());
        return Guarantee::ALL.iter().map(|guarantee| (*guarantee, missing.clone())).collect();
    };
    let seen = Bottle {
        agent,
        networks: topology.networks_of(agent),
        execs: topology.execs.contains(bottle),
        on_own_network: topology.is_on_own_network(agent),
        way: topology.way(bottle, agent),
        wildcards: allow.iter().map(String::as_str).filter(|host| host.starts_with("*.")).collect(),
        profile,
    };
    let standing = |guarantee: &Guarantee| match profile.behaves {
        _ if !seen.has_network() && guarantee.is_of_network() => seen.without_network(*guarantee),
        Behaviour::Docker => seen.on_docker(*guarantee),
        Behaviour::Container => seen.on_container(*guarantee),
    };
    Guarantee::ALL.iter().map(|guarantee| (*guarantee, standing(guarantee))).collect()
}

fn held(reason: &str) -> Standing {
    Standing::Held(reason.to_owned())
}

fn not_held(reason: &str) -> Standing {
    Standing::NotHeld(reason.to_owned())
}

impl Bottle<'_> {
    fn has_network(&self) -> bool {
        !self.networks.is_empty() || self.on_own_network
    }

    fn without_network(&self, guarantee: Guarantee) -> Standing {
        match guarantee {
            Guarantee::EgressInspected => held("no network, nothing leaves"),
            Guarantee::ProxyIsolated => held("no network, no proxy"),
            _ => held("no network"),
        }
    }

    /// The name of whom the agent is, if the manifest says.
    fn user(&self) -> Option<&str> {
        self.agent.user.as_deref().map(|user| user.split(':').next().unwrap_or(user))
    }
}

fn by_name() -> Standing {
    held(
        "values are read when they are used and go into the container's environment; the engine keeps that, for whoever may use the engine",
    )
}

fn not_inspected() -> Standing {
    not_held("the proxy opens no TLS: it sees the host of a connection, not what is said in it")
}
