//! What the owner of a manifest has agreed to, as commands need to know it.

use bottle_executors::trust::{Ledger, Standing, Trusted, files_of_untrusted};
use bottle_planner::render;
use bottle_planner::trust::{Asks, Request};

use crate::exit::{Exit, Fault};
use crate::manifest_file::ManifestFile;
use crate::{state, terminal};

/// A manifest's trust on this machine.
pub(crate) enum Trust {
    Given(Trusted),
    Refused {
        /// What was agreed to before.
        before: Option<Request>,
    },
}

impl Trust {
    /// What a plan has to say of it.
    pub(crate) fn asks(&self, request: &Request) -> Asks {
        match self {
            Self::Given(_) => Asks::Nothing,
            Self::Refused { before } => Asks::Refused { request: request.clone(), before: before.clone() },
        }
    }
}

/// The records on this machine.
pub(crate) fn ledger() -> Result<Ledger, Fault> {
    Ok(Ledger::below(&state::base()?))
}

/// What was agreed to of what a manifest asks for.
pub(crate) fn of(file: &ManifestFile) -> Result<Trust, Fault> {
    Ok(match ledger()?.standing(file.place.key(), &file.request) {
        Standing::Trusted(trusted) => Trust::Given(trusted),
        Standing::Untrusted { before, damage } => {
            if let Some(damage) = damage {
                terminal::note(&format!("warning: {damage}; trust has to be given again"));
            }
            Trust::Refused { before }
        }
    })
}

/// The manifest with as much of the host as was agreed to.
pub(crate) fn look(file: ManifestFile) -> Result<(ManifestFile, Trust), Fault> {
    let trust = of(&file)?;
    let files = match &trust {
        Trust::Given(trusted) => trusted.files(),
        Trust::Refused { before } => files_of_untrusted(file.place.root.clone(), before.as_ref()),
    };
    Ok((file.seen_with(files)?, trust))
}

/// Writes down that the owner agrees, and gives the manifest what it asks for.
pub(crate) fn give(file: ManifestFile) -> Result<(ManifestFile, Trusted), Fault> {
    let trusted = ledger()?.record(file.place.key(), &file.request)?;
    let files = trusted.files();
    Ok((file.seen_with(files)?, trusted))
}

/// Nobody was there to be asked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the manifest asks for what nobody has trusted it with on this machine; nothing was read or changed")]
#[diagnostic(
    code(bottle::trust::missing),
    help(
        "what it asks for is listed above. Once you have read it: `{command}`. In a script, `{command} --digest {digest}` agrees to \
         exactly this"
    )
)]
struct NotTrusted {
    command: String,
    digest: String,
}

/// Refuses what was not agreed to, and says what it is.
pub(crate) fn missing(file: &ManifestFile, before: Option<&Request>) -> Fault {
    terminal::note(&format!("asks for trust\n{}", render::request(&file.request, before)));
    let default = file.place.path.as_os_str() == "bottle.toml";
    let named = if default { String::new() } else { format!(" --file {}", file.place.path.display()) };
    let digest = file.request.digest().whole().to_owned();
    Fault::new(Exit::Untrusted, NotTrusted { command: format!("bottle trust{}", render::harmless(&named)), digest })
}

/// Somebody was asked, and did not agree.
pub(crate) fn declined() -> Fault {
    let report = miette::miette!(code = "bottle::trust::declined", "not trusted; nothing was read or changed");
    Fault { exit: Exit::Untrusted, report }
}
