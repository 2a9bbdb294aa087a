//! From a manifest, or from labels alone, to a plan.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use super::choose::{self, Table};
use super::seen::Seen;
use super::{BackendReason, BottleSummary, Entry, Plan, Purpose, Reason, compare, removed};
use crate::address::Address;
use crate::guarantee::{Guarantee, Topology, standings};
use crate::intent::{CompileError, Secret, Way, compile};
use crate::manifest::{Bottle, Manifest, Sandbox};
use crate::name::{BottleName, ProjectName};
use crate::observation::Observation;
use crate::operation::{ObjectKind, Operation, Stdin};
use crate::passes::{Facts, LowerError, Occupied, lower};
use crate::profile::{Kernel, Profile};
use crate::source::Files;
use crate::spelling;
use crate::trust::Asks;

/// For what a plan is made.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The backend.
    pub profile: &'a Profile,
    /// Why it.
    pub chosen: &'a BackendReason,
    /// What it has; `None` plans as for an engine that has nothing.
    pub observation: Option<&'a Observation>,
    /// The bottles to be dealt with; `None` is all of them.
    pub part: Option<&'a BTreeSet<BottleName>>,
}

/// Something that has a name which the plan needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What would have been made under that name.
    pub address: Address,
}

/// Foreign objects, one to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreigners(pub Vec<Foreign>);

impl fmt::Display for Foreigners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for foreign in &self.0 {
            write!(f, "\n  {} {} (wanted for {})", foreign.kind, foreign.name, foreign.address)?;
        }
        Ok(())
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum PlanError {
    /// The manifest does not compile.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Compile(#[from] CompileError),
    /// It cannot be lowered for the backend.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lower(#[from] LowerError),
    /// Names that other objects have.
    #[error("objects that are not this project's have names it needs:{0}")]
    #[diagnostic(
        code(bottle::plan::taken),
        help(
            "bottle never adopts or removes what does not carry its labels: rename or remove them, or rename the bottle"
        )
    )]
    Taken(Foreigners),
    /// A bottle that the manifest does not have.
    #[error("the manifest has no bottle `{name}`")]
    #[diagnostic(code(bottle::plan::unknown_bottle), help("it has: {known}"))]
    UnknownBottle {
        /// The name.
        name: BottleName,
        /// Those it has.
        known: String,
    },
    /// A way out that the backend does not have.
    #[error("`egress.via = \"{via}\"` of bottle `{bottle}` is not to be had on {backend}: {why}")]
    #[diagnostic(code(bottle::plan::via), help("write another way, `\"none\"`, or leave `via` out to have it chosen"))]
    Way {
        /// The bottle.
        bottle: BottleName,
        /// The way.
        via: Way,
        /// The backend.
        backend: String,
        /// Why.
        why: &'static str,
    },
    /// No way gives what a bottle requires.
    #[error("no way out on {backend} gives what bottle `{bottle}` requires:{table}")]
    #[diagnostic(
        code(bottle::plan::no_way),
        help("require less, name a way with `egress.via` to see its plan, or take another backend")
    )]
    NoWay {
        /// The bottle.
        bottle: BottleName,
        /// The backend.
        backend: String,
        /// What each way would give.
        table: Table,
    },
    /// A machine of its own, asked of a backend that has none.
    #[error("bottle `{bottle}` asks for `sandbox = \"vm\"`, and {backend} shares the host's kernel")]
    #[diagnostic(
        code(bottle::plan::sandbox),
        help(
            "a machine of its own needs Apple's `container` on macOS: `--backend container`; or write \
             `sandbox = \"shared-kernel\"`, with `runtime = \"runsc\"` for a kernel of its own"
        )
    )]
    Sandbox {
        /// The bottle.
        bottle: BottleName,
        /// The backend.
        backend: String,
    },
}

