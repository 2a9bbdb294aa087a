//! Group F: rights.

use super::ask::Ask;
use super::attempt::Attempt;
use super::direct::{capabilities, field, status};
use super::scene::Scene;
use super::{How, Probe, Verdict, always};
use crate::guarantee::Guarantee;
use crate::profile::Behaviour;

const UNPRIVILEGED: &[Guarantee] = &[Guarantee::AgentUnprivileged];

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "F1.engine",
        guarantees: UNPRIVILEGED,
        question: "did the engine give the agent no rights: not privileged, no capabilities, no way to new ones?",
        quick: true,
        applies: |scene| scene.behaves == Behaviour::Docker,
        needed: true,
        how: How::Engine(given),
    },
    Probe {
        name: "F1.host",
        guarantees: &[Guarantee::HostClosed, Guarantee::AgentUnprivileged],
        question: "did the engine give the agent nothing of the host: no namespace, no device, no socket of an engine?",
        quick: true,
        applies: always,
        needed: true,
        how: How::Engine(of_the_host),
    },
    Probe {
        name: "F1.process",
        guarantees: UNPRIVILEGED,
        question: "has a process of the agent no capabilities, and no way to come by any?",
        quick: true,
        applies: always,
        needed: true,
        how: How::Inside(process),
    },
    Probe {
        name: "F1.user",
        guarantees: UNPRIVILEGED,
        question: "is the agent not root?",
        quick: true,
        applies: |scene| !scene.root,
        needed: true,
        how: How::Inside(user),
    },
    Probe {
        name: "F2.unshare",
        guarantees: &[],
        question: "can the agent make a user namespace of its own?",
        quick: false,
        applies: always,
        needed: false,
        how: How::Limit(unshare),
    },
    Probe {
        name: "F3.secrets",
        guarantees: &[Guarantee::SecretsByName],
        question: "is no secret of the agent in the proxy, in an argv, in a label or in an image's configuration?",
        quick: true,
        applies: always,
        needed: true,
        how: How::Engine(secrets),
    },
];

/// Parts of paths at which engines are spoken to.
const SOCKET_NAMES: &[&str] = &["docker.sock", "containerd.sock", "podman.sock", "crio.sock"];

fn given(scene: &Scene) -> Verdict {
    let agent = &scene.agent;
    let mut wrong = Vec::new();
    if agent.privileged {
        wrong.push("it is privileged".to_owned());
    }
    if !agent.capabilities_added.is_empty() {
        wrong.push(format!("it was given {}", agent.capabilities_added.join(", ")));
    }
    if !agent.capabilities_dropped.iter().any(|name| name.eq_ignore_ascii_case("all")) {
        wrong.push("its capabilities were not dropped".to_owned());
    }
    if !agent.security.iter().any(|option| option.starts_with("no-new-privileges") && !option.ends_with("false")) {
        wrong.push("new privileges are not forbidden".to_owned());
    }
    let open = |option: &&String| option.ends_with("unconfined") || option.ends_with("disable");
    if let Some(option) = agent.security.iter().find(open) {
        wrong.push(format!("it runs with {option}"));
    }
    all_of(&wrong)
}

fn of_the_host(scene: &Scene) -> Verdict {
    let agent = &scene.agent;
    let mut wrong = Vec::new();
    if agent.privileged {
        wrong.push("it is privileged, and so has all devices".to_owned());
    }
    if !agent.foreign_namespaces.is_empty() {
        wrong.push(format!("it is in {}", agent.foreign_namespaces.join(", ")));
    }
    if !agent.devices.is_empty() {
        wrong.push(format!("it has the devices {}", agent.devices.join(", ")));
    }
    let speaks_to_engines = |mount: &&str| {
        ["/", "/run", "/var/run"].contains(mount) || SOCKET_NAMES.iter().any(|name| mount.contains(name))
    };
    let sockets: Vec<&str> = agent.mounts.iter().map(String::as_str).filter(speaks_to_engines).collect();
    if !sockets.is_empty() {
        wrong.push(format!("{} is mounted into it", sockets.join(", ")));
    }
    all_of(&wrong)
}

fn all_of(wrong: &[String]) -> Verdict {
    if wrong.is_empty() { Verdict::Held } else { Verdict::Broken(wrong.join("; ")) }
}

fn process(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(status(), |text, scene| {
        let Some(all) = capabilities(text) else {
            return Verdict::Unknown("its capabilities could not be read".to_owned());
        };
        if all != 0 {
            return Verdict::Broken(format!("its capabilities are {all:016x}"));
        }
        match field(text, "NoNewPrivs:") {
            Some("1") => Verdict::Held,
            // A backend that cannot forbid them says so in what it claims.
            Some(_) if scene.behaves != Behaviour::Docker => Verdict::Held,
            Some(_) => Verdict::Broken("it may take on new privileges".to_owned()),
            None => Verdict::Unknown("whether it may take on new privileges could not be read".to_owned()),
        }
    })]
}

fn user(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(status(), |text, _| match field(text, "Uid:") {
        Some("0") => Verdict::Broken("its user is root".to_owned()),
        Some(_) => Verdict::Held,
        None => Verdict::Unknown("its user could not be read".to_owned()),
    })]
}

fn unshare(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(Ask::Unshare, |_, _| Verdict::Held)]
}

fn secrets(scene: &Scene) -> Verdict {
    if scene.leaks.is_empty() { Verdict::Held } else { Verdict::Broken(scene.leaks.join("; ")) }
}
