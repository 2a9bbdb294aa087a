//! What is done on the host itself, whatever the engine.

use super::Spelled;
use super::words::Words;
use crate::intent::{HostProcess, Step};
use crate::operation::{Action, Input, Part};

/// Steps of the host. A step that a backend cannot spell is spelled as nothing to do; the passes make none of those.
pub(super) fn spell(step: &Step) -> Spelled {
    match step {
        Step::Stage(stage) => Spelled {
            action: Action::Stage { name: stage.name.clone(), files: stage.files.clone(), base: stage.base.clone() },
            inputs: vec![Input { name: "content".to_owned(), value: stage.content.to_string() }],
        },
        Step::ResolveHosts(resolve) => Spelled {
            action: Action::Resolve(resolve.hosts.clone()),
            inputs: vec![Input { name: "hosts".to_owned(), value: resolve.hosts.join(" ") }],
        },
        Step::StartProcess(process) => start(process),
        Step::AwaitProcess(readiness) => {
            let process = &readiness.process;
            Words::of(&[&process.program, "healthcheck", "--addr"]).operand("address", &listens(process)).spelled()
        }
        _ => Words::default().spelled(),
    }
}

fn listens(process: &HostProcess) -> String {
    let address = process.address.map_or_else(|| process.network.to_string(), |address| address.to_string());
    format!("{address}:{}", process.port)
}

fn start(process: &HostProcess) -> Spelled {
    let (stage, file) = &process.config;
    Words::of(&[&process.program, "run", "--config"])
        .word(vec![Part::Stage(stage.clone()), Part::Literal(format!("/{file}"))])
        .content("config", stage.0.as_str())
        .word(vec![Part::Literal("--listen".to_owned())])
        .operand("address", &listens(process))
        .process()
}
