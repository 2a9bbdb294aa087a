//! Group C: what is near.

use std::net::Ipv4Addr;

use super::ask::{Ask, Say};
use super::attempt::{Attempt, Control, Shows, Vantage, Wants, listener_is_up};
use super::scene::{Neighbour, Scene};
use super::{How, Probe, Verdict, on_a_network};
use crate::guarantee::Guarantee;

const HOST: &[Guarantee] = &[Guarantee::HostClosed];
const METADATA: &[Guarantee] = &[Guarantee::MetadataClosed];
const PEERS: &[Guarantee] = &[Guarantee::PeersClosed];

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "C1.metadata",
        guarantees: METADATA,
        question: "are the metadata services of clouds out of reach?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Guest(metadata),
    },
    Probe {
        name: "C2.gateway",
        guarantees: HOST,
        question: "is the host out of reach at every address where its network's gateway could be?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Guest(gateway),
    },
    Probe {
        name: "C3.names",
        guarantees: HOST,
        question: "has no name of the host an address in the bottle?",
        quick: false,
        applies: |scene| scene.has_network() && scene.proxy.is_some(),
        needed: true,
        how: How::Guest(names_of_the_host),
    },
    Probe {
        name: "C4.sockets",
        guarantees: HOST,
        question: "is no socket of an engine in the bottle?",
        quick: true,
        applies: super::always,
        needed: true,
        how: How::Inside(sockets),
    },
    Probe {
        name: "C4.ports",
        guarantees: HOST,
        question: "are the ports of engines on the host out of reach?",
        quick: false,
        applies: on_a_network,
        needed: false,
        how: How::Guest(engine_ports),
    },
    Probe {
        name: "C6.neighbours",
        guarantees: PEERS,
        question: "are other bottles, and other containers on the egress network, out of reach?",
        quick: true,
        applies: |scene| scene.has_network() && !scene.neighbours.is_empty(),
        needed: true,
        how: How::Guest(neighbours),
    },
    Probe {
        name: "C6.alone",
        guarantees: PEERS,
        question: "is the agent with nobody on its networks but its own proxy?",
        quick: true,
        applies: on_a_network,
        needed: true,
        how: How::Engine(alone),
    },
    Probe {
        name: "C6.far-side",
        guarantees: &[Guarantee::EgressAllowlisted, Guarantee::PeersClosed],
        question: "is the proxy out of reach on its far side?",
        quick: true,
        applies: |scene| scene.proxy.as_ref().is_some_and(|proxy| proxy.far.is_some()),
        needed: true,
        how: How::Guest(far_side),
    },
];

fn metadata(scene: &Scene) -> Vec<Attempt> {
    // Where no such service is, nobody can answer: what shows that a way to it would have been found is the stand-in. That no route
    // leads there is another probe of the same guarantee.
    let attempt = |address: &str| Attempt::outside(address, 80).shown_by(listener_is_up(scene));
    ["169.254.169.254", "168.63.129.16", "100.100.100.200"].map(attempt).into()
}

/// The addresses of a bottle's networks at which the host could be: what the engine calls the gateway, the first ones and the last.
pub(super) fn where_a_gateway_could_be(scene: &Scene) -> Vec<Ipv4Addr> {
    let mut addresses: Vec<Ipv4Addr> = Vec::new();
    for network in &scene.networks {
        let nobody = |address: &Ipv4Addr| Some(*address) != network.address && !network.others.contains(address);
        addresses.extend(network.gateway.into_iter().filter(nobody));
        let near = network.subnet.into_iter().flat_map(|subnet| {
            let last = subnet.hosts().last();
            subnet.hosts().take(6).chain(last)
        });
        addresses.extend(near.filter(nobody));
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

fn gateway(scene: &Scene) -> Vec<Attempt> {
    let attempt = |address| Attempt::listener_tcp(address, scene).shown_by(listener_is_up(scene)).necessary();
    where_a_gateway_could_be(scene).into_iter().map(attempt).collect()
}

fn names_of_the_host(scene: &Scene) -> Vec<Attempt> {
    let Some(proxy) = &scene.proxy else { return Vec::new() };
    let own = Ask::Lookup { name: proxy.name.clone(), server: None };
    let attempt = |name: &str| Attempt {
        ask: Ask::Lookup { name: name.to_owned(), server: None },
        wants: Wants::NoName,
        control: Control::Like(Vantage::Agent, own.clone(), Shows::Answer),
        necessary: true,
    };
    ["host.docker.internal", "gateway.docker.internal", "host.containers.internal"].map(attempt).into()
}

const SOCKETS: &[&str] = &[
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/user/1000/docker.sock",
    "/run/user/1000/podman/podman.sock",
];

fn sockets(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(Ask::Sockets(SOCKETS), |text, _| match text.trim_start_matches("found:").trim() {
        "" => Verdict::Held,
        found => Verdict::Broken(format!("there is {found}")),
    })]
}

fn engine_ports(scene: &Scene) -> Vec<Attempt> {
    let addresses = scene.host_v4();
    let ports = addresses.iter().take(3).flat_map(|address| [2375, 2376].map(|port| (address.to_string(), port)));
    ports.map(|(address, port)| Attempt::outside(&address, port)).collect()
}

/// A request that a proxy answers to anybody.
pub(super) fn health(address: Ipv4Addr, port: u16) -> Ask {
    let say = Say::Bytes(b"GET /health HTTP/1.0\r\n\r\n".to_vec());
    Ask::Tcp { host: address.to_string(), port, say }
}

fn neighbours(scene: &Scene) -> Vec<Attempt> {
    let attempt = |neighbour: &Neighbour| {
        let ask = match neighbour.serves {
            Some(port) => health(neighbour.address, port),
            // Nobody serves on the port for discarding; a container that is reached refuses, and that comes back.
            None => Ask::Tcp { host: neighbour.address.to_string(), port: 9, say: Say::Bytes(Vec::new()) },
        };
        let control = Control::Like(Vantage::Beside(neighbour.container.clone()), ask.clone(), Shows::Anybody);
        Attempt { ask, wants: Wants::NoAnswer, control, necessary: true }
    };
    scene.neighbours.iter().map(attempt).collect()
}

fn alone(scene: &Scene) -> Verdict {
    let own = scene.proxy.as_ref().map(|proxy| proxy.near);
    let strangers: Vec<String> = scene
        .networks
        .iter()
        .flat_map(|network| network.others.iter().map(move |other| (network, other)))
        .filter(|(_, other)| Some(**other) != own)
        .map(|(network, other)| format!("{other} on {}", network.name))
        .collect();
    if strangers.is_empty() {
        Verdict::Held
    } else {
        Verdict::Broken(format!("there is also {}", strangers.join(", ")))
    }
}

fn far_side(scene: &Scene) -> Vec<Attempt> {
    let Some((proxy, far)) = scene.proxy.as_ref().and_then(|proxy| Some((proxy, proxy.far?))) else {
        return Vec::new();
    };
    let ask = health(far, proxy.port);
    let control = Control::Like(Vantage::Beside(proxy.container.clone()), ask.clone(), Shows::Answer);
    vec![Attempt { ask, wants: Wants::NoAnswer, control, necessary: true }]
}
