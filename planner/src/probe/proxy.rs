//! Group D: through the proxy.

use super::ask::{Ask, Say};
use super::attempt::{Attempt, Control, Shows, Vantage, Wants};
use super::scene::{Proxy, Scene};
use super::surroundings::health;
use super::{How, Probe, has_proxy};
use crate::guarantee::Guarantee;

const ALLOWLISTED: &[Guarantee] = &[Guarantee::EgressAllowlisted];

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "D1.unlisted",
        guarantees: ALLOWLISTED,
        question: "does the proxy refuse a host that is not listed, asked for a tunnel, a page and a fetch?",
        quick: true,
        applies: has_proxy,
        needed: true,
        how: How::Guest(unlisted),
    },
    Probe {
        name: "D2.spellings",
        guarantees: &[Guarantee::EgressAllowlisted, Guarantee::HostClosed],
        question: "does the proxy refuse addresses, however they are spelled?",
        quick: false,
        applies: has_proxy,
        needed: true,
        how: How::Guest(spellings),
    },
    Probe {
        name: "D2.mangled",
        guarantees: ALLOWLISTED,
        question: "does the proxy refuse a listed name with something foreign before, in or behind it?",
        quick: false,
        applies: |scene| scene.proxy.is_some() && scene.listed().is_some(),
        needed: true,
        how: How::Guest(mangled),
    },
    Probe {
        name: "D2.metadata",
        guarantees: &[Guarantee::MetadataClosed],
        question: "does the proxy refuse the metadata services of clouds?",
        quick: true,
        applies: has_proxy,
        needed: true,
        how: How::Guest(metadata),
    },
    Probe {
        name: "D2.host",
        guarantees: &[Guarantee::HostClosed],
        question: "does the proxy refuse the host's addresses and names?",
        quick: true,
        applies: has_proxy,
        needed: true,
        how: How::Guest(host),
    },
    Probe {
        name: "D8.siblings",
        guarantees: ALLOWLISTED,
        question: "does the proxy refuse names that only look like a listed one?",
        quick: true,
        applies: |scene| scene.proxy.is_some() && scene.listed().is_some(),
        needed: true,
        how: How::Guest(siblings),
    },
    Probe {
        name: "D12.admin",
        guarantees: &[Guarantee::ProxyIsolated],
        question: "does the proxy show and change nothing of itself on the agent's side?",
        quick: true,
        applies: has_proxy,
        needed: true,
        how: How::Guest(admin),
    },
    Probe {
        name: "D3.ports",
        guarantees: ALLOWLISTED,
        question: "may a listed host be asked for on any port?",
        quick: false,
        applies: |scene| scene.proxy.is_some() && scene.listed().is_some(),
        needed: false,
        how: How::Limit(ports),
    },
    Probe {
        name: "D4.bytes",
        guarantees: &[Guarantee::EgressAllowlisted],
        question: "may anything be said in a tunnel to a listed host?",
        quick: true,
        applies: has_proxy,
        needed: false,
        how: How::Stated(|_| "the proxy opens no TLS, and what is no TLS passes too (D4, D5)".to_owned()),
    },
    Probe {
        name: "D9.labels",
        guarantees: &[Guarantee::EgressAllowlisted, Guarantee::DnsClosed],
        question: "is any label under a listed wildcard looked up?",
        quick: true,
        applies: |scene| scene.proxy.is_some() && scene.allow.iter().any(|host| host.starts_with("*.")),
        needed: false,
        how: How::Stated(|scene| {
            let wildcards: Vec<&str> =
                scene.allow.iter().map(String::as_str).filter(|host| host.starts_with("*.")).collect();
            format!("the proxy looks up any label under {}: a way out for whoever runs that zone", wildcards.join(", "))
        }),
    },
];

/// A request to the proxy, by its first line.
fn request(proxy: &Proxy, line: &[u8]) -> Ask {
    let mut said = line.to_vec();
    said.extend_from_slice(b" HTTP/1.1\r\nHost: probe.invalid\r\nConnection: close\r\n\r\n");
    Ask::Tcp { host: proxy.near.to_string(), port: proxy.port, say: Say::Bytes(said) }
}

/// That the proxy serves and tells hosts apart: a listed one is not refused. Without a listed host, that it serves.
fn control(proxy: &Proxy, scene: &Scene) -> Control {
    match scene.listed() {
        Some(listed) => {
            let ask = request(proxy, format!("CONNECT {listed}:443").as_bytes());
            Control::Like(Vantage::Agent, ask, Shows::LetThrough)
        }
        None => Control::Like(Vantage::Agent, health(proxy.near, proxy.port), Shows::Answer),
    }
}

fn refused(scene: &Scene, hanging_up: bool, lines: &[Vec<u8>]) -> Vec<Attempt> {
    let Some(proxy) = &scene.proxy else { return Vec::new() };
    let control = control(proxy, scene);
    let attempt = |line: &Vec<u8>| Attempt {
        ask: request(proxy, line),
        wants: Wants::Refusal(hanging_up),
        control: control.clone(),
        necessary: true,
    };
    lines.iter().map(attempt).collect()
}

fn tunnel(host: &str) -> Vec<u8> {
    format!("CONNECT {host}").into_bytes()
}

fn page(host: &str) -> Vec<u8> {
    format!("GET http://{host}/").into_bytes()
}

/// A name that no allowlist has, and nobody.
const UNLISTED: &str = "unlisted.invalid";

fn unlisted(scene: &Scene) -> Vec<Attempt> {
    refused(
        scene,
        false,
        &[
            tunnel("example.com:443"),
            tunnel(&format!("{UNLISTED}:443")),
            page("example.com"),
            format!("GET /fetch?url=http%3A%2F%2F{UNLISTED}%2F").into_bytes(),
            format!("GET /fetch?url=http://{UNLISTED}/").into_bytes(),
        ],
    )
}

