//! Docker: what a bottle's containers and networks give on an engine of the profile's version.

use super::{Bottle, by_name, held, not_held, not_inspected};
use crate::guarantee::{Guarantee, Standing};
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
        self.networks.iter().all(|network| network.reach == Reach::Internal)
    }

    fn allowlisted(&self) -> Standing {
        if !self.only_internal() {
            return not_held("the agent is on a network that leads out");
        }
        if self.way.is_none() {
            return held("on an internal network alone, with nothing that leads out");
        }
        held("the only way out is a proxy that lets the listed hosts through, on any port")
    }

    fn proxy_isolated(&self) -> Standing {
        if self.way.is_some() {
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
                "inhibit_ipv4 was measured to close the gateway on docker 20.10 and 26.1, and not on {}",
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
        match self.user() {
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
