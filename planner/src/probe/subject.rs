//! What is to be verified: a bottle of a plan.

use std::collections::{BTreeSet, HashMap};

use crate::guarantee::{Guarantee, Standing};
use crate::intent::{EnvSource, Role, Step, pipelock};
use crate::name::BottleName;
use crate::plan::{BottleSummary, Plan};

/// The port on which a proxy serves its agent.
pub const PROXY_PORT: u16 = pipelock::PORT;
/// The name by which an agent knows its proxy.
pub const PROXY_NAME: &str = pipelock::ALIAS;

/// A bottle, and what its plan claims of it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The bottle.
    pub bottle: BottleName,
    /// What the plan claims.
    pub claims: Vec<(Guarantee, Standing)>,
    /// The hosts it may reach.
    pub allow: Vec<String>,
    /// Whether the manifest makes the agent root.
    pub root: bool,
    /// The variables of the agent that hold secrets.
    pub secrets: Vec<String>,
    /// The networks that the plan puts the agent on.
    pub networks: BTreeSet<String>,
}

impl Subject {
    /// The bottles of a plan. Linear in the plan.
    #[must_use]
    pub fn all(plan: &Plan) -> Vec<Self> {
        let mut steps: HashMap<&str, Vec<&Step>> = HashMap::new();
        for operation in plan.entries.iter().filter_map(|entry| entry.operation.as_ref()) {
            if let Some(bottle) = operation.address.bottle() {
                steps.entry(bottle).or_default().push(&operation.step);
            }
        }
        let of =
            |(bottle, summary): (&BottleName, &BottleSummary)| Self::of(bottle, summary, steps.get(bottle.as_str())?);
        plan.bottles.iter().filter_map(of).collect()
    }

    fn of(bottle: &BottleName, summary: &BottleSummary, steps: &[&Step]) -> Option<Self> {
        let agent = steps.iter().find_map(|step| match step {
            Step::CreateContainer(container) if container.role == Role::Agent => Some(container),
            _ => None,
        })?;
        let attached = steps.iter().filter_map(|step| match step {
            Step::Attach(attachment) if attachment.container == agent.name => Some(&attachment.membership),
            _ => None,
        });
        let networks = agent.networks.iter().chain(attached).map(|membership| membership.network.0.clone()).collect();
        let secret =
            |(name, source): (&String, &EnvSource)| matches!(source, EnvSource::Secret(_)).then(|| name.clone());
        Some(Self {
            bottle: bottle.clone(),
            claims: summary.guarantees.clone(),
            allow: summary.allow.clone(),
            root: agent.user.as_deref().is_none_or(|user| matches!(user.split(':').next(), Some("root" | "0"))),
            secrets: agent.env.iter().filter_map(secret).collect(),
            networks,
        })
    }
}
