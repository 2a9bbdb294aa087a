//! Apple's `container`, as its source at tag 1.2.2 says. Nothing of it was run: what only running it could show is left unproven.

use serde::{Deserialize, Serialize};

use super::{Backend, Behaviour, Copies, Kernel, Known, Profile, ProfileError, Version};

/// The oldest release that can do what is needed: `cp`, two networks at create (broken in 0.12), the JSON of 1.0, `cp` from relative paths.
pub(super) const FLOOR: Version = Version { major: 1, minor: 1 };

/// The release that `--backend container` means when no engine is asked.
pub(super) const NAMED: Version = Version { major: 1, minor: 2 };

/// The macOS below `container`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Macos {
    /// One NAT network, and no others: the `network` command is registered on macOS 26 only (`Application.swift`).
    Fifteen,
    /// 26 and later.
    TwentySix,
}

impl Profile {
    /// Apple's `container` at a version, or the simulator that behaves like it.
    ///
    /// # Errors
    /// When the version is older than 1.1.
    pub fn container(backend: Backend, version: Version, macos: Macos) -> Result<Self, ProfileError> {
        if version < FLOOR {
            return Err(ProfileError::OldContainer(version));
        }
        Ok(Self {
            backend,
            behaves: Behaviour::Container,
            version,
            macos: Some(macos),
            networks: macos == Macos::TwentySix,
            // `--network` is repeatable since 0.2.0. There is no `network connect`, and `start` cannot change networks.
            networks_at_create: true,
            networks_after_create: false,
            // `RuntimeService.swift`: the first interface gets the default route and the resolver.
            first_network_routes: true,
            gateway_priority: false,
            // Bare names are not answered on custom networks (#1809, #856).
            names: false,
            // Tearing a NAT network down can cut off others that share its bridge (#2051).
            own_egress_network: true,
            // `copy` wants a running container (`ContainersService.swift`).
            copies: Copies::WhileRunning,
            kernel: Kernel::Own,
            // There is neither `--security-opt` nor `--pids-limit`, and `-c` takes whole numbers.
            limits_processes: false,
            fractional_cpus: false,
            // The prefix in every example and answer; no source says that vmnet takes a longer one.
            longest_prefix: 24,
            // An internal network hands out a gateway, and it is the host (#1320, #500).
            gateway_closing: None,
            closing_measured: false,
            ipv6_seen_disabled: false,
            runsc: Known::Seen(false),
        })
    }
}
