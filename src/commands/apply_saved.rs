//! `bottle apply FILE`: a saved plan, which is carried out as it was reviewed or not at all.
//!
//! Nothing that the file says is run. The plan is made again from the manifest and the engine, and that one is carried out where it is the
//! same.

use std::fmt::Write as _;
use std::path::Path;

use bottle_planner::approval::Approval;
use bottle_planner::name::ProjectName;
use bottle_planner::plan::{Plan, Purpose, Target, build};
use bottle_planner::profile::Backend;
use bottle_planner::saved::{self, Change, SavedPlan, changes, fingerprint};

use super::apply::COMMAND;
use super::plan::{fault, unmet};
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::ManifestFile;
use crate::trust::{self, Trust};
use crate::{arguments, carry_out, saved_plan, state};

/// How many changes are told one by one.
const TOLD: usize = 40;

/// A saved plan that cannot be applied, whatever there is.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum Refused {
    #[error("{path} is a saved plan of project `{of}`, and the manifest {manifest} is of project `{is}`")]
    #[diagnostic(
        code(bottle::saved::project),
        help("nothing was changed; name the manifest of `{of}` with `--file`, or apply another saved plan")
    )]
    Project { path: String, of: ProjectName, manifest: String, is: ProjectName },
    #[error("{path} is a plan of what `destroy` takes away")]
    #[diagnostic(
        code(bottle::saved::destroy),
        help("nothing was changed; `bottle destroy` makes its plan from what is there, and takes `--approved`")
    )]
    Destroy { path: String },
}

/// The saved plan is not what would be done.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{path} is stale: it is no longer what would be done{changes}")]
#[diagnostic(code(bottle::saved::stale), help("nothing was changed; {help}"))]
struct Stale {
    path: String,
    changes: String,
    help: String,
}

pub(crate) fn run(arguments: &arguments::Apply, path: &Path) -> Result<Exit, Fault> {
    let saved = saved_plan::read(path)?;
    let shown = path.display().to_string();
    if saved.plan.purpose == Purpose::Destroy {
        return Err(Refused::Destroy { path: shown }.into());
    }
    let manifest = match &arguments.project.file {
        Some(file) => file.clone(),
        None => saved_plan::folder_of(path).join(&saved.manifest),
    };
    let (file, trust) = trust::look(ManifestFile::read(&manifest)?)?;
    let trusted = match trust {
        Trust::Given(trusted) => trusted,
        Trust::Refused { before } => return Err(trust::missing(&file, before.as_ref())),
    };
    if file.manifest.name != saved.plan.project {
        let (of, is) = (saved.plan.project.clone(), file.manifest.name.clone());
        return Err(Refused::Project { path: shown, of, manifest: manifest.display().to_string(), is }.into());
    }
    let named = arguments.project.backend.clone().unwrap_or_else(|| backend_of(&saved.plan));
    let (engine, profile, _) = select(Some(&named), Some(&file.manifest), false)?.live()?;
    let dir = state::dir(profile.backend, &file.manifest.name)?;
    let mut held = state::hold(engine.as_ref(), &dir, COMMAND)?;
    if !arguments.take_over {
        state::check_origin(&dir, &file.place.root, &held.observation)?;
    }
    let sources = saved::sources(&file.manifest, &file.files).map_err(|error| fault(error.into()))?;
    let target = Target {
        profile: &profile,
        chosen: &saved.plan.chosen,
        observation: Some(&held.observation),
        part: saved.plan.part.as_ref(),
    };
    let plan = match build(&file.manifest, &file.files, target) {
        Ok(plan) => plan,
        // A manifest that was changed so that there is no plan is changed first of all.
        Err(error) if sources != saved.sources => {
            let changes = format!("\n  {}\n  there is no plan for it: {error}", Change::Sources);
            return Err(stale(shown, changes, SAVE_AGAIN.to_owned()));
        }
        Err(error) => return Err(fault(error)),
    };
    if !saved.is_still(&plan) {
        let changes = changes(&saved, &plan, &sources, &fingerprint(&held.observation));
        return Err(stale(shown, listed(&changes), what_to_do(&saved, &plan)));
    }
    carry_out::show(&plan, &arguments.running);
    if unmet(&plan) {
        return Ok(Exit::Weaker);
    }
    carry_out::check_approval(&plan, &arguments.running)?;
    if plan.is_empty() {
        return Ok(Exit::Done);
    }
    carry_out::check_questions(&plan, &arguments.running)?;
    dir.set_origin(&file.place.root)?;
    carry_out::carry_out(&plan, &arguments.running, &mut held, engine.as_ref(), trusted, COMMAND)
}

/// The engine that a plan was made for: an engine that runs says its version itself, and a simulated one is told.
fn backend_of(plan: &Plan) -> String {
    match plan.profile.backend {
        Backend::Simulator => plan.profile.to_string(),
        backend => backend.to_string(),
    }
}

fn stale(path: String, changes: String, help: String) -> Fault {
    Fault::new(Exit::Stale, Stale { path, changes, help })
}

fn listed(changes: &[Change]) -> String {
    let mut list = String::new();
    for change in changes.iter().take(TOLD) {
        let _ = write!(list, "\n  {change}");
    }
    if let Some(more) = changes.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let _ = write!(list, "\n  and {more} more");
    }
    list
}

const SAVE_AGAIN: &str = "`bottle plan --out FILE` saves what the plan is by now, to be reviewed again";

fn what_to_do(saved: &SavedPlan, now: &Plan) -> String {
    let approval = Approval::of(now);
    if approval == Approval::of(&saved.plan) {
        let part: String = now.part.iter().flatten().map(|bottle| format!(" {bottle}")).collect();
        format!(
            "what is declared is what was saved, and only what is there is not: where that is as it should be, `bottle apply{part} \
             --approved {approval}` does what is left; else {SAVE_AGAIN}"
        )
    } else {
        SAVE_AGAIN.to_owned()
    }
}
