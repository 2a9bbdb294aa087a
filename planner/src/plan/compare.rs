//! Operations against what was observed: what becomes of each, and why.

use std::collections::{HashMap, HashSet};

use super::seen::Seen;
use super::{Entry, Reason, Verdict, gated, removed, satisfied};
use crate::address::Address;
use crate::intent::{Attachment, Container, Membership, Need, ObjectName, Step};
use crate::observation::ObservedContainer;
use crate::operation::{Input, ObjectKind, Operation, Removed, makes};

/// Makes an operation of a step that repairs what was changed by hand.
pub(super) type Respell<'a> = &'a dyn Fn(Address, Step) -> Operation;

/// The entries of the operations, in their order; for each container that stays, what repairs its memberships follows it.
pub(super) fn compare(operations: Vec<Operation>, seen: &Seen<'_>, respell: Respell<'_>) -> Vec<Entry> {
    let networks = network_verdicts(&operations, seen);
    let memberships = declared_memberships(&operations);
    let files = declared_files(&operations);
    let mut verdicts: HashMap<Address, Verdict> = HashMap::with_capacity(operations.len());
    let mut containers: HashMap<ObjectName, (Verdict, Address)> = HashMap::new();
    let mut entries: Vec<Entry> = Vec::with_capacity(operations.len());

    for operation in operations {
        let (verdict, reasons) = match &operation.step {
            Step::CreateContainer(container) => {
                let decided =
                    of_container(&operation, container, &memberships[&container.name], &files, &networks, seen);
                containers.insert(container.name.clone(), (decided.0, operation.address.clone()));
                decided
            }
            step => match step.container().and_then(|name| Some((seen.container(name), containers.get(name)?))) {
                Some((Some(observed), (Verdict::Keep, _))) => on_kept(&operation, observed, &verdicts, seen),
                Some((_, (Verdict::Replace, create))) => {
                    (Verdict::Replace, vec![Reason::NeedRemade { need: create.clone() }])
                }
                Some(_) => (Verdict::Create, vec![Reason::Missing]),
                None => on_host(&operation, &verdicts, seen),
            },
        };
        verdicts.insert(operation.address.clone(), verdict);
        let removal = (verdict == Verdict::Replace)
            .then(|| makes(&operation.step).and_then(|(kind, name)| removed::object(kind, name, seen)))
            .flatten();
        let repairs = match &operation.step {
            Step::CreateContainer(container) if verdict == Verdict::Keep => seen
                .container(&container.name)
                .map(|observed| repairs(&operation, &container.networks, observed, &memberships, respell, seen)),
            _ => None,
        };
        entries.push(Entry {
            address: operation.address.clone(),
            verdict,
            reasons,
            operation: Some(operation),
            removal,
        });
        entries.extend(repairs.into_iter().flatten());
    }
    ask_again(&mut entries);
    gated::ask_again(&mut entries);
    entries
}

/// Networks are decided first: a container is made anew with any network of its own, however it joins it.
fn network_verdicts(operations: &[Operation], seen: &Seen<'_>) -> HashMap<ObjectName, (Verdict, Address)> {
    operations
        .iter()
        .filter_map(|operation| match &operation.step {
            Step::CreateNetwork(network) => {
                let verdict = satisfied::object(operation, seen).0;
                Some((network.name.clone(), (verdict, operation.address.clone())))
            }
            _ => None,
        })
        .collect()
}

fn declared_memberships(operations: &[Operation]) -> HashMap<ObjectName, Vec<ObjectName>> {
    let mut memberships: HashMap<ObjectName, Vec<ObjectName>> = HashMap::new();
    for operation in operations {
        match &operation.step {
            Step::CreateContainer(container) => memberships
                .entry(container.name.clone())
                .or_default()
                .extend(container.networks.iter().map(|membership| membership.network.clone())),
            Step::Attach(attachment) => {
                memberships.entry(attachment.container.clone()).or_default().push(attachment.membership.network.clone())
            }
            _ => {}
        }
    }
    memberships
}

/// The files that are put into each container, by container.
fn declared_files(operations: &[Operation]) -> HashSet<(ObjectName, String)> {
    let mut files = HashSet::new();
    for operation in operations {
        if let Step::CopyIn(copy) = &operation.step {
            let declared = operation.inputs.iter().filter_map(Input::file);
            files.extend(declared.map(|path| (copy.container.clone(), path.to_owned())));
        }
    }
    files
}

fn of_container(
    operation: &Operation,
    container: &Container,
    memberships: &[ObjectName],
    files: &HashSet<(ObjectName, String)>,
    networks: &HashMap<ObjectName, (Verdict, Address)>,
    seen: &Seen<'_>,
) -> (Verdict, Vec<Reason>) {
    let (verdict, mut reasons) = satisfied::object(operation, seen);
    if verdict == Verdict::Create {
        return (verdict, reasons);
    }
    let observed = seen.container(&container.name).into_iter();
    let left = observed
        .flat_map(|observed| seen.files_in(observed))
        .filter(|path| !files.contains(&(container.name.clone(), (*path).to_owned())))
        .map(|path| Reason::Left { path: path.to_owned() });
    let remade: Vec<Reason> = memberships
        .iter()
        .filter_map(|network| networks.get(network))
        .filter(|(verdict, _)| *verdict != Verdict::Keep)
        .map(|(_, address)| Reason::NeedRemade { need: address.clone() })
        .chain(left)
        .collect();
    if remade.is_empty() {
        return (verdict, reasons);
    }
    if verdict == Verdict::Keep {
        reasons.clear();
    }
    reasons.extend(remade);
    (Verdict::Replace, reasons)
}

