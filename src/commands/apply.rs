//! `bottle apply`

use std::collections::BTreeSet;

use bottle_planner::name::BottleName;
use bottle_planner::observation::Observation;
use bottle_planner::plan::{BackendReason, Plan, Target, build};
use bottle_planner::profile::Profile;

use super::plan::{fault, unmet};
use crate::arguments;
use crate::backend::select;
use crate::carry_out;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::{saved_plan, state};

pub(super) const COMMAND: &str = "bottle apply";

pub(crate) fn run(arguments: &arguments::Apply) -> Result<Exit, Fault> {
    if let Some(path) = saved_plan::named(arguments)? {
        return super::apply_saved::run(arguments, &path);
    }
    let file = ManifestFile::read(arguments.project.file())?;
    let part = part(&arguments.bottles)?;
    let selected = select(arguments.project.backend.as_deref(), Some(&file.manifest), false)?;
    let (engine, profile, chosen) = selected.live()?;
    let dir = state::dir(profile.backend, &file.manifest.name)?;
    let mut held = state::hold(engine.as_ref(), &dir, COMMAND)?;
    if !arguments.take_over {
        state::check_origin(&dir, &file.root, &held.observation)?;
    }
    let plan = plan(&file, &profile, &chosen, &held.observation, part.as_ref())?;
    carry_out::show(&plan, &arguments.running);
    if unmet(&plan) {
        return Ok(Exit::Weaker);
    }
    carry_out::check_approval(&plan, &arguments.running)?;
    if plan.is_empty() {
        return Ok(Exit::Done);
    }
    let question = format!("Apply this to {} on {profile}?", plan.project);
    carry_out::approve(&plan, &arguments.running, &question, || {
        let now = state::look(engine.as_ref(), &dir)?;
        self::plan(&file, &profile, &chosen, &now, part.as_ref())
    })?;
    dir.set_origin(&file.root)?;
    carry_out::carry_out(&plan, &arguments.running, &mut held, engine.as_ref(), &file.root, COMMAND)
}

fn plan(
    file: &ManifestFile,
    profile: &Profile,
    chosen: &BackendReason,
    observation: &Observation,
    part: Option<&BTreeSet<BottleName>>,
) -> Result<Plan, Fault> {
    let target = Target { profile, chosen, observation: Some(observation), part };
    build(&file.manifest, &file.files, target).map_err(fault)
}
