//! Group A: past the proxy, by address.

use std::net::Ipv4Addr;

use super::ask::{Ask, Say};
use super::attempt::{Attempt, Control, Vantage, Wants, listener_hears};
use super::scene::Scene;
use super::{How, Probe, Verdict, on_a_network, on_no_network};
use crate::guarantee::Guarantee;

/// Every guarantee that speaks of the network.
const OF_NETWORK: &[Guarantee] = &[
    Guarantee::EgressAllowlisted,
    Guarantee::EgressInspected,
    Guarantee::ProxyIsolated,
    Guarantee::DnsClosed,
    Guarantee::HostClosed,
    Guarantee::MetadataClosed,
    Guarantee::Ipv6Closed,
    Guarantee::PeersClosed,
];
const ALLOWLISTED: &[Guarantee] = &[Guarantee::EgressAllowlisted];

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "A9.no-interface",
        guarantees: OF_NETWORK,
        question: "is loopback the only interface?",
        quick: true,
        applies: on_no_network,
        needed: true,
        how: How::Guest(only_loopback),
    },
    Probe {
        name: "A1.stand-in",
        guarantees: &[Guarantee::EgressAllowlisted, Guarantee::HostClosed],
        question: "is a listener of our own outside of the bottle's networks out of reach over TCP?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Guest(stand_in_tcp),
    },
    Probe {
        name: "A1.public",
        guarantees: ALLOWLISTED,
        question: "are public addresses out of reach over TCP, on 443, 80, 22, 53, 853 and a high port?",
        quick: false,
        applies: on_a_network,
        needed: false,
        how: How::Guest(public_tcp),
    },
    Probe {
        name: "A3.addresses",
        guarantees: &[Guarantee::Ipv6Closed],
        question: "has no interface but loopback an IPv6 address?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Guest(ipv6_addresses),
    },
    Probe {
        name: "A3.public",
        guarantees: &[Guarantee::Ipv6Closed],
        question: "is a public IPv6 address out of reach?",
        quick: false,
        applies: on_a_network,
        needed: false,
        how: How::Guest(ipv6_public),
    },
    Probe {
        name: "A4.stand-in",
        guarantees: &[Guarantee::EgressAllowlisted, Guarantee::HostClosed],
        question: "does no datagram reach a listener of our own outside of the bottle's networks?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Guest(stand_in_udp),
    },
    Probe {
        name: "A5.echo",
        guarantees: ALLOWLISTED,
        question: "is no echo request answered from outside of the bottle's networks?",
        quick: false,
        applies: on_a_network,
        needed: false,
        how: How::Guest(echo),
    },
    Probe {
        name: "A6.raw",
        guarantees: &[Guarantee::EgressAllowlisted, Guarantee::AgentUnprivileged],
        question: "can no process have raw sockets, and so neither forge addresses nor write packets of its own?",
        quick: true,
        applies: super::always,
        needed: true,
        how: How::Inside(raw),
    },
    Probe {
        name: "A7.broadcast",
        guarantees: &[Guarantee::HostClosed],
        question: "do broadcasts and multicasts reach services of the host that take them on all addresses? No answer can come back",
        quick: false,
        applies: on_a_network,
        needed: false,
        how: How::Limit(broadcast),
    },
    Probe {
        name: "A9.route",
        guarantees: &[Guarantee::EgressAllowlisted, Guarantee::MetadataClosed],
        question: "does no route lead to the host or to another network?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Guest(routes),
    },
    Probe {
        name: "A9.fixed",
        guarantees: ALLOWLISTED,
        question: "can no process change routes?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Inside(fixed),
    },
];

fn only_loopback(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(Ask::Lines("/proc/net/dev", &[]), |text, _| {
        let names: Vec<&str> =
            text.split(' ').filter_map(|word| word.strip_suffix(':')).filter(|name| !name.contains('|')).collect();
        // Tunnels that the kernel makes in every namespace have no address and are down.
        let others: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| {
                !["lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"]
                    .contains(name)
            })
            .collect();
        match others.as_slice() {
            [] if names.contains(&"lo") => Verdict::Held,
            [] => Verdict::Unknown("/proc/net/dev lists no interface, not even loopback".to_owned()),
            others => Verdict::Broken(format!("there is {}", others.join(", "))),
        }
    })]
}

fn stand_in_tcp(scene: &Scene) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> =
        scene.host_v4().into_iter().map(|address| Attempt::listener_tcp(address, scene)).collect();
    if let Some(first) = attempts.first_mut() {
        first.necessary = scene.gateway.is_some();
    }
    attempts
}

fn stand_in_udp(scene: &Scene) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> =
        scene.host_v4().into_iter().map(|address| Attempt::listener_udp(address, scene)).collect();
    if let Some(first) = attempts.first_mut() {
        first.necessary = scene.gateway.is_some();
    }
    attempts
}

/// Resolvers and a forge that have had these addresses for long. Whoever answers there is not asked for anything.
fn public_tcp(_: &Scene) -> Vec<Attempt> {
    [("1.1.1.1", 443), ("1.1.1.1", 80), ("8.8.8.8", 53), ("1.1.1.1", 853), ("140.82.121.4", 22), ("1.1.1.1", 8443)]
        .into_iter()
        .map(|(host, port)| Attempt::outside(host, port))
        .collect()
}

