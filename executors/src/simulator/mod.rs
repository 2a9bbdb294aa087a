//! An engine inside this process, which behaves as another one does wherever a plan can tell: as Docker, or as Apple's `container`.
//!
//! It carries out steps, not command lines. What it answers as Docker was measured on 20.10.24; what it answers as `container` was read in
//! its source at tag 1.2.2. What a version makes different comes from the profile. It keeps its state in a file, so that the next command
//! finds what the last one made.

mod by_hand;
mod containers;
mod faults;
#[cfg(test)]
mod guard;
mod guest;
mod images;
mod log;
mod networks;
mod observe;
mod processes;
mod removal;
mod resolver;
mod stages;
mod state;
mod step;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::intent::{EnvSource, Exec, ExecStdin, Membership, MountSource, ObjectName, OutputRef, Step, Word};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::{Labels, Observation};
use bottle_planner::operation::{Command, Operation, Removal};
use bottle_planner::profile::{Behaviour, Profile};

pub use by_hand::Hand;
pub use faults::Fault;
pub use processes::Process;
pub use stages::Stage;
pub use state::{Container, Image, Joined, Network, Ran, Status, Stored, Volume, What};

use crate::engine::{Context, Ended, Engine, EngineError, Failure, Incarnation, Outcome};
use guest::Files;
use log::{Access, Log};
use state::{Change, State};
use step::{Answer, Refusal, Scene};

/// The simulated engine.
#[derive(Debug)]
pub struct Simulator {
    profile: Profile,
    inside: Mutex<Inside>,
    /// Every moment at which an agent's own command was let go.
    #[cfg(test)]
    moments: Mutex<Vec<guard::Moment>>,
}

#[derive(Debug)]
struct Inside {
    state: State,
    log: Option<Log>,
}

impl Simulator {
    /// The engine whose state is in a file, behaving as the profile's. Without the file, it has nothing.
    ///
    /// # Errors
    /// When the file cannot be read or is not a simulator's.
    pub fn open(path: PathBuf, profile: Profile) -> Result<Self, EngineError> {
        let mut inside = Inside { state: State::new(profile.behaves), log: Some(Log::new(path)) };
        inside.locked(Access::Read, |inside| match &mut inside.log {
            Some(log) => log.compact(&inside.state),
            None => Ok(()),
        })?;
        Ok(Self::of(profile, inside))
    }

    /// An engine that is gone with the value.
    #[must_use]
    pub fn in_memory(profile: Profile) -> Self {
        let inside = Inside { state: State::new(profile.behaves), log: None };
        Self::of(profile, inside)
    }

    fn of(profile: Profile, inside: Inside) -> Self {
        Self {
            profile,
            inside: Mutex::new(inside),
            #[cfg(test)]
            moments: Mutex::default(),
        }
    }

    /// What can be done to the engine by somebody else than `bottle`, and what can be seen of it.
    #[must_use]
    pub fn by_hand(&self) -> Hand<'_> {
        Hand::new(self)
    }

    /// Makes the next operation or removal of an address fail before it does anything; `*` in the address stands for anything.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn fail(&self, address: &str, said: &str) -> Result<(), EngineError> {
        self.ask_for(Fault { address: address.to_owned(), times: 1, said: said.to_owned(), done: false })
    }

    /// Asks for a failure.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn ask_for(&self, fault: Fault) -> Result<(), EngineError> {
        self.change(|state| {
            let faults = state.faults.iter().cloned().chain([fault]).collect();
            Ok::<_, EngineError>(((), vec![Change::Faults(faults)]))
        })
    }

    /// Looks at the state.
    fn look<T>(&self, at: impl FnOnce(&State) -> T) -> Result<T, EngineError> {
        self.inside().locked(Access::Read, |inside| Ok(at(&inside.state)))
    }

    /// Changes the state by all the changes that `plan` makes of it, or by none.
    fn change<T, E: From<EngineError>>(
        &self,
        plan: impl FnOnce(&State) -> Result<(T, Vec<Change>), E>,
    ) -> Result<T, E> {
        self.inside().locked(Access::Write, |inside| {
            let (value, changes) = plan(&inside.state)?;
            if !changes.is_empty() {
                if let Some(log) = &mut inside.log {
                    log.append(&changes)?;
                }
                changes.into_iter().for_each(|change| inside.state.apply(change));
            }
            Ok(value)
        })
    }

    /// The state is changed only by applying what was written, which cannot stop halfway: a panic elsewhere leaves it whole.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers an operation or a removal, or fails as a test has asked.
    fn answer(
        &self,
        address: &Address,
        command: Option<&Command>,
        answer: impl FnOnce(&State) -> Result<Answer, Refusal>,
    ) -> Result<Outcome, Failure> {
        let result = self.change(|state| {
            let Some((fault, left)) = faults::met(&state.faults, address) else {
                let answer = answer(state)?;
                return Ok((Ok(answer.outcome), answer.changes));
            };
            let mut changes = if fault.done { answer(state)?.changes } else { Vec::new() };
            changes.push(Change::Faults(left));
            Ok((Err(Refusal { ended: Ended::Exit(1), said: fault.said }), changes))
        });
        result.and_then(|result| result).map_err(|refusal: Refusal| failure(address, command, refusal))
    }
}

