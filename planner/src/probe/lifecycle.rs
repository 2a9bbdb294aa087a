//! Group E, as far as it can be seen without changing anything.

use super::ask::Ask;
use super::attempt::Attempt;
use super::scene::Scene;
use super::{How, Probe, Verdict, has_proxy};
use crate::guarantee::Guarantee;

const PROXY: &[Guarantee] = &[Guarantee::ProxyIsolated];

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "E5.namespaces",
        guarantees: PROXY,
        question: "do the agent and its proxy share no processes and no network?",
        quick: true,
        applies: has_proxy,
        needed: true,
        how: How::Engine(namespaces),
    },
    Probe {
        name: "E5.processes",
        guarantees: PROXY,
        question: "does the agent see no process of the proxy?",
        quick: false,
        applies: has_proxy,
        needed: true,
        how: How::Inside(processes),
    },
    Probe {
        name: "E6.configuration",
        guarantees: PROXY,
        question: "is the proxy's configuration out of the agent's reach, and its root read-only?",
        quick: true,
        applies: has_proxy,
        needed: true,
        how: How::Engine(configuration),
    },
    Probe {
        name: "E7.networks",
        guarantees: &[
            Guarantee::EgressAllowlisted,
            Guarantee::HostClosed,
            Guarantee::MetadataClosed,
            Guarantee::PeersClosed,
        ],
        question: "is the agent on no network that the plan does not know?",
        quick: true,
        applies: super::always,
        needed: true,
        how: How::Engine(networks),
    },
];

fn namespaces(scene: &Scene) -> Verdict {
    let Some(proxy) = &scene.proxy else { return Verdict::Unknown("there is no proxy".to_owned()) };
    let foreign: Vec<&str> = [&scene.agent, &proxy.posture]
        .into_iter()
        .flat_map(|posture| &posture.foreign_namespaces)
        .map(String::as_str)
        .collect();
    if foreign.is_empty() { Verdict::Held } else { Verdict::Broken(format!("there is {}", foreign.join(", "))) }
}

fn processes(_: &Scene) -> Vec<Attempt> {
    vec![Attempt::reading(Ask::Processes("pipelock"), |text, _| match text.trim_start_matches("found:").trim() {
        "" => Verdict::Held,
        found => Verdict::Broken(format!("it sees {found}")),
    })]
}

fn configuration(scene: &Scene) -> Verdict {
    let Some(proxy) = &scene.proxy else { return Verdict::Unknown("there is no proxy".to_owned()) };
    if let Some(shared) = proxy.volumes.iter().find(|volume| scene.agent.mounts.contains(volume)) {
        return Verdict::Broken(format!("the volume {shared} of the proxy is mounted into the agent"));
    }
    if !proxy.posture.read_only {
        return Verdict::Broken("the proxy's root file system can be written".to_owned());
    }
    if proxy.posture.privileged || !proxy.posture.capabilities_added.is_empty() {
        return Verdict::Broken("the proxy has rights that it needs not".to_owned());
    }
    Verdict::Held
}

fn networks(scene: &Scene) -> Verdict {
    let unknown: Vec<&str> = scene
        .networks
        .iter()
        .map(|network| network.name.as_str())
        .filter(|name| !scene.declared.contains(*name))
        .collect();
    if unknown.is_empty() { Verdict::Held } else { Verdict::Broken(format!("it is on {} as well", unknown.join(", "))) }
}
