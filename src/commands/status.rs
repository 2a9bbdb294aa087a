//! `bottle status`

use std::fmt::Write as _;

use bottle_executors::engine::Engine;
use bottle_executors::lock;
use bottle_planner::address::Address;
use bottle_planner::name::{BottleName, ProjectName};
use bottle_planner::observation::{ContainerState, Observation};
use bottle_planner::plan::{Entry, Plan, Target, Verdict, build};
use bottle_planner::render::{harmless, harmless_json};
use bottle_planner::trust::Asks;
use serde_json::json;

use super::plan::fault;
use crate::arguments::{self, Format};
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::ManifestFile;
use crate::{state, terminal, trust};

pub(crate) fn run(arguments: &arguments::Status) -> Result<Exit, Fault> {
    let backend = arguments.project.backend.as_deref();
    if arguments.project.file.is_none() && !arguments.project.file().exists() {
        let (engine, profile, _) = select(backend, None, false)?.live()?;
        return projects(engine.as_ref(), &profile.to_string(), arguments.format);
    }
    let file = ManifestFile::read(arguments.project.file())?;
    let (engine, profile, chosen) = select(backend, Some(&file.manifest), false)?.live()?;
    let (file, trust) = trust::look(file)?;
    let dir = state::dir(profile.backend, &file.manifest.name)?;
    let observation = state::look(engine.as_ref(), &dir)?;
    let target = Target { profile: &profile, chosen: &chosen, observation: Some(&observation), part: None };
    let plan = Plan { asks: trust.asks(&file.request), ..build(&file.manifest, &file.files, target).map_err(fault)? };
    if plan.asks != Asks::Nothing {
        terminal::note(
            "what it asks for is not trusted: `bottle trust`; nothing outside its folder was looked at for this",
        );
    }
    match arguments.format {
        Format::Text => {
            if let Some(holder) = lock::holder(&dir)? {
                terminal::note(&format!("{holder} is at work on it"));
            }
            terminal::print(&text(&plan, &observation));
        }
        Format::Json => terminal::print(&json_lines(&plan, &observation)),
    }
    Ok(if arguments.detailed_exitcode && !drifted(&plan).is_empty() { Exit::Changes } else { Exit::Done })
}

/// Outside of a project: the projects that the engine has.
fn projects(engine: &dyn Engine, profile: &str, format: Format) -> Result<Exit, Fault> {
    let projects = engine.projects()?;
    let names: Vec<&str> = projects.iter().map(ProjectName::as_str).collect();
    match format {
        Format::Json => terminal::print(&format!(
            "{}\n",
            json!({ "format": "bottle.projects", "version": 1, "profile": profile, "projects": names })
        )),
        Format::Text if names.is_empty() => terminal::print(&format!("{profile} has no bottles\n")),
        Format::Text => terminal::print(&format!("{profile} has bottles of: {}\n", names.join(", "))),
    }
    Ok(Exit::Done)
}

/// How a container of a bottle is.
fn state_of(observation: &Observation, bottle: &BottleName, object: &str) -> Option<String> {
    let address = Address::of(bottle, object, "create");
    let container = observation.containers.iter().find(|container| container.labels.address == address)?;
    Some(match &container.state {
        ContainerState::Created => "never started".to_owned(),
        ContainerState::Running(_) => "running".to_owned(),
        ContainerState::Stopped { exit } => format!("stopped ({exit})"),
    })
}

fn drifted(plan: &Plan) -> Vec<&Entry> {
    let refreshed = plan.refreshed();
    let is_drift = |entry: &&Entry| entry.verdict != Verdict::Keep && !refreshed.contains(&entry.address);
    plan.entries.iter().filter(is_drift).collect()
}

fn reasons(entry: &Entry) -> String {
    entry.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn text(plan: &Plan, observation: &Observation) -> String {
    let mut out = format!("{} on {}\n", plan.project, plan.profile);
    let width = plan.bottles.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
    for bottle in plan.bottles.keys() {
        let agent = state_of(observation, bottle, "agent").unwrap_or_else(|| "not there".to_owned());
        let _ = write!(out, "  {bottle:<width$}  {agent}");
        if let Some(sidecar) = state_of(observation, bottle, "pipelock") {
            let _ = write!(out, ", sidecar {sidecar}");
        }
        out.push('\n');
    }
    if drifted(plan).is_empty() {
        out.push_str("as declared\n");
        return out;
    }
    out.push_str("not as declared; `bottle apply` would mend it:\n");
    for entry in drifted(plan) {
        let _ = writeln!(
            out,
            "{} {}: {}",
            entry.verdict.sign(),
            harmless(entry.address.as_str()),
            harmless(&reasons(entry))
        );
    }
    out
}

fn json_lines(plan: &Plan, observation: &Observation) -> String {
    let document = json!({
        "format": "bottle.status",
        "version": 1,
        "project": plan.project,
        "profile": plan.profile.to_string(),
        "as_declared": drifted(plan).is_empty(),
        "trusted": plan.asks == Asks::Nothing,
        "bottles": plan.bottles.keys().map(|bottle| json!({
            "name": bottle,
            "agent": state_of(observation, bottle, "agent"),
            "sidecar": state_of(observation, bottle, "pipelock"),
        })).collect::<Vec<_>>(),
        "drift": drifted(plan).into_iter().map(|entry| json!({
            "address": entry.address,
            "verdict": entry.verdict,
            "reasons": entry.reasons,
        })).collect::<Vec<_>>(),
    });
    format!("{}\n", harmless_json(&document.to_string()))
}
