//! Containers that are started held, because what their command needs can only be made while they run.

use std::collections::HashMap;

use crate::address::Address;
use crate::intent::{Hold, Need, Node, ObjectName, Step};

/// The steps of a graph, taken apart.
pub(super) type Steps = Vec<(Node, Vec<(Need, Address)>)>;

/// Holds containers back until some steps are done; each is known by the address of what makes it.
pub(super) fn until(steps: &mut Steps, done: &HashMap<Address, Vec<Address>>) {
    let after = |create: &Address| {
        let steps = done.get(create).into_iter().flatten();
        steps.map(|step| (Need::After, step.clone())).collect::<Vec<_>>()
    };
    let mut unreleased: HashMap<Address, ObjectName> = HashMap::new();
    for (node, needs) in steps.iter_mut() {
        match &mut node.step {
            Step::CreateContainer(made) if done.contains_key(&node.address) => {
                if made.hold == Hold::None {
                    made.hold = Hold::Held;
                }
                unreleased.insert(node.address.clone(), made.name.clone());
            }
            Step::Release(_) => needs.extend(after(&node.address.beside("create"))),
            _ => {}
        }
    }
    for (node, _) in steps.iter().filter(|(node, _)| matches!(node.step, Step::Release(_))) {
        unreleased.remove(&node.address.beside("create"));
    }
    for (node, needs) in steps.iter_mut() {
        let create = node.address.beside("create");
        let of_manifest = node.address.as_str().starts_with(create.beside("exec:").as_str());
        if !of_manifest || !unreleased.contains_key(&create) {
            continue;
        }
        // What came after the start because the command ran by then now comes after the release.
        let start = create.beside("start");
        for (_, on) in needs.iter_mut().filter(|(need, on)| *need == Need::After && *on == start) {
            *on = create.beside("release");
        }
    }
    for (create, container) in unreleased {
        let mut needs = after(&create);
        needs.push((Need::On, create.beside("start")));
        steps.push((Node { address: create.beside("release"), step: Step::Release(container) }, needs));
    }
}
