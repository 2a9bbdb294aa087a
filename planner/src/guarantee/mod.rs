//! Properties of a finished bottle, computed from the lowered graph and the profile.

mod standing;

use std::fmt;

pub use standing::{Topology, standings};

use serde::{Deserialize, Serialize};

macro_rules! guarantees {
    ($($(#[$doc:meta])* $variant:ident = $text:literal : $meaning:literal,)*) => {
        /// A property by name. The order is the order of every table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Guarantee {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Guarantee {
            /// All of them, in the order of every table.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name that manifests and plans use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// What it promises, in one line.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }
        }
    };
}

guarantees! {
    /// `egress.allowlisted`
    EgressAllowlisted = "egress.allowlisted": "traffic leaves only for the hosts that the manifest lists",
    /// `egress.inspected`
    EgressInspected = "egress.inspected": "what leaves is read by the proxy, bodies included",
    /// `proxy.isolated`
    ProxyIsolated = "proxy.isolated": "the agent can neither signal nor rewrite the proxy",
    /// `dns.closed`
    DnsClosed = "dns.closed": "no name is resolved outside on the agent's behalf",
    /// `host.closed`
    HostClosed = "host.closed": "no service of the host is reachable",
    /// `metadata.closed`
    MetadataClosed = "metadata.closed": "no cloud metadata address is reachable",
    /// `ipv6.closed`
    Ipv6Closed = "ipv6.closed": "there is no way out over IPv6",
    /// `peers.closed`
    PeersClosed = "peers.closed": "no other bottle is reachable",
    /// `kernel.own`
    KernelOwn = "kernel.own": "the agent runs on a kernel of its own",
    /// `secrets.by-name`
    SecretsByName = "secrets.by-name": "no secret is in a plan, argv, log, journal, state file or image",
    /// `agent.unprivileged`
    AgentUnprivileged = "agent.unprivileged": "the agent is not root and cannot become it",
}

impl Guarantee {
    /// Whether it speaks of what can be reached over a network.
    #[must_use]
    pub fn is_of_network(self) -> bool {
        !matches!(self, Self::KernelOwn | Self::SecretsByName | Self::AgentUnprivileged)
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether a guarantee holds, with the reason. From best to worst.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "standing", content = "reason", rename_all = "kebab-case")]
pub enum Standing {
    /// It holds; by what.
    Held(String),
    /// It holds but for what the reason says.
    Weakened(String),
    /// Nobody has shown that it holds on this backend.
    Unproven(String),
    /// It does not hold.
    NotHeld(String),
}

impl Standing {
    /// Whether it meets a `requires`.
    #[must_use]
    pub fn meets(&self) -> bool {
        matches!(self, Self::Held(_))
    }

    /// The word that tables show.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Held(_) => "held",
            Self::Weakened(_) => "weakened",
            Self::Unproven(_) => "unproven",
            Self::NotHeld(_) => "not held",
        }
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        let (Self::Held(reason) | Self::Weakened(reason) | Self::Unproven(reason) | Self::NotHeld(reason)) = self;
        reason
    }
}
