//! Spelling: lowered steps become operations, each with the command line that a backend's program is given.

mod container;
mod docker;
mod host;
mod labels;
mod words;

use crate::address::Address;
use crate::digest::Hasher;
use crate::intent::{Graph, ProcessReadiness, Readiness, Step};
use crate::name::ProjectName;
use crate::operation::{Action, Command, Input, Operation, Removed};
use crate::profile::{Behaviour, Profile};

/// A step in a backend's words.
struct Spelled {
    action: Action,
    inputs: Vec<Input>,
}

/// The operations of a lowered graph, needs first.
#[must_use]
pub fn spell(graph: Graph, profile: &Profile, project: &ProjectName) -> Vec<Operation> {
    let steps = graph.into_ordered().into_iter();
    steps.map(|(node, needs)| Operation { needs, ..operation(node.address, node.step, profile, project) }).collect()
}

/// One operation, without its needs.
#[must_use]
pub fn operation(address: Address, step: Step, profile: &Profile, project: &ProjectName) -> Operation {
    // The simulator carries out the step itself; its plans show what the engine that it behaves as would be given.
    let Spelled { mut action, inputs } = match profile.behaves {
        Behaviour::Docker => docker::spell(&step, profile, project),
        Behaviour::Container => container::spell(&step),
    };
    let mut hasher = Hasher::default();
    hasher.field(step.verb());
    for input in &inputs {
        hasher.field(&input.name).field(&input.value);
    }
    let digest = hasher.finish();
    if let (Some(at), Action::Command(command)) = (labels::at(&step), &mut action) {
        command.argv.splice(at..at, labels::of(project, &address, &digest));
    }
    let time_limit = time_limit(&step);
    Operation { address, step, action, inputs, digest, needs: Vec::new(), time_limit }
}

/// Seconds after which an operation has failed. Generous: they are there so that nothing hangs for ever.
fn time_limit(step: &Step) -> u32 {
    match step {
        Step::PullImage(_) | Step::CopyIn(_) | Step::Stage(_) => 1800,
        Step::BuildImage(_) | Step::Exec(_) => 3600,
        Step::AwaitReady(Readiness { within, .. }) | Step::AwaitProcess(ProcessReadiness { within, .. }) => within + 10,
        Step::CreateNetwork(_)
        | Step::CreateContainer(_)
        | Step::Attach(_)
        | Step::LearnOwners(_)
        | Step::LearnAddress(_)
        | Step::Gate(_)
        | Step::Start(_)
        | Step::Release(_)
        | Step::StartProcess(_)
        | Step::ResolveHosts(_) => 120,
    }
}

/// The command that takes something away; `None` for what is the host's and not the engine's.
pub(crate) fn removal(what: &Removed, behaves: Behaviour) -> Option<Command> {
    match behaves {
        Behaviour::Docker => docker::removal(what),
        Behaviour::Container => container::removal(what),
    }
}
