//! A gate on Docker: the twin is run, and what it says is judged.

use std::ffi::OsString;
use std::time::Duration;

use bottle_planner::address::Address;
use bottle_planner::intent::Gate;
use bottle_planner::name::ProjectName;
use bottle_planner::operation::{LABEL_ADDRESS, LABEL_PROJECT, Operation};
use bottle_planner::probe::Passage;
use bottle_planner::profile::Behaviour;
use serde::Deserialize;

use super::Docker;
use super::call::environment;
use super::run::id_of;
use crate::command::Ready;
use crate::engine::{Context, Ended, EngineError, Failure, Outcome};
use crate::probe::{Before, Closed, Surroundings};
use crate::process::Process;

/// What making and taking away the twin may take beyond its script.
const AROUND: Duration = Duration::from_secs(60);
/// How long an agent that must not run any longer may take to end, in seconds.
const GRACE: &str = "2";
/// A container in a list: id, address.
const LIST: &str = r#"[{{json .ID}},{{json (.Label "bottle.address")}}]"#;

#[derive(Deserialize)]
struct Listed(String, String);

impl Docker {
    /// Lets an agent through, or not.
    pub(super) fn gate(
        &self,
        gate: &Gate,
        operation: &Operation,
        ready: &Ready,
        context: &Context<'_>,
    ) -> Result<Outcome, Failure> {
        let address = &operation.address;
        let silent = |error: EngineError| ready.failure(Ended::NotStarted, error.to_string());
        let surroundings = self.around(context.project, address).map_err(silent)?;
        let networks: Vec<String> = gate.networks.iter().map(|network| id_of(network, context)).collect();
        let before =
            Before { address, gate, behaves: Behaviour::Docker, surroundings: &surroundings, networks: &networks };
        let twin = |script, limit| self.in_twin(address, ready, script, limit, context);
        let Passage { broken, untold } = before.ask(self, &twin).map_err(|closed| match closed {
            Closed::Twin(failure) => failure,
            Closed::Other(why) => ready.failure(Ended::NotStarted, why),
        })?;
        if broken.is_empty() {
            return Ok(Outcome { notes: told(untold), ..Outcome::default() });
        }
        let mut said = broken;
        said.push(self.stopped(&id_of(&gate.container, context)));
        Err(ready.failure(Ended::Refuted, said.join("\n")))
    }

    /// What is around a bottle by now. A twin that an earlier run left is taken away first.
    fn around(&self, project: &ProjectName, gate: &Address) -> Result<Surroundings, EngineError> {
        let ours = format!("label={LABEL_PROJECT}={project}");
        let [containers, networks] = self.ask_at_once([
            &["ps", "--all", "--no-trunc", "--filter", &ours, "--format", LIST],
            &["network", "ls", "--no-trunc", "--filter", &ours, "--format", "{{json .ID}}"],
        ]);
        let containers: Vec<Listed> = containers?.rows()?;
        let (left, containers): (Vec<_>, Vec<_>) =
            containers.into_iter().partition(|Listed(_, address)| address == gate.as_str());
        for Listed(id, _) in left {
            self.ask_anyway(&["rm", "--force", "--volumes", "--", &id])?;
        }
        let containers = containers.into_iter().map(|Listed(id, address)| (id, Address::recorded(&address))).collect();
        let networks: Vec<String> = networks?.rows()?;
        self.surroundings_of(project, containers, networks.into_iter().collect())
    }

    fn in_twin(
        &self,
        address: &Address,
        ready: &Ready,
        script: String,
        limit: Duration,
        context: &Context<'_>,
    ) -> Result<Result<String, String>, Failure> {
        let args: &[OsString] = ready.arguments();
        let process = Process {
            program: &self.program,
            args,
            env: &environment(),
            feed: Some(Box::new(move |pipe| pipe.write_all(script.as_bytes()))),
            limit: limit + AROUND,
            hurry: context.hurry,
        };
        let finished = process.run().map_err(|error| ready.failure(Ended::NotStarted, error.to_string()))?;
        match finished.ended {
            Ended::Exit(0) => Ok(Ok(String::from_utf8_lossy(&finished.stdout.bytes).into_owned())),
            // The engine found no program of that name; it made the twin, and takes it away.
            Ended::Exit(126 | 127) => Ok(Err("the image has no shell to ask with".to_owned())),
            _ => {
                // Where the command was ended, its container may go on. By its label, since its name may be another's.
                let (ours, made) =
                    (format!("label={LABEL_PROJECT}={}", context.project), format!("label={LABEL_ADDRESS}={address}"));
                let list =
                    ["ps", "--all", "--no-trunc", "--filter", &ours, "--filter", &made, "--format", "{{json .ID}}"];
                let left = self.ask(&list).and_then(|answer| answer.rows::<String>()).unwrap_or_default();
                for id in left {
                    let _ = self.ask_anyway(&["rm", "--force", "--volumes", "--", &id]);
                }
                Err(ready.failed(&finished, &self.given))
            }
        }
    }

    /// Stops an agent that runs, and says what is so by then.
    fn stopped(&self, agent: &str) -> String {
        let running = self.ask(&["container", "inspect", "--format", "{{json .State.Running}}", "--", agent]);
        match running.and_then(|answer| answer.one::<bool>()) {
            Ok(false) => "the agent was not started".to_owned(),
            // What cannot be told is treated as if it ran.
            Ok(true) | Err(_) => match self.ask(&["stop", "--time", GRACE, "--", agent]) {
                Ok(_) => "the agent, which was running, was stopped".to_owned(),
                Err(error) => format!("the agent could not be stopped, and may be running: {error}"),
            },
        }
    }
}

/// What could not be told, one line for each reason.
fn told(untold: Vec<String>) -> Vec<String> {
    untold.into_iter().map(|what| format!("could not be told: {what}")).collect()
}