impl Inside {
    fn locked<T, E: From<EngineError>>(
        &mut self,
        access: Access,
        then: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(log) = &mut self.log
            && let Err(error) = log.lock(&mut self.state, access)
        {
            log.unlock();
            return Err(error.into());
        }
        let result = then(self);
        if let Some(log) = &mut self.log {
            log.unlock();
        }
        result
    }
}

impl Engine for Simulator {
    fn profile(&self) -> Result<Profile, EngineError> {
        Ok(self.profile.clone())
    }

    fn observe(&self, project: &ProjectName) -> Result<Observation, EngineError> {
        self.look(|state| observe::observe(state, project))
    }

    fn projects(&self) -> Result<Vec<ProjectName>, EngineError> {
        self.look(observe::projects)
    }

    fn run(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure> {
        // Secrets and files are read before the engine is asked, as by Docker's command: somebody may have to be asked for one.
        let ready = prepare(operation, context);
        let files = ready.map_err(|refusal| failure(&operation.address, operation.command(), refusal))?;
        self.answer(&operation.address, operation.command(), |state| self.step(state, operation, context, files))
    }

    fn remove(&self, address: &Address, removal: &Removal, context: &Context<'_>) -> Result<(), Failure> {
        let command = removal.command.as_ref();
        hurried(context).map_err(|refusal| failure(address, command, refusal))?;
        let answer = |state: &State| Ok(Answer::changes(removal::remove(state, context.project, &removal.what)?));
        self.answer(address, command, answer).map(drop)
    }

    fn prober(&self) -> Result<&dyn crate::probe::Prober, String> {
        Err("the simulator runs nothing".to_owned())
    }

    fn incarnation(&self, container: &ObjectName) -> Result<Incarnation, EngineError> {
        let found = self.look(|state| {
            state
                .container_named(&container.0)
                .map(|found| Incarnation { id: found.id.clone(), since: found.since().map(str::to_owned) })
        })?;
        let program = if self.profile.behaves == Behaviour::Docker { "docker container" } else { "container" };
        found.ok_or_else(|| EngineError::Silent {
            argv: format!("{program} inspect {container}"),
            said: "no such container".to_owned(),
        })
    }
}

impl Simulator {
    fn step(
        &self,
        state: &State,
        operation: &Operation,
        context: &Context<'_>,
        files: Files,
    ) -> Result<Answer, Refusal> {
        let labels = Labels {
            project: context.project.clone(),
            address: operation.address.clone(),
            digest: Digest::recorded(operation.digest.short()),
        };
        let scene = Scene { state, labels: Some(labels) };
        let changes = match &operation.step {
            Step::PullImage(image) => images::pull(state, image),
            Step::BuildImage(build) => return images::build(&scene, build, files),
            Step::CreateNetwork(network) => return networks::create(&scene, network),
            Step::CreateContainer(container) => {
                let join = |wanted: &Membership| networks::bind(state, wanted, known(context, &wanted.network));
                let joined: Vec<Joined> = if container.networks.is_empty() && state.behaves == Behaviour::Docker {
                    let network = ObjectName(networks::NO_NETWORK.to_owned());
                    vec![join(&Membership { network, alias: None, default_route: false, own: true })]
                } else {
                    container.networks.iter().map(join).collect()
                };
                return containers::create(&scene, &self.profile, container, joined);
            }
            Step::Attach(attachment) => {
                let container = target(state, context, &attachment.container)?;
                let membership = &attachment.membership;
                networks::connect(
                    state,
                    container,
                    networks::bind(state, membership, known(context, &membership.network)),
                )?
            }
            Step::LearnOwners(owners) => {
                let container = target(state, context, &owners.container)?;
                return containers::learn_owners(state, container, owners);
            }
            Step::LearnAddress(address) => {
                let container = target(state, context, &address.container)?;
                return containers::learn_address(state, container, address);
            }
            Step::CopyIn(copy) => containers::copy_in(state, target(state, context, &copy.container)?, copy, files)?,
            Step::Gate(gate) => {
                target(state, context, &gate.container)?;
                let notes = vec![format!("could not be told: {}: the simulator has nothing to probe", gate.asked())];
                return Ok(Answer { changes: Vec::new(), outcome: Outcome { notes, ..Outcome::default() } });
            }
            Step::Start(container) => {
                let container = target(state, context, container)?;
                #[cfg(test)]
                self.lets_go(state, container, &operation.address);
                containers::start(state, container)?
            }
            Step::Release(container) => {
                let container = target(state, context, container)?;
                let changes = containers::release(state, container)?;
                #[cfg(test)]
                self.lets_go(state, container, &operation.address);
                changes
            }
            Step::AwaitReady(ready) => {
                containers::await_ready(state, target(state, context, &ready.container)?, ready)?
            }
            Step::Exec(exec) => {
                let container = target(state, context, &exec.container)?;
                containers::exec(state, container, exec, spoken(exec, context)?)?
            }
            Step::Stage(stage) => stages::put(state, context.project, stage, files),
            Step::StartProcess(process) => return processes::start(&scene, process),
            Step::AwaitProcess(ready) => processes::await_ready(state, &ready.process, ready.within)?,
            Step::ResolveHosts(hosts) => return resolver::resolve(state, hosts),
        };
        Ok(Answer::changes(changes))
    }
}

/// Reads what an operation needs of the host. Secrets are read as Docker's command would have them, and dropped.
fn prepare(operation: &Operation, context: &Context<'_>) -> Result<Files, Refusal> {
    hurried(context)?;
    match &operation.step {
        Step::CreateContainer(container) => {
            for source in container.env.values() {
                if let EnvSource::Secret(secret) = source {
                    context.secrets.read(secret)?;
                }
            }
            for mount in &container.mounts {
                let MountSource::Host(from) = &mount.from else { continue };
                if !context.files.locate(from).is_ok_and(|path| path.exists()) {
                    return Err(Refusal::daemon(format!(
                        "invalid mount config for type \"bind\": bind source path does not exist: {from}"
                    )));
                }
            }
            Ok(Files::new())
        }
        Step::Exec(exec) => {
            if let ExecStdin::Secret(secret) = &exec.stdin {
                context.secrets.read(secret)?;
            }
            Ok(Files::new())
        }
        // Owners are the guest's, and a stage is the host's.
        Step::Stage(stage) => guest::read(&stage.files, context.files, &|_| Some((0, 0))),
        Step::BuildImage(build) => images::read_context(build, context.files),
        Step::CopyIn(copy) => guest::read(&copy.files, context.files, &|name| owner(operation, context, name)),
        _ => Ok(Files::new()),
    }
}

/// The words of a command and what it reads, with what operations before it have put out; a secret by its name.
fn spoken(exec: &Exec, context: &Context<'_>) -> Result<(Vec<String>, Option<String>), Refusal> {
    let outputs = context.outputs.lock().unwrap_or_else(PoisonError::into_inner);
    let text = |word: &Word| match word {
        Word::Text(text) => Ok(text.clone()),
        Word::Output(output) => outputs
            .get(output)
            .cloned()
            .ok_or_else(|| Refusal::before(format!("{} of {} is not known", output.name, output.address))),
        Word::Gateway(network) => Err(Refusal::before(format!("no address was chosen for the gateway of {network}"))),
    };
    let command = exec.command.iter().map(text).collect::<Result<_, _>>()?;
    let stdin = match &exec.stdin {
        ExecStdin::Nothing => None,
        ExecStdin::Secret(secret) => Some(secret.to_string()),
        ExecStdin::Text(words) => Some(words.iter().map(text).collect::<Result<_, _>>()?),
    };
    Ok((command, stdin))
}

/// The numbers of a user's name, as an operation before this one has put them out.
fn owner(operation: &Operation, context: &Context<'_>, name: &str) -> Option<(u32, u32)> {
    let outputs = context.outputs.lock().unwrap_or_else(PoisonError::into_inner);
    operation.needs.iter().find_map(|(_, need)| {
        let text = outputs.get(&OutputRef { address: need.clone(), name: name.to_owned() })?;
        let (uid, gid) = text.split_once(':')?;
        Some((uid.parse().ok()?, gid.parse().ok()?))
    })
}

/// The id of an object of ours, as it was observed or made.
fn known(context: &Context<'_>, name: &ObjectName) -> Option<String> {
    context.ids.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// The container that a step works on: the one that was observed or made, and no other of its name. Where neither is known, the
/// project's of that name.
fn target<'a>(state: &'a State, context: &Context<'_>, name: &ObjectName) -> Result<&'a Container, Refusal> {
    if let Some(id) = known(context, name) {
        return state.container(&id).ok_or_else(|| containers::missing(state, &id));
    }
    let ours =
        |container: &&Container| container.labels.as_ref().is_some_and(|labels| labels.project == *context.project);
    state.container_named(&name.0).filter(ours).ok_or_else(|| containers::missing(state, &name.0))
}

fn hurried(context: &Context<'_>) -> Result<(), Refusal> {
    if context.hurry.load(Ordering::SeqCst) {
        return Err(Refusal { ended: Ended::Hurried, said: String::new() });
    }
    Ok(())
}

fn failure(address: &Address, command: Option<&Command>, refusal: Refusal) -> Failure {
    Failure {
        address: address.clone(),
        argv: command.map(|command| command.argv.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        ended: refusal.ended,
        said: refusal.said,
    }
}
