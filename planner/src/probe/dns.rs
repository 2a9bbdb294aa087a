//! Group B: names.

use super::ask::Ask;
use super::attempt::{Attempt, Control, Vantage, Wants, listener_hears};
use super::direct::public_resolver;
use super::scene::Scene;
use super::surroundings::where_a_gateway_could_be;
use super::{How, Probe, Verdict, on_a_network};
use crate::guarantee::Guarantee;
use crate::profile::Behaviour;

const DNS: &[Guarantee] = &[Guarantee::DnsClosed];

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "B1.outside-name",
        guarantees: DNS,
        question: "does the bottle's own resolver know no outside name?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Guest(outside_name),
    },
    Probe {
        name: "B2.public-resolver",
        guarantees: DNS,
        question: "does no public resolver answer?",
        quick: false,
        applies: on_a_network,
        needed: false,
        how: How::Guest(public_resolvers),
    },
    Probe {
        name: "B4.gateway-resolver",
        guarantees: DNS,
        question: "does no datagram reach the host at the place where a network's gateway would be?",
        quick: false,
        applies: on_a_network,
        needed: true,
        how: How::Guest(gateway_resolver),
    },
    Probe {
        name: "B5.resolv-conf",
        guarantees: DNS,
        question: "is the bottle told of no resolver but the engine's own on loopback, and of no search domain?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Inside(resolv_conf),
    },
    Probe {
        name: "B5.engine",
        guarantees: DNS,
        question: "is the engine's resolver told to ask nobody?",
        quick: true,
        applies: |scene| scene.has_network() && scene.behaves == Behaviour::Docker,
        needed: true,
        how: How::Engine(resolver_of_the_engine),
    },
];

/// A name that the listed hosts lead to, else one that is made for examples.
fn name(scene: &Scene) -> String {
    scene.listed().unwrap_or("example.com").to_owned()
}

fn outside_name(scene: &Scene) -> Vec<Attempt> {
    let attempt = |name: String| Attempt {
        ask: Ask::Lookup { name, server: None },
        wants: Wants::NoResolver,
        control: Control::From(Vantage::Egress),
        necessary: false,
    };
    let mut names = vec![name(scene), "example.com".to_owned()];
    names.dedup();
    names.into_iter().map(attempt).collect()
}

fn public_resolvers(_: &Scene) -> Vec<Attempt> {
    ["1.1.1.1", "8.8.8.8"].map(public_resolver).into()
}

fn gateway_resolver(scene: &Scene) -> Vec<Attempt> {
    // An engine may name no gateway, and keep its address for it.
    let addresses = where_a_gateway_could_be(scene).into_iter();
    addresses.map(|address| Attempt::listener_udp(address, scene).shown_by(listener_hears(scene))).collect()
}

fn resolv_conf(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(Ask::Lines("/etc/resolv.conf", &["nameserver*", "search*", "domain*"]), |text, _| {
        let mut words = text.split_whitespace();
        while let Some(key) = words.next() {
            match (key, words.next()) {
                ("nameserver", Some(server)) if server.starts_with("127.") || server == "::1" => {}
                ("nameserver", Some(server)) => return Verdict::Broken(format!("it is told of the resolver {server}")),
                ("search" | "domain", Some(domain)) if domain != "." => {
                    return Verdict::Broken(format!("it is told of the search domain {domain}"));
                }
                _ => {}
            }
        }
        Verdict::Held
    })]
}

fn resolver_of_the_engine(scene: &Scene) -> Verdict {
    let resolvers = &scene.agent.resolvers;
    let others: Vec<&str> = resolvers.iter().map(String::as_str).filter(|server| !server.starts_with("127.")).collect();
    if resolvers.is_empty() {
        Verdict::Broken("it asks the host's resolvers".to_owned())
    } else if others.is_empty() {
        Verdict::Held
    } else {
        Verdict::Broken(format!("it asks {}", others.join(", ")))
    }
}
