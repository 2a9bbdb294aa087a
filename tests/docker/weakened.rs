//! Each probe can fail: bottles that somebody weakened by hand, and the rows of the catalog that say `broken` of them.
//!
//! Where a row is about the world outside, a container of the trial's own stands in for it: this machine need not have an internet.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixListener;

use bottle_planner::probe::Probe;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::change::REVIEWER;
use crate::engine::{Own, docker, inspect};
use crate::project::Project;
use crate::trial;

/// A bottle that was weakened.
struct Weakening {
    name: &'static str,
    fixture: &'static str,
    /// What of the catalog says `broken` then.
    breaks: &'static [&'static str],
    /// The limits that are seen to let something through then.
    lets_through: &'static [&'static str],
    /// What is done to the applied project; what it gives is kept until the probes are over.
    weaken: fn(&Project) -> Vec<Own>,
}

const WEAKENINGS: &[Weakening] = &[
    Weakening {
        name: "on_an_open_egress_network",
        fixture: "sidecar",
        breaks: &[
            "A1.stand-in",
            "A4.stand-in",
            "A9.route",
            "B4.gateway-resolver",
            "C2.gateway",
            "C4.ports",
            "C6.neighbours",
            "C6.alone",
            "C6.far-side",
            "E7.networks",
        ],
        lets_through: &["A7.broadcast"],
        weaken: on_an_open_egress_network,
    },
    Weakening {
        name: "beside_a_router",
        fixture: "sidecar",
        breaks: &[
            "A1.public",
            "A3.addresses",
            "A3.public",
            "A9.route",
            "B1.outside-name",
            "B2.public-resolver",
            "B5.resolv-conf",
            "B5.engine",
            "C1.metadata",
            "C3.names",
            "E7.networks",
        ],
        lets_through: &[],
        weaken: beside_a_router,
    },
    Weakening {
        name: "privileged",
        fixture: "sidecar",
        breaks: &[
            "A5.echo",
            "A6.raw",
            "A9.fixed",
            "C4.sockets",
            "E5.namespaces",
            "E5.processes",
            "E6.configuration",
            "F1.engine",
            "F1.host",
            "F1.process",
            "F1.user",
            "F3.secrets",
        ],
        lets_through: &["F2.unshare"],
        weaken: privileged,
    },
    Weakening {
        name: "behind_an_open_proxy",
        fixture: "sidecar",
        breaks: &[
            "D1.unlisted",
            "D2.spellings",
            "D2.mangled",
            "D2.metadata",
            "D2.host",
            "D8.siblings",
            "D12.admin",
            "E6.configuration",
        ],
        lets_through: &["D3.ports"],
        weaken: behind_an_open_proxy,
    },
    Weakening {
        name: "in_the_network_of_another",
        fixture: "bare",
        breaks: &["A9.no-interface", "F1.host"],
        lets_through: &[],
        weaken: in_the_network_of_another,
    },
];

/// Rows that no bottle can break, since nobody is asked: they say what is let through by design.
const STATED: &[&str] = &["D4.bytes", "D9.labels"];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test("weakened::covers_the_catalog", covers_the_catalog)];
    // A trial is a function, and knows its weakening by its place in the table.
    let tests: [fn(&Project); 5] = [test::<0>, test::<1>, test::<2>, test::<3>, test::<4>];
    assert_eq!(tests.len(), WEAKENINGS.len(), "a trial to each weakening");
    trials.extend(WEAKENINGS.iter().zip(tests).map(|(weakening, test)| {
        let Weakening { name, fixture, .. } = weakening;
        trial(&format!("weakened::{name}"), fixture, test)
    }));
    trials
}

/// Every row of the catalog is broken by some weakening, or is a limit that is seen, or one that is only stated.
fn covers_the_catalog() -> Result<(), Failed> {
    let broken: BTreeSet<&str> = WEAKENINGS.iter().flat_map(|weakening| weakening.breaks).copied().collect();
    let limits: BTreeSet<&str> = WEAKENINGS.iter().flat_map(|weakening| weakening.lets_through).copied().collect();
    let is = |limit: bool| Probe::all().filter(move |probe| probe.is_limit() == limit).map(|probe| probe.name);
    let limits: BTreeSet<&str> = limits.into_iter().chain(STATED.iter().copied()).collect();
    assert_eq!(broken, is(false).collect(), "rows that are broken, and rows that there are");
    assert_eq!(limits, is(true).collect(), "limits that are seen or stated, and limits that there are");
    Ok(())
}

