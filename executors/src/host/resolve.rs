//! The addresses behind host names, as the host's own resolver says. None of them may be inside: a name that is on a list must not open
//! the host, its network, or what a cloud keeps for its machines.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use bottle_planner::intent::ResolveHosts;

use crate::engine::Ended;

/// How often the wish to hurry is looked at.
const HURRY_LOOK: Duration = Duration::from_millis(25);

/// Gives the addresses of a name.
pub(crate) type Resolver = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// The system's resolver.
pub(crate) fn system() -> Resolver {
    Arc::new(|host| Ok((host, 443).to_socket_addrs()?.map(|address| address.ip()).collect()))
}

/// The outputs of [`ResolveHosts`] for these names.
///
/// # Errors
/// Says which name has no address, or one that is inside, or was not answered in time.
pub(crate) fn resolve(
    hosts: &[String],
    resolver: &Resolver,
    limit: Duration,
    hurry: &AtomicBool,
) -> Result<Vec<(String, String)>, (Ended, String)> {
    let deadline = Instant::now() + limit;
    let (sender, answers) = mpsc::channel();
    for host in hosts {
        let (host, resolver, sender) = (host.clone(), Arc::clone(resolver), sender.clone());
        let name = host.clone();
        // Nobody waits for a resolver that does not answer; its answer then goes nowhere.
        let asking = thread::Builder::new().spawn(move || drop(sender.send((host.clone(), resolver(&host)))));
        asking.map_err(|error| (Ended::NotStarted, format!("{name}: {error}")))?;
    }
    drop(sender);

    let mut waiting: BTreeSet<&str> = hosts.iter().map(String::as_str).collect();
    let mut found: BTreeSet<(IpAddr, String)> = BTreeSet::new();
    while !waiting.is_empty() {
        if hurry.load(Ordering::Relaxed) {
            return Err((Ended::Hurried, String::new()));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let late: Vec<&str> = waiting.into_iter().collect();
            let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX);
            return Err((Ended::TimeLimit(seconds), format!("the resolver did not answer for {}", late.join(", "))));
        }
        match answers.recv_timeout(left.min(HURRY_LOOK)) {
            Ok((host, answer)) => {
                waiting.remove(host.as_str());
                let addresses = outside(&host, answer).map_err(|why| (Ended::NotStarted, why))?;
                found.extend(addresses.into_iter().map(|address| (address, host.clone())));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err((Ended::NotStarted, "the resolver gave up".to_owned()));
            }
        }
    }
    Ok(outputs(&found))
}

fn outputs(found: &BTreeSet<(IpAddr, String)>) -> Vec<(String, String)> {
    let joined = |wanted: fn(&IpAddr) -> bool| {
        let addresses: BTreeSet<IpAddr> = found.iter().map(|(address, _)| *address).filter(wanted).collect();
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let lines = found.iter().map(|(address, host)| format!("{address} {host}\n")).collect();
    vec![
        (ResolveHosts::IPV4.to_owned(), joined(IpAddr::is_ipv4)),
        (ResolveHosts::IPV6.to_owned(), joined(IpAddr::is_ipv6)),
        (ResolveHosts::HOSTS_FILE.to_owned(), lines),
    ]
}

/// The addresses of an answer, when all of them are outside.
fn outside(host: &str, answer: io::Result<Vec<IpAddr>>) -> Result<Vec<IpAddr>, String> {
    let addresses = answer.map_err(|error| format!("{host} has no address: {error}"))?;
    if addresses.is_empty() {
        return Err(format!("{host} has no address"));
    }
    let addresses: Vec<IpAddr> = addresses.iter().map(IpAddr::to_canonical).collect();
    match addresses.iter().find_map(|address| Some((address, inside(*address)?))) {
        Some((address, what)) => Err(format!(
            "{host} is {address}, {what}: a name on the list must not lead inside; take it off the list or mend its \
             record"
        )),
        None => Ok(addresses),
    }
}

/// What kind of address it is, when it does not lead out.
fn inside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => inside_v6(address),
    }
}

