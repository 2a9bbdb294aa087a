//! `bottle plan`

use std::collections::BTreeSet;
use std::path::Path;

use bottle_planner::name::BottleName;
use bottle_planner::observation::Observation;
use bottle_planner::plan::{BackendReason, Plan, PlanError, Target, build};
use bottle_planner::profile::Profile;
use bottle_planner::render::{self, Shown};
use bottle_planner::saved::{self, SavedPlan};
use bottle_planner::trust::Asks;

use crate::arguments::{self, PlanFormat};
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::{saved_plan, state, terminal, trust};

pub(crate) fn run(arguments: &arguments::Plan) -> Result<Exit, Fault> {
    if arguments.why && (arguments.format != PlanFormat::Text || arguments.backend.len() > 1) {
        return Err(Fault::usage(
            "`--why` is for the text of one plan".to_owned(),
            "`--format json` has what each guarantee rests on without it; name one `--backend`",
        ));
    }
    if arguments.snapshot || arguments.check {
        return super::snapshot::run(arguments);
    }
    if let Some(revision) = &arguments.against {
        return super::diff::against(arguments, revision);
    }
    check_undo(arguments.undo, arguments.format)?;
    let mut file = ManifestFile::read(&arguments.manifest.file)?;
    if let [_, _, ..] = &arguments.backend[..] {
        return side_by_side(&file, arguments);
    }
    let part = part(&arguments.bottles)?;
    let named = arguments.backend.first().map(String::as_str);
    let selected = select(named, Some(&file.manifest), arguments.offline)?;
    // Without an engine, the plan is the same on any machine: it depends on nobody's trust, and on nothing that trust would open.
    let (profile, chosen) = (&selected.profile, &selected.chosen);
    let (plan, observation) = match &selected.engine {
        Some(engine) => {
            let (seen, trust) = trust::look(file)?;
            file = seen;
            let dir = state::dir(profile.backend, &file.manifest.name)?;
            let observation = state::look(engine.as_ref(), &dir)?;
            let target = Target { profile, chosen, observation: Some(&observation), part: part.as_ref() };
            let plan = build(&file.manifest, &file.files, target).map_err(fault)?;
            (Plan { asks: trust.asks(&file.request), ..plan }, Some(observation))
        }
        None => (unasked(&file, profile, chosen, part.as_ref())?, None),
    };
    match arguments.format {
        PlanFormat::Text => terminal::plan_with(&plan, Shown { why: arguments.why, undo: arguments.undo }),
        PlanFormat::Json => terminal::plan_as_json(&plan),
        PlanFormat::Markdown => terminal::print(&render::markdown(&plan)),
    }
    if unmet(&plan) {
        return Ok(Exit::Weaker);
    }
    if let Some(out) = &arguments.out {
        return save(out, &file, observation.as_ref(), plan, arguments);
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done })
}

fn save(
    out: &Path,
    file: &ManifestFile,
    observation: Option<&Observation>,
    plan: Plan,
    arguments: &arguments::Plan,
) -> Result<Exit, Fault> {
    if plan.has_unread() {
        let help = match plan.asks {
            Asks::Refused { .. } => "trust the manifest first: `bottle trust`",
            Asks::Later(_) | Asks::Nothing => "plan for an engine that runs, on the machine whose files they are",
        };
        return Err(Fault::new(Exit::Untrusted, Unread { help }));
    }
    let changes = arguments.detailed_exitcode && !plan.is_empty();
    let saved = SavedPlan {
        manifest: saved_plan::from(out, &file.place.root.join(&file.place.file))?,
        sources: saved::sources(&file.manifest, &file.files).map_err(|error| fault(error.into()))?,
        observed: observation.map(saved::fingerprint),
        plan,
    };
    saved_plan::write(out, &saved)?;
    terminal::note(&format!("saved: `bottle apply {}` carries it out", saved_plan::word(out)));
    Ok(if changes { Exit::Changes } else { Exit::Done })
}

/// A plan that would not be the same once its manifest is trusted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the plan is not saved: it names files outside of the manifest's folder that were not read")]
#[diagnostic(code(bottle::saved::unread), help("it would be stale as soon as they are: {help}"))]
struct Unread {
    help: &'static str,
}

/// Refuses `--undo` where it is not shown.
pub(super) fn check_undo(undo: bool, format: PlanFormat) -> Result<(), Fault> {
    if undo && format != PlanFormat::Text {
        return Err(Fault::usage("`--undo` is for people".to_owned(), "leave `--format` out"));
    }
    Ok(())
}

/// The manifest on several backends, none of which is asked: what is compared is what they are, not what they have.
fn side_by_side(file: &ManifestFile, arguments: &arguments::Plan) -> Result<Exit, Fault> {
    if arguments.format != PlanFormat::Text {
        return Err(Fault::usage(
            "several backends are shown side by side as text only".to_owned(),
            "plan for each by itself: `--backend docker --format json`",
        ));
    }
    if arguments.out.is_some() || arguments.undo {
        return Err(Fault::usage(
            "several backends are only compared".to_owned(),
            "`--out` and `--undo` are for the plan of one: name one `--backend`",
        ));
    }
    let part = part(&arguments.bottles)?;
    let mut plans = Vec::new();
    let mut exit = Exit::Done;
    for named in &arguments.backend {
        let profile = Profile::named(named).map_err(|error| Fault::new(Exit::Usage, error))?;
        match unasked(file, &profile, &BackendReason::Named, part.as_ref()) {
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

/// The plan for a backend that is not asked: of the machine, nothing but the manifest's folder is looked at.
pub(crate) fn unasked(
    file: &ManifestFile,
    profile: &Profile,
    chosen: &BackendReason,
    part: Option<&BTreeSet<BottleName>>,
) -> Result<Plan, Fault> {
    let target = Target { profile, chosen, observation: None, part };
    let plan = build(&file.manifest, &file.files, target).map_err(fault)?;
    Ok(Plan { asks: Asks::later(file.request.clone()), ..plan })
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
