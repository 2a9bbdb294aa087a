//! Gates: whether bottles are probed before their agents run, and as what.

use std::collections::{HashMap, HashSet};

use super::{Facts, LowerError, Rewrite};
use crate::address::Address;
use crate::intent::{Container, Gate, Graph, ObjectName, Step};
use crate::profile::Behaviour;

pub(super) fn run(graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let mut steps = graph.into_steps();
    if facts.profile.behaves == Behaviour::Container {
        let gates = steps.iter().filter(|(node, _)| matches!(node.step, Step::Gate(_)));
        let gone: HashSet<Address> = gates.map(|(node, _)| node.address.clone()).collect();
        steps.retain(|(node, _)| !gone.contains(&node.address));
        for (_, needs) in &mut steps {
            needs.retain(|(_, on)| !gone.contains(on));
        }
        let because = "a twin beside the agent would be a virtual machine of its own, with another network stack: what is required is \
                       not probed before the agent runs";
        let rewrite = Rewrite::of("gates", gone.into_iter().collect(), because);
        return Ok((Graph::rebuild(steps)?, rewrite.into_iter().collect()));
    }
    // What the agent is by now, its twin is too.
    let mut agents: HashMap<ObjectName, Container> = HashMap::new();
    let mut attached: HashMap<ObjectName, Vec<ObjectName>> = HashMap::new();
    for (node, _) in &steps {
        match &node.step {
            Step::CreateContainer(container) => _ = agents.insert(container.name.clone(), (**container).clone()),
            Step::Attach(attachment) => {
                attached.entry(attachment.container.clone()).or_default().push(attachment.membership.network.clone())
            }
            _ => {}
        }
    }
    for (node, _) in &mut steps {
        let Step::Gate(gate) = &mut node.step else { continue };
        let Some(agent) = agents.get(&gate.container) else { continue };
        let networks_after = attached.get(&gate.container);
        let Gate { image, user, runtime, networks, given_up, dns_closed, .. } = gate.as_mut();
        image.clone_from(&agent.image);
        user.clone_from(&agent.user);
        *runtime = agent.runtime;
        given_up.clone_from(&agent.given_up);
        *dns_closed = agent.dns_closed;
        let at_create = agent.networks.iter().map(|membership| membership.network.clone());
        *networks = at_create.chain(networks_after.into_iter().flatten().cloned()).collect();
    }
    Ok((Graph::rebuild(steps)?, Vec::new()))
}