/// Plans a manifest.
///
/// # Errors
/// When it cannot be compiled or lowered, or when something that is not ours is in the way.
pub fn build(manifest: &Manifest, files: &dyn Files, target: Target<'_>) -> Result<Plan, PlanError> {
    let profile = target.profile;
    check_part(manifest, target.part)?;
    check_backend(manifest, profile)?;
    let nothing = Observation::default();
    let observation = target.observation.unwrap_or(&nothing);
    let occupied = Occupied {
        ours: observation
            .networks
            .iter()
            .filter_map(|network| Some((network.labels.address.clone(), network.subnet?)))
            .collect(),
        foreign: observation.foreign_subnets.clone(),
    };
    let facts = Facts {
        project: &manifest.name,
        profile,
        pool: manifest.pool,
        occupied: &occupied,
        resolvers: &manifest.sidecar_resolvers,
    };
    let choice = choose::choose(manifest, profile, |ways| {
        let compiled = compile(manifest, files, ways)?;
        let (graph, _) = lower(compiled.graph, &facts)?;
        let topology = Topology::of(&graph);
        let of = |(bottle, allow): (&BottleName, &Vec<String>)| {
            (bottle.clone(), standings(bottle.as_str(), allow, &topology, profile))
        };
        Ok(compiled.allow.iter().map(of).collect())
    })?;
    let compiled = compile(manifest, files, &choice.ways)?;
    let (graph, mut rewrites) = lower(compiled.graph, &facts)?;

    let topology = Topology::of(&graph);
    let in_part = |bottle: &BottleName| target.part.is_none_or(|part| part.contains(bottle));
    let bottles = manifest
        .bottles
        .values()
        .filter(|bottle| in_part(&bottle.name))
        .map(|bottle| {
            let allow = compiled.allow.get(&bottle.name).cloned().unwrap_or_default();
            let guarantees = standings(bottle.name.as_str(), &allow, &topology, profile);
            let way = choice.reasons.get(&bottle.name).copied();
            let (requires, given_up) = (bottle.requires.clone(), bottle.given_up.clone());
            let mut summary = BottleSummary { allow, way, guarantees, requires, given_up, lost: Vec::new() };
            summary.lost = lost(&summary, bottle, observation);
            (bottle.name.clone(), summary)
        })
        .collect();

    let mut operations = spelling::spell(graph, profile, &manifest.name);
    if let Some(part) = target.part {
        operations = part_of(operations, part);
        let kept: HashSet<&Address> = operations.iter().map(|operation| &operation.address).collect();
        let of_part = |step: &Address| {
            kept.contains(step) || step.bottle().is_some_and(|name| part.iter().any(|bottle| bottle.as_str() == name))
        };
        for rewrite in &mut rewrites {
            rewrite.steps.retain(of_part);
        }
        rewrites.retain(|rewrite| !rewrite.steps.is_empty());
    }
    // What is shared, then bottle by bottle. It is still an order in which needs come first: a bottle needs nothing of another.
    operations.sort_by(|a, b| a.address.bottle().cmp(&b.address.bottle()));

    let seen = Seen::new(observation, profile.behaves);
    let respell = |address, step| spelling::operation(address, step, profile, &manifest.name);
    let mut entries = compare::compare(operations, &seen, &respell);
    let taken = compare::taken(&entries, &seen);
    if !taken.is_empty() {
        let foreign = taken.into_iter().map(|(kind, name, address)| Foreign { kind, name, address });
        return Err(PlanError::Taken(Foreigners(foreign.collect())));
    }
    entries.extend(removed::undeclared(&entries, &seen, target.part, &Reason::Undeclared));
    removed::order(&mut entries, &seen);
    Ok(Plan {
        project: manifest.name.clone(),
        purpose: Purpose::Apply,
        part: target.part.cloned(),
        profile: profile.clone(),
        chosen: target.chosen.clone(),
        observed: target.observation.is_some(),
        secrets: secrets(&entries),
        entries,
        rewrites,
        bottles,
        asks: Asks::default(),
    })
}

