//! Why a saved plan no longer holds: what it says against what the plan is now.

use std::collections::HashMap;
use std::fmt;

use super::{SavedPlan, is_same};
use crate::address::Address;
use crate::digest::Digest;
use crate::guarantee::Guarantee;
use crate::name::BottleName;
use crate::plan::{Entry, Plan, Reason, Verdict, differences};
use crate::render::harmless;

/// One thing that is not as it was when the plan was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The backend.
    Profile {
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
    /// What the manifest or a file that it names means.
    Sources,
    /// What there is of the project.
    Observed,
    /// No engine was asked when the plan was saved.
    NeverObserved,
    /// The hosts of a bottle.
    Hosts {
        /// The bottle.
        bottle: BottleName,
        /// Those it could reach.
        was: Vec<String>,
        /// Those it can reach.
        is: Vec<String>,
    },
    /// The standing of a guarantee.
    Standing {
        /// The bottle.
        bottle: BottleName,
        /// The guarantee.
        guarantee: Guarantee,
        /// The word for what it was.
        was: &'static str,
        /// The word for what it is.
        is: &'static str,
    },
    /// What becomes of an operation.
    Operation {
        /// The operation.
        address: Address,
        /// What would have become of it; `None` where the saved plan does not know it.
        was: Option<Outcome>,
        /// What would become of it; `None` where the plan no longer has it.
        is: Option<Outcome>,
        /// The inputs that differ.
        inputs: Vec<Reason>,
    },
}

/// A verdict, and the reasons for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
}

impl From<&Entry> for Outcome {
    fn from(entry: &Entry) -> Self {
        Self { verdict: entry.verdict, reasons: entry.reasons.clone() }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = self.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        write!(f, "{} ({})", self.verdict.word(), harmless(&reasons))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = |hosts: &[String]| if hosts.is_empty() { "nothing".into() } else { harmless(&hosts.join(", ")) };
        match self {
            Self::Profile { was, is } => write!(f, "the backend: {} -> {is}", harmless(was)),
            Self::Sources => f.write_str("the manifest, or a file that it names, has another meaning"),
            Self::Observed => f.write_str("what there is of the project is not what was seen"),
            Self::NeverObserved => f.write_str("it was planned without asking an engine, as for one that has nothing"),
            Self::Hosts { bottle, was, is } => write!(f, "{bottle} may reach: {} -> {}", hosts(was), hosts(is)),
            Self::Standing { bottle, guarantee, was, is } => write!(f, "{bottle}, {guarantee}: {was} -> {is}"),
            Self::Operation { address, was, is, inputs } => {
                write!(f, "{}: ", harmless(address.as_str()))?;
                match (was, is) {
                    (Some(was), Some(is)) if was == is => {
                        write!(f, "still to {}, of something else", is.verdict.word())?
                    }
                    (Some(was), Some(is)) => write!(f, "{was} -> {is}")?,
                    (Some(was), None) => write!(f, "{was} -> no longer in the plan")?,
                    (None, Some(is)) => write!(f, "not in the plan -> {is}")?,
                    (None, None) => {}
                }
                for input in inputs {
                    write!(f, "; {}", harmless(&input.to_string()))?;
                }
                Ok(())
            }
        }
    }
}

/// What changed between a saved plan and the plan that the manifest and the engine give now, with the digests that the latter were
/// taken from. What lies behind the rest comes first.
#[must_use]
pub fn changes(saved: &SavedPlan, now: &Plan, sources: &Digest, observed: &Digest) -> Vec<Change> {
    let was = &saved.plan;
    let mut changes = Vec::new();
    if was.profile.to_string() != now.profile.to_string() {
        changes.push(Change::Profile { was: was.profile.to_string(), is: now.profile.to_string() });
    }
    if saved.sources != *sources {
        changes.push(Change::Sources);
    }
    match &saved.observed {
        None => changes.push(Change::NeverObserved),
        Some(then) if then != observed => changes.push(Change::Observed),
        Some(_) => {}
    }
    bottles(&mut changes, was, now);
    operations(&mut changes, was, now);
    changes
}

fn bottles(changes: &mut Vec<Change>, was: &Plan, now: &Plan) {
    for (bottle, is) in &now.bottles {
        let Some(was) = was.bottles.get(bottle) else { continue };
        if was.allow != is.allow {
            changes.push(Change::Hosts { bottle: bottle.clone(), was: was.allow.clone(), is: is.allow.clone() });
        }
        for (guarantee, standing) in &is.guarantees {
            let before = was.guarantees.iter().find(|(name, _)| name == guarantee).map(|(_, standing)| standing.word());
            if let Some(before) = before.filter(|before| *before != standing.word()) {
                changes.push(Change::Standing {
                    bottle: bottle.clone(),
                    guarantee: *guarantee,
                    was: before,
                    is: standing.word(),
                });
            }
        }
    }
}

/// Entry by entry, in the order of the plan as it is now; then what it no longer has.
fn operations(changes: &mut Vec<Change>, was: &Plan, now: &Plan) {
    let before: HashMap<&Address, &Entry> = was.entries.iter().map(|entry| (&entry.address, entry)).collect();
    let after: HashMap<&Address, &Entry> = now.entries.iter().map(|entry| (&entry.address, entry)).collect();
    for entry in &now.entries {
        let was = before.get(&entry.address).copied();
        if was.is_some_and(|was| is_same(was, entry)) {
            continue;
        }
        let inputs = match (was.and_then(|was| was.operation.as_ref()), &entry.operation) {
            (Some(was), Some(is)) if was.digest != is.digest => differences(&was.inputs, &is.inputs),
            _ => Vec::new(),
        };
        changes.push(Change::Operation {
            address: entry.address.clone(),
            was: was.map(Outcome::from),
            is: Some(Outcome::from(entry)),
            inputs,
        });
    }
    for entry in was.entries.iter().filter(|entry| !after.contains_key(&entry.address)) {
        changes.push(Change::Operation {
            address: entry.address.clone(),
            was: Some(Outcome::from(entry)),
            is: None,
            inputs: Vec::new(),
        });
    }
}