/// An operation that makes an object, or one on a process of the host: done again when what it is built upon was.
fn on_host(operation: &Operation, verdicts: &HashMap<Address, Verdict>, seen: &Seen<'_>) -> (Verdict, Vec<Reason>) {
    let redone = || {
        let needs = operation
            .needs
            .iter()
            .filter(|(need, on)| *need == Need::On && verdicts.get(on).is_some_and(|v| *v != Verdict::Keep));
        needs.map(|(_, on)| on.clone()).collect::<Vec<_>>()
    };
    match &operation.step {
        Step::StartProcess(_) => {
            let (verdict, reasons) = satisfied::object(operation, seen);
            let remade = redone();
            if verdict == Verdict::Keep && !remade.is_empty() {
                return (Verdict::Replace, remade.into_iter().map(|need| Reason::NeedRemade { need }).collect());
            }
            (verdict, reasons)
        }
        Step::AwaitProcess(ready) => match redone().into_iter().next() {
            Some(need) => match verdicts.get(&need) {
                Some(Verdict::Create) => (Verdict::Create, vec![Reason::Missing]),
                Some(Verdict::Replace) => (Verdict::Replace, vec![Reason::NeedRemade { need }]),
                _ => (Verdict::Update, vec![Reason::NeedRedone { need }]),
            },
            None => match satisfied::of_process(operation, seen.process(&ready.process.name.0), seen) {
                reasons if reasons.is_empty() => (Verdict::Keep, vec![Reason::AsDeclared]),
                reasons => (Verdict::Update, reasons),
            },
        },
        _ => satisfied::object(operation, seen),
    }
}

/// An operation on a container that stays: redone when it is not as declared, or when what it is built upon was redone.
fn on_kept(
    operation: &Operation,
    container: &ObservedContainer,
    verdicts: &HashMap<Address, Verdict>,
    seen: &Seen<'_>,
) -> (Verdict, Vec<Reason>) {
    let mut reasons = satisfied::on_container(operation, container, seen);
    if reasons.is_empty() {
        reasons.extend(
            operation
                .needs
                .iter()
                .filter(|(need, on)| *need == Need::On && verdicts.get(on).is_some_and(|v| *v != Verdict::Keep))
                .map(|(_, on)| Reason::NeedRedone { need: on.clone() }),
        );
    }
    if reasons.is_empty() { (Verdict::Keep, vec![Reason::AsDeclared]) } else { (Verdict::Update, reasons) }
}

/// What brings the memberships of a container that stays back to what was declared.
fn repairs(
    create: &Operation,
    at_create: &[Membership],
    observed: &ObservedContainer,
    memberships: &HashMap<ObjectName, Vec<ObjectName>>,
    respell: Respell<'_>,
    seen: &Seen<'_>,
) -> Vec<Entry> {
    let name = ObjectName(observed.name.clone());
    let declared: HashSet<&str> =
        memberships.get(&name).into_iter().flatten().map(|network| network.0.as_str()).collect();
    let on_hosts = matches!(&create.step, Step::CreateContainer(container) if container.is_on_hosts_network());
    let mut entries = Vec::new();
    for membership in at_create {
        let network = &membership.network.0;
        if observed.networks.contains(network) {
            continue;
        }
        let attachment = Attachment { container: name.clone(), membership: membership.clone() };
        let mut operation = respell(create.address.beside(&format!("attach:{network}")), Step::Attach(attachment));
        operation.needs = create.needs.clone();
        entries.push(Entry {
            address: operation.address.clone(),
            verdict: Verdict::Update,
            reasons: vec![Reason::Detached { network: network.clone() }],
            operation: Some(operation),
            removal: None,
        });
    }
    for network in observed.networks.iter().filter(|network| !declared.contains(network.as_str())) {
        // What Docker lists for a container without any network, or with the host's: neither can be joined by hand.
        if network == "none" || (network == "host" && on_hosts) {
            continue;
        }
        let what = Removed::Membership {
            container: observed.name.clone(),
            container_id: observed.id.clone(),
            network: network.clone(),
        };
        entries.push(Entry {
            address: create.address.beside(&format!("detach:{network}")),
            verdict: Verdict::Delete,
            reasons: vec![Reason::Attached { network: network.clone() }],
            operation: None,
            removal: Some(removed::removal(what, seen)),
        });
    }
    entries
}

/// What an operation that stays has told is asked for again where another one needs it.
fn ask_again(entries: &mut [Entry]) {
    let mut asked: HashMap<Address, Address> = HashMap::new();
    for entry in entries.iter().filter(|entry| entry.verdict != Verdict::Keep) {
        if let Some(Operation { needs, address, .. }) = &entry.operation {
            for (_, need) in needs {
                asked.entry(need.clone()).or_insert_with(|| address.clone());
            }
        }
    }
    for entry in entries.iter_mut().filter(|entry| entry.verdict == Verdict::Keep) {
        if let Some(Operation { step: Step::LearnOwners(_) | Step::LearnAddress(_), address, .. }) = &entry.operation
            && let Some(by) = asked.get(address)
        {
            entry.verdict = Verdict::Update;
            entry.reasons = vec![Reason::Asked { by: by.clone() }];
        }
    }
}

/// Names that are to be made and that something else has.
pub(super) fn taken(entries: &[Entry], seen: &Seen<'_>) -> Vec<(ObjectKind, String, Address)> {
    entries
        .iter()
        .filter(|entry| entry.verdict == Verdict::Create)
        .filter_map(|entry| {
            let (kind, name) = makes(&entry.operation.as_ref()?.step)?;
            seen.taken(kind, name).then(|| (kind, name.to_owned(), entry.address.clone()))
        })
        .collect()
}