/// Plans the end of a project, or of some of its bottles, from the labels of what there is.
#[must_use]
pub fn destroy(project: &ProjectName, target: Target<'_>) -> Plan {
    let nothing = Observation::default();
    let seen = Seen::new(target.observation.unwrap_or(&nothing), target.profile.behaves);
    let mut entries = removed::undeclared(&[], &seen, target.part, &Reason::Destroyed);
    removed::order(&mut entries, &seen);
    Plan {
        project: project.clone(),
        purpose: Purpose::Destroy,
        part: target.part.cloned(),
        profile: target.profile.clone(),
        chosen: target.chosen.clone(),
        observed: target.observation.is_some(),
        entries,
        rewrites: Vec::new(),
        bottles: BTreeMap::new(),
        secrets: BTreeMap::new(),
        asks: Asks::default(),
    }
}

fn check_part(manifest: &Manifest, part: Option<&BTreeSet<BottleName>>) -> Result<(), PlanError> {
    for name in part.into_iter().flatten() {
        if !manifest.bottles.contains_key(name) {
            let known: Vec<&str> = manifest.bottles.keys().map(BottleName::as_str).collect();
            return Err(PlanError::UnknownBottle { name: name.clone(), known: known.join(", ") });
        }
    }
    Ok(())
}

fn check_backend(manifest: &Manifest, profile: &Profile) -> Result<(), PlanError> {
    let wants_vm = |bottle: &&Bottle| bottle.sandbox == Some(Sandbox::Vm);
    match manifest.bottles.values().find(wants_vm) {
        Some(bottle) if profile.kernel == Kernel::Shared => {
            Err(PlanError::Sandbox { bottle: bottle.name.clone(), backend: profile.to_string() })
        }
        _ => Ok(()),
    }
}

/// What was held when a bottle that is there was let go, and would no longer be.
fn lost(summary: &BottleSummary, bottle: &Bottle, observation: &Observation) -> Vec<Guarantee> {
    let Some(was) = observation.held.get(bottle.name.as_str()) else { return Vec::new() };
    if observation.containers.iter().all(|container| container.id != was.container) {
        return Vec::new();
    }
    let held = summary.held();
    was.guarantees.iter().copied().filter(|guarantee| !held.contains(guarantee)).collect()
}

/// The operations of some bottles, with all that they need.
fn part_of(operations: Vec<Operation>, part: &BTreeSet<BottleName>) -> Vec<Operation> {
    let named: HashSet<&str> = part.iter().map(BottleName::as_str).collect();
    let mut wanted: HashSet<Address> = HashSet::new();
    // Needs come before what needs them, so one look from the end finds all.
    for operation in operations.iter().rev() {
        if operation.address.bottle().is_some_and(|bottle| named.contains(bottle))
            || wanted.contains(&operation.address)
        {
            wanted.insert(operation.address.clone());
            wanted.extend(operation.needs.iter().map(|(_, need)| need.clone()));
        }
    }
    operations.into_iter().filter(|operation| wanted.contains(&operation.address)).collect()
}

/// The host's secrets that will be read, each with who reads it.
fn secrets(entries: &[Entry]) -> BTreeMap<Secret, Vec<Address>> {
    let mut secrets: BTreeMap<Secret, Vec<Address>> = BTreeMap::new();
    for operation in entries.iter().filter_map(|entry| entry.operation.as_ref()) {
        let Some(command) = operation.command() else { continue };
        let stdin = match &command.stdin {
            Stdin::Secret(secret) => Some(secret),
            Stdin::Nothing | Stdin::Archive { .. } | Stdin::Text(_) => None,
        };
        for secret in command.env.iter().map(|(_, secret)| secret).chain(stdin) {
            secrets.entry(secret.clone()).or_default().push(operation.address.clone());
        }
    }
    secrets
}