fn ipv6_addresses(_: &Scene) -> Vec<Attempt> {
    // A kernel without IPv6 has no such file: the shell says that it cannot be read, and lists the families that there are.
    vec![Attempt::reading(Ask::Addresses6, |text, _| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let of_others: Vec<&str> =
            words.chunks(6).filter(|row| row.len() == 6 && row[5] != "lo").map(|row| row[0]).collect();
        match of_others.as_slice() {
            [] => Verdict::Held,
            all if all.iter().all(|address| address.starts_with("fe8")) => {
                Verdict::Unknown("there are link-local addresses; what can be reached by them is not asked".to_owned())
            }
            all => Verdict::Broken(format!("there are the addresses {}", all.join(", "))),
        }
    })]
}

fn ipv6_public(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::outside("2606:4700:4700::1111", 443)]
}

fn echo(scene: &Scene) -> Vec<Attempt> {
    let ping = |address: Ipv4Addr| Attempt {
        ask: Ask::Ping(address.to_string()),
        wants: Wants::NoAnswer,
        control: Control::From(Vantage::Egress),
        necessary: false,
    };
    scene.host_v4().into_iter().take(4).map(ping).collect()
}

const STATUS: Ask = Ask::Lines("/proc/self/status", &["Uid:*", "Cap*", "NoNewPrivs:*"]);

/// Bits of Linux capabilities.
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;

/// The word after a key in what was read of a status.
pub(super) fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut words = text.split_whitespace();
    words.find(|word| *word == key)?;
    words.next()
}

/// The capabilities that a process has or could come to have.
pub(super) fn capabilities(text: &str) -> Option<u64> {
    let set = |key: &str| u64::from_str_radix(field(text, key)?, 16).ok();
    Some(set("CapEff:")? | set("CapPrm:")? | set("CapBnd:")?)
}

pub(super) fn status() -> Ask {
    STATUS
}

fn without(text: &str, capability: u64, name: &str) -> Verdict {
    match capabilities(text) {
        Some(all) if all & capability == 0 => Verdict::Held,
        Some(_) => Verdict::Broken(format!("{name} is among its capabilities or could be had")),
        None => Verdict::Unknown("its capabilities could not be read".to_owned()),
    }
}

fn raw(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(status(), |text, _| without(text, NET_RAW, "NET_RAW"))]
}

fn fixed(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(status(), |text, _| without(text, NET_ADMIN, "NET_ADMIN"))]
}

fn broadcast(scene: &Scene) -> Vec<Attempt> {
    let mut to: Vec<Ipv4Addr> = vec![Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)];
    to.extend(scene.networks.iter().filter_map(|network| network.subnet).map(|subnet| subnet.broadcast()));
    let attempt = |address: Ipv4Addr| {
        let control = if address == Ipv4Addr::BROADCAST || address.is_multicast() {
            Control::From(Vantage::Egress)
        } else {
            listener_hears(scene)
        };
        Attempt::listener_udp(address, scene).shown_by(control)
    };
    to.into_iter().map(attempt).collect()
}

/// A row of `/proc/net/route`: destination, gateway, mask.
pub(super) fn route_table(text: &str) -> Option<Vec<(Ipv4Addr, Ipv4Addr, Ipv4Addr)>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let rows = words.strip_prefix(&["Iface", "Destination", "Gateway"])?.get(8..)?;
    let address = |word: &str| u32::from_str_radix(word, 16).ok().map(|bits| Ipv4Addr::from(bits.to_le_bytes()));
    rows.chunks(11).map(|row| Some((address(row.get(1)?)?, address(row.get(2)?)?, address(row.get(7)?)?))).collect()
}

fn routes(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(Ask::Lines("/proc/net/route", &[]), |text, scene| {
        let Some(table) = route_table(text) else {
            return Verdict::Unknown("/proc/net/route could not be understood".to_owned());
        };
        for (destination, gateway, mask) in table {
            let on_link = scene.networks.iter().any(|network| {
                network.internal
                    && network.subnet.is_some_and(|subnet| subnet.contains(&destination) && subnet.netmask() == mask)
            });
            if gateway.is_unspecified() {
                if !on_link {
                    return Verdict::Broken(format!(
                        "{destination}/{mask} is on the link, and no internal network of the bottle"
                    ));
                }
                continue;
            }
            // An internal network may keep a default route to an address that nobody has.
            if scene.host_v4().contains(&gateway) {
                return Verdict::Broken(format!("{destination}/{mask} goes by {gateway}, which is the host"));
            }
            if scene.networks.iter().any(|network| network.others.contains(&gateway)) {
                return Verdict::Broken(format!("{destination}/{mask} goes by {gateway}, which is a container"));
            }
            if !scene
                .networks
                .iter()
                .any(|network| network.internal && network.subnet.is_some_and(|s| s.contains(&gateway)))
            {
                return Verdict::Broken(format!("{destination}/{mask} goes by {gateway}, on no internal network"));
            }
            if scene.host.is_empty() {
                return Verdict::Unknown(format!(
                    "{destination}/{mask} goes by {gateway}; the host's addresses are not known"
                ));
            }
        }
        Verdict::Held
    })]
}

/// What a query for the name servers of the root looks like.
fn dns_query() -> Say {
    Say::Bytes(vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1])
}

/// A query of a public resolver over UDP.
pub(super) fn public_resolver(address: &str) -> Attempt {
    Attempt {
        ask: Ask::Udp { host: address.to_owned(), port: 53, say: dns_query() },
        wants: Wants::NoAnswer,
        control: Control::From(Vantage::Egress),
        necessary: false,
    }
}
