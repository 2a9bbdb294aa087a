//! `bottle apply`

use bottle_executors::state_dir::StateDir;
use bottle_planner::plan::{Target, build};

use super::plan::unmet;
use crate::arguments;
use crate::backend::select;
use crate::carry_out::{Approved, carry_out};
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::state;

pub(crate) fn run(arguments: &arguments::Apply) -> Result<Exit, Fault> {
    let file = ManifestFile::read(&arguments.project.file)?;
    let part = part(&arguments.bottles)?;
    let base = state::base()?;
    let selected = select(arguments.project.backend.as_deref(), Some(&file.manifest), false, &base)?;
    let (engine, profile, chosen) = selected.live()?;
    let dir = StateDir::of(&base, profile.backend, &file.manifest.name);
    let mut held = state::hold(engine.as_ref(), &dir, "bottle apply")?;
    if !arguments.take_over {
        state::check_origin(&dir, &file.root, &held.observation)?;
    }
    let target =
        Target { profile: &profile, chosen: &chosen, observation: Some(&held.observation), part: part.as_ref() };
    let plan = build(&file.manifest, &file.files, target)?;
    let question = format!("Apply this to {} on {profile}?", plan.project);
    let Some(approved) = Approved::ask(&plan, &arguments.running, &question, || unmet(&plan))? else {
        return Ok(if unmet(&plan) { Exit::Weaker } else { Exit::Done });
    };
    dir.set_origin(&file.root)?;
    carry_out(&approved, &mut held, engine.as_ref(), &file.root)
}
