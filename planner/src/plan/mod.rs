//! The plan: one value that is shown, saved and carried out, so that these cannot disagree.

mod build;
mod choose;
mod compare;
mod gated;
mod reason;
mod removed;
mod satisfied;
mod seen;
mod undo;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashSet};

pub use build::{Foreign, PlanError, Target, build, destroy};
pub use choose::{Row, Table, WayReason};
pub use reason::{Reason, Verdict};
pub use undo::Undo;
pub use work::{Task, TaskKind};

pub(crate) use satisfied::differences;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::fixed::{self, Fixed};
use crate::guarantee::{Guarantee, Standing};
use crate::intent::{CopyIn, Secret, Step, Tracking, Way};
use crate::manifest::Allowance;
use crate::name::{BottleName, ProjectName};
use crate::operation::{Operation, Removal};
use crate::passes::Rewrite;
use crate::profile::Profile;
use crate::trust::Asks;

/// What will happen, and what will hold afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The project.
    pub project: ProjectName,
    /// What the plan is for.
    pub purpose: Purpose,
    /// The bottles it deals with; `None` is all of them, and what is no longer declared.
    pub part: Option<BTreeSet<BottleName>>,
    /// Where it will happen.
    pub profile: Profile,
    /// Why there.
    pub chosen: BackendReason,
    /// Whether an engine was observed; else everything is to be created.
    pub observed: bool,
    /// Operations in order: needs first, then by address; what is deleted last.
    pub entries: Vec<Entry>,
    /// What passes changed, and why.
    pub rewrites: Vec<Rewrite>,
    /// The bottles, with what holds for each.
    pub bottles: BTreeMap<BottleName, BottleSummary>,
    /// Host secrets, each with the operations that read it, by name.
    #[serde(with = "pairs")]
    pub secrets: BTreeMap<Secret, Vec<Address>>,
    /// What the manifest asks of the host and was not agreed to. It is set by whoever knows what was.
    #[serde(skip)]
    pub asks: Asks,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// What is declared is to be there.
    Apply,
    /// What is there is to go.
    Destroy,
}

/// A map as pairs: a secret is no string, and so no key of a JSON object.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

/// Why a backend was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendReason {
    /// Named on the command line.
    Named,
    /// The manifest's `sandbox` asks for it.
    Sandbox(#[serde(deserialize_with = "fixed::of_sandbox")] Fixed),
    /// The machine has it.
    Found,
    /// Nothing said otherwise, and no engine was asked.
    Default,
}

/// What a plan says of one bottle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BottleSummary {
    /// Hosts that it may reach.
    pub allow: Vec<String>,
    /// The way out, and why that one; `None` without egress.
    pub way: Option<(Way, WayReason)>,
    /// All guarantees, in their order.
    pub guarantees: Vec<(Guarantee, Standing)>,
    /// Those that the manifest requires.
    pub requires: Vec<Guarantee>,
    /// What its `unsafe` asks for.
    pub given_up: Vec<Allowance>,
    /// Those that are held by what runs, as far as is remembered, and that this plan does not hold.
    pub lost: Vec<Guarantee>,
}

impl BottleSummary {
    /// The guarantees that are held, in their order.
    #[must_use]
    pub fn held(&self) -> Vec<Guarantee> {
        self.guarantees.iter().filter(|(_, standing)| standing.meets()).map(|(guarantee, _)| *guarantee).collect()
    }

    /// Whether its `unsafe` gives a guarantee up.
    #[must_use]
    pub fn gives_up(&self, guarantee: Guarantee) -> bool {
        self.given_up.iter().any(|allowance| allowance.loses().contains(&guarantee))
    }

    /// Where a guarantee stands.
    #[must_use]
    pub fn standing(&self, guarantee: Guarantee) -> Option<&Standing> {
        self.guarantees.iter().find(|(name, _)| *name == guarantee).map(|(_, standing)| standing)
    }

    /// The guarantees that are required and not held.
    pub fn unmet(&self) -> impl Iterator<Item = (Guarantee, &Standing)> {
        self.guarantees
            .iter()
            .filter(|(guarantee, standing)| self.requires.contains(guarantee) && !standing.meets())
            .map(|(guarantee, standing)| (*guarantee, standing))
    }
}

/// One operation of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its address.
    pub address: Address,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What is run for it; `None` when it is only deleted.
    pub operation: Option<Operation>,
    /// What is taken away first, when it is deleted or replaced.
    pub removal: Option<Removal>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.verdict == Verdict::Keep)
    }

    /// The entries that are done at every apply, since what they find may have changed, and those that only follow them. They are no
    /// difference between what is declared and what is there.
    #[must_use]
    pub fn refreshed(&self) -> HashSet<&Address> {
        let mut refreshed = HashSet::new();
        for entry in &self.entries {
            let only = entry.reasons.iter().all(|reason| match reason {
                Reason::Refreshed => true,
                Reason::NeedRedone { need } => refreshed.contains(need),
                _ => false,
            });
            if only {
                refreshed.insert(&entry.address);
            }
        }
        refreshed
    }

    /// Whether content that it depends on was not looked at, so that it can only be shown.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        let steps = self.entries.iter().filter_map(|entry| entry.operation.as_ref()).map(|operation| &operation.step);
        steps.into_iter().any(|step| match step {
            Step::CopyIn(CopyIn { tracked: Tracking::Content(content), .. }) => content.is_unread(),
            Step::Stage(stage) => stage.content.is_unread(),
            Step::BuildImage(build) => build.content.is_unread(),
            _ => false,
        })
    }

    /// How many entries have a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.entries.iter().filter(|entry| entry.verdict == verdict).count()
    }
}