fn spellings(scene: &Scene) -> Vec<Attempt> {
    // 1.1.1.1 and the loopback, as address parsers of many kinds take them.
    let mut lines: Vec<Vec<u8>> = [
        "1.1.1.1",
        "16843009",
        "0x1010101",
        "0x1.0x1.0x1.0x1",
        "01.01.01.01",
        "1.1.1.1.",
        "1.1",
        "127.0.0.1",
        "2130706433",
        "0",
        "localhost",
        "127.1",
    ]
    .iter()
    .map(|host| tunnel(&format!("{host}:443")))
    .collect();
    lines.extend(
        ["[::ffff:1.1.1.1]", "[::1]", "[::ffff:127.0.0.1]", "[2606:4700:4700::1111]", "[fe80::1%25eth0]"]
            .iter()
            .map(|host| tunnel(&format!("{host}:443"))),
    );
    lines.extend(["1.1.1.1", "0x1010101", "127.0.0.1:9091", "[::1]:9091"].iter().map(|host| page(host)));
    refused(scene, true, &lines)
}

fn mangled(scene: &Scene) -> Vec<Attempt> {
    let Some(listed) = scene.listed() else { return Vec::new() };
    let mut lines = vec![
        page(&format!("{listed}@{UNLISTED}")),
        page(&format!("{listed}%40{UNLISTED}")),
        page(&format!("{UNLISTED}#@{listed}")),
        page(&format!("{UNLISTED}\\@{listed}")),
        page(&format!("{listed}:80@{UNLISTED}")),
        tunnel(&format!("{listed}@{UNLISTED}:443")),
        tunnel(&format!("{UNLISTED}?{listed}:443")),
    ];
    for foreign in [b"\0".as_slice(), b"\r", b"%00", b"\t", b"\x0b"] {
        let mut line = format!("CONNECT {UNLISTED}").into_bytes();
        line.extend_from_slice(foreign);
        line.extend_from_slice(format!(".{listed}:443").as_bytes());
        // A name below a listed wildcard is listed, whatever it is.
        if !scene.allow.iter().any(|host| host.starts_with("*.")) {
            lines.push(line);
        }
    }
    refused(scene, true, &lines)
}

fn metadata(scene: &Scene) -> Vec<Attempt> {
    let hosts = ["169.254.169.254", "[fd00:ec2::254]", "168.63.129.16", "100.100.100.200", "metadata.google.internal"];
    let lines: Vec<Vec<u8>> =
        hosts.iter().map(|host| page(host)).chain([tunnel("169.254.169.254:80"), tunnel("0xa9fea9fe:80")]).collect();
    refused(scene, true, &lines)
}

fn host(scene: &Scene) -> Vec<Attempt> {
    let port = scene.listener.tcp;
    let addresses = scene.host_v4().into_iter().take(4).map(|address| address.to_string());
    let names = ["host.docker.internal", "localhost"].map(str::to_owned);
    let lines: Vec<Vec<u8>> = addresses.chain(names).map(|host| tunnel(&format!("{host}:{port}"))).collect();
    refused(scene, true, &lines)
}

/// Whether the allowlist has a name.
fn lists(scene: &Scene, name: &str) -> bool {
    scene.allow.iter().any(|host| match host.strip_prefix("*.") {
        Some(domain) => name == domain || name.ends_with(&format!(".{domain}")),
        None => host == name,
    })
}

fn siblings(scene: &Scene) -> Vec<Attempt> {
    let Some(listed) = scene.listed() else { return Vec::new() };
    let mut names =
        vec![format!("evil-{listed}"), format!("{listed}.{UNLISTED}"), format!("sub.{listed}"), format!("{listed}x")];
    names
        .extend(listed.split_once('.').filter(|(_, parent)| parent.contains('.')).map(|(_, parent)| parent.to_owned()));
    names.retain(|name| !lists(scene, name));
    let lines: Vec<Vec<u8>> = names.iter().map(|name| tunnel(&format!("{name}:443"))).collect();
    refused(scene, false, &lines)
}

fn admin(scene: &Scene) -> Vec<Attempt> {
    let Some(proxy) = &scene.proxy else { return Vec::new() };
    let serves = Control::Like(Vantage::Agent, health(proxy.near, proxy.port), Shows::Answer);
    let paths = ["/metrics", "/stats", "/debug/pprof/", "/api/v1/killswitch/status", "/config"];
    let mut attempts: Vec<Attempt> = paths
        .iter()
        .map(|path| Attempt {
            ask: request(proxy, format!("GET {path}").as_bytes()),
            wants: Wants::Refusal(false),
            control: serves.clone(),
            necessary: true,
        })
        .collect();
    // The metrics are on the proxy's loopback; a refusal from there is as good as silence.
    let metrics = Ask::Tcp {
        host: proxy.near.to_string(),
        port: 9091,
        say: Say::Bytes(b"GET /metrics HTTP/1.0\r\n\r\n".to_vec()),
    };
    attempts.push(Attempt { ask: metrics, wants: Wants::NoConnection, control: serves, necessary: true });
    attempts
}

fn ports(scene: &Scene) -> Vec<Attempt> {
    let Some((proxy, listed)) = scene.proxy.as_ref().zip(scene.listed()) else { return Vec::new() };
    let lines = [tunnel(&format!("{listed}:22")), tunnel(&format!("{listed}:8443"))];
    let attempt = |line: &Vec<u8>| Attempt {
        ask: request(proxy, line),
        wants: Wants::Refusal(false),
        control: Control::Evident,
        necessary: false,
    };
    lines.iter().map(attempt).collect()
}
