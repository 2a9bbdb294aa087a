//! What somebody says yes to: a digest over what a plan means.
//!
//! It takes in what is declared: the operations, what each bottle may reach and by which way, where its guarantees stand, the secrets and
//! who reads them, the project, the backend. It leaves out how far the engine is from that, and every text that only explains. So an
//! approval that was given without an engine is good on one, and after half of an apply for the other half.
//!
//! Of a plan that destroys, which declares nothing, it takes in what goes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{self, Digest, Hasher};
use crate::intent::{Need, Network, ObjectName, Step};
use crate::operation::{Operation, Removed};
use crate::plan::{BottleSummary, Plan, Purpose};

/// What the digest is of. Another number when other things are taken in.
const MEANING: &str = "bottle approval 1";

/// The approval of a plan: all digits of a digest. Whoever writes the manifest could look for two of one approval, one of them harmless,
/// and that takes only the square root of what finding a second one for a given approval takes: 2^64 for 128 bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Approval(Digest);

/// A text that is no approval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an approval has {} hex digits, in lower case: the whole line that the plan shows", digest::DIGITS)]
pub struct NotAnApproval;

impl TryFrom<String> for Approval {
    type Error = NotAnApproval;

    fn try_from(text: String) -> Result<Self, NotAnApproval> {
        Digest::of_whole(&text).map(Self).ok_or(NotAnApproval)
    }
}

impl From<Approval> for String {
    fn from(approval: Approval) -> Self {
        approval.0.whole().to_owned()
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.whole())
    }
}

impl Approval {
    /// The approval that a plan needs.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut taken = Hasher::default();
        taken.field(MEANING).field(plan.project.as_str()).field(plan.profile.to_string());
        match &plan.part {
            None => taken.field("all"),
            Some(part) => each(taken.field("part"), part, |taken, bottle| {
                taken.field(bottle.as_str());
            }),
        };
        match plan.purpose {
            Purpose::Apply => what_is_declared(&mut taken, plan),
            Purpose::Destroy => what_goes(&mut taken, plan),
        }
        Self(taken.finish())
    }
}

/// Takes in a sequence: how many there are, and each.
fn each<T>(
    taken: &mut Hasher,
    all: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    mut one: impl FnMut(&mut Hasher, T),
) -> &mut Hasher {
    let all = all.into_iter();
    taken.field(all.len().to_le_bytes());
    for item in all {
        one(taken, item);
    }
    taken
}

/// Takes in a value with all that is in it. Digests in it are whole, whereas an operation's inputs show twelve digits of them: content
/// with the same twelve can be found.
fn whole(taken: &mut Hasher, value: &impl Serialize) {
    // Neither memory nor these values can fail.
    taken.field(serde_json::to_vec(value).unwrap_or_default());
}

/// A step without what was only there to decide by: how many members a network was to have room for is in its subnet, and another bottle
/// is nothing to a part that it does not belong to.
fn decided(step: &Step) -> Cow<'_, Step> {
    match step {
        Step::CreateNetwork(network) => Cow::Owned(Step::CreateNetwork(Network { members: 0, ..network.clone() })),
        step => Cow::Borrowed(step),
    }
}

fn what_is_declared(taken: &mut Hasher, plan: &Plan) {
    taken.field("apply");
    each(taken, &plan.bottles, |taken, (name, summary)| {
        taken.field(name.as_str());
        bottle(taken, summary);
    });
    each(taken, &plan.secrets, |taken, (secret, readers)| {
        whole(taken, secret);
        each(taken, readers, |taken, reader| {
            taken.field(reader.as_str());
        });
    });
    let mut operations = declared(plan);
    operations.sort_by(|a, b| a.address.cmp(&b.address));
    each(taken, operations, |taken, operation| {
        taken.field(operation.address.as_str()).field(operation.digest.whole());
        whole(taken, &decided(&operation.step));
        each(taken, &operation.needs, |taken, (need, on)| {
            taken.field(match need {
                Need::After => "after",
                Need::On => "on",
            });
            taken.field(on.as_str());
        });
    });
}

fn bottle(taken: &mut Hasher, summary: &BottleSummary) {
    each(taken, &summary.allow, |taken, host| {
        taken.field(host);
    });
    taken.field(summary.way.map_or_else(|| "none".to_owned(), |(way, _)| way.to_string()));
    each(taken, &summary.guarantees, |taken, (guarantee, standing)| {
        taken.field(guarantee.name()).field(standing.word());
    });
    each(taken, &summary.requires, |taken, guarantee| {
        taken.field(guarantee.name());
    });
}

/// The operations that are declared: not those that only mend what a container was made with.
fn declared(plan: &Plan) -> Vec<&Operation> {
    let operations = || plan.entries.iter().filter_map(|entry| entry.operation.as_ref());
    let mut at_create: HashSet<(&ObjectName, &ObjectName)> = HashSet::new();
    for operation in operations() {
        if let Step::CreateContainer(container) = &operation.step {
            at_create.extend(container.networks.iter().map(|membership| (&container.name, &membership.network)));
        }
    }
    let mends = |operation: &&Operation| {
        matches!(&operation.step, Step::Attach(attachment)
            if at_create.contains(&(&attachment.container, &attachment.membership.network)))
    };
    operations().filter(|operation| !mends(operation)).collect()
}

fn what_goes(taken: &mut Hasher, plan: &Plan) {
    taken.field("destroy");
    let removals = plan.entries.iter().filter_map(|entry| entry.removal.as_ref());
    let mut gone: Vec<[String; 4]> = removals
        .map(|removal| match &removal.what {
            Removed::Object { kind, name, id } => ["object".to_owned(), kind.to_string(), name.clone(), id.clone()],
            Removed::Membership { container, container_id, network } => {
                ["membership".to_owned(), container.clone(), container_id.clone(), network.clone()]
            }
        })
        .collect();
    gone.sort_unstable();
    each(taken, &gone, |taken, what| {
        for field in what {
            taken.field(field);
        }
    });
}
