//! `bottle plan`

use bottle_planner::plan::{BackendReason, Plan, PlanError, Target, build};
use bottle_planner::profile::Profile;
use bottle_planner::render;
use bottle_planner::trust::Asks;

use crate::arguments::{self, PlanFormat};
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::{state, terminal, trust};

pub(crate) fn run(arguments: &arguments::Plan) -> Result<Exit, Fault> {
    let mut file = ManifestFile::read(&arguments.manifest.file)?;
    if let [_, _, ..] = &arguments.backend[..] {
        return side_by_side(&file, arguments);
    }
    let part = part(&arguments.bottles)?;
    let named = arguments.backend.first().map(String::as_str);
    let selected = select(named, Some(&file.manifest), arguments.offline)?;
    // Without an engine, the plan is the same on any machine: it depends on nobody's trust, and on nothing that trust would open.
    let mut asks = Asks::later(file.request.clone());
    let observation = match &selected.engine {
        Some(engine) => {
            let (seen, trust) = trust::look(file)?;
            file = seen;
            asks = trust.asks(&file.request);
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
    let plan = Plan { asks, ..build(&file.manifest, &file.files, target).map_err(fault)? };
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

/// The manifest on several backends, none of which is asked: what is compared is what they are, not what they have.
fn side_by_side(file: &ManifestFile, arguments: &arguments::Plan) -> Result<Exit, Fault> {
    if arguments.format != PlanFormat::Text {
        return Err(Fault::usage(
            "several backends are shown side by side as text only".to_owned(),
            "plan for each by itself: `--backend docker --format json`",
        ));
    }
    let part = part(&arguments.bottles)?;
    let mut plans = Vec::new();
    let mut exit = Exit::Done;
    for named in &arguments.backend {
        let profile = Profile::named(named).map_err(|error| Fault::new(Exit::Usage, error))?;
        let target =
            Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: part.as_ref() };
        match build(&file.manifest, &file.files, target).map_err(fault) {
            Ok(plan) => plans.push(Plan { asks: Asks::later(file.request.clone()), ..plan }),
            Err(fault) if fault.exit == Exit::Weaker => {
                terminal::complain(&fault.report);
                exit = Exit::Weaker;
            }
            Err(fault) => return Err(fault),
        }
    }
    terminal::print(&render::side_by_side(&plans));
    let weaker = plans.iter().filter(|plan| unmet(plan)).count() > 0;
    let changes = arguments.detailed_exitcode && plans.iter().any(|plan| !plan.is_empty());
    Ok(match exit {
        _ if weaker => Exit::Weaker,
        Exit::Done if changes => Exit::Changes,
        exit => exit,
    })
}

/// A plan that cannot be, with its exit code.
pub(crate) fn fault(error: PlanError) -> Fault {
    let exit = if matches!(error, PlanError::NoWay { .. }) { Exit::Weaker } else { Exit::Error };
    Fault::new(exit, error)
}

/// Whether a guarantee is weaker than a bottle requires; says which.
pub(crate) fn unmet(plan: &Plan) -> bool {
    let mut any = false;
    for (bottle, summary) in &plan.bottles {
        for (guarantee, standing) in summary.unmet() {
            let (profile, word) = (&plan.profile, standing.word());
            terminal::note(&format!(
                "error: {bottle} requires {guarantee}, and on {profile} it is {word}: {}",
                standing.reason()
            ));
            any = true;
        }
    }
    if any {
        terminal::note("`bottle apply` refuses: choose a backend on which it holds, or take it out of `requires`");
    }
    any
}
