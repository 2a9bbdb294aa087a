//! Apple's `container`. Its source says what it means to do; nobody ran it for this. What only running it could show is unproven, and what
//! its users contest is unproven too.

use super::{Bottle, by_name, held, not_held, not_inspected, unproven, weakened};
use crate::guarantee::{Capability, Guarantee, Standing};
use crate::intent::Way;
use crate::profile::Kernel;

/// Whether an internal network lets nothing out is contested.
const CONTESTED: &str =
    "whether `--internal` keeps all traffic in is contested (apple/container#2062): it was not measured";

impl Bottle<'_> {
    /// A bottle on Apple's `container`.
    pub(super) fn on_container(&self, guarantee: Guarantee) -> Standing {
        match (guarantee, self.way) {
            (Guarantee::KernelOwn, _) => match self.profile.kernel {
                Kernel::Own => held("each container is a virtual machine with a kernel of its own"),
                Kernel::Shared => not_held("the agent shares the host's kernel"),
            }
            .given(Capability::Kernel(self.profile.kernel)),
            (Guarantee::SecretsByName, _) => by_name(),
            (Guarantee::AgentUnprivileged, way) => self.unprivileged_on_container(way),
            (guarantee, Some(Way::Firewall)) => self.behind_rules(guarantee),
            (guarantee, way) => self.behind_a_proxy(guarantee, way),
        }
    }

    fn behind_a_proxy(&self, guarantee: Guarantee, way: Option<Way>) -> Standing {
        match guarantee {
            Guarantee::EgressInspected => not_inspected(),
            Guarantee::ProxyIsolated => match way {
                Some(Way::HostLoopback) => weakened(
                    "the proxy is a process of the host, out of the agent's reach; a flaw in it would be a flaw on the host",
                ),
                Some(_) if self.configuration.is_some() => {
                    held("the proxy is a virtual machine of its own, with a configuration that it can only read")
                        .by(self.sidecar.into_iter().chain(self.configuration))
                }
                Some(_) => not_held("the proxy is given no configuration"),
                None => not_held("there is no proxy"),
            },
            Guarantee::HostClosed => not_held(
                "the gateway of an internal network is the host: its services on all addresses can be reached (apple/container#1320)",
            )
            .given(Capability::GatewayClosing(self.profile.gateway_closing)),
            Guarantee::DnsClosed => {
                unproven("the guest is told of no resolver; whether the gateway would answer was not measured")
            }
            Guarantee::PeersClosed => {
                unproven("networks are said to be kept apart, and each bottle has its own; that was not measured")
            }
            Guarantee::Ipv6Closed => unproven("an internal network is given IPv6 too; where it leads was not measured"),
            Guarantee::EgressAllowlisted
            | Guarantee::MetadataClosed
            | Guarantee::KernelOwn
            | Guarantee::SecretsByName
            | Guarantee::AgentUnprivileged => unproven(CONTESTED),
        }
    }

    /// Netfilter in the guest's own kernel, loaded before the agent's command runs, which has given up what could change it. A command of the
    /// manifest has given up nothing: it runs with what the container has.
    fn behind_rules(&self, guarantee: Guarantee) -> Standing {
        let standing = self.by_the_rules(guarantee);
        if !standing.meets() {
            return standing;
        }
        if self.rules.is_none() {
            return not_held("no rules are loaded");
        }
        let steps = self.rules.into_iter().chain([self.made_by]);
        if self.execs {
            return weakened(
                "the rules hold for the agent's command; the manifest's own `exec` runs with the container's capabilities and could flush \
                 them",
            )
            .by(steps);
        }
        standing.by(steps)
    }

    fn by_the_rules(&self, guarantee: Guarantee) -> Standing {
        match guarantee {
            Guarantee::EgressAllowlisted => weakened(
                "by address, as the names were resolved when applied: whoever shares an address is reachable, and a name that moves is \
                 not; root in the guest could flush the rules, and the agent's command cannot become root",
            ),
            Guarantee::EgressInspected | Guarantee::ProxyIsolated => not_held("there is no proxy"),
            Guarantee::DnsClosed => held("no resolver is told, port 53 is dropped; names stand in the hosts file"),
            Guarantee::HostClosed | Guarantee::MetadataClosed | Guarantee::PeersClosed => {
                held("everything is dropped but what goes to the listed hosts' public addresses")
            }
            Guarantee::Ipv6Closed => held("the rules hold for IPv6 as well"),
            Guarantee::KernelOwn | Guarantee::SecretsByName | Guarantee::AgentUnprivileged => {
                not_held("not of the rules")
            }
        }
    }

    fn unprivileged_on_container(&self, way: Option<Way>) -> Standing {
        match (self.user(), way) {
            (None, _) => unproven("the manifest names no `user`: the image decides"),
            (Some("root" | "0"), _) => weakened("the agent is root in its virtual machine"),
            (Some(_), Some(Way::Firewall)) if self.execs => weakened(
                "the agent's command has laid down all capabilities; the manifest's own `exec` has not, and a set-user-id program could use \
                 them",
            ),
            (Some(_), Some(Way::Firewall)) => {
                held("not root, no capabilities, no new privileges: laid down before its command").by([self.made_by])
            }
            (Some(_), _) => weakened(
                "not root and no capabilities, but this backend cannot forbid new privileges: a set-user-id program of the image could give \
                 root in the virtual machine",
            ),
        }
    }
}