fn test<const NUMBER: usize>(project: &Project) {
    let weakening = &WEAKENINGS[NUMBER];
    project.edit("bottle.toml", "user = \"node\"", "user = \"node\"\nenv = { TOKEN = { env = \"GH_PAT\" } }");
    if weakening.breaks.contains(&"C6.neighbours") {
        project.declare(REVIEWER);
    }
    project.apply_with(&[], &[("GH_PAT", SECRET.into())]);
    let kept = (weakening.weaken)(project);
    let bottle = if weakening.fixture == "sidecar" { "implementer" } else { "agent" };
    let said = project.run(&["verify", "--format", "json", bottle]).exits(3);
    drop(kept);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let entries = |list: &str| -> BTreeMap<String, Value> {
        let entries = document["bottles"][0][list].as_array().unwrap();
        entries.iter().map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry.clone())).collect()
    };
    let (probes, limits) = (entries("probes"), entries("limits"));
    let is_missed = |row: &&&str| probes.get(**row).is_none_or(|probe| probe["verdict"] != "broken");
    let missed: Vec<_> = weakening.breaks.iter().filter(is_missed).map(|row| (row, probes.get(*row))).collect();
    assert!(missed.is_empty(), "not broken: {missed:#?}");
    for row in weakening.lets_through {
        assert_eq!(limits[*row]["let_through"], true, "{:#}", limits[*row]);
    }
}

const SECRET: &str = "planted-where-it-belongs-not";
/// The host that the fixture lists.
const LISTED: &str = "api.anthropic.com";

/// A container with the name and the labels of one of a project, in its place.
fn in_place_of(project: &Project, container: &str, address: &str, words: &[&str]) -> Own {
    docker(&["rm", "--force", container]);
    let labels = [format!("--label=bottle.project={}", project.name), format!("--label=bottle.address={address}")];
    let run = ["run", "--detach", "--name", container, &labels[0], &labels[1]];
    Own::container(container, &[&run[..], words].concat())
}

/// The agent and its proxy side by side on an egress network that lets its members talk to each other, as whoever writes one by hand has it.
fn on_an_open_egress_network(project: &Project) -> Vec<Own> {
    let egress = project.egress();
    let sidecars = ["implementer", "reviewer"].map(|bottle| project.sidecar(bottle));
    for sidecar in &sidecars {
        docker(&["network", "disconnect", &egress, sidecar]);
    }
    let subnet = inspect("network", &egress)["IPAM"]["Config"][0]["Subnet"].as_str().unwrap().to_owned();
    docker(&["network", "rm", &egress]);
    let label = format!("--label=bottle.project={}", project.name);
    let network = Own::network(&egress, &[&label, "--label=bottle.address=shared/egress/create", "--subnet", &subnet]);
    for container in sidecars.iter().chain([&project.agent("implementer")]) {
        docker(&["network", "connect", &egress, container]);
    }
    vec![network]
}

/// Addresses that the world outside has, and that the router answers at.
const OUTSIDE: [&str; 6] =
    ["1.1.1.1", "8.8.8.8", "140.82.121.4", "169.254.169.254", "168.63.129.16", "100.100.100.200"];
const OUTSIDE_V6: &str = "2606:4700:4700::1111";
/// A resolver that says of every name that nobody has it. The answer is gathered first, so that it is one datagram.
const RESOLVER: &str = "socat UDP4-RECVFROM:53,fork SYSTEM:'{ dd bs=1 count=2; dd bs=1 count=2 >/dev/null; \
                        printf \"\\\\201\\\\203\"; cat; } 2>/dev/null >/tmp/$$; cat /tmp/$$; rm /tmp/$$'";

