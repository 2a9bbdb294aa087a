//! Whether this machine's `container` can be used, and as what.

use std::path::Path;

use bottle_planner::profile::{Backend, Macos, Profile, Version};
use serde::Deserialize;

use super::{ContainerEngine, PROGRAM};
use crate::engine::EngineError;
use crate::question::{Asked, at_once};

/// The oldest macOS on which `container` runs.
const OLDEST_MACOS: u32 = 15;
/// The macOS that brought networks.
const NETWORKS_MACOS: u32 = 26;

/// What `system status` answers; later releases say more.
#[derive(Deserialize)]
struct Status {
    status: String,
}

/// A part of `container`, as `system version` answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    app_name: String,
    version: String,
    #[serde(default)]
    commit: String,
}

impl ContainerEngine {
    pub(super) fn preflight(&self) -> Result<Profile, EngineError> {
        let asked = self.asked();
        let [status, versions] = at_once([["system", "status"], ["system", "version"]].map(|words| {
            // Down, the first exits with 1 and still answers.
            move || asked.ask_anyway(&[words[0], words[1], "--format", "json"])
        }));
        let (status, versions) = (status.map_err(missing)?, versions.map_err(missing)?);
        let parts: Vec<Part> = match versions.finished.succeeded() {
            true => versions.json()?,
            false => Vec::new(),
        };
        let client = parts.iter().find(|part| part.app_name == PROGRAM);
        // The oldest releases have no `system version` in JSON, and the client need not be up to be too old.
        let version = match client {
            Some(client) => Some(
                version_in(&client.version)
                    .ok_or_else(|| versions.not_understood(format!("{:?} is no version", client.version)))?,
            ),
            None => None,
        };
        let macos = self.macos()?;
        let profile = version.map(|version| Profile::container(Backend::Container, version, macos)).transpose()?;
        match status.json::<Status>() {
            Ok(Status { status: state }) if state == "running" && status.finished.succeeded() => {}
            Ok(Status { status }) => return Err(EngineError::ContainerDown { status }),
            Err(_) if !status.finished.succeeded() => return Err(status.silence()),
            Err(error) => return Err(error),
        }
        let (Some(client), Some(profile)) = (client, profile) else {
            return Err(versions.not_understood(format!("there is no {PROGRAM} in it")));
        };
        let server = parts.iter().find(|part| part.app_name != PROGRAM);
        let server = server.ok_or_else(|| versions.not_understood("there is no server in it"))?;
        if (numbers(&server.version), &server.commit) != (numbers(&client.version), &client.commit) {
            return Err(EngineError::ContainerSkew { client: client.version.clone(), server: server.version.clone() });
        }
        Ok(profile)
    }

    /// The macOS below, asked once.
    pub(super) fn macos(&self) -> Result<Macos, EngineError> {
        if let Some(known) = self.asked_macos.get() {
            return Ok(*known);
        }
        let version = match &self.macos {
            Some(version) => version.clone(),
            None => {
                let asked = Asked { program: Path::new("sw_vers"), name: "sw_vers", env: &[] };
                let answer = asked.ask(&["-productVersion"]).map_err(|error| match error {
                    EngineError::Missing { .. } => EngineError::NoMacos,
                    error => error,
                })?;
                String::from_utf8_lossy(&answer.finished.stdout.bytes).trim().to_owned()
            }
        };
        let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
        let macos = match major {
            Some(NETWORKS_MACOS..) => Macos::TwentySix,
            Some(OLDEST_MACOS..) => Macos::Fifteen,
            Some(_) => return Err(EngineError::OldMacos { version }),
            None => {
                let (argv, why) = ("sw_vers -productVersion".to_owned(), format!("{version:?} is no version"));
                return Err(EngineError::Answer { argv, why });
            }
        };
        Ok(*self.asked_macos.get_or_init(|| macos))
    }
}

fn missing(error: EngineError) -> EngineError {
    match error {
        EngineError::Missing { program } => EngineError::ContainerMissing { program },
        error => error,
    }
}

/// The first word that is a version: the server answers with a sentence around its own.
fn numbers(text: &str) -> &str {
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.');
    text.split_whitespace().map(|word| word.trim_start_matches('v')).find(is_version).unwrap_or(text)
}

fn version_in(text: &str) -> Option<Version> {
    Version::parse(numbers(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_sentence() {
        assert_eq!(version_in("1.2.2"), Some(Version { major: 1, minor: 2 }));
        let sentence = "container-apiserver version 1.4.1 (build: release, commit: 0a1b2c3)";
        assert_eq!((numbers(sentence), version_in(sentence)), ("1.4.1", Some(Version { major: 1, minor: 4 })));
        assert_eq!(version_in("dev"), None);
    }
}
