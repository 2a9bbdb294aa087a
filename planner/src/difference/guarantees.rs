//! Where guarantees stand better or worse, and what is required otherwise.

use super::bottles::Matched;
use crate::guarantee::{Guarantee, Standing};
use crate::name::BottleName;
use crate::plan::Plan;

/// A guarantee that stands otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The bottle.
    pub bottle: BottleName,
    /// The guarantee.
    pub guarantee: Guarantee,
    /// Where it stood.
    pub from: Standing,
    /// Where it stands.
    pub to: Standing,
    /// Whether the second plan's manifest requires it.
    pub required: bool,
}

/// A guarantee that only one of the manifests requires of a bottle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The bottle.
    pub bottle: BottleName,
    /// The guarantee.
    pub guarantee: Guarantee,
    /// Whether it is the second that requires it.
    pub required: bool,
}

#[derive(Default)]
pub(super) struct Guarantees {
    pub(super) lost: Vec<Shift>,
    pub(super) gained: Vec<Shift>,
    pub(super) restated: Vec<Shift>,
    pub(super) requirements: Vec<Requirement>,
}

pub(super) fn between(from: &Plan, to: &Plan, matched: &Matched) -> Guarantees {
    let mut found = Guarantees::default();
    for guarantee in Guarantee::ALL {
        for (bottle, before, after) in matched.kept(from, to) {
            let standing = |all: &[(Guarantee, Standing)]| {
                all.iter().find(|(name, _)| name == guarantee).map(|(_, standing)| standing.clone())
            };
            let (was, is) = (before.requires.contains(guarantee), after.requires.contains(guarantee));
            if was != is {
                found.requirements.push(Requirement { bottle: bottle.clone(), guarantee: *guarantee, required: is });
            }
            let (Some(was), Some(now)) = (standing(&before.guarantees), standing(&after.guarantees)) else { continue };
            let (ranked, differs) = (now.rank().cmp(&was.rank()), now.reason() != was.reason());
            let shift = Shift { bottle: bottle.clone(), guarantee: *guarantee, from: was, to: now, required: is };
            match ranked {
                std::cmp::Ordering::Greater => found.lost.push(shift),
                std::cmp::Ordering::Less => found.gained.push(shift),
                std::cmp::Ordering::Equal if differs && !shift.to.meets() && from.profile == to.profile => {
                    found.restated.push(shift);
                }
                std::cmp::Ordering::Equal => {}
            }
        }
    }
    found
}
