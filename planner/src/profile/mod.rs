//! What a backend at a version can do: facts that passes decide by, each with its source.

mod container;
mod docker;

use std::fmt;

pub use container::Macos;
pub use docker::{LIVE_FLOOR, NAMED};
use serde::{Deserialize, Serialize};

/// Which executor runs the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Docker Engine, driven by the `docker` command.
    Docker,
    /// Apple's `container`, driven by the command of that name: each container is a virtual machine.
    Container,
    /// The engine inside this process.
    Simulator,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "docker",
            Self::Container => "container",
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
    /// `gateway_mode_ipv4=isolated`: the bridge has no IPv4 address. Measured on 28.5.2; 26.1.5 accepts it and gives the bridge one.
    Isolated,
    /// `inhibit_ipv4=true`: the bridge gets no IPv4 address. Measured on 20.10.24, 26.1.5 and 28.5.2.
    Inhibited,
}

/// What a backend can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Who runs the operations.
    pub backend: Backend,
    /// Whose behaviour this is: the simulator behaves as another one.
    pub behaves: Behaviour,
    /// The version whose behaviour this is.
    pub version: Version,
    /// The macOS below; `None` where there is none.
    pub macos: Option<Macos>,
    /// Whether networks can be made.
    pub networks: bool,
    /// Whether a container can join a network once it is made.
    pub networks_after_create: bool,
    /// Whether the first network of a container gets its default route and resolver, whatever comes after.
    pub first_network_routes: bool,
    /// Whether the members of a network know each other's names.
    pub names: bool,
    /// Whether there is a network that leads out which is the engine's own, so that none is made or torn down.
    pub own_egress_network: bool,
    /// When files can be put into a container.
    pub copies: Copies,
    /// Whose kernel a container runs on.
    pub kernel: Kernel,
    /// Whether processes can be kept from gaining privileges, and their number can be limited.
    pub limits_processes: bool,
    /// Whether processors can be given in parts.
    pub fractional_cpus: bool,
    /// The longest prefix of a subnet that is known to be taken.
    pub longest_prefix: u8,
    /// Whether `create` takes several networks. Refused by 20.10.24, works on 26.1.5 and 28.5.2; since engine 25 (API 1.44).
    pub networks_at_create: bool,
    /// Whether a network's `gw-priority` can be set: since engine 28. Refused by the command of 26.1.5, works on 28.5.2.
    pub gateway_priority: bool,
    /// How internal networks are closed towards the host; `None` where they cannot be.
    pub gateway_closing: Option<GatewayClosing>,
    /// Whether that was measured to close it, on an engine of this version or as its documented mode.
    pub closing_measured: bool,
    /// Whether containers of a network without IPv6 were seen to have IPv6 disabled on its interface (`disable_ipv6`): no address, no
    /// route. Measured on 20.10.24, 26.1.5 and 28.5.2 by `traffic::by_ipv6` in `tests/docker`.
    pub ipv6_seen_disabled: bool,
    /// Whether `runsc` is registered as a runtime: known from a live engine only.
    pub runsc: Known<bool>,
}

/// Which engine a profile describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Docker Engine.
    Docker,
    /// Apple's `container`.
    Container,
}

/// When files can be put into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Copies {
    /// As soon as it is made.
    OnceMade,
    /// Only while it runs.
    WhileRunning,
}

/// Whose kernel a container runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// The host's.
    Shared,
    /// One of its own, in a virtual machine.
    Own,
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
        match (self.backend, self.behaves) {
            (Backend::Simulator, Behaviour::Container) => write!(f, "simulator:container@{}", self.version)?,
            (backend, _) => write!(f, "{backend}@{}", self.version)?,
        }
        match self.macos {
            Some(Macos::Fifteen) => f.write_str("/macos15"),
            Some(Macos::TwentySix) | None => Ok(()),
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
        help(
            "write `docker`, `docker@28.5`, `container@1.2`, `container@1.2/macos15`, `simulator`, `simulator@20.10` or \
             `simulator:container`"
        )
    )]
    Unknown(String),
    /// Older than anything that was measured.
    #[error("docker {0} is older than {LIVE_FLOOR}, the oldest engine whose isolation was measured")]
    #[diagnostic(code(bottle::profile::old), help("upgrade the engine"))]
    Old(Version),
    /// Older than what its grammar and JSON are known of.
    #[error("container {0} is older than {floor}: it cannot do what bottle needs of it", floor = container::FLOOR)]
    #[diagnostic(
        code(bottle::profile::old),
        help("install a newer release, then run `container system stop` and `container system start`")
    )]
    OldContainer(Version),
}

impl Profile {
    /// The profile of a backend named on the command line: `docker@28.5`, `simulator`.
    ///
    /// # Errors
    /// When the text names no backend, or one too old.
    pub fn named(text: &str) -> Result<Self, ProfileError> {
        let unknown = || ProfileError::Unknown(text.escape_debug().to_string());
        let (simulated, name) = match text.strip_prefix("simulator:") {
            Some(name) => (true, name),
            None => (text == "simulator" || text.starts_with("simulator@"), text),
        };
        let (name, macos) = match name.strip_suffix("/macos15") {
            Some(name) => (name, Macos::Fifteen),
            None => (name, Macos::TwentySix),
        };
        let (name, version) = match name.split_once('@') {
            Some((name, version)) => (name, Some(Version::parse(version).ok_or_else(unknown)?)),
            None => (name, None),
        };
        let as_docker = |backend, runsc| Self::docker(backend, version.unwrap_or(NAMED), runsc);
        match (name, simulated, macos) {
            ("docker", false, Macos::TwentySix) => as_docker(Backend::Docker, Known::Unknown),
            ("simulator" | "docker", true, Macos::TwentySix) => as_docker(Backend::Simulator, Known::Seen(false)),
            ("container", _, _) => {
                let backend = if simulated { Backend::Simulator } else { Backend::Container };
                Self::container(backend, version.unwrap_or(container::NAMED), macos)
            }
            _ => Err(unknown()),
        }
    }
}
