//! Properties of a finished bottle, computed from the lowered graph and the profile.

mod evidence;
mod standing;

use std::fmt;

pub use evidence::{Capability, Evidence};
pub use standing::{Topology, standings};

use crate::address::Address;

use serde::{Deserialize, Serialize};

macro_rules! guarantees {
    ($($(#[$doc:meta])* $variant:ident = $text:literal : $meaning:literal, $weakened:literal;)*) => {
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

            /// What weakens it or takes it away, in one line.
            #[must_use]
            pub fn weakened_by(self) -> &'static str {
                match self { $(Self::$variant => $weakened),* }
            }
        }
    };
}

guarantees! {
    /// `egress.allowlisted`
    EgressAllowlisted = "egress.allowlisted": "traffic leaves only for the hosts that the manifest lists",
        "a network that leads out, or a listed host that passes on what it is sent";
    /// `egress.inspected`
    EgressInspected = "egress.inspected": "what leaves is read by the proxy, bodies included",
        "any traffic at all while the proxy opens no TLS";
    /// `proxy.isolated`
    ProxyIsolated = "proxy.isolated": "the agent can neither signal nor rewrite the proxy",
        "processes or files that agent and proxy share";
    /// `dns.closed`
    DnsClosed = "dns.closed": "no name is resolved outside on the agent's behalf",
        "a wildcard among the hosts, or a resolver that asks others";
    /// `host.closed`
    HostClosed = "host.closed": "no service of the host is reachable",
        "a gateway on the agent's network, whose address is the host's";
    /// `metadata.closed`
    MetadataClosed = "metadata.closed": "no cloud metadata address is reachable",
        "a network that leads out, or a proxy that dials private addresses";
    /// `ipv6.closed`
    Ipv6Closed = "ipv6.closed": "there is no way out over IPv6",
        "an IPv6 address on any interface but the loopback";
    /// `peers.closed`
    PeersClosed = "peers.closed": "no other bottle is reachable",
        "a network on which another bottle is";
    /// `kernel.own`
    KernelOwn = "kernel.own": "the agent runs on a kernel of its own",
        "a kernel that is shared with the host: a flaw in it is a way out";
    /// `secrets.by-name`
    SecretsByName = "secrets.by-name": "no secret is in a plan, argv, log, journal, state file or image",
        "a secret written into the manifest as a plain value, an argument or a file";
    /// `agent.unprivileged`
    AgentUnprivileged = "agent.unprivileged": "the agent is not root and cannot become it",
        "root, an added capability, or a set-user-id program where new privileges are not forbidden";
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

/// How well a guarantee stands. From best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// It holds.
    Held,
    /// It holds but for what the reason says.
    Weakened,
    /// Nobody has shown that it holds on this backend.
    Unproven,
    /// It does not hold.
    NotHeld,
}

/// Whether a guarantee holds, with the reason and what that rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    rank: Rank,
    reason: String,
    evidence: Evidence,
}

impl Standing {
    /// A standing that rests on nothing yet.
    #[must_use]
    pub fn new(rank: Rank, reason: impl Into<String>) -> Self {
        Self { rank, reason: reason.into(), evidence: Evidence::default() }
    }

    /// Adds operations to what it rests on.
    fn by<'a>(mut self, operations: impl IntoIterator<Item = &'a Address>) -> Self {
        self.evidence.operations.extend(operations.into_iter().cloned());
        self.evidence.operations.sort_unstable();
        self.evidence.operations.dedup();
        self
    }

    /// Rests it on what the backend can do.
    fn given(mut self, capability: Capability) -> Self {
        self.evidence.capability = Some(capability);
        self
    }

    /// Whether it meets a `requires`.
    #[must_use]
    pub fn meets(&self) -> bool {
        self.rank == Rank::Held
    }

    /// How well it stands.
    #[must_use]
    pub fn rank(&self) -> Rank {
        self.rank
    }

    /// The word that tables show.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.rank {
            Rank::Held => "held",
            Rank::Weakened => "weakened",
            Rank::Unproven => "unproven",
            Rank::NotHeld => "not held",
        }
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What it rests on.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}
