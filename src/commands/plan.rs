//! `bottle plan`

use bottle_planner::plan::{Plan, Target, build};
use bottle_planner::render;

use crate::arguments::{self, PlanFormat};
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::{state, terminal};

pub(crate) fn run(arguments: &arguments::Plan) -> Result<Exit, Fault> {
    let file = ManifestFile::read(&arguments.project.file)?;
    let part = part(&arguments.bottles)?;
    let selected = select(arguments.project.backend.as_deref(), Some(&file.manifest), arguments.offline)?;
    let observation = match &selected.engine {
        Some(engine) => {
            let dir = state::dir(selected.profile.backend, &file.manifest.name)?;
            Some(state::look(engine.as_ref(), &dir)?)
        }
        None => None,
    };
    let target = Target {
        profile: &selected.profile,
        chosen: &selected.chosen,
        observation: observation.as_ref(),
        part: part.as_ref(),
    };
    let plan = build(&file.manifest, &file.files, target)?;
    match arguments.format {
        PlanFormat::Text => terminal::plan(&plan),
        PlanFormat::Json => terminal::plan_as_json(&plan),
        PlanFormat::Markdown => terminal::print(&render::markdown(&plan)),
    }
    if unmet(&plan) {
        return Ok(Exit::Weaker);
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done })
}

/// Whether a guarantee is weaker than a bottle requires; says which.
pub(crate) fn unmet(plan: &Plan) -> bool {
    let mut any = false;
    for (bottle, summary) in &plan.bottles {
        for (guarantee, standing) in summary.unmet() {
            let (word, reason) = (standing.word(), standing.reason());
            terminal::note(&format!("error: {bottle} requires {guarantee}, and it is {word}: {reason}"));
            any = true;
        }
    }
    if any {
        terminal::note("`bottle apply` refuses: choose a backend on which it holds, or take it out of `requires`");
    }
    any
}
