//! Programs that run on the simulated host in a bottle's stead.

use bottle_planner::intent::HostProcess;
use bottle_planner::observation::Labels;
use serde::{Deserialize, Serialize};

use super::state::{Change, State};
use super::step::{Answer, Refusal, Scene, moment};
use crate::engine::Outcome;

/// A process of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number and since when it runs.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it was started with says the same as labels.
    pub labels: Labels,
    /// The stage that its configuration came from.
    pub stage: String,
    /// The network on whose gateway it listens.
    pub network: String,
    /// Where it listens.
    pub listens: String,
    /// Whether it was seen to serve.
    pub serves: bool,
}

/// Starts a process. It ends at once where it finds no configuration, or where the host has not the address it is to listen on.
pub(super) fn start(scene: &Scene<'_>, wanted: &HostProcess) -> Result<Answer, Refusal> {
    let state = scene.state;
    let (Some(labels), Some(address)) = (scene.labels.clone(), wanted.address) else {
        return Err(Refusal::before("no address was chosen for it"));
    };
    let (stage, file) = &wanted.config;
    let program = &wanted.program;
    if !state.stages.get(&stage.0).is_some_and(|stage| stage.has_file(file)) {
        return Err(Refusal::program(format!("{program}: open {file}: no such file or directory")));
    }
    let listens = format!("{address}:{}", wanted.port);
    let cannot = |why: &str| Refusal::program(format!("{program}: listen tcp {listens}: bind: {why}"));
    // The bridge has the gateway's address for as long as a container is attached to it.
    let network = state.network_named(&wanted.network.0).filter(|network| !network.members.is_empty());
    if network.and_then(|network| network.subnet?.hosts().next()) != Some(address) {
        return Err(cannot("can't assign requested address"));
    }
    if state.processes.values().any(|process| process.listens == listens) {
        return Err(cannot("address already in use"));
    }
    let (since, count) = moment(state);
    let process = Process {
        id: format!("{} {since}", state.count + 1),
        name: wanted.name.0.clone(),
        labels,
        stage: stage.0.clone(),
        network: wanted.network.0.clone(),
        listens,
        serves: false,
    };
    let outcome = Outcome { made: Some(process.id.clone()), ..Outcome::default() };
    Ok(Answer { changes: vec![count, Change::Process(process)], outcome })
}

/// The probe of a process: one that runs serves.
pub(super) fn await_ready(state: &State, wanted: &HostProcess, within: u32) -> Result<Vec<Change>, Refusal> {
    match named(state, &wanted.name.0) {
        Some(process) if process.serves => Ok(Vec::new()),
        Some(process) => Ok(vec![Change::Serves(process.id.clone())]),
        None => Err(Refusal::program(format!("{} did not serve within {within} s: it does not run", wanted.name))),
    }
}

/// A process by its name.
pub(super) fn named<'a>(state: &'a State, name: &str) -> Option<&'a Process> {
    state.processes.values().find(|process| process.name == name)
}
