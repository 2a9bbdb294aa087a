//! What a standing rests on: steps of the plan by address, and what the backend can do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::profile::{GatewayClosing, Kernel, Known, Profile};

/// What gives a standing. Take any of it away, and what is held is held no more. What holds by how plans are made rests on neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// The operations, by address; sorted.
    pub operations: Vec<Address>,
    /// What the backend can do, or cannot.
    pub capability: Option<Capability>,
}

/// A fact of a profile that a standing rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// How an internal network's gateway is closed.
    GatewayClosing(Option<GatewayClosing>),
    /// Whether containers of a network without IPv6 were seen to have none.
    Ipv6SeenDisabled(bool),
    /// Whose kernel a container runs on.
    Kernel(Kernel),
    /// Whether gVisor is registered; `None` where no engine was asked.
    Runsc(Option<bool>),
    /// Whether processes can be kept from gaining privileges.
    NoNewPrivileges(bool),
}

impl Capability {
    pub(super) fn runsc(profile: &Profile) -> Self {
        Self::Runsc(match profile.runsc {
            Known::Seen(there) => Some(there),
            Known::Unknown => None,
        })
    }

    /// Its name: `gateway_mode_ipv4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayClosing(Some(GatewayClosing::Isolated)) => "gateway_mode_ipv4",
            Self::GatewayClosing(Some(GatewayClosing::Inhibited)) => "inhibit_ipv4",
            Self::GatewayClosing(None) => "gateway_closing",
            Self::Ipv6SeenDisabled(_) => "ipv6_seen_disabled",
            Self::Kernel(_) => "kernel",
            Self::Runsc(_) => "runsc",
            Self::NoNewPrivileges(_) => "no_new_privileges",
        }
    }

    /// What it is on the backend: `isolated`.
    #[must_use]
    pub fn value(self) -> &'static str {
        match self {
            Self::GatewayClosing(Some(GatewayClosing::Isolated)) => "isolated",
            Self::GatewayClosing(None) => "none",
            Self::Kernel(Kernel::Own) => "own",
            Self::Kernel(Kernel::Shared) => "shared",
            Self::Runsc(None) => "unknown",
            Self::GatewayClosing(Some(GatewayClosing::Inhibited))
            | Self::Ipv6SeenDisabled(true)
            | Self::Runsc(Some(true))
            | Self::NoNewPrivileges(true) => "true",
            Self::Ipv6SeenDisabled(false) | Self::Runsc(Some(false)) | Self::NoNewPrivileges(false) => "false",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name(), self.value())
    }
}
