//! What a bottle's `unsafe` can ask for, and the guarantees that each costs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fixed::{self, Fixed};
use crate::guarantee::Guarantee;

/// Something that takes a wall of a bottle away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allowance {
    /// The host's network instead of one of its own.
    HostNetwork,
    /// The host's processes.
    HostPid,
    /// All capabilities and all devices.
    Privileged,
    /// A capability, by its name without `CAP_`.
    Capability(#[serde(deserialize_with = "fixed::of_capability")] Fixed),
    /// A device of the host: absolute, below `/dev`.
    Device(String),
    /// An engine's socket, at the same path in the guest: absolute.
    EngineSocket(String),
    /// A workspace that is a mount of a home, of what is above one, or of the system's own folders.
    MountHostFolder,
}

impl Allowance {
    /// Those that need no more than a word, with the word.
    pub(crate) const WORDS: &[(&str, Self)] = &[
        ("host-network", Self::HostNetwork),
        ("host-pid", Self::HostPid),
        ("privileged", Self::Privileged),
        ("mount-host-folder", Self::MountHostFolder),
    ];

    /// The guarantees that a bottle with it does not have, in the order of all tables.
    ///
    /// Whoever can become the host has all of its networks, processes and kernel: then only how secrets are handed over is left.
    #[must_use]
    pub fn loses(&self) -> Vec<Guarantee> {
        let lost = |is: fn(Guarantee) -> bool| Guarantee::ALL.iter().copied().filter(|one| is(*one)).collect();
        match self {
            Self::HostNetwork => lost(Guarantee::is_of_network),
            Self::Capability(name) if HARMLESS.contains(name) => vec![Guarantee::AgentUnprivileged],
            Self::Capability(name) if OF_NETWORKS.contains(name) => {
                vec![Guarantee::HostClosed, Guarantee::Ipv6Closed, Guarantee::AgentUnprivileged]
            }
            Self::Device(path) if OF_GUESTS.contains(&path.as_str()) => {
                vec![Guarantee::KernelOwn, Guarantee::AgentUnprivileged]
            }
            Self::HostPid
            | Self::Privileged
            | Self::Capability(_)
            | Self::Device(_)
            | Self::EngineSocket(_)
            | Self::MountHostFolder => lost(|one| one != Guarantee::SecretsByName),
        }
    }

    /// As `allow` has it in a manifest.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Capability(name) => format!("{{ capability = \"{name}\" }}"),
            Self::Device(path) => format!("{{ device = \"{path}\" }}"),
            Self::EngineSocket(path) => format!("{{ engine_socket = \"{path}\" }}"),
            word => format!("\"{word}\""),
        }
    }

    /// The table of a manifest that asks for it.
    #[must_use]
    pub fn table(&self) -> String {
        format!("[[bottle.NAME.unsafe]]\nallow = {}\nloses = [{}]", self.written(), quoted(&self.loses()))
    }
}

/// Guarantees as a manifest lists them.
pub(super) fn quoted(guarantees: &[Guarantee]) -> String {
    guarantees.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability(name) => write!(f, "capability {name}"),
            Self::Device(path) => write!(f, "device {path}"),
            Self::EngineSocket(path) => write!(f, "engine socket {path}"),
            word => {
                let found = Self::WORDS.iter().find(|(_, one)| one == word);
                f.write_str(found.map_or("", |(text, _)| text))
            }
        }
    }
}

/// The capabilities of Linux (`capabilities(7)`), without those that nothing in a container can use. `ALL` is none: it is `privileged`.
pub(crate) const CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Capabilities that make root of a container more of a root there, over its own files and processes. All others reach the host.
const HARMLESS: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_PTRACE",
];

/// Capabilities over a container's own interfaces: whoever has them can give itself addresses and send any packet to the bridge.
const OF_NETWORKS: &[&str] = &["NET_ADMIN", "NET_RAW"];

/// Devices that give nothing of the host's but a way into its kernel's drivers.
const OF_GUESTS: &[&str] = &["/dev/fuse", "/dev/kvm", "/dev/net/tun"];
