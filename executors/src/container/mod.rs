//! Apple's `container`, driven by the command of that name and asked for JSON, in the shapes of 1.0 and later.
//!
//! A container's id is its name there, so a name alone does not tell one from another that was made under it later: here an id is the
//! name and when it was made.

mod objects;
mod observe;
mod preflight;
mod ready;
mod remove;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use bottle_planner::address::Address;
use bottle_planner::intent::ObjectName;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::operation::{Operation, Removal};
use bottle_planner::profile::{Backend, Macos, Profile};

use crate::engine::{Context, Engine, EngineError, Failure, Incarnation, Outcome};
use crate::host::process::Processes;
use crate::host::resolve::{self, Resolver};
use crate::host::stage::Stages;
use crate::question::Asked;
use crate::said::Given;
use crate::state_dir::StateDir;

/// The name of the command.
const PROGRAM: &str = "container";

/// The engine behind a `container` command.
pub struct ContainerEngine {
    program: PathBuf,
    /// The folder under which all state is kept.
    state: PathBuf,
    /// The version of macOS, when it is not to be asked for.
    macos: Option<String>,
    asked_macos: OnceLock<Macos>,
    resolver: Resolver,
    given: Given,
    /// Builds go one after the other: two first ones at once start two builders (#2167).
    building: Mutex<()>,
}

impl ContainerEngine {
    /// The `container` of the search path. `state` is the folder under which all state is kept: stages and processes of a project lie in
    /// its [`StateDir`].
    #[must_use]
    pub fn new(state: PathBuf) -> Self {
        Self::at(PathBuf::from(PROGRAM), state)
    }

    /// A `container` command at a path.
    #[must_use]
    pub fn at(program: PathBuf, state: PathBuf) -> Self {
        Self {
            program,
            state,
            macos: None,
            asked_macos: OnceLock::new(),
            resolver: resolve::system(),
            given: Given::default(),
            building: Mutex::default(),
        }
    }

    /// The same engine on this version of macOS, as `sw_vers -productVersion` would say it, instead of the machine's own.
    #[must_use]
    pub fn on_macos(mut self, version: &str) -> Self {
        self.macos = Some(version.to_owned());
        self
    }

    /// The same engine with another resolver than the machine's.
    #[must_use]
    pub fn resolving(
        mut self,
        resolver: impl Fn(&str) -> std::io::Result<Vec<std::net::IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.resolver = std::sync::Arc::new(resolver);
        self
    }

    fn asked(&self) -> Asked<'_> {
        Asked { program: &self.program, name: PROGRAM, env: &[] }
    }

    fn state_dir(&self, project: &ProjectName) -> StateDir {
        StateDir::of(&self.state, Backend::Container, project)
    }

    fn stages(&self, project: &ProjectName) -> Stages {
        Stages::of(&self.state_dir(project))
    }

    fn processes(&self, project: &ProjectName) -> Processes {
        Processes::of(&self.state_dir(project))
    }
}

impl fmt::Debug for ContainerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerEngine")
            .field("program", &self.program)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Engine for ContainerEngine {
    fn profile(&self) -> Result<Profile, EngineError> {
        self.preflight()
    }

    fn observe(&self, project: &ProjectName) -> Result<Observation, EngineError> {
        self.look_at(project)
    }

    fn projects(&self) -> Result<Vec<ProjectName>, EngineError> {
        self.labelled_projects()
    }

    fn run(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure> {
        self.carry_out(operation, context)
    }

    fn remove(&self, address: &Address, removal: &Removal, context: &Context<'_>) -> Result<(), Failure> {
        self.take_away(address, removal, context)
    }

    fn incarnation(&self, container: &ObjectName) -> Result<Incarnation, EngineError> {
        let found = self.inspect(&container.0)?;
        let since = found.runs().then(|| found.status.started.clone()).flatten();
        Ok(Incarnation { id: found.identity(), since })
    }
}
