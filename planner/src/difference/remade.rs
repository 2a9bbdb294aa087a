//! What stands on an engine from the first plan and has to be made anew for the second.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bottles::Matched;
use crate::address::Address;
use crate::intent::{ObjectName, Step};
use crate::operation::{Input, ObjectKind, Operation, makes};
use crate::plan::Plan;

/// An object of both plans that is made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remade {
    /// What makes it.
    pub address: Address,
    /// What it is.
    pub kind: ObjectKind,
    /// Whether an agent's work is in it, and goes with it.
    pub is_agent: bool,
    /// The inputs that are others, by name; `a network of it` where that is made anew.
    pub because: Vec<String>,
}

fn operations(plan: &Plan) -> impl Iterator<Item = &Operation> {
    plan.entries.iter().filter_map(|entry| entry.operation.as_ref())
}

/// The files that are put into each container.
fn files(plan: &Plan) -> HashMap<&ObjectName, BTreeSet<&str>> {
    let mut files: HashMap<&ObjectName, BTreeSet<&str>> = HashMap::new();
    for operation in operations(plan) {
        if let Step::CopyIn(copy) = &operation.step {
            files.entry(&copy.container).or_default().extend(operation.inputs.iter().filter_map(Input::file));
        }
    }
    files
}

pub(super) fn between(from: &Plan, to: &Plan, matched: &Matched) -> Vec<Remade> {
    // To another backend, or under another project's name, everything is made.
    if from.profile != to.profile || from.project != to.project {
        return Vec::new();
    }
    let before: HashMap<&Address, &Operation> =
        operations(from).map(|operation| (&operation.address, operation)).collect();
    let (had, has) = (files(from), files(to));
    let mut networks: BTreeSet<&ObjectName> = BTreeSet::new();
    for operation in operations(to) {
        if let (Step::CreateNetwork(network), Some(was)) = (&operation.step, before.get(&operation.address))
            && was.digest != operation.digest
        {
            networks.insert(&network.name);
        }
    }
    let mut memberships: HashMap<&ObjectName, Vec<&ObjectName>> = HashMap::new();
    for operation in operations(to) {
        match &operation.step {
            Step::CreateContainer(container) => memberships
                .entry(&container.name)
                .or_default()
                .extend(container.networks.iter().map(|membership| &membership.network)),
            Step::Attach(attachment) => {
                memberships.entry(&attachment.container).or_default().push(&attachment.membership.network);
            }
            _ => {}
        }
    }
    let mut remade = Vec::new();
    for operation in operations(to) {
        let Some((kind, _)) = makes(&operation.step) else { continue };
        let Some(was) = before.get(&operation.address) else { continue };
        if matched.is_renamed(operation.address.bottle()) || matches!(kind, ObjectKind::Image | ObjectKind::Stage) {
            continue;
        }
        let mut because = changed_inputs(was, operation);
        let mut is_agent = false;
        if let Step::CreateContainer(container) = &operation.step {
            is_agent = container.role == crate::intent::Role::Agent;
            if memberships.get(&container.name).into_iter().flatten().any(|network| networks.contains(network)) {
                because.push("a network of it".to_owned());
            }
            let nothing = BTreeSet::new();
            let left = had.get(&container.name).unwrap_or(&nothing);
            let left = left.difference(has.get(&container.name).unwrap_or(&nothing));
            because.extend(left.map(|path| format!("{path} is no longer declared")));
        }
        if !because.is_empty() {
            remade.push(Remade { address: operation.address.clone(), kind, is_agent, because });
        }
    }
    remade
}

/// The names of the inputs that differ.
fn changed_inputs(was: &Operation, is: &Operation) -> Vec<String> {
    if was.digest == is.digest {
        return Vec::new();
    }
    let grouped = |operation: &Operation| {
        let mut inputs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for input in &operation.inputs {
            inputs.entry(input.name.clone()).or_default().push(input.value.clone());
        }
        inputs
    };
    let (was, is) = (grouped(was), grouped(is));
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let changed: Vec<String> = names.into_iter().filter(|name| was.get(*name) != is.get(*name)).cloned().collect();
    // Inputs of one order only are another digest too.
    if changed.is_empty() { vec!["the order of its options".to_owned()] } else { changed }
}
