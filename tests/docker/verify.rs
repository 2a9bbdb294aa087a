//! `bottle verify`: what a plan claims is proven on a good bottle and refuted on one that somebody weakened, and nothing is left of the
//! asking.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::change::REVIEWER;
use crate::engine::{Own, docker, inspect, lines};
use crate::project::Project;
use crate::trial;
use crate::trials::folders::Said;
use crate::trials::wait_until;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("verify::good", "sidecar", good),
        trial("verify::alone", "bare", alone),
        trial("verify::weakened", "sidecar", weakened),
        trial("verify::by_helper", "sidecar", by_helper),
        trial("verify::not_there", "sidecar", not_there),
    ]
}

fn verify(project: &Project, args: &[&str]) -> (Option<i32>, Value) {
    let Said { code, stdout, stderr } = project.run(&[&["verify", "--format", "json"], args].concat());
    let document = serde_json::from_str(&stdout).unwrap_or_else(|why| panic!("{why}: {stdout}\n{stderr}"));
    (code, document)
}

fn of<'v>(document: &'v Value, list: &str, name: &str) -> &'v Value {
    let list = document["bottles"][0][list].as_array().unwrap();
    list.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}: {document:#}"))
}

fn found<'v>(document: &'v Value, guarantee: &str) -> &'v str {
    of(document, "guarantees", guarantee)["found"].as_str().unwrap()
}

/// What can be seen of a container: its files, its processes; and of the engine: what it has of the project and what it runs at all.
fn state(project: &Project, containers: &[String]) -> Vec<String> {
    let mut seen = project.objects();
    for container in containers {
        seen.push(docker(&["diff", container]));
        seen.extend(lines(&["top", container, "-o", "pid,comm"]));
    }
    seen
}

fn good(project: &Project) {
    project.declare(REVIEWER);
    project.apply();
    let containers = [project.agent("implementer"), project.sidecar("implementer"), project.agent("reviewer")];
    let before = state(project, &containers);
    let (code, document) = verify(project, &["implementer"]);
    assert_eq!(code, Some(0), "{document:#}");
    // What needs nothing outside of this machine.
    for guarantee in [
        "egress.allowlisted",
        "proxy.isolated",
        "host.closed",
        "metadata.closed",
        "ipv6.closed",
        "peers.closed",
        "secrets.by-name",
        "agent.unprivileged",
    ] {
        assert_eq!(found(&document, guarantee), "proven", "{document:#}");
    }
    // Whether there is a resolver to be had at all is this machine's.
    assert_ne!(found(&document, "dns.closed"), "refuted");
    assert_eq!(of(&document, "limits", "D3.ports")["let_through"], true, "{document:#}");
    // A watch over a question that was answered ends by itself, a few seconds later at most.
    wait_until("nothing is left of the asking", || state(project, &containers) == before);
    project.is_as_declared();
}

fn alone(project: &Project) {
    project.apply();
    let (code, document) = verify(project, &[]);
    assert_eq!(code, Some(0), "{document:#}");
    for guarantee in ["egress.allowlisted", "dns.closed", "host.closed", "peers.closed", "agent.unprivileged"] {
        assert_eq!(found(&document, guarantee), "proven", "{document:#}");
    }
    assert_eq!(of(&document, "probes", "A9.no-interface")["verdict"], "held");
}

/// The agent put on the egress network by hand.
fn weakened(project: &Project) {
    project.apply();
    let agent = project.agent("implementer");
    docker(&["network", "connect", &project.egress(), &agent]);
    let (code, document) = verify(project, &["--quick"]);
    assert_eq!(code, Some(3), "{document:#}");
    for (guarantee, probe) in [
        ("egress.allowlisted", "A1.stand-in"),
        ("egress.allowlisted", "A9.route"),
        ("host.closed", "C2.gateway"),
        ("peers.closed", "C6.alone"),
        ("metadata.closed", "E7.networks"),
    ] {
        assert_eq!(of(&document, "probes", probe)["verdict"], "broken", "{document:#}");
        let because = of(&document, "guarantees", guarantee)["because"].to_string();
        assert!(because.contains(&format!("{probe}: ")), "{guarantee}: {because}");
    }
    assert_eq!(found(&document, "proxy.isolated"), "proven", "what was not weakened: {document:#}");
    let said = project.run(&["verify", "--quick"]).exits(3);
    assert!(said.stdout.contains("! egress.allowlisted claimed held      refuted A1.stand-in"), "{}", said.stdout);
    assert!(
        said.stderr.contains("implementer claims that host.closed is weakened, and it is not so"),
        "{}",
        said.stderr
    );

    // And back: it is not a verdict that sticks.
    docker(&["network", "disconnect", &project.egress(), &agent]);
    let (code, document) = verify(project, &["--quick"]);
    assert_eq!((code, found(&document, "host.closed")), (Some(0), "proven"), "{document:#}");
}

/// From beside the agent: what is of its network is proven, what is of its files and processes stays unknown.
fn by_helper(project: &Project) {
    project.apply();
    let (code, document) = verify(project, &["--quick", "--helper", engine_images::GUEST]);
    assert_eq!(code, Some(0), "{document:#}");
    for (guarantee, what) in
        [("egress.allowlisted", "unknown"), ("peers.closed", "proven"), ("agent.unprivileged", "unknown")]
    {
        assert_eq!(found(&document, guarantee), what, "{document:#}");
    }
    assert_eq!(of(&document, "probes", "A1.stand-in")["verdict"], "held", "{document:#}");
    // Where it cannot be made, nothing is known, and that is no success.
    let (code, document) = verify(project, &["--quick", "--helper", "bottle-test/no-such-image:1"]);
    assert_eq!((code, found(&document, "egress.allowlisted")), (Some(0), "unknown"), "{document:#}");
    assert_eq!(document["claims"]["refuted"], 0);
    assert!(
        of(&document, "probes", "A1.stand-in")["reason"].as_str().unwrap().contains("no-such-image"),
        "{document:#}"
    );
    assert!(inspect("container", &project.agent("implementer"))["State"]["Running"] == true);
}

/// A bottle that is not there, one that is stopped, and one whose image has no shell.
fn not_there(project: &Project) {
    let (code, document) = verify(project, &[]);
    assert_eq!((code, document["claims"]["proven"].as_u64()), (Some(0), Some(0)), "{document:#}");
    assert!(document.to_string().contains("the bottle is not there"), "{document:#}");
    project.apply();
    let agent = project.agent("implementer");
    docker(&["stop", "--time", "0", &agent]);
    let (_, document) = verify(project, &[]);
    assert!(document.to_string().contains("the agent does not run"), "{document:#}");
    docker(&["rm", &agent]);
    // In its place, one of an image that has a proxy and nothing else.
    let label = |name: &str, value: &str| format!("--label=bottle.{name}={value}");
    let words = [
        "run",
        "--detach",
        "--name",
        &agent,
        &label("project", &project.name),
        &label("address", "implementer/agent/create"),
        "--network",
        &project.internal("implementer"),
        engine_images::PIPELOCK,
        "run",
        "--listen",
        "0.0.0.0:8888",
    ];
    let _own = Own::container(&agent, &words);
    let (_, document) = verify(project, &["--quick"]);
    let why = of(&document, "probes", "A1.stand-in")["reason"].as_str().unwrap();
    assert!(why.contains("no shell") && why.contains("--helper"), "{document:#}");
    assert_eq!(of(&document, "probes", "F1.engine")["verdict"], "broken", "{document:#}");
}
