//! What `unsafe` asks for and a backend does not have.

use super::{Facts, LowerError, Rewrite};
use crate::intent::{Graph, Hold, Step};
use crate::manifest::Allowance;
use crate::profile::Behaviour;

pub(super) fn run(graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    if facts.profile.behaves == Behaviour::Docker {
        return Ok((graph, Vec::new()));
    }
    for node in graph.nodes() {
        let Step::CreateContainer(container) = &node.step else { continue };
        for allowance in &container.given_up {
            let why = match allowance {
                Allowance::HostNetwork => "a virtual machine has interfaces of its own, and never the host's",
                Allowance::HostPid => "the host's processes are on another kernel",
                Allowance::Privileged => {
                    "it has no such option: a container is a virtual machine, and the host's devices are not in it"
                }
                Allowance::Device(_) => "the host's devices are not in a virtual machine",
                Allowance::EngineSocket(_) => "its own socket is no file that could be mounted",
                Allowance::Capability(_) if container.hold == Hold::HeldByRoot => {
                    "with `via = \"firewall\"` every capability is laid down before the agent's command, or it could flush the rules"
                }
                Allowance::Capability(_) | Allowance::MountHostFolder => continue,
            };
            return Err(LowerError::NotToBeHad {
                address: node.address.clone(),
                what: allowance.to_string(),
                profile: facts.profile.to_string(),
                why,
            });
        }
    }
    Ok((graph, Vec::new()))
}
