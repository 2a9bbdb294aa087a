//! `bottle apply`

use std::collections::BTreeSet;

use bottle_executors::trust::Trusted;
use bottle_planner::name::BottleName;
use bottle_planner::observation::Observation;
use bottle_planner::plan::{BackendReason, Plan, Target, build};
use bottle_planner::profile::Profile;
use bottle_planner::render;
use bottle_planner::trust::{Asks, Request};

use super::plan::{fault, unmet};
use crate::arguments;
use crate::backend::select;
use crate::carry_out;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::trust::{self, Trust};
use crate::{saved_plan, state, terminal};

pub(super) const COMMAND: &str = "bottle apply";

pub(crate) fn run(arguments: &arguments::Apply) -> Result<Exit, Fault> {
    if let Some(path) = saved_plan::named(arguments)? {
        return super::apply_saved::run(arguments, &path);
    }
    let (file, trust) = trust::look(ManifestFile::read(arguments.project.file())?)?;
    if let Trust::Refused { before } = &trust
        && !carry_out::can_ask(&arguments.running)
    {
        return Err(trust::missing(&file, before.as_ref()));
    }
    let part = part(&arguments.bottles)?;
    let selected = select(arguments.project.backend.as_deref(), Some(&file.manifest), false)?;
    let (engine, profile, chosen) = selected.live()?;
    let dir = state::dir(profile.backend, &file.manifest.name)?;
    let mut held = state::hold(engine.as_ref(), &dir, COMMAND)?;
    if !arguments.take_over {
        state::check_origin(&dir, &file.place.root, &held.observation)?;
    }
    let aim = Aim { profile: &profile, chosen: &chosen, part: part.as_ref() };
    let mut plan = aim.plan(&file, &held.observation)?;
    plan.asks = trust.asks(&file.request);
    carry_out::show(&plan, &arguments.running);
    if unmet(&plan) {
        return Ok(Exit::Weaker);
    }
    carry_out::check_approval(&plan, &arguments.running)?;
    // What was not looked at may not be as declared.
    if plan.is_empty() && !plan.has_unread() {
        return Ok(Exit::Done);
    }
    let (file, trusted) = match trust {
        Trust::Given(trusted) => (file, trusted),
        Trust::Refused { before } => {
            let (file, trusted) = ask_for_trust(file, before.as_ref())?;
            plan.asks = Asks::Nothing;
            // What lies outside the manifest's folder is read from here on, so it may be another plan.
            let again = aim.plan(&file, &held.observation)?;
            if again != plan {
                plan = again;
                carry_out::show(&plan, &arguments.running);
            }
            if unmet(&plan) {
                return Ok(Exit::Weaker);
            }
            if plan.is_empty() {
                return Ok(Exit::Done);
            }
            (file, trusted)
        }
    };
    let question = format!("Apply this to {} on {profile}?", plan.project);
    carry_out::approve(&plan, &arguments.running, &question, || aim.plan(&file, &state::look(engine.as_ref(), &dir)?))?;
    dir.set_origin(&file.place.root)?;
    carry_out::carry_out(&plan, &arguments.running, &mut held, engine.as_ref(), trusted, COMMAND)
}

/// Asks whoever is at the terminal, after a plan that may be long: so what is asked for is shown once more.
fn ask_for_trust(file: ManifestFile, before: Option<&Request>) -> Result<(ManifestFile, Trusted), Fault> {
    let shown = render::request(&file.request, before);
    terminal::signed(&format!("\n{} asks for trust\n{shown}", file.manifest.name));
    if terminal::confirm("Trust it with this?")? { trust::give(file) } else { Err(trust::declined()) }
}

/// What is planned for.
struct Aim<'a> {
    profile: &'a Profile,
    chosen: &'a BackendReason,
    part: Option<&'a BTreeSet<BottleName>>,
}

impl Aim<'_> {
    fn plan(&self, file: &ManifestFile, observation: &Observation) -> Result<Plan, Fault> {
        let Self { profile, chosen, part } = *self;
        let target = Target { profile, chosen, observation: Some(observation), part };
        build(&file.manifest, &file.files, target).map_err(fault)
    }
}
