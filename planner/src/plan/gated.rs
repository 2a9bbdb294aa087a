//! Gates that are due though nothing of their own changed.

use std::collections::{HashMap, HashSet};

use super::{Entry, Reason, Verdict};
use crate::address::Address;
use crate::intent::{ObjectName, Step};
use crate::operation::Removed;

/// A gate is asked again where its agent is started, and where a membership of its bottle was mended.
pub(super) fn ask_again(entries: &mut [Entry]) {
    let mut bottles: HashMap<String, Vec<Reason>> = HashMap::new();
    let gates = entries.iter().filter_map(|entry| match &entry.operation.as_ref()?.step {
        Step::Gate(gate) => Some(gate.container.clone()),
        _ => None,
    });
    let agents: HashSet<ObjectName> = gates.collect();
    if agents.is_empty() {
        return;
    }
    for entry in entries.iter().filter(|entry| entry.verdict != Verdict::Keep) {
        let Some(bottle) = entry.address.bottle() else { continue };
        if let Some(reason) = because_of(entry, &agents) {
            bottles.entry(bottle.to_owned()).or_default().push(reason);
        }
    }
    for entry in entries.iter_mut().filter(|entry| entry.verdict == Verdict::Keep) {
        let Some(Step::Gate(_)) = entry.operation.as_ref().map(|operation| &operation.step) else { continue };
        if let Some(reasons) = entry.address.bottle().and_then(|bottle| bottles.remove(bottle)) {
            entry.verdict = Verdict::Update;
            entry.reasons = reasons;
        }
    }
}

fn because_of(entry: &Entry, agents: &HashSet<ObjectName>) -> Option<Reason> {
    let address = || -> Address { entry.address.clone() };
    match entry.operation.as_ref().map(|operation| &operation.step) {
        Some(Step::Start(container)) if agents.contains(container) => Some(Reason::Asked { by: address() }),
        // The agent may run already: were the end of this gate not written down, only this reason would tell that it is due.
        Some(Step::Attach(_)) => Some(Reason::NeedRedone { need: address() }),
        Some(_) => None,
        None => match entry.removal.as_ref()?.what {
            Removed::Membership { .. } => Some(Reason::NeedRedone { need: address() }),
            Removed::Object { .. } => None,
        },
    }
}
