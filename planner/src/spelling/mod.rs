//! Spelling: lowered steps become operations, each with the command line that a backend's program is given.

mod docker;
mod words;

use crate::address::Address;
use crate::digest::Hasher;
use crate::intent::{Graph, Step};
use crate::name::ProjectName;
use crate::operation::{Command, Input, Operation};
use crate::profile::{Backend, Profile};

/// A step in a backend's words.
struct Spelled {
    command: Command,
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
    let Spelled { mut command, inputs } = match profile.backend {
        // The simulator carries out the step itself; its plans show what Docker would be given.
        Backend::Docker | Backend::Simulator => docker::spell(&step, profile, project),
    };
    let mut hasher = Hasher::default();
    hasher.field(step.verb());
    for input in &inputs {
        hasher.field(&input.name).field(&input.value);
    }
    let digest = hasher.finish();
    if let Some(labelled) = docker::labels_at(&step) {
        let labels = docker::labels(project, &address, &digest);
        command.argv.splice(labelled..labelled, labels);
    }
    let time_limit = time_limit(&step);
    Operation { address, step, command, inputs, digest, needs: Vec::new(), time_limit }
}

/// Seconds after which an operation has failed. Generous: they are there so that nothing hangs for ever.
fn time_limit(step: &Step) -> u32 {
    match step {
        Step::PullImage(_) | Step::CopyIn(_) => 1800,
        Step::BuildImage(_) | Step::Exec(_) => 3600,
        Step::AwaitReady(readiness) => readiness.within + 10,
        Step::CreateNetwork(_) | Step::CreateContainer(_) | Step::Attach(_) | Step::LearnOwners(_) | Step::Start(_) => {
            120
        }
    }
}

pub(crate) use docker::removal;
