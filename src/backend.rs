//! Which backend a command talks to, and why.

use bottle_executors::container::ContainerEngine;
use bottle_executors::docker::Docker;
use bottle_executors::engine::Engine;
use bottle_executors::simulator::Simulator;
use bottle_planner::manifest::{Manifest, Sandbox};
use bottle_planner::plan::BackendReason;
use bottle_planner::profile::{Backend, Profile};

use crate::exit::{Exit, Fault};
use crate::state;

/// A backend that was chosen.
pub(crate) struct Selected {
    /// The engine; `None` when the plan is made for a profile alone.
    pub(crate) engine: Option<Box<dyn Engine>>,
    pub(crate) profile: Profile,
    pub(crate) chosen: BackendReason,
}

impl Selected {
    /// The engine, for a command that cannot do without.
    pub(crate) fn live(self) -> Result<(Box<dyn Engine>, Profile, BackendReason), Fault> {
        match self.engine {
            Some(engine) => Ok((engine, self.profile, self.chosen)),
            None => Err(Fault::usage(
                format!("`--backend {}` names a version to plan for, not an engine that runs", self.profile),
                "leave the version out: a running engine says its own",
            )),
        }
    }
}

/// Chooses a backend: the one named, else what the manifest's `sandbox` asks for, else what this machine has.
pub(crate) fn select(named: Option<&str>, manifest: Option<&Manifest>, offline: bool) -> Result<Selected, Fault> {
    let Some(named) = named else { return unnamed(manifest, offline) };
    let profile = Profile::named(named).map_err(|error| Fault::new(Exit::Usage, error))?;
    let chosen = BackendReason::Named;
    match profile.backend {
        _ if offline => Ok(Selected { engine: None, profile, chosen }),
        Backend::Docker | Backend::Container if named.contains(['@', '/']) => {
            Ok(Selected { engine: None, profile, chosen })
        }
        Backend::Docker => live(Docker::new(), chosen),
        Backend::Container => live(ContainerEngine::new(state::base()?), chosen),
        Backend::Simulator => {
            let engine = Simulator::open(state::base()?.join("simulator.jsonl"), profile.clone())?;
            Ok(Selected { engine: Some(Box::new(engine)), profile, chosen })
        }
    }
}

fn unnamed(manifest: Option<&Manifest>, offline: bool) -> Result<Selected, Fault> {
    let sandbox = manifest.and_then(|manifest| manifest.bottles.values().find_map(|bottle| bottle.sandbox));
    let chosen = match sandbox {
        Some(Sandbox::SharedKernel) => BackendReason::Sandbox("shared-kernel"),
        Some(Sandbox::Vm) => BackendReason::Sandbox("vm"),
        None if offline => BackendReason::Default,
        None => BackendReason::Found,
    };
    let backend = if sandbox == Some(Sandbox::Vm) { Backend::Container } else { Backend::Docker };
    if offline {
        return Ok(Selected { engine: None, profile: Profile::named(&backend.to_string())?, chosen });
    }
    match backend {
        Backend::Container => live(ContainerEngine::new(state::base()?), chosen),
        Backend::Docker | Backend::Simulator => live(Docker::new(), chosen),
    }
}

fn live(engine: impl Engine + 'static, chosen: BackendReason) -> Result<Selected, Fault> {
    let profile = engine.profile()?;
    Ok(Selected { engine: Some(Box::new(engine)), profile, chosen })
}
