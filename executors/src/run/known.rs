//! What is known of the engine's objects while a run changes them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bottle_planner::intent::{ObjectName, OutputRef, Step};
use bottle_planner::observation::{ContainerState, Done, Observation};
use bottle_planner::operation::{ObjectKind, Operation, Removed, makes};

use crate::engine::{Incarnation, Outcome};

/// What operations are handed: what the observation said and what operations have changed since.
pub(super) struct Shared {
    /// The ids of containers and networks, by name.
    pub(super) ids: Mutex<BTreeMap<ObjectName, String>>,
    /// What operations have put out.
    pub(super) outputs: Mutex<BTreeMap<OutputRef, String>>,
}

impl Shared {
    pub(super) fn of(observation: &Observation) -> Self {
        let containers = observation.containers.iter().map(|container| (&container.name, &container.id));
        let networks = observation.networks.iter().map(|network| (&network.name, &network.id));
        let ids = containers.chain(networks).map(|(name, id)| (ObjectName(name.clone()), id.clone())).collect();
        Self { ids: Mutex::new(ids), outputs: Mutex::default() }
    }
}

/// The same, and what only the journal needs to know.
pub(super) struct Known<'run> {
    shared: &'run Shared,
    /// Since when containers run, by id.
    since: HashMap<String, String>,
    /// The ids of processes of the host, by name.
    processes: HashMap<String, String>,
}

impl<'run> Known<'run> {
    pub(super) fn of(observation: &Observation, shared: &'run Shared) -> Self {
        let running = observation.containers.iter().filter_map(|container| match &container.state {
            ContainerState::Running(since) => Some((container.id.clone(), since.clone())),
            ContainerState::Created | ContainerState::Stopped { .. } => None,
        });
        let processes = observation.processes.iter().map(|process| (process.name.clone(), process.id.clone()));
        Self { shared, since: running.collect(), processes: processes.collect() }
    }

    /// Takes in what came of an operation, and tells what is to be remembered of it.
    ///
    /// `started` is what the engine says of a container that was just started.
    pub(super) fn done(&mut self, operation: &Operation, outcome: Outcome, started: Option<Incarnation>) -> Done {
        let Outcome { made, outputs, notes: _ } = outcome;
        let mut known_outputs = lock(&self.shared.outputs);
        for (name, value) in outputs {
            known_outputs.insert(OutputRef { address: operation.address.clone(), name }, value);
        }
        drop(known_outputs);

        let mut ids = lock(&self.shared.ids);
        match (makes(&operation.step), made) {
            (Some((ObjectKind::Container | ObjectKind::Network, name)), Some(id)) => {
                ids.insert(ObjectName(name.to_owned()), id);
            }
            (Some((ObjectKind::Process, name)), Some(id)) => _ = self.processes.insert(name.to_owned(), id),
            (Some((ObjectKind::Process, name)), None) => _ = self.processes.remove(name),
            _ => {}
        }
        let container = operation.step.container().and_then(|name| ids.get(name)).cloned();
        drop(ids);

        if let (Step::Start(_), Some(id)) = (&operation.step, &container) {
            // Another container of the same name says nothing about ours.
            match started.filter(|incarnation| incarnation.id == *id).and_then(|incarnation| incarnation.since) {
                Some(now) => self.since.insert(id.clone(), now),
                None => self.since.remove(id),
            };
        }
        let since = match &operation.step {
            Step::StartProcess(process) => self.processes.get(&process.name.0),
            Step::AwaitProcess(ready) => self.processes.get(&ready.process.name.0),
            _ => container.as_ref().and_then(|id| self.since.get(id)),
        }
        .cloned();
        Done { digest: operation.digest.clone(), inputs: operation.inputs.clone(), container, since }
    }

    /// The engine's id of a container or network.
    pub(super) fn id(&self, name: &ObjectName) -> Option<String> {
        lock(&self.shared.ids).get(name).cloned()
    }

    /// Takes in that something is gone.
    pub(super) fn removed(&mut self, what: &Removed) {
        if let Removed::Object { kind: ObjectKind::Container | ObjectKind::Network, name, id } = what {
            self.since.remove(id);
            let mut ids = lock(&self.shared.ids);
            let name = ObjectName(name.clone());
            if ids.get(&name) == Some(id) {
                ids.remove(&name);
            }
        }
    }
}

/// The container that goes with a removal.
pub(super) fn container_of(what: &Removed) -> Option<&str> {
    match what {
        Removed::Object { kind: ObjectKind::Container, id, .. } => Some(id),
        Removed::Object { .. } | Removed::Membership { .. } => None,
    }
}

/// The lock of a map that is whole even when a holder panicked: every change to one is a single call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
