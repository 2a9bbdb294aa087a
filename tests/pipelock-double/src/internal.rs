//! Addresses that are never dialled, whatever name leads to them.

use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

/// When this file exists, private addresses are dialled: the double's one deliberate difference from pipelock.
pub(crate) const ALLOW_PRIVATE: &str = "/etc/pipelock-double-allow-private";

/// Private addresses (RFC 1918, RFC 4193): what containers have.
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
/// This host, loopback, link-local (metadata services among them), shared, benchmarking, multicast and reserved addresses.
const NEVER: [&str; 11] = [
    "0.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
    "::/128",
    "::1/128",
    "fe80::/10",
    "ff00::/8",
    "64:ff9b::/96",
];
/// Metadata services whose addresses are within the private ranges.
const METADATA: [&str; 1] = ["fd00:ec2::254/128"];

/// The networks that are never dialled.
#[derive(Debug)]
pub(crate) struct Internal(Vec<IpNet>);

impl Internal {
    /// The networks of a configuration; the default ones when it names none.
    pub(crate) fn new(configured: Option<&[IpNet]>) -> Self {
        match configured {
            Some(networks) => Self(networks.to_vec()),
            None => Self::default_networks(Path::new(ALLOW_PRIVATE).exists()),
        }
    }

    fn default_networks(private_allowed: bool) -> Self {
        let private = if private_allowed { &[][..] } else { &PRIVATE[..] };
        Self(NEVER.iter().chain(&METADATA).chain(private).filter_map(|network| network.parse().ok()).collect())
    }

    /// Whether an address is within one of them. An IPv4 address in IPv6 clothes is that IPv4 address.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(internal: &Internal, address: &str) -> bool {
        internal.holds(address.parse().unwrap())
    }

    #[test]
    fn every_default_network_can_be_read() {
        assert_eq!(Internal::default_networks(false).0.len(), NEVER.len() + METADATA.len() + PRIVATE.len());
    }

    #[test]
    fn internal_addresses_are_held_by_default() {
        let internal = Internal::default_networks(false);
        for address in ["10.1.2.3", "172.20.0.2", "192.168.1.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1"] {
            assert!(holds(&internal, address), "{address}");
        }
        assert!(holds(&internal, "::ffff:10.1.2.3"));
        for address in ["1.1.1.1", "172.32.0.1", "2606:4700::1111"] {
            assert!(!holds(&internal, address), "{address}");
        }
    }

    #[test]
    fn the_switch_opens_private_addresses_only() {
        let internal = Internal::default_networks(true);
        for address in ["10.1.2.3", "172.20.0.2", "192.168.1.1"] {
            assert!(!holds(&internal, address), "{address}");
        }
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "0.0.0.0"] {
            assert!(holds(&internal, address), "{address}");
        }
    }

    #[test]
    fn an_empty_list_turns_the_check_off() {
        assert!(!holds(&Internal::new(Some(&[])), "127.0.0.1"));
    }
}
