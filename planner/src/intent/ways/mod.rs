//! The ways out of a bottle: what stands between an agent and the hosts that it may reach.

mod firewall;
mod host_loopback;
mod sidecar;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::compile::{Compiler, Made};
use super::{CompileError, Network, ObjectName, Reach, Step};
use crate::address::Address;
use crate::manifest::Bottle;
use crate::name::BottleName;

/// How many addresses an internal network needs: gateway, sidecar, agent.
const INTERNAL_MEMBERS: u32 = 3;

/// A way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// A proxy in a container of its own.
    #[default]
    Sidecar,
    /// A proxy as a process of the host, on the gateway of the agent's network.
    HostLoopback,
    /// Rules in the guest, made from the addresses behind the names.
    Firewall,
}

impl Way {
    /// All of them, in the order in which a choice is made.
    pub const ALL: &[Self] = &[Self::Sidecar, Self::HostLoopback, Self::Firewall];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sidecar => "sidecar",
            Self::HostLoopback => "host-loopback",
            Self::Firewall => "firewall",
        })
    }
}

/// The way of each bottle; a sidecar where none is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways(BTreeMap<BottleName, Way>);

impl Ways {
    /// The way of a bottle.
    #[must_use]
    pub fn of(&self, bottle: &BottleName) -> Way {
        self.0.get(bottle).copied().unwrap_or_default()
    }

    /// Sets it.
    pub fn set(&mut self, bottle: BottleName, way: Way) {
        self.0.insert(bottle, way);
    }
}

/// What guards an agent, as far as it can be made before there is one.
pub(super) enum Guard {
    /// A sidecar that serves.
    Sidecar { network: Made<ObjectName>, ready: Address },
    /// A network; the process can only follow the agent, whose container brings the gateway's address up.
    HostLoopback { network: Made<ObjectName>, hosts: Vec<String> },
    /// The network that leads out; the rules can only follow the agent.
    Firewall { network: Made<ObjectName>, hosts: Vec<String> },
}

impl Guard {
    /// Rules in the guest, on a network that leads out.
    pub(super) fn firewall(network: &Made<ObjectName>, hosts: &[String]) -> Self {
        Self::Firewall { network: network.clone(), hosts: hosts.to_vec() }
    }

    /// Whether the agent's traffic goes through a proxy.
    pub(super) fn is_proxy(&self) -> bool {
        matches!(self, Self::Sidecar { .. } | Self::HostLoopback { .. })
    }
}

impl Compiler<'_> {
    /// The internal network of a bottle.
    fn internal_network(&mut self, bottle: &Bottle) -> Result<Made<ObjectName>, CompileError> {
        let network = Network {
            name: self.object(&bottle.name, "_internal"),
            reach: Reach::Internal,
            members: INTERNAL_MEMBERS,
            subnet: None,
            closing: None,
        };
        let name = network.name.clone();
        let address = self.add(Address::of(&bottle.name, "internal", "create"), Step::CreateNetwork(network), [])?;
        Ok(Made { address, name })
    }
}
