//! Two plans held against each other: what the second opens, closes, reads and does otherwise than the first.
//!
//! Nothing here compares texts of manifests: order, comments and spelling of a manifest are in no plan, so they make no difference.

mod allowances;
mod bottles;
mod guarantees;
mod hosts;
mod images;
mod naming;
mod operations;
mod reads;
mod remade;

pub use allowances::AllowanceChange;
pub use bottles::Renamed;
pub use guarantees::{Requirement, Shift};
pub use hosts::{EVERYTHING, HostChange, Opened, WayChange};
pub use images::{Aspect, Became};
pub use operations::{Line, LineSign, OperationChange};
pub use reads::{FileChange, SecretChange};
pub use remade::Remade;

use crate::guarantee::{Guarantee, Standing};
use crate::name::{BottleName, ProjectName};
use crate::plan::Plan;

/// One of the two plans, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The project.
    pub project: ProjectName,
    /// The backend, as plans write it.
    pub profile: String,
    /// How many bottles it has.
    pub bottles: usize,
    /// How many operations it has.
    pub operations: usize,
}

/// A guarantee that the second plan's manifest requires and that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The bottle.
    pub bottle: BottleName,
    /// The guarantee.
    pub guarantee: Guarantee,
    /// Where it stands.
    pub standing: Standing,
}

/// What changes from one plan to another, what a reviewer must see first in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The first plan.
    pub from: Side,
    /// The second plan.
    pub to: Side,
    /// Guarantees that stand worse, of bottles that both have.
    pub lost: Vec<Shift>,
    /// Guarantees that stand better, of bottles that both have.
    pub gained: Vec<Shift>,
    /// Guarantees that stand where they stood, short of held, for another reason on the same backend.
    pub restated: Vec<Shift>,
    /// What the second requires and does not hold.
    pub unmet: Vec<Unmet>,
    /// What is required otherwise.
    pub requirements: Vec<Requirement>,
    /// What `unsafe` allows otherwise; of new bottles, all that it allows.
    pub allowances: Vec<AllowanceChange>,
    /// Bottles that only the second has.
    pub added: Vec<BottleName>,
    /// Bottles that only the first has.
    pub removed: Vec<BottleName>,
    /// Bottles that are the same but for their name.
    pub renamed: Vec<Renamed>,
    /// Hosts opened and closed, by bottle.
    pub hosts: Vec<HostChange>,
    /// Bottles whose traffic takes another way.
    pub ways: Vec<WayChange>,
    /// Secrets that get somewhere, or by a way, that they did not, and those that no longer do.
    pub secrets: Vec<SecretChange>,
    /// Files and folders of the host that are read or mounted otherwise.
    pub files: Vec<FileChange>,
    /// Images and users.
    pub became: Vec<Became>,
    /// Objects of both that applying the second makes anew.
    pub remade: Vec<Remade>,
    /// Operations whose text differs, in the second plan's order; what only the first has comes last. Those of renamed bottles are left out.
    pub operations: Vec<OperationChange>,
}

impl Difference {
    /// What changes from one plan to another.
    #[must_use]
    pub fn between(from: &Plan, to: &Plan) -> Self {
        let matched = bottles::Matched::of(from, to);
        let guarantees = guarantees::between(from, to, &matched);
        let (hosts, ways) = hosts::between(from, to, &matched);
        let (secrets, files) = reads::between(from, to, &matched);
        let unmet = to.bottles.iter().flat_map(|(bottle, summary)| {
            summary.unmet().map(|(guarantee, standing)| Unmet {
                bottle: bottle.clone(),
                guarantee,
                standing: standing.clone(),
            })
        });
        Self {
            from: side(from),
            to: side(to),
            lost: guarantees.lost,
            gained: guarantees.gained,
            restated: guarantees.restated,
            unmet: unmet.collect(),
            requirements: guarantees.requirements,
            allowances: allowances::between(from, to, &matched),
            hosts,
            ways,
            secrets,
            files,
            became: images::between(from, to, &matched),
            remade: remade::between(from, to, &matched),
            operations: operations::between(from, to, &matched),
            added: matched.added,
            removed: matched.removed,
            renamed: matched.renamed,
        }
    }

    /// Whether nothing changes. Two plans for different projects or backends are never the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from.project == self.to.project
            && self.from.profile == self.to.profile
            && self.lost.is_empty()
            && self.gained.is_empty()
            && self.restated.is_empty()
            && self.requirements.is_empty()
            && self.allowances.is_empty()
            && self.added.is_empty()
            && self.removed.is_empty()
            && self.renamed.is_empty()
            && self.hosts.is_empty()
            && self.ways.is_empty()
            && self.secrets.is_empty()
            && self.files.is_empty()
            && self.became.is_empty()
            && self.remade.is_empty()
            && self.operations.is_empty()
    }

    /// Whether a guarantee is lost, or required and not held, or no longer required, or `unsafe` allows more: what is no longer
    /// required, a later change could take away without anybody's word.
    #[must_use]
    pub fn is_weaker(&self) -> bool {
        !self.lost.is_empty()
            || !self.unmet.is_empty()
            || self.requirements.iter().any(|change| !change.required)
            || self.allowances.iter().any(|change| change.allowed)
    }

    /// Whether the two are plans for different backends, where nearly every operation is spelled otherwise.
    #[must_use]
    pub fn switches_profile(&self) -> bool {
        self.from.profile != self.to.profile
    }
}

fn side(plan: &Plan) -> Side {
    Side {
        project: plan.project.clone(),
        profile: plan.profile.to_string(),
        bottles: plan.bottles.len(),
        operations: plan.entries.iter().filter(|entry| entry.operation.is_some()).count(),
    }
}
