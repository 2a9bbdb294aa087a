//! Where each guarantee stands for a bottle: from the lowered graph and the profile, never from what was hoped for.

mod container;
mod docker;

use std::collections::{HashMap, HashSet};

use super::{Guarantee, Rank, Standing};
use crate::address::Address;
use crate::intent::{Container, Graph, Hold, Lasts, Membership, Network, ObjectName, Role, Step, Way};
use crate::profile::{Behaviour, Profile};

/// A step, and its address.
type At<'g, S> = (&'g Address, &'g S);

/// The containers and networks of a lowered graph, by what they belong to.
#[derive(Default)]
pub struct Topology<'g> {
    agents: HashMap<&'g str, At<'g, Container>>,
    sidecars: HashMap<&'g str, At<'g, Container>>,
    networks: HashMap<&'g ObjectName, At<'g, Network>>,
    connected: HashMap<&'g ObjectName, Vec<&'g Membership>>,
    /// The processes of the host that guard a bottle.
    processes: HashMap<&'g str, &'g Address>,
    /// What gives a proxy its configuration.
    configurations: HashMap<&'g str, &'g Address>,
    /// What loads the rules of a guest.
    rules: HashMap<&'g str, &'g Address>,
    /// The bottles in which commands of the manifest run.
    execs: HashSet<&'g str>,
}

impl<'g> Topology<'g> {
    /// Reads it off a graph.
    #[must_use]
    pub fn of(graph: &'g Graph) -> Self {
        let mut topology = Self::default();
        for node in graph.nodes() {
            let address = &node.address;
            match &node.step {
                Step::CreateContainer(container) => {
                    let Some(bottle) = address.bottle() else { continue };
                    match container.role {
                        Role::Agent => topology.agents.insert(bottle, (address, container)),
                        Role::Sidecar => topology.sidecars.insert(bottle, (address, container)),
                    };
                    topology.connected.entry(&container.name).or_default().extend(&container.networks);
                }
                Step::Attach(attachment) => {
                    topology.connected.entry(&attachment.container).or_default().push(&attachment.membership);
                }
                Step::CreateNetwork(network) => {
                    topology.networks.insert(&network.name, (address, network));
                }
                Step::Exec(exec) => {
                    let Some(bottle) = address.bottle() else { continue };
                    if exec.lasts == Lasts::Container {
                        topology.execs.insert(bottle);
                    }
                    if *address == address.beside("rules") {
                        topology.rules.insert(bottle, address);
                    }
                }
                Step::CopyIn(_) | Step::Stage(_) if address.object() == "pipelock" => {
                    topology.configurations.extend(address.bottle().map(|bottle| (bottle, address)));
                }
                Step::StartProcess(_) => {
                    topology.processes.extend(address.bottle().map(|bottle| (bottle, address)));
                }
                _ => {}
            }
        }
        topology
    }

    fn memberships(&self, container: &Container) -> &[&'g Membership] {
        self.connected.get(&container.name).map_or(&[], Vec::as_slice)
    }

    fn networks_of(&self, container: &Container) -> Vec<At<'g, Network>> {
        let memberships = self.memberships(container).iter();
        memberships.filter_map(|membership| self.networks.get(&membership.network).copied()).collect()
    }

    fn is_on_own_network(&self, container: &Container) -> bool {
        self.memberships(container).iter().any(|membership| membership.own)
    }

    /// Whether it would join a network that no step makes: where that leads, nobody can say.
    fn is_astray(&self, container: &Container) -> bool {
        let mut made = self.memberships(container).iter().filter(|membership| !membership.own);
        made.any(|membership| !self.networks.contains_key(&membership.network))
    }

    /// The way out that was lowered, read off what there is.
    fn way(&self, bottle: &str, agent: &Container) -> Option<Way> {
        if self.sidecars.contains_key(bottle) {
            Some(Way::Sidecar)
        } else if self.processes.contains_key(bottle) {
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
    /// What makes the agent's container.
    made_by: &'a Address,
    networks: Vec<At<'a, Network>>,
    /// The networks of its sidecar that the agent is not on.
    beyond: Vec<At<'a, Network>>,
    /// What makes its sidecar's container.
    sidecar: Option<&'a Address>,
    /// Whether agent or sidecar would join a network that nothing makes.
    astray: (bool, bool),
    /// What gives the proxy its configuration.
    configuration: Option<&'a Address>,
    /// What loads the guest's rules.
    rules: Option<&'a Address>,
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
    let Some((made_by, agent)) = topology.agents.get(bottle).copied() else {
        let missing = not_held("the plan makes no agent for this bottle");
        return Guarantee::ALL.iter().map(|guarantee| (*guarantee, missing.clone())).collect();
    };
    let sidecar = topology.sidecars.get(bottle).copied();
    let networks = topology.networks_of(agent);
    let seen = Bottle {
        agent,
        made_by,
        beyond: sidecar.map_or_else(Vec::new, |(_, sidecar)| {
            let all = topology.networks_of(sidecar).into_iter();
            all.filter(|(at, _)| networks.iter().all(|(agents, _)| agents != at)).collect()
        }),
        sidecar: sidecar.map(|(address, _)| address),
        astray: (topology.is_astray(agent), sidecar.is_some_and(|(_, sidecar)| topology.is_astray(sidecar))),
        networks,
        configuration: topology.configurations.get(bottle).copied(),
        rules: topology.rules.get(bottle).copied(),
        execs: topology.execs.contains(bottle),
        on_own_network: topology.is_on_own_network(agent),
        way: topology.way(bottle, agent),
        wildcards: allow.iter().map(String::as_str).filter(|host| host.starts_with("*.")).collect(),
        profile,
    };
    let standing = |guarantee: &Guarantee| match profile.behaves {
        _ if seen.gives_up(*guarantee) => seen.given_up(*guarantee),
        _ if seen.astray.0 && guarantee.is_of_network() => {
            not_held("the agent would join a network that the plan does not make").by([seen.made_by])
        }
        _ if !seen.has_network() && guarantee.is_of_network() => seen.without_network(*guarantee).by([seen.made_by]),
        Behaviour::Docker => seen.on_docker(*guarantee),
        Behaviour::Container => seen.on_container(*guarantee),
    };
    Guarantee::ALL.iter().map(|guarantee| (*guarantee, standing(guarantee))).collect()
}

fn held(reason: impl Into<String>) -> Standing {
    Standing::new(Rank::Held, reason)
}

fn weakened(reason: impl Into<String>) -> Standing {
    Standing::new(Rank::Weakened, reason)
}

fn unproven(reason: impl Into<String>) -> Standing {
    Standing::new(Rank::Unproven, reason)
}

fn not_held(reason: impl Into<String>) -> Standing {
    Standing::new(Rank::NotHeld, reason)
}

impl Bottle<'_> {
    fn gives_up(&self, guarantee: Guarantee) -> bool {
        self.agent.given_up.iter().any(|allowance| allowance.loses().contains(&guarantee))
    }

    fn given_up(&self, guarantee: Guarantee) -> Standing {
        let by = self.agent.given_up.iter().filter(|allowance| allowance.loses().contains(&guarantee));
        let by: Vec<String> = by.map(ToString::to_string).collect();
        not_held(format!("given up: `unsafe` asks for {}", by.join(", "))).by([self.made_by])
    }

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

    /// What makes the networks that the agent is on, and makes the agent a member of them.
    fn network_steps(&self) -> impl Iterator<Item = &Address> {
        self.networks.iter().map(|(address, _)| *address).chain([self.made_by])
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
