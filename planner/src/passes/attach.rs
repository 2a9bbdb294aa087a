//! How a container joins its networks: all when it is made, or one then and the others before it starts.

use std::collections::{HashMap, HashSet};

use super::{Facts, LowerError, Rewrite};
use crate::address::Address;
use crate::intent::{Attachment, Graph, Membership, Need, ObjectName, Step};

pub(super) fn run(graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let all = facts.profile.networks_at_create;
    let routes_first = facts.profile.first_network_routes;
    let mut steps = graph.into_steps();

    // What each container takes in: its attach steps in the order of the graph, so that the first is the internal network.
    let mut folded: HashMap<ObjectName, Vec<(Membership, Address)>> = HashMap::new();
    let mut gone: HashSet<Address> = HashSet::new();
    let mut kept = Vec::new();
    for (node, _) in &steps {
        let Step::Attach(Attachment { container, membership }) = &node.step else { continue };
        let taken = folded.entry(container.clone()).or_default();
        if !all && !taken.is_empty() {
            kept.push(node.address.clone());
            continue;
        }
        taken.push((membership.clone(), node.address.clone()));
        gone.insert(node.address.clone());
    }
    let needs_of: HashMap<Address, Vec<(Need, Address)>> = steps
        .iter()
        .filter(|(node, _)| gone.contains(&node.address))
        .map(|(node, needs)| (node.address.clone(), needs.clone()))
        .collect();

    steps.retain(|(node, _)| !gone.contains(&node.address));
    for (node, needs) in &mut steps {
        if let Step::CreateContainer(container) = &mut node.step
            && let Some(mut taken) = folded.remove(&container.name)
        {
            if routes_first {
                taken.sort_by_key(|(membership, _)| !membership.default_route);
            }
            for (membership, attach) in taken {
                container.networks.push(membership);
                let networks = needs_of.get(&attach).into_iter().flatten().filter(|(_, on)| *on != node.address);
                needs.extend(networks.cloned());
            }
            continue;
        }
        rewire(needs, &needs_of);
    }

    let mut rewrites = Vec::new();
    if all {
        let because = if routes_first {
            "nothing joins a network once it is made: containers are made as members of all of theirs, the one that leads out first, \
             since the first gets the default route"
        } else {
            "this engine takes several networks at create: containers are made as members of all of theirs"
        };
        rewrites.extend(Rewrite::of("attach", gone.into_iter().collect(), because));
    } else {
        let because = "this engine refuses a second network at create: it is connected before the container starts";
        rewrites.extend(Rewrite::of("attach", kept, because));
    }
    Ok((Graph::rebuild(steps)?, rewrites))
}

/// What needed an attach step now needs what that step needed.
fn rewire(needs: &mut Vec<(Need, Address)>, folded: &HashMap<Address, Vec<(Need, Address)>>) {
    let mut rewired: Vec<(Need, Address)> = Vec::with_capacity(needs.len());
    for (need, on) in needs.drain(..) {
        match folded.get(&on) {
            Some(instead) => rewired.extend(instead.iter().map(|(_, on)| (Need::After, on.clone()))),
            None => rewired.push((need, on)),
        }
    }
    // The stronger need wins: `On` sorts after `After`.
    rewired.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
    rewired.dedup_by(|later, first| later.1 == first.1);
    *needs = rewired;
}
