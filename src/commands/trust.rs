//! `bottle trust`

use bottle_planner::digest::Digest;
use bottle_planner::render;

use crate::arguments;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, ManifestPlace};
use crate::terminal;
use crate::trust::{self, Trust};

pub(crate) fn run(arguments: &arguments::Trust) -> Result<Exit, Fault> {
    if arguments.revoke {
        // Nothing of the manifest but its place is needed, so that one which cannot be read loses it too.
        let place = ManifestPlace::of(&arguments.manifest.file)?;
        let was_there = trust::ledger()?.revoke(place.key())?;
        terminal::note(if was_there { "no longer trusted" } else { "it was not trusted" });
        return Ok(Exit::Done);
    }
    if let Some(digest) = &arguments.digest
        && Digest::of_whole(digest).is_none()
    {
        return Err(Fault::usage(
            format!("`{}` is no digest", digest.escape_debug()),
            "a digest has 64 hex digits, in lower case: `bottle trust --show` and `bottle plan` show it",
        ));
    }
    let file = ManifestFile::read(&arguments.manifest.file)?;
    if let Some(expected) = &arguments.digest {
        let digest = file.request.digest();
        if expected != digest.whole() {
            show(&file, None);
            let (expected, digest) = (expected.escape_debug().to_string(), digest.whole().to_owned());
            return Err(Fault::new(Exit::Untrusted, AnotherDigest { expected, digest }));
        }
    }
    if file.request.is_empty() {
        terminal::print(&format!("{} asks for nothing outside its folder: no trust is needed\n", file.manifest.name));
        return Ok(Exit::Done);
    }
    let trust = trust::of(&file)?;
    let before = match &trust {
        Trust::Given(_) => None,
        Trust::Refused { before } => before.as_ref(),
    };
    show(&file, before);
    if matches!(trust, Trust::Given(_)) {
        terminal::note("it is trusted with this already");
        return Ok(Exit::Done);
    }
    if arguments.show {
        terminal::note("it is not trusted with this");
        return Ok(Exit::Done);
    }
    if !arguments.yes && arguments.digest.is_none() && !terminal::confirm("Trust it with this?")? {
        return Err(trust::declined());
    }
    trust::ledger()?.record(file.place.key(), &file.request)?;
    terminal::note("trusted");
    Ok(Exit::Done)
}

fn show(file: &ManifestFile, before: Option<&bottle_planner::trust::Request>) {
    terminal::signed(&format!("{} asks for trust\n{}", file.manifest.name, render::request(&file.request, before)));
}

/// What is asked for is not what was read elsewhere.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("what the manifest asks for has the digest {digest}, and not {expected}; nothing was recorded")]
#[diagnostic(
    code(bottle::trust::digest),
    help("the manifest was changed since that digest was read, or it is another one: read what it asks for")
)]
struct AnotherDigest {
    expected: String,
    digest: String,
}
