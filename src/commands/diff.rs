//! `bottle diff`, and `bottle plan --against`

use bottle_planner::difference::Difference;
use bottle_planner::render::{self, Detail};

use crate::arguments::{self, PlanFormat};
use crate::exit::{Exit, Fault};
use crate::manifest_file::part;
use crate::side::{Opened, Side, nothing_before};
use crate::terminal;

pub(crate) fn run(arguments: &arguments::Diff) -> Result<Exit, Fault> {
    let (from_backend, to_backend) = match &arguments.backend[..] {
        [] => (None, None),
        [both] => (Some(both.as_str()), Some(both.as_str())),
        [from, to] => (Some(from.as_str()), Some(to.as_str())),
        _ => {
            return Err(Fault::usage(
                "a comparison has two sides, and more than two backends were named".to_owned(),
                "name one for both, or one for each: `bottle plan --backend A --backend B --backend C` shows several side by side",
            ));
        }
    };
    let (from, to) = (side(&arguments.from)?, side(&arguments.to)?);
    let beside_revision = from.is_revision() || to.is_revision();
    let open = |side: &Side, other: &Side| match (side, other) {
        (Side::Manifest(path), Side::Saved(_)) => Opened::as_planned(path),
        _ => side.open(beside_revision),
    };
    let (from, to) = (open(&from, &to)?, open(&to, &from)?);
    let of_saved = from.backend().or_else(|| to.backend());
    let from = from.plan(from_backend.or(of_saved.as_deref()), None)?;
    let to = to.plan(to_backend.or(of_saved.as_deref()), None)?;
    let difference = Difference::between(&from, &to);
    Ok(show(&difference, arguments.format, arguments.full, arguments.detailed_exitcode))
}

/// A side of a comparison that is there, as far as a file can be missing.
fn side(text: &str) -> Result<Side, Fault> {
    let side = Side::named(text);
    if !matches!(&side, Side::Manifest(path) if std::fs::symlink_metadata(path).is_err()) {
        return Ok(side);
    }
    let help = match text.contains(['.', '/']) {
        true => "a side is a file, REV:PATH, or a saved plan".to_owned(),
        false => {
            let word = render::shell(text);
            format!(
                "a side is a file, REV:PATH, or a saved plan: for a revision `{word}:bottle.toml`, or `bottle plan --against {word}`"
            )
        }
    };
    Err(Fault::usage(format!("there is no file `{}`", text.escape_debug()), &help))
}

/// The manifest in the working tree against the same manifest of a revision.
pub(crate) fn against(arguments: &arguments::Plan, revision: &str) -> Result<Exit, Fault> {
    let backend = match &arguments.backend[..] {
        [] => None,
        [only] => Some(only.as_str()),
        _ => {
            return Err(Fault::usage(
                "`--against` compares on one backend, and several were named".to_owned(),
                "name one; `bottle diff` takes one for each side",
            ));
        }
    };
    let part = part(&arguments.bottles)?;
    let file = &arguments.manifest.file;
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return Err(Fault::usage("the manifest's name is not UTF-8".to_owned(), "rename it"));
    };
    let to = Side::Manifest(file.clone()).open(true)?;
    let to_plan = to.plan(backend, part.as_ref())?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let from = Side::Revision {
        folder: folder.map_or_else(|| ".".into(), ToOwned::to_owned),
        revision: revision.to_owned(),
        path: format!("./{name}"),
    };
    let from_plan = match from.open_if_there()? {
        Some(from) => {
            // Of bottles that are new, the revision knows nothing.
            let known = part.map(|part| part.into_iter().filter(|name| from.has(name)).collect());
            from.plan(backend, known.as_ref())?
        }
        None => {
            terminal::note(&format!("`{}` has no such manifest: all of it is new", revision.escape_debug()));
            nothing_before(&to_plan)
        }
    };
    let difference = Difference::between(&from_plan, &to_plan);
    Ok(show(&difference, arguments.format, arguments.full, arguments.detailed_exitcode))
}

fn show(difference: &Difference, format: PlanFormat, full: bool, detailed: bool) -> Exit {
    let detail = if full { Detail::Full } else { Detail::Brief };
    match format {
        PlanFormat::Text => terminal::signed(&render::difference_text(difference, detail)),
        PlanFormat::Json => terminal::print(&render::difference_json(difference)),
        PlanFormat::Markdown => terminal::print(&render::difference_markdown(difference, detail)),
    }
    match detailed {
        true if difference.is_weaker() => Exit::Weaker,
        true if !difference.is_empty() => Exit::Changes,
        _ => Exit::Done,
    }
}
