//! What `unsafe` takes away from a bottle, and what is given back.

use super::bottles::Matched;
use crate::manifest::Allowance;
use crate::name::BottleName;
use crate::plan::Plan;

/// Something that takes a wall away, and that only one of the manifests allows a bottle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceChange {
    /// The bottle.
    pub bottle: BottleName,
    /// What is allowed.
    pub allowance: Allowance,
    /// Whether it is the second that allows it.
    pub allowed: bool,
}

/// Of bottles that both have, and of new ones. One that is gone gives nothing back.
pub(super) fn between(from: &Plan, to: &Plan, matched: &Matched) -> Vec<AllowanceChange> {
    let mut found = Vec::new();
    let mut only = |bottle: &BottleName, one: &[Allowance], other: &[Allowance], allowed| {
        let one = one.iter().filter(|allowance| !other.contains(allowance));
        found.extend(one.map(|allowance| AllowanceChange {
            bottle: bottle.clone(),
            allowance: allowance.clone(),
            allowed,
        }));
    };
    for (bottle, before, after) in matched.kept(from, to) {
        only(bottle, &after.given_up, &before.given_up, true);
        only(bottle, &before.given_up, &after.given_up, false);
    }
    for bottle in &matched.added {
        if let Some(summary) = to.bottles.get(bottle) {
            only(bottle, &summary.given_up, &[], true);
        }
    }
    found.sort_by(|a, b| (!a.allowed, &a.bottle, &a.allowance).cmp(&(!b.allowed, &b.bottle, &b.allowance)));
    found
}
