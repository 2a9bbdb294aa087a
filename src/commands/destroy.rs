//! `bottle destroy`

use std::collections::BTreeSet;
use std::path::Path;

use bottle_executors::trust::Trusted;
use bottle_planner::manifest::Manifest;
use bottle_planner::name::{BottleName, ProjectName};
use bottle_planner::observation::Observation;
use bottle_planner::plan::{Target, destroy};
use bottle_planner::render::harmless;

use crate::arguments;
use crate::backend::select;
use crate::carry_out;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::{state, terminal};

const COMMAND: &str = "bottle destroy";

pub(crate) fn run(arguments: &arguments::Destroy) -> Result<Exit, Fault> {
    let part = part(&arguments.bottles)?;
    let named = arguments.project_name.as_deref().map(project_name).transpose()?;
    // Nothing of a manifest but its name and its backend is needed, and without one the labels say all.
    let file = if named.is_none() { Some(read(arguments.project.file())?) } else { None };
    let manifest = file.as_ref().map(|file| &file.manifest);
    let selected = select(arguments.project.backend.as_deref(), manifest, false)?;
    let (engine, profile, chosen) = selected.live()?;
    let Some(project) = named.or_else(|| manifest.map(|manifest| manifest.name.clone())) else { return Ok(Exit::Done) };
    let dir = state::dir(profile.backend, &project)?;
    let mut held = state::hold(engine.as_ref(), &dir, COMMAND)?;
    check_part(part.as_ref(), manifest, &held.observation)?;
    let plan_of = |observation: &Observation| {
        let target = Target { profile: &profile, chosen: &chosen, observation: Some(observation), part: part.as_ref() };
        destroy(&project, target)
    };
    let plan = plan_of(&held.observation);
    carry_out::show(&plan, &arguments.running);
    if plan.is_empty() && arguments.project_name.is_some() {
        let there = engine.projects()?;
        let there: Vec<&str> = there.iter().map(ProjectName::as_str).collect();
        terminal::note(&format!(
            "this engine has: {}",
            if there.is_empty() { "no project".into() } else { there.join(", ") }
        ));
    }
    carry_out::check_approval(&plan, &arguments.running)?;
    if plan.is_empty() {
        return Ok(Exit::Done);
    }
    let question = format!("Destroy all of this, on {profile}?");
    carry_out::approve(&plan, &arguments.running, &question, || Ok(plan_of(&state::look(engine.as_ref(), &dir)?)))?;
    let root = file.as_ref().map_or(Path::new("/"), |file| &file.place.root);
    // It reads nothing of the host.
    let trusted = Trusted::with_nothing(root.to_owned());
    carry_out::carry_out(&plan, &arguments.running, &mut held, engine.as_ref(), trusted, COMMAND)
}

fn read(path: &Path) -> Result<ManifestFile, Fault> {
    ManifestFile::read(path).inspect_err(|_| terminal::note("`--project-name NAME` destroys without a manifest"))
}

/// Refuses names of bottles that are neither declared nor there: a name that was mistyped would seem to be destroyed.
fn check_part(
    part: Option<&BTreeSet<BottleName>>,
    manifest: Option<&Manifest>,
    observation: &Observation,
) -> Result<(), Fault> {
    let declared = manifest.into_iter().flat_map(|manifest| manifest.bottles.keys()).map(BottleName::as_str);
    let containers = observation.containers.iter().map(|container| &container.labels);
    let networks = observation.networks.iter().map(|network| &network.labels);
    let images = observation.images.iter().map(|image| &image.labels);
    let there = containers.chain(networks).chain(images).filter_map(|labels| labels.address.bottle());
    let known: BTreeSet<&str> = declared.chain(there).collect();
    for name in part.into_iter().flatten() {
        if !known.contains(name.as_str()) {
            let known =
                if known.is_empty() { "none".to_owned() } else { known.into_iter().collect::<Vec<_>>().join(", ") };
            return Err(UnknownBottle { name: name.clone(), known }.into());
        }
    }
    Ok(())
}

/// A bottle that nobody knows.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("there is no bottle `{name}`, neither declared nor on the engine")]
#[diagnostic(code(bottle::destroy::unknown_bottle), help("nothing was changed; there are: {}", harmless(known)))]
struct UnknownBottle {
    name: BottleName,
    known: String,
}

fn project_name(name: &str) -> Result<ProjectName, Fault> {
    ProjectName::new(name).map_err(|why| {
        Fault::usage(format!("`{}` is no project's name: {why}", name.escape_debug()), "see `bottle status`")
    })
}
