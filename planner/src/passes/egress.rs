//! A network that leads out: where the engine has one of its own, that one, so that none is made or torn down.

use super::{Facts, LowerError, Rewrite};
use crate::intent::{Graph, Reach, Role, Step};

pub(super) fn run(graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let profile = facts.profile;
    if !profile.networks
        && let Some(node) = graph
            .nodes()
            .find(|node| matches!(&node.step, Step::CreateNetwork(network) if network.reach == Reach::Internal))
    {
        return Err(LowerError::NoNetworks { address: node.address.clone(), profile: profile.to_string() });
    }
    if !profile.own_egress_network {
        return Ok((graph, Vec::new()));
    }
    let mut steps = graph.into_steps();
    let made: Vec<_> = steps
        .iter()
        .filter_map(|(node, _)| match &node.step {
            Step::CreateNetwork(network) if network.reach == Reach::Egress => {
                Some((node.address.clone(), network.name.clone()))
            }
            _ => None,
        })
        .collect();
    steps.retain(|(node, _)| made.iter().all(|(address, _)| *address != node.address));
    let mut resolved = Vec::new();
    for (node, needs) in &mut steps {
        needs.retain(|(_, on)| made.iter().all(|(address, _)| address != on));
        match &mut node.step {
            Step::Attach(attachment) if made.iter().any(|(_, name)| *name == attachment.membership.network) => {
                attachment.membership = attachment.membership.clone().on_own_network();
            }
            Step::CreateContainer(container) if container.role == Role::Sidecar => {
                container.resolvers = facts.resolvers.iter().map(ToString::to_string).collect();
                resolved.push(node.address.clone());
            }
            _ => {}
        }
    }
    let gone = made.into_iter().map(|(address, _)| address).collect();
    let because = "the network `default` of the engine leads out: tearing networks down can cut off others that share a bridge \
                   (apple/container#2051)";
    let resolvers = facts.resolvers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let because_resolvers =
        format!("the gateway of that network was seen to resolve no names: sidecars ask {resolvers}");
    let rewrites = [Rewrite::of("egress", gone, because), Rewrite::of("egress", resolved, because_resolvers)];
    Ok((Graph::rebuild(steps)?, rewrites.into_iter().flatten().collect()))
}