fn inside_v4(address: Ipv4Addr) -> Option<&'static str> {
    let metadata = [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(168, 63, 129, 16)];
    match address.octets() {
        _ if metadata.contains(&address) => Some("where a cloud keeps secrets of its machines"),
        [127, ..] => Some("the machine itself"),
        [0, ..] => Some("no address of anybody"),
        [169, 254, ..] => Some("a link-local address"),
        [100, 64..=127, ..] => Some("an address behind a provider's translation"),
        [192, 0, 0, _] | [198, 18..=19, ..] => Some("an address of special use"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ if address.is_private() => Some("a private address"),
        _ => None,
    }
}

fn inside_v6(address: Ipv6Addr) -> Option<&'static str> {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        inside_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Some("where a cloud keeps secrets of its machines"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("the machine itself"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("no address of anybody"),
        // Addresses that hold one of IPv4: compatible, translated, 6to4.
        [0, 0, 0, 0, 0, 0, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        [0x0064, 0xff9b, ..] | [0x2001, 0, ..] => Some("an address of special use"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfec0..=0xfeff, ..] | [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    static CALM: AtomicBool = AtomicBool::new(false);

    fn zone(records: &'static [(&'static str, &'static [&'static str])]) -> Resolver {
        Arc::new(move |host| match records.iter().find(|(name, _)| *name == host) {
            Some((_, addresses)) => Ok(addresses.iter().map(|address| address.parse().unwrap()).collect()),
            None => Err(io::Error::other("no such host is known")),
        })
    }

    fn names(hosts: &[&str]) -> Vec<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    }

    #[test]
    fn addresses_come_out_sorted_and_once() {
        let zone = zone(&[
            ("b.example", &["9.9.9.9", "2620:fe::9"]),
            ("a.example", &["9.9.9.9", "8.8.8.8", "::ffff:8.8.8.8"]),
        ]);
        let outputs = resolve(&names(&["b.example", "a.example"]), &zone, LONG, &CALM).unwrap();
        let output = |name: &str| outputs.iter().find(|(output, _)| output == name).unwrap().1.as_str();
        assert_eq!(output(ResolveHosts::IPV4), "8.8.8.8, 9.9.9.9");
        assert_eq!(output(ResolveHosts::IPV6), "2620:fe::9");
        assert_eq!(
            output(ResolveHosts::HOSTS_FILE),
            "8.8.8.8 a.example\n9.9.9.9 a.example\n9.9.9.9 b.example\n2620:fe::9 b.example\n"
        );
    }

    #[test]
    fn a_name_without_an_address_is_named() {
        let zone = zone(&[("a.example", &["8.8.8.8"]), ("empty.example", &[])]);
        let (ended, said) = resolve(&names(&["a.example", "gone.example"]), &zone, LONG, &CALM).unwrap_err();
        assert_eq!((ended, said.as_str()), (Ended::NotStarted, "gone.example has no address: no such host is known"));
        let (_, said) = resolve(&names(&["empty.example"]), &zone, LONG, &CALM).unwrap_err();
        assert_eq!(said, "empty.example has no address");
    }

    #[test]
    fn no_name_leads_inside() {
        for address in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.64.1",
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.0.9",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.251",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "2002:a00:1::1",
            "2001:0:1::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            let why = outside("a.example", Ok(vec!["8.8.8.8".parse().unwrap(), parsed])).unwrap_err();
            assert!(why.starts_with(&format!("a.example is {}, ", parsed.to_canonical())), "{why}");
        }
        for address in ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.169.0.1", "2620:fe::9"]
        {
            assert!(outside("a.example", Ok(vec![address.parse().unwrap()])).is_ok(), "{address}");
        }
    }

    #[test]
    fn a_resolver_that_is_silent_is_left_behind() {
        let silent: Resolver = Arc::new(|host| {
            if host == "b.example" {
                loop {
                    thread::park();
                }
            }
            Ok(vec!["8.8.8.8".parse().unwrap()])
        });
        let hosts = names(&["a.example", "b.example"]);
        let (ended, said) = resolve(&hosts, &silent, Duration::from_millis(50), &CALM).unwrap_err();
        assert_eq!((ended, said.as_str()), (Ended::TimeLimit(0), "the resolver did not answer for b.example"));
        let hurry = AtomicBool::new(true);
        assert_eq!(resolve(&hosts, &silent, LONG, &hurry).unwrap_err().0, Ended::Hurried);
    }
}
