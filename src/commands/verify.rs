//! `bottle verify`

use bottle_executors::probe::{Options, verify};
use bottle_planner::plan::{Target, build};
use bottle_planner::probe::{Found, Subject};
use bottle_planner::render::harmless;

use super::plan::fault;
use crate::arguments::{self, VerifyFormat};
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::{state, terminal, trust};

pub(crate) fn run(arguments: &arguments::Verify) -> Result<Exit, Fault> {
    let (file, _) = trust::look(ManifestFile::read(arguments.project.file())?)?;
    let part = part(&arguments.bottles)?;
    let selected = select(arguments.project.backend.as_deref(), Some(&file.manifest), false)?;
    let (engine, profile, chosen) = selected.live()?;
    let dir = state::dir(profile.backend, &file.manifest.name)?;
    // Nobody is to change the bottles while they are probed, nor to take away the containers that this makes.
    let held = state::hold(engine.as_ref(), &dir, "bottle verify")?;
    state::check_origin(&dir, &file.place.root, &held.observation)?;
    let target =
        Target { profile: &profile, chosen: &chosen, observation: Some(&held.observation), part: part.as_ref() };
    let plan = build(&file.manifest, &file.files, target).map_err(fault)?;
    let subjects = Subject::all(&plan);
    let options = Options { quick: arguments.quick, helper: arguments.helper.as_deref() };
    let verification = verify(engine.as_ref(), &file.manifest.name, &profile, &held.observation, &subjects, options)?;
    match arguments.format {
        VerifyFormat::Text => terminal::signed(&verification.text()),
        VerifyFormat::Json => terminal::print(&verification.json()),
        VerifyFormat::Markdown => terminal::print(&verification.markdown()),
    }
    for bottle in &verification.bottles {
        for (guarantee, claim, by) in bottle.refuted() {
            terminal::note(&format!(
                "error: {} claims that {guarantee} is {}, and it is not so: {}",
                bottle.bottle,
                claim.word(),
                harmless(&by.join("; "))
            ));
        }
    }
    let unproven = verification.bottles.iter().flat_map(|bottle| {
        let requires = plan.bottles.get(&bottle.bottle).map_or(&[][..], |summary| &summary.requires);
        let open = bottle.guarantees.iter();
        let open = open.filter(|(guarantee, _, found)| requires.contains(guarantee) && *found != Found::Proven);
        open.map(|(guarantee, ..)| format!("{guarantee} of {}", bottle.bottle))
    });
    let unproven: Vec<String> = unproven.collect();
    if arguments.strict && !unproven.is_empty() {
        terminal::note(&format!("error: required and not proven: {}", unproven.join(", ")));
        return Ok(Exit::Weaker);
    }
    Ok(if verification.is_refuted() { Exit::Weaker } else { Exit::Done })
}
