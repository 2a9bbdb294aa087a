//! What is remembered of a project, for a command that only looks and for one that works on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bottle_executors::engine::Engine;
use bottle_executors::journal::{self, Journal, Known};
use bottle_executors::lock::{Lock, LockError};
use bottle_executors::state_dir::{self, Environment, StateDir};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::profile::Backend;

use crate::exit::{Exit, Fault};
use crate::terminal;

/// How long operations that a killed command left in flight are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder under which all state is kept.
pub(crate) fn base() -> Result<PathBuf, Fault> {
    let var = std::env::var_os;
    let (bottle, xdg, home) = (var("BOTTLE_STATE"), var("XDG_STATE_HOME"), var("HOME"));
    let environment =
        Environment { bottle_state: bottle.as_deref(), xdg_state_home: xdg.as_deref(), home: home.as_deref() };
    Ok(state_dir::base(environment)?)
}

/// Where a project's state is kept.
pub(crate) fn dir(backend: Backend, project: &ProjectName) -> Result<StateDir, Fault> {
    Ok(StateDir::of(&base()?, backend, project))
}

/// What an engine has, with what the journal knows of it.
pub(crate) fn observe(engine: &dyn Engine, project: &ProjectName, known: Known) -> Result<Observation, Fault> {
    if let Some(damage) = &known.damage {
        terminal::note(&format!("warning: {damage}"));
    }
    let mut observation = engine.observe(project)?;
    let mut done = known.done;
    journal::prune(&mut done, &observation);
    observation.done = done;
    let mut held = known.held;
    journal::prune_held(&mut held, &observation);
    observation.held = held;
    Ok(observation)
}

/// As [`observe`], without a lock: what is being written just now is not seen.
pub(crate) fn look(engine: &dyn Engine, dir: &StateDir) -> Result<Observation, Fault> {
    observe(engine, dir.project(), journal::read(dir.path())?)
}

/// A project that nobody else works on until this is dropped.
pub(crate) struct Held {
    pub(crate) journal: Journal,
    pub(crate) observation: Observation,
    _lock: Lock,
}

/// Takes a project, and then looks at it.
pub(crate) fn hold(engine: &dyn Engine, dir: &StateDir, command: &str) -> Result<Held, Fault> {
    dir.make()?;
    let mut waiting = |holder: Option<&bottle_executors::lock::Holder>| {
        let who = holder.map_or_else(|| "a command".to_owned(), ToString::to_string);
        terminal::note(&format!("{who} was killed: waiting for what it started to end"));
    };
    let lock = Lock::acquire(dir, command, PATIENCE, &mut waiting).map_err(|error| {
        let exit = match &error {
            LockError::Held { .. } | LockError::InFlight { .. } => Exit::Locked,
            LockError::State(_) => Exit::Error,
        };
        Fault::new(exit, error)
    })?;
    let (journal, known) = Journal::open(dir.path())?;
    let observation = observe(engine, dir.project(), known)?;
    Ok(Held { journal, observation, _lock: lock })
}

/// Another folder's manifest has this project's name.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("project `{project}` was last applied from {}", origin.display())]
#[diagnostic(
    code(bottle::apply::origin),
    help(
        "two manifests of one name would take each other's bottles for their own: give one of them another `name`, or say \
         `--take-over` if the folder was moved"
    )
)]
pub(crate) struct OtherOrigin {
    project: ProjectName,
    origin: PathBuf,
}

/// Refuses a manifest of a folder that is not the one whose bottles are there.
pub(crate) fn check_origin(dir: &StateDir, root: &Path, observation: &Observation) -> Result<(), Fault> {
    match dir.origin()? {
        Some(origin) if origin != root && !observation.containers.is_empty() => {
            Err(OtherOrigin { project: dir.project().clone(), origin }.into())
        }
        _ => Ok(()),
    }
}
