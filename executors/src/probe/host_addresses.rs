//! The addresses of this machine.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// The IPv4 addresses of this machine but for the loopback, as the kernel's table has them; none where there is no such table.
pub(super) fn of_this_machine() -> Vec<IpAddr> {
    std::fs::read_to_string("/proc/net/fib_trie").map(|text| local(&text)).unwrap_or_default()
}

/// An address stands on one line, and what it is on the next.
fn local(table: &str) -> Vec<IpAddr> {
    let mut found = BTreeSet::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last.filter(|address| !address.is_loopback()));
        }
    }
    found.into_iter().map(IpAddr::V4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_told_from_networks_and_broadcasts() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\nLocal:\n  +-- 0.0.0.0/0 2 0 2\n\
                     \x20    |-- 127.0.0.1\n        /32 host LOCAL\n     +-- 192.0.2.0/24 2 0 1\n        |-- 192.0.2.0\n\
                     \x20          /24 link UNICAST\n        |-- 192.0.2.2\n           /32 host LOCAL\n        |-- 192.0.2.255\n\
                     \x20          /32 link BROADCAST\n     |-- 172.17.0.1\n        /32 host LOCAL\n";
        let expected: Vec<IpAddr> = vec!["172.17.0.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert_eq!(local(table), expected);
    }
}
