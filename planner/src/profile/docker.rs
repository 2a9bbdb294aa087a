//! Docker Engine. Measured on 20.10.24 with the CLI 28.2, and on 26.1.5 and 28.5.2 each with the CLI of its version; what lies between
//! follows the release that introduced it.

use super::{Backend, Behaviour, Copies, GatewayClosing, Kernel, Known, Profile, ProfileError, Version};

/// The oldest engine whose isolation was measured.
pub const LIVE_FLOOR: Version = Version { major: 20, minor: 10 };

/// The engine that `--backend docker` means when no engine is asked.
pub const NAMED: Version = Version { major: 28, minor: 5 };

/// The engines that the suite of `tests/docker` ran on: 20.10.24, 26.1.5, 28.5.2. On each of them `traffic::to_the_host` finds the host
/// closed and `traffic::by_ipv6` finds no IPv6 in an agent, and both find them open from a container that is no bottle's.
const MEASURED: [Version; 3] = [LIVE_FLOOR, Version { major: 26, minor: 1 }, Version { major: 28, minor: 5 }];

impl Profile {
    /// Docker at a version, or the simulator that behaves like it.
    ///
    /// # Errors
    /// When the version is below [`LIVE_FLOOR`].
    pub fn docker(backend: Backend, version: Version, runsc: Known<bool>) -> Result<Self, ProfileError> {
        if version < LIVE_FLOOR {
            return Err(ProfileError::Old(version));
        }
        Ok(Self {
            backend,
            behaves: Behaviour::Docker,
            version,
            macos: None,
            networks: true,
            networks_after_create: true,
            first_network_routes: false,
            names: true,
            own_egress_network: false,
            copies: Copies::OnceMade,
            kernel: Kernel::Shared,
            limits_processes: true,
            fractional_cpus: true,
            // Eight addresses. Measured on 20.10.24: gateway, and five containers.
            longest_prefix: 29,
            networks_at_create: version.major >= 25,
            gateway_priority: version.major >= 28,
            // 26.1.5 accepts `gateway_mode_ipv4=isolated` without a word, and leaves the gateway open.
            gateway_closing: Some(if version.major >= 28 {
                GatewayClosing::Isolated
            } else {
                GatewayClosing::Inhibited
            }),
            closing_measured: version.major >= 28 || MEASURED.contains(&version),
            ipv6_seen_disabled: MEASURED.contains(&version),
            runsc,
        })
    }
}
