//! What a backend at a version can do: facts that passes decide by, each with its source.

mod docker;

use std::fmt;

pub use docker::{LIVE_FLOOR, NAMED};
use serde::{Deserialize, Serialize};

/// Which executor runs the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Docker Engine, driven by the `docker` command.
    Docker,
    /// The engine inside this process.
    Simulator,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "docker",
            Self::Simulator => "simulator",
        })
    }
}

/// A version as far as profiles care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// `28` of 28.5.2.
    pub major: u32,
    /// `5` of 28.5.2.
    pub minor: u32,
}

impl Version {
    /// Reads the first two numbers of a version text such as `20.10.24+dfsg1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
        Some(Self { major, minor: minor.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// How an internal network can be kept from leading to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayClosing {
    /// `gateway_mode_ipv4=isolated`: the bridge has no address. Measured on 28.5.2.
    Isolated,
    /// `inhibit_ipv4=true`: the bridge gets no address. Measured on 20.10.24, accepted by 28.5.2.
    Inhibited,
}

/// What a backend can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Who runs the operations.
    pub backend: Backend,
    /// The version whose behaviour this is. The simulator behaves as Docker of this version.
    pub version: Version,
    /// Whether `create` takes several networks. Refused by 20.10.24, works on 28.5.2; since engine 25 (API 1.44).
    pub networks_at_create: bool,
    /// Whether a network's `gw-priority` can be set: since engine 28.
    pub gateway_priority: bool,
    /// How internal networks are closed towards the host.
    pub gateway_closing: GatewayClosing,
    /// Whether that was measured to close it, on an engine of this version or as its documented mode.
    pub closing_measured: bool,
    /// Whether the embedded resolver hands names from an internal network to the host's resolver when that is on loopback.
    /// Measured: it does on 20.10.24, it does not on 28.5.2.
    pub leaks_dns_to_loopback: bool,
    /// Whether containers of a network without IPv6 were seen to have IPv6 disabled. Measured on 20.10.24.
    pub ipv6_seen_disabled: bool,
    /// Whether `runsc` is registered as a runtime: known from a live engine only.
    pub runsc: Known<bool>,
}

/// A fact that only a live engine can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// Seen on a live engine.
    Seen(T),
    /// Planned without an engine.
    Unknown,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.backend {
            Backend::Docker => write!(f, "docker@{}", self.version),
            Backend::Simulator => write!(f, "simulator@{}", self.version),
        }
    }
}

/// Why a profile could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ProfileError {
    /// Not `NAME` or `NAME@MAJOR.MINOR`.
    #[error("`{0}` names no backend")]
    #[diagnostic(
        code(bottle::profile::unknown),
        help("write `docker`, `docker@28.5`, `simulator` or `simulator@20.10`")
    )]
    Unknown(String),
    /// Older than anything that was measured.
    #[error("docker {0} is older than {LIVE_FLOOR}, the oldest engine whose isolation was measured")]
    #[diagnostic(code(bottle::profile::old), help("upgrade the engine"))]
    Old(Version),
}

impl Profile {
    /// The profile of a backend named on the command line: `docker@28.5`, `simulator`.
    ///
    /// # Errors
    /// When the text names no backend, or one too old.
    pub fn named(text: &str) -> Result<Self, ProfileError> {
        let unknown = || ProfileError::Unknown(text.escape_debug().to_string());
        let (backend, version) = match text.split_once('@') {
            Some((backend, version)) => (backend, Some(Version::parse(version).ok_or_else(unknown)?)),
            None => (text, None),
        };
        let version = version.unwrap_or(NAMED);
        match backend {
            "docker" => Self::docker(Backend::Docker, version, Known::Unknown),
            "simulator" => Self::docker(Backend::Simulator, version, Known::Seen(false)),
            _ => Err(unknown()),
        }
    }
}
