//! Docker: what a bottle's containers and networks give on an engine of the profile's version.

use super::{Bottle, by_name, held, not_held, not_inspected, unproven, weakened};
use crate::address::Address;
use crate::guarantee::{Capability, Guarantee, Standing};
use crate::intent::Reach;
use crate::manifest::Runtime;
use crate::profile::{GatewayClosing, Known};

impl Bottle<'_> {
    /// A bottle on Docker: guarded by a sidecar, or without any way out.
    pub(super) fn on_docker(&self, guarantee: Guarantee) -> Standing {
        match guarantee {
            Guarantee::EgressAllowlisted => self.allowlisted(),
            Guarantee::EgressInspected => not_inspected(),
            Guarantee::ProxyIsolated => self.proxy_isolated(),
            Guarantee::DnsClosed => self.dns_closed(),
            Guarantee::HostClosed => self.host_closed(),
            Guarantee::MetadataClosed => self.metadata_closed(),
            Guarantee::Ipv6Closed => self.ipv6_closed(),
            Guarantee::PeersClosed => self.peers_closed(),
            Guarantee::KernelOwn => self.kernel_own(),
            Guarantee::SecretsByName => by_name(),
            Guarantee::AgentUnprivileged => self.unprivileged(),
        }
    }

    fn only_internal(&self) -> bool {
        !self.on_own_network && self.networks.iter().all(|(_, network)| network.reach == Reach::Internal)
    }

    /// The steps that leave the proxy as the only way out: the agent's networks, and what the proxy is told to let through.
    fn proxied(&self) -> impl Iterator<Item = &Address> {
        self.network_steps().chain(self.configuration)
    }

    /// Whether there is a proxy that nothing tells what to let through.
    fn is_unconfigured(&self) -> bool {
        self.way.is_some() && self.configuration.is_none()
    }

    fn allowlisted(&self) -> Standing {
        if !self.only_internal() {
            return not_held("the agent is on a network that leads out").by(self.network_steps());
        }
        if self.is_unconfigured() {
            return not_held("the proxy is given no configuration");
        }
        if self.way.is_none() {
            return held("on an internal network alone, with nothing that leads out").by(self.network_steps());
        }
        held("the only way out is a proxy that lets the listed hosts through, on any port").by(self.proxied())
    }

    fn proxy_isolated(&self) -> Standing {
        if self.way.is_none() {
            return not_held("there is no proxy");
        }
        if self.is_unconfigured() {
            return not_held("the proxy is given no configuration");
        }
        held("the proxy is a container of its own, with a configuration that is root's and no shared processes")
            .by(self.sidecar.into_iter().chain(self.configuration))
    }

    fn dns_closed(&self) -> Standing {
        if !self.agent.dns_closed {
            return not_held("the engine's resolver asks the host's").by([self.made_by]);
        }
        if self.wildcards.is_empty() {
            return held("the agent's resolver knows its neighbours alone; the proxy looks up listed names")
                .by([self.made_by]);
        }
        weakened(format!(
            "the proxy looks up any label under {}: a way out for whoever runs that zone",
            self.wildcards.join(", ")
        ))
        .by(self.configuration)
    }

    /// The host's services: those that would answer. Measured on 20.10.24, 26.1.5 and 28.5.2 with both ways of closing.
    fn host_closed(&self) -> Standing {
        let closing = self.closing();
        let standing = match closing {
            None => not_held("the gateway of an internal network is the host"),
            Some(GatewayClosing::Isolated) => but_for_datagrams("the internal network has no gateway"),
            Some(GatewayClosing::Inhibited) if self.profile.closing_measured => {
                but_for_datagrams("the internal network's bridge has no address")
            }
            Some(GatewayClosing::Inhibited) => unproven(format!(
                "inhibit_ipv4 was measured to close the gateway on docker 20.10 and 26.1, and not on {}",
                self.profile.version
            )),
        };
        standing.by(self.network_steps()).given(Capability::GatewayClosing(closing))
    }

    fn metadata_closed(&self) -> Standing {
        if !self.only_internal() {
            return not_held("the agent is on a network that leads out").by(self.network_steps());
        }
        if self.is_unconfigured() {
            return not_held("the proxy is given no configuration");
        }
        held("link-local addresses have no route, and the proxy dials no private ones").by(self.proxied())
    }

    fn ipv6_closed(&self) -> Standing {
        let standing = if self.profile.ipv6_seen_disabled && !self.on_own_network {
            held("networks have no IPv6, and the engine turns it off in their containers")
        } else {
            unproven(format!(
                "networks have no IPv6; what is left of it in a container was not measured on {}",
                self.profile.version
            ))
        };
        standing.by(self.network_steps()).given(Capability::Ipv6SeenDisabled(self.profile.ipv6_seen_disabled))
    }

    fn peers_closed(&self) -> Standing {
        // Neighbours are cut off from each other on networks that lead out, and on no other ones.
        let apart = !self.astray.1 && self.beyond.iter().all(|(_, network)| network.reach == Reach::Egress);
        let steps = self.network_steps().chain(self.beyond.iter().map(|(address, _)| *address));
        if !self.only_internal() {
            not_held("the agent is on a network with others").by(steps)
        } else if !apart {
            not_held("its sidecar is on a network whose members reach each other").by(steps)
        } else {
            held(
                "each bottle has an internal network of its own; sidecars on the egress network cannot reach each other",
            )
            .by(steps)
        }
    }

    fn kernel_own(&self) -> Standing {
        match (self.agent.runtime, self.agent.asked, self.profile.runsc) {
            (Some(_), _, Known::Unknown) => {
                held("gVisor's kernel (runsc) stands between the agent and the host's").by([self.made_by])
            }
            (Some(_), _, Known::Seen(_)) => held("gVisor's kernel (runsc) stands between the agent and the host's")
                .by([self.made_by])
                .given(Capability::runsc(self.profile)),
            (None, Runtime::Auto, Known::Unknown) => {
                not_held("the host's kernel; an engine with runsc registered would get gVisor's")
                    .given(Capability::runsc(self.profile))
            }
            (None, ..) => not_held("the agent shares the host's kernel").given(Capability::runsc(self.profile)),
        }
    }

    fn unprivileged(&self) -> Standing {
        let standing = match self.user() {
            None => unproven("the manifest names no `user`: the image decides"),
            Some("root" | "0") => weakened("the agent is root in its container, without capabilities"),
            Some(_) if !self.profile.limits_processes => {
                weakened("not root and no capabilities, but new privileges are not forbidden")
            }
            Some(_) => held("not root, no capabilities, no new privileges"),
        };
        standing.by([self.made_by]).given(Capability::NoNewPrivileges(self.profile.limits_processes))
    }

    /// How the agent's networks are closed towards the host; `None` when one of them is not.
    fn closing(&self) -> Option<GatewayClosing> {
        if self.on_own_network {
            return None;
        }
        let closings: Option<Vec<GatewayClosing>> = self.networks.iter().map(|(_, network)| network.closing).collect();
        closings?.into_iter().next()
    }
}

/// A bridge hands the host what is sent to everybody on it, whether or not it has an address there.
fn but_for_datagrams(closed: &str) -> Standing {
    weakened(format!("{closed}; a broadcast or multicast still gets to UDP services of the host, which cannot answer"))
}
