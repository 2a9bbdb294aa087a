//! Is it already so? One question per operation, answered from what was observed.

use super::seen::Seen;
use super::{Reason, Verdict};
use crate::digest::Digest;
use crate::intent::{Lasts, Step, Tracking};
use crate::observation::{ContainerState, Done, ObservedContainer, ObservedProcess};
use crate::operation::{Input, Operation};

/// What becomes of an operation that makes an object, what it is built upon being as it was.
pub(super) fn object(operation: &Operation, seen: &Seen<'_>) -> (Verdict, Vec<Reason>) {
    let there = match &operation.step {
        Step::PullImage(image) => return present(seen.has_image(image)),
        Step::BuildImage(build) => match seen.built(&build.image) {
            // The name holds the digest of the content; under another label it is rebuilt, and the name moves to the new image.
            Some(image) if image.labels.digest.short() != operation.digest.short() => {
                return (Verdict::Update, vec![Reason::ChangedUnrecorded]);
            }
            image => return present(image.is_some()),
        },
        Step::Stage(stage) => return present(seen.has_stage(&stage.name.0)),
        Step::ResolveHosts(_) => {
            let asked_before = seen.recorded(&operation.address).is_some();
            return if asked_before {
                (Verdict::Update, vec![Reason::Refreshed])
            } else {
                (Verdict::Create, vec![Reason::Missing])
            };
        }
        Step::StartProcess(process) => seen.process(&process.name.0).map(|process| &process.labels.digest),
        Step::CreateNetwork(network) => seen.network(&network.name).map(|network| &network.labels.digest),
        Step::CreateContainer(container) => seen.container(&container.name).map(|container| &container.labels.digest),
        _ => None,
    };
    match there {
        None => (Verdict::Create, vec![Reason::Missing]),
        Some(digest) if digest.short() == operation.digest.short() => (Verdict::Keep, vec![Reason::AsDeclared]),
        Some(digest) => (Verdict::Replace, changes(operation, digest, seen)),
    }
}

fn present(there: bool) -> (Verdict, Vec<Reason>) {
    if there { (Verdict::Keep, vec![Reason::AsDeclared]) } else { (Verdict::Create, vec![Reason::Missing]) }
}

/// What becomes of an operation on a container that stays.
pub(super) fn on_container(operation: &Operation, container: &ObservedContainer, seen: &Seen<'_>) -> Vec<Reason> {
    let done = seen.done(&operation.address, container);
    match &operation.step {
        Step::Attach(attachment) if !container.networks.contains(&attachment.membership.network.0) => {
            vec![Reason::Detached { network: attachment.membership.network.0.clone() }]
        }
        Step::Start(_) => match &container.state {
            ContainerState::Running(_) => Vec::new(),
            ContainerState::Created => vec![Reason::NotRunning { exit: None }],
            ContainerState::Stopped { exit } => vec![Reason::NotRunning { exit: Some(*exit) }],
        },
        Step::AwaitReady(_) | Step::LearnAddress(_) | Step::Release(_) => once_a_run(operation, done, container),
        // That it is to be done again with a start is seen once all verdicts are known.
        Step::Gate(_) => once(operation, done),
        Step::CopyIn(copy) => match (&copy.tracked, done) {
            // It went in before the agent's command first ran, and has been the agent's since: never laid over its work for want of a
            // record. Where it goes in after the start, the guest knows whether that was so, and the command looks.
            (Tracking::Once, None) if container.state != ContainerState::Created && !goes_in_after_start(operation) => {
                Vec::new()
            }
            // Whether what was copied has changed is not known, and that is no drift.
            (Tracking::Content(content), Some(done)) if content.is_unread() => {
                let reasons = once(operation, Some(done));
                reasons.into_iter().filter(|reason| !of_unread(reason)).collect()
            }
            _ => once(operation, done),
        },
        Step::Exec(exec) => match exec.lasts {
            Lasts::Container => once(operation, done),
            Lasts::Run => once_a_run(operation, done, container),
        },
        _ => Vec::new(),
    }
}

fn of_unread(reason: &Reason) -> bool {
    matches!(reason, Reason::Changed { input, to: Some(to), .. } if input == "content" && *to == Digest::unread().short())
}

fn goes_in_after_start(copy: &Operation) -> bool {
    copy.needs.iter().any(|(_, need)| *need == copy.address.beside("start"))
}

/// What is done once to a container.
fn once(operation: &Operation, done: Option<&Done>) -> Vec<Reason> {
    match done {
        None => vec![Reason::Unrecorded],
        Some(done) if done.digest.short() == operation.digest.short() => Vec::new(),
        Some(done) => differences(&done.inputs, &operation.inputs),
    }
}

/// What is done anew each time a container starts.
fn once_a_run(operation: &Operation, done: Option<&Done>, container: &ObservedContainer) -> Vec<Reason> {
    let since = match &container.state {
        ContainerState::Running(since) => Some(since),
        ContainerState::Created | ContainerState::Stopped { .. } => None,
    };
    match done {
        Some(done) if done.since.is_none() || done.since.as_ref() != since => vec![Reason::Restarted],
        done => once(operation, done),
    }
}

/// What was asked of a process of the host holds for that very process.
pub(super) fn of_process(operation: &Operation, process: Option<&ObservedProcess>, seen: &Seen<'_>) -> Vec<Reason> {
    match (seen.recorded(&operation.address), process) {
        (Some(done), Some(process)) if done.since.as_ref() == Some(&process.id) => once(operation, Some(done)),
        (Some(_), _) => vec![Reason::Restarted],
        (None, _) => vec![Reason::Unrecorded],
    }
}

/// What changed in an object that is to be made anew.
fn changes(operation: &Operation, labelled: &Digest, seen: &Seen<'_>) -> Vec<Reason> {
    match seen.recorded(&operation.address) {
        Some(done) if done.digest.short() == labelled.short() => differences(&done.inputs, &operation.inputs),
        _ => vec![Reason::ChangedUnrecorded],
    }
}

/// The inputs that differ, in the order of those that are now, then those that are gone.
pub(crate) fn differences(was: &[Input], is: &[Input]) -> Vec<Reason> {
    let value = |inputs: &[Input], name: &str| -> Vec<String> {
        inputs.iter().filter(|input| input.name == name).map(|input| input.value.clone()).collect()
    };
    let mut names: Vec<&str> = Vec::new();
    for input in is.iter().chain(was) {
        if !names.contains(&input.name.as_str()) {
            names.push(&input.name);
        }
    }
    let joined = |values: Vec<String>| (!values.is_empty()).then(|| values.join(", "));
    let mut reasons: Vec<Reason> = names
        .into_iter()
        .filter_map(|name| {
            let (from, to) = (value(was, name), value(is, name));
            (from != to).then(|| Reason::Changed { input: name.to_owned(), from: joined(from), to: joined(to) })
        })
        .collect();
    if reasons.is_empty() {
        reasons.push(Reason::ChangedUnrecorded);
    }
    reasons
}
