//! Docker Engine, driven by the `docker` command: asked for JSON, never for prose.
//!
//! The user's own `DOCKER_HOST`, context and `DOCKER_BUILDKIT` hold, as every call inherits the environment.

mod call;
mod gate;
mod observe;
mod passwd;
mod probe;
mod ready;
mod remove;
mod run;

use std::fmt;
use std::path::PathBuf;

use bottle_planner::address::Address;
use bottle_planner::intent::ObjectName;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::operation::{Operation, Removal};
use bottle_planner::profile::{Backend, Known, Profile, Version};
use serde::Deserialize;

use crate::engine::{Context, Engine, EngineError, Failure, Incarnation, Outcome};
use crate::said::Given;

/// The first API whose `create` takes several networks (engine 25) and whose `--network` has a `gw-priority` (engine 28).
/// What the command and the engine speak with each other is no newer than the older of the two.
const SEVERAL_NETWORKS_API: Version = Version { major: 1, minor: 44 };
const GATEWAY_PRIORITY_API: Version = Version { major: 1, minor: 48 };

/// The engine behind a `docker` command.
pub struct Docker {
    program: PathBuf,
    given: Given,
}

impl Docker {
    /// The `docker` of the search path.
    #[must_use]
    pub fn new() -> Self {
        Self::at(PathBuf::from("docker"))
    }

    /// A `docker` command at a path.
    #[must_use]
    pub fn at(program: PathBuf) -> Self {
        Self { program, given: Given::default() }
    }
}

impl Default for Docker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Docker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Docker").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Engine for Docker {
    fn profile(&self) -> Result<Profile, EngineError> {
        let version = ["version", "--format", "{{json .}}"];
        let runtimes = ["info", "--format", "{{json .Runtimes}}"];
        let [versions, runtimes] = self.ask_at_once([&version, &runtimes]);
        let versions: Versions = versions?.one()?;
        let runtimes: Option<std::collections::BTreeMap<String, serde::de::IgnoredAny>> = runtimes?.one()?;
        versions.profile(runtimes.is_some_and(|runtimes| runtimes.contains_key("runsc")))
    }

    fn observe(&self, project: &ProjectName) -> Result<Observation, EngineError> {
        self.look_at(project)
    }

    fn projects(&self) -> Result<Vec<ProjectName>, EngineError> {
        self.labelled_projects()
    }

    fn run(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure> {
        self.carry_out(operation, context)
    }

    fn remove(&self, address: &Address, removal: &Removal, context: &Context<'_>) -> Result<(), Failure> {
        self.take_away(address, removal, context)
    }

    fn prober(&self) -> Result<&dyn crate::probe::Prober, String> {
        Ok(self)
    }

    fn incarnation(&self, container: &ObjectName) -> Result<Incarnation, EngineError> {
        #[derive(Deserialize)]
        struct Row(String, bool, String);

        let format = "[{{json .Id}},{{json .State.Running}},{{json .State.StartedAt}}]";
        let Row(id, running, since) =
            self.ask(&["container", "inspect", "--format", format, "--", &container.0])?.one()?;
        Ok(Incarnation { id, since: running.then_some(since) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    client: ClientVersion,
    server: Option<ServerVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ClientVersion {
    version: String,
    api_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServerVersion {
    version: String,
}

impl Versions {
    fn profile(&self, runsc: bool) -> Result<Profile, EngineError> {
        let answer = |why: String| EngineError::Answer { argv: "docker version".to_owned(), why };
        let parse = |text: &str| Version::parse(text).ok_or_else(|| answer(format!("{text:?} is no version")));
        let server = self.server.as_ref().ok_or_else(|| answer("there is no server in it".to_owned()))?;
        let api = parse(&self.client.api_version)?;
        // A command older than any that was measured is as good as an engine older than that: this refuses it.
        Profile::docker(Backend::Docker, parse(&self.client.version)?, Known::Unknown)?;
        let mut profile = Profile::docker(Backend::Docker, parse(&server.version)?, Known::Seen(runsc))?;
        profile.networks_at_create &= api >= SEVERAL_NETWORKS_API;
        profile.gateway_priority &= api >= GATEWAY_PRIORITY_API;
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(client: &str, api: &str, server: &str) -> Result<Profile, EngineError> {
        let text = format!(
            r#"{{"Client":{{"Version":"{client}","ApiVersion":"{api}","Os":"linux"}},"Server":{{"Version":"{server}","ApiVersion":"{api}"}}}}"#
        );
        serde_json::from_str::<Versions>(&text).unwrap().profile(false)
    }

    #[test]
    fn the_profile_is_the_servers_version() {
        assert_eq!(profile("28.2.2", "1.41", "20.10.24+dfsg1").unwrap().to_string(), "docker@20.10");
        let new = profile("28.2.2", "1.50", "28.5.2").unwrap();
        assert_eq!(new.to_string(), "docker@28.5");
        assert!(new.networks_at_create && new.gateway_priority);
    }

    #[test]
    fn an_old_command_takes_from_a_new_engine_what_it_cannot_say() {
        let profile = profile("24.0.5", "1.43", "28.5.2").unwrap();
        assert!(!profile.networks_at_create && !profile.gateway_priority);
        assert_eq!(profile.gateway_closing, Some(bottle_planner::profile::GatewayClosing::Isolated));
    }

    #[test]
    fn what_is_too_old_or_no_version_is_refused() {
        assert!(matches!(profile("28.2.2", "1.40", "19.3.1"), Err(EngineError::Profile(_))));
        assert!(matches!(profile("19.03.8", "1.40", "28.5.2"), Err(EngineError::Profile(_))));
        assert!(matches!(profile("28.2.2", "1.40", "dev"), Err(EngineError::Answer { .. })));
    }
}