/// The agent on a network of somebody else's with a router on it, that leads out over IPv4 and IPv6; its container was made without a
/// word on resolvers but for that of that network.
fn beside_a_router(project: &Project) -> Vec<Own> {
    let outside = format!("bottle-test-{}-outside", project.name);
    let prefix = format!("fd00:b0:{:x}:{:x}", std::process::id() % 0xffff, project.name.len());
    let network = Own::network(&outside, &["--ipv6", "--subnet", &format!("{prefix}::/64")]);
    let router = format!("bottle-test-{}-router", project.name);
    let mut script = String::new();
    for address in OUTSIDE {
        script.push_str(&format!("ip address add {address}/32 dev lo; "));
    }
    script.push_str(&format!("ip -6 address add {OUTSIDE_V6}/128 dev eth0; exec {RESOLVER}"));
    let words = ["run", "--detach", "--name", &router, "--network", &outside, "--cap-add=NET_ADMIN"];
    let router = Own::container(&router, &[&words[..], &[engine_images::GUEST, "sh", "-c", &script]].concat());
    let settings = inspect("container", &format!("bottle-test-{}-router", project.name));
    let of = &settings["NetworkSettings"]["Networks"][&outside];
    let (v4, v6) = (of["IPAddress"].as_str().unwrap(), of["GlobalIPv6Address"].as_str().unwrap());

    let agent = project.agent("implementer");
    let resolver = format!("--dns={v4}");
    let words = [
        "--network",
        &project.internal("implementer"),
        "--user=node",
        "--cap-drop=ALL",
        &resolver,
        "--dns-search=lan.example",
        "--add-host=host.docker.internal:172.17.0.1",
        engine_images::GUEST,
    ];
    let own = in_place_of(project, &agent, "implementer/agent/create", &words);
    docker(&["network", "connect", &outside, &agent]);
    let mut script = OUTSIDE.map(|address| format!("ip route add {address} via {v4}; ")).concat();
    script.push_str(&format!("ip -6 route add {OUTSIDE_V6} via {v6}"));
    docker(&[
        "run",
        "--rm",
        "--cap-add=NET_ADMIN",
        "--network",
        &format!("container:{agent}"),
        engine_images::GUEST,
        "sh",
        "-ec",
        &script,
    ]);
    vec![own, router, network]
}

/// An agent that is root with rights over its network, among the processes of its proxy, with the proxy's configuration and a socket of an engine
/// mounted, and a secret in a label.
fn privileged(project: &Project) -> Vec<Own> {
    let socket = project.scratch().join("engine.sock");
    // It stays there when nobody listens any more.
    drop(UnixListener::bind(&socket).unwrap());
    let sidecar = project.sidecar("implementer");
    let mounts = inspect("container", &sidecar)["Mounts"].clone();
    let volume = mounts[0]["Name"].as_str().expect("the configuration is in a volume").to_owned();
    let words = [
        "--network",
        &project.internal("implementer"),
        // All that `--privileged` gives is not everywhere to be had: these rights are what the rows look for.
        "--cap-add=NET_ADMIN",
        "--security-opt=seccomp=unconfined",
        "--user=root",
        &format!("--pid=container:{sidecar}"),
        &format!("--volume={}:/var/run/docker.sock", socket.display()),
        &format!("--volume={volume}:/etc/pipelock"),
        &format!("--env=TOKEN={SECRET}"),
        &format!("--label=note={SECRET}"),
        engine_images::GUEST,
    ];
    let agent = project.agent("implementer");
    let own = in_place_of(project, &agent, "implementer/agent/create", &words);
    // With the right to ping there must be somebody to ping.
    docker(&["network", "connect", &project.egress(), &agent]);
    vec![own]
}

/// A proxy that only reports what it would refuse, dials any address, and shows its metrics to agents. Names lead to itself: a refusal of
/// the far end is an answer of the proxy, and no refusal of its own.
fn behind_an_open_proxy(project: &Project) -> Vec<Own> {
    let configuration = project.scratch().join("open.yaml");
    let text = "mode: audit\nenforce: false\ninternal: []\nforward_proxy: { enabled: true }\n";
    std::fs::write(&configuration, text).unwrap();
    let names = [
        "example.com",
        "unlisted.invalid",
        "metadata.google.internal",
        "host.docker.internal",
        &format!("evil-{LISTED}"),
        LISTED,
    ]
    .map(|name| format!("--add-host={name}:127.0.0.1"));
    let internal = project.internal("implementer");
    let volume = format!("--volume={}:/etc/pipelock/pipelock.yaml:ro", configuration.display());
    let mut words = vec!["--network", &internal, "--network-alias=pipelock", &volume];
    words.extend(names.iter().map(String::as_str));
    words.extend([engine_images::PIPELOCK, "run", "--config", "/etc/pipelock/pipelock.yaml"]);
    words.extend(["--listen", "0.0.0.0:8888"]);
    let sidecar = project.sidecar("implementer");
    let own = in_place_of(project, &sidecar, "implementer/pipelock/create", &words);
    docker(&["network", "connect", &project.egress(), &sidecar]);
    vec![own]
}

/// An agent that was to have no network, in that of a container that has one.
fn in_the_network_of_another(project: &Project) -> Vec<Own> {
    let other = format!("bottle-test-{}-other", project.name);
    let words = ["run", "--detach", "--name", &other, engine_images::GUEST];
    let other_one = Own::container(&other, &words);
    let words = ["--network", &format!("container:{other}"), "--user=node", "--cap-drop=ALL", engine_images::GUEST];
    vec![in_place_of(project, &project.agent("agent"), "agent/agent/create", &words), other_one]
}
