//! Where each guarantee stands for a bottle: from the lowered graph and the profile, never from what was hoped for.

use std::collections::HashMap;

use super::{Guarantee, Standing};
use crate::intent::{Container, Graph, Membership, Network, ObjectName, Reach, Role, Step};
use crate::manifest::Runtime;
use crate::profile::{GatewayClosing, Known, Profile};

/// The containers and networks of a lowered graph, by what they belong to.
pub struct Topology<'g> {
    agents: HashMap<&'g str, &'g Container>,
    sidecars: HashMap<&'g str, &'g Container>,
    networks: HashMap<&'g ObjectName, &'g Network>,
    connected: HashMap<&'g ObjectName, Vec<&'g Membership>>,
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
                _ => {}
            }
        }
        topology
    }

    fn networks_of(&self, container: &Container) -> Vec<&'g Network> {
        let memberships = self.connected.get(&container.name).into_iter().flatten();
        memberships.filter_map(|membership| self.networks.get(&membership.network).copied()).collect()
    }
}

/// What is known of one bottle.
struct Bottle<'a> {
    agent: &'a Container,
    networks: Vec<&'a Network>,
    sidecar: bool,
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
        sidecar: topology.sidecars.contains_key(bottle),
        wildcards: allow.iter().map(String::as_str).filter(|host| host.starts_with("*.")).collect(),
        profile,
    };
    Guarantee::ALL.iter().map(|guarantee| (*guarantee, seen.standing(*guarantee))).collect()
}

fn held(reason: &str) -> Standing {
    Standing::Held(reason.to_owned())
}

fn not_held(reason: &str) -> Standing {
    Standing::NotHeld(reason.to_owned())
}

impl Bottle<'_> {
    fn standing(&self, guarantee: Guarantee) -> Standing {
        if let (Some(standing), false) = (self.without_network(guarantee), self.has_network()) {
            return standing;
        }
        match guarantee {
            Guarantee::EgressAllowlisted => self.allowlisted(),
            Guarantee::EgressInspected => {
                not_held("the proxy opens no TLS: it sees the host of a connection, not what is said in it")
            }
            Guarantee::ProxyIsolated => self.proxy_isolated(),
            Guarantee::DnsClosed => self.dns_closed(),
            Guarantee::HostClosed => self.host_closed(),
            Guarantee::MetadataClosed => self.metadata_closed(),
            Guarantee::Ipv6Closed => self.ipv6_closed(),
            Guarantee::PeersClosed => self.peers_closed(),
            Guarantee::KernelOwn => self.kernel_own(),
            Guarantee::SecretsByName => held(
                "values are read when they are used and go into the container's environment; the engine keeps that, for whoever may \
                 use the engine",
            ),
            Guarantee::AgentUnprivileged => self.unprivileged(),
        }
    }

    fn has_network(&self) -> bool {
        !self.networks.is_empty()
    }

    fn without_network(&self, guarantee: Guarantee) -> Option<Standing> {
        use Guarantee as G;
        match guarantee {
            G::EgressAllowlisted
            | G::DnsClosed
            | G::HostClosed
            | G::MetadataClosed
            | G::Ipv6Closed
            | G::PeersClosed => Some(held("no network")),
            G::EgressInspected => Some(held("no network, nothing leaves")),
            G::ProxyIsolated => Some(held("no network, no proxy")),
            G::KernelOwn | G::SecretsByName | G::AgentUnprivileged => None,
        }
    }

    fn only_internal(&self) -> bool {
        self.networks.iter().all(|network| network.reach == Reach::Internal)
    }

    fn allowlisted(&self) -> Standing {
        if !self.only_internal() {
            return not_held("the agent is on a network that leads out");
        }
        if !self.sidecar {
            return held("on an internal network alone, with nothing that leads out");
        }
        held("the only way out is a proxy that lets the listed hosts through, on any port")
    }

    fn proxy_isolated(&self) -> Standing {
        if self.sidecar {
            held("the proxy is a container of its own, with a configuration that is root's and no shared processes")
        } else {
            not_held("there is no proxy")
        }
    }

    fn dns_closed(&self) -> Standing {
        if !self.agent.dns_closed {
            return not_held("the engine's resolver asks the host's");
        }
        if self.wildcards.is_empty() {
            return held("the agent's resolver knows its neighbours alone; the proxy looks up listed names");
        }
        Standing::Weakened(format!(
            "the proxy looks up any label under {}: a way out for whoever runs that zone",
            self.wildcards.join(", ")
        ))
    }

    fn host_closed(&self) -> Standing {
        match self.closing() {
            None => not_held("the gateway of an internal network is the host"),
            Some(GatewayClosing::Isolated) => held("the internal network has no gateway (gateway_mode_ipv4=isolated)"),
            Some(GatewayClosing::Inhibited) if self.profile.closing_measured => {
                held("the internal network's bridge has no address (inhibit_ipv4)")
            }
            Some(GatewayClosing::Inhibited) => Standing::Unproven(format!(
                "inhibit_ipv4 was measured to close the gateway on docker 20.10, and not on {}",
                self.profile.version
            )),
        }
    }

    fn metadata_closed(&self) -> Standing {
        if self.only_internal() {
            held("link-local addresses have no route, and the proxy dials no private ones")
        } else {
            not_held("the agent is on a network that leads out")
        }
    }

    fn ipv6_closed(&self) -> Standing {
        if self.profile.ipv6_seen_disabled {
            held("networks have no IPv6, and the engine turns it off in their containers")
        } else {
            Standing::Unproven(format!(
                "networks have no IPv6; what is left of it in a container was not measured on {}",
                self.profile.version
            ))
        }
    }

    fn peers_closed(&self) -> Standing {
        if self.only_internal() {
            held(
                "each bottle has an internal network of its own; sidecars on the egress network cannot reach each other",
            )
        } else {
            not_held("the agent is on a network with others")
        }
    }

    fn kernel_own(&self) -> Standing {
        match (self.agent.runtime, self.agent.asked, self.profile.runsc) {
            (Some(_), _, _) => held("gVisor's kernel (runsc) stands between the agent and the host's"),
            (None, Runtime::Auto, Known::Unknown) => {
                not_held("the host's kernel; an engine with runsc registered would get gVisor's")
            }
            (None, ..) => not_held("the agent shares the host's kernel"),
        }
    }

    fn unprivileged(&self) -> Standing {
        let user = self.agent.user.as_deref().map(|user| user.split(':').next().unwrap_or(user));
        match user {
            None => Standing::Unproven("the manifest names no `user`: the image decides".to_owned()),
            Some("root" | "0") => {
                Standing::Weakened("the agent is root in its container, without capabilities".to_owned())
            }
            Some(_) => held("not root, no capabilities, no new privileges"),
        }
    }

    /// How the agent's networks are closed towards the host; `None` when one of them is not.
    fn closing(&self) -> Option<GatewayClosing> {
        let closings: Option<Vec<GatewayClosing>> = self.networks.iter().map(|network| network.closing).collect();
        closings?.into_iter().next()
    }
}
