//! The resolver of the simulated host: every name has addresses, the same ones each time.

use std::net::{IpAddr, Ipv4Addr};

use bottle_planner::intent::ResolveHosts;
use sha2::{Digest as _, Sha256};

use super::state::State;
use super::step::{Answer, Refusal};
use crate::engine::Outcome;

/// The addresses behind names, in the three forms in which they are needed.
pub(super) fn resolve(state: &State, wanted: &ResolveHosts) -> Result<Answer, Refusal> {
    let mut found: Vec<(IpAddr, &String)> = Vec::new();
    for host in &wanted.hosts {
        let addresses = addresses(state, host);
        if addresses.is_empty() {
            return Err(Refusal::program(format!("{host}: no address")));
        }
        found.extend(addresses.into_iter().map(|address| (address, host)));
    }
    let joined = |is: fn(&IpAddr) -> bool| {
        let mut addresses: Vec<IpAddr> = found.iter().map(|(address, _)| *address).filter(is).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let lines: Vec<String> = found.iter().map(|(address, host)| format!("{address} {host}")).collect();
    let outputs = vec![
        (ResolveHosts::IPV4.to_owned(), joined(IpAddr::is_ipv4)),
        (ResolveHosts::IPV6.to_owned(), joined(IpAddr::is_ipv6)),
        (ResolveHosts::HOSTS_FILE.to_owned(), lines.join("\n")),
    ];
    Ok(Answer { changes: Vec::new(), outcome: Outcome { outputs, ..Outcome::default() } })
}

/// What was set by hand, or one address of those that are kept for documentation, so that it is nobody's.
fn addresses(state: &State, host: &str) -> Vec<IpAddr> {
    state.resolves.get(host).cloned().unwrap_or_else(|| {
        let hash = Sha256::digest(host);
        vec![Ipv4Addr::new(203, 0, 113, hash[0]).into()]
    })
}
