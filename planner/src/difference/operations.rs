//! Operations whose text differs, line by line; bottles whose operations change alike are told of once.

use std::collections::HashMap;

use indexmap::IndexMap;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::bottles::Matched;
use super::naming::{Keyed, Naming, within};
use crate::address::Address;
use crate::operation::Operation;
use crate::plan::Plan;

/// On which side a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineSign {
    /// In the first plan only.
    Removed,
    /// In the second plan only.
    Added,
}

impl LineSign {
    /// The sign in column 0.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Removed => '-',
            Self::Added => '+',
        }
    }
}

/// A line of an operation that only one plan has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub sign: LineSign,
    /// The line, as the plan's text has it.
    pub text: String,
}

/// An operation that only one plan has, or that both have in other words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationChange {
    /// Its address.
    pub address: Address,
    /// Operations at the same place in other bottles that change in the same way, but for the bottle's name.
    pub alike: Vec<Address>,
    /// `None` when both plans have it.
    pub only: Option<LineSign>,
    /// The lines that differ.
    pub lines: Vec<Line>,
}

/// What a change is, apart from the bottle's name.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    within: String,
    only: Option<LineSign>,
    lines: Vec<(LineSign, String)>,
}

struct Changes<'p> {
    from: Naming<'p>,
    to: Naming<'p>,
    found: IndexMap<Likeness, OperationChange>,
}

pub(super) fn between(from: &Plan, to: &Plan, matched: &Matched) -> Vec<OperationChange> {
    let operations = |plan: &'_ Plan| -> Vec<Operation> {
        let operations = plan.entries.iter().filter_map(|entry| entry.operation.clone());
        operations.filter(|operation| !matched.is_renamed(operation.address.bottle())).collect()
    };
    let (before, after) = (operations(from), operations(to));
    let known: HashMap<&Address, &Operation> = before.iter().map(|operation| (&operation.address, operation)).collect();
    let kept: HashMap<&Address, &Operation> = after.iter().map(|operation| (&operation.address, operation)).collect();
    let mut changes = Changes { from: Naming::of(from), to: Naming::of(to), found: IndexMap::new() };
    for operation in &after {
        changes.take(known.get(&operation.address).copied(), Some(operation));
    }
    for operation in before.iter().filter(|operation| !kept.contains_key(&operation.address)) {
        changes.take(Some(operation), None);
    }
    changes.found.into_values().collect()
}

impl Changes<'_> {
    fn take(&mut self, was: Option<&Operation>, is: Option<&Operation>) {
        let Some(address) = is.or(was).map(|operation| operation.address.clone()) else { return };
        let old = was.map(|operation| self.from.lines(operation)).unwrap_or_default();
        let new = is.map(|operation| self.to.lines(operation)).unwrap_or_default();
        let only = match (was, is) {
            (None, _) => Some(LineSign::Added),
            (_, None) => Some(LineSign::Removed),
            _ => None,
        };
        let lines = differing(&old, &new);
        if lines.is_empty() && only.is_none() {
            return;
        }
        let nameless = |sign, key: &str| match address.bottle() {
            Some(bottle) if sign == LineSign::Removed => self.from.nameless(bottle, key),
            Some(bottle) => self.to.nameless(bottle, key),
            None => key.to_owned(),
        };
        let likeness = Likeness {
            // What is shared is like nothing else.
            within: if address.bottle().is_some() { within(&address) } else { address.as_str() }.to_owned(),
            only,
            lines: lines.iter().map(|(sign, line)| (*sign, nameless(*sign, &line.key))).collect(),
        };
        match self.found.get_mut(&likeness) {
            Some(known) => known.alike.push(address),
            None => {
                let lines = lines.into_iter().map(|(sign, line)| Line { sign, text: line.shown.clone() }).collect();
                self.found.insert(likeness, OperationChange { address, alike: Vec::new(), only, lines });
            }
        }
    }
}

/// The lines that differ, each block of old ones before the new ones that stand in its place.
fn differing<'l>(old: &'l [Keyed], new: &'l [Keyed]) -> Vec<(LineSign, &'l Keyed)> {
    let keys = |lines: &'l [Keyed]| -> Vec<&'l str> { lines.iter().map(|line| line.key.as_str()).collect() };
    let mut differing = Vec::new();
    for change in capture_diff_slices(Algorithm::Myers, &keys(old), &keys(new)) {
        let (tag, from, to) = change.as_tag_tuple();
        if tag != DiffTag::Equal {
            differing.extend(old[from].iter().map(|line| (LineSign::Removed, line)));
            differing.extend(new[to].iter().map(|line| (LineSign::Added, line)));
        }
    }
    differing
}
