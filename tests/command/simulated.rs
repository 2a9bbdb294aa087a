//! The command on the simulator, and the simulator itself, looked into and meddled with.

use std::process::Command;

use bottle_executors::engine::Engine as _;
use bottle_executors::simulator::{Fault, Simulator};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::profile::Profile;
use serde_json::Value;

use crate::said::{Said, said};
use crate::stage::Stage;

/// The value of a secret of the fixtures.
pub(crate) const TOKEN: &str = "the-value-of-a-token";

impl Stage {
    /// The command on the simulator. Before an apply, the owner trusts the one fixture that asks for anything.
    pub(crate) fn simulated(&self, line: &str) -> Command {
        let manifest = std::fs::read_to_string(self.project().join("bottle.toml"));
        if line.starts_with("apply") && manifest.is_ok_and(|text| text.contains("GH_PAT")) {
            let _ = said(&mut self.bottle("trust --yes"));
        }
        self.untrusted(line)
    }

    /// The same, where nobody has agreed to anything.
    pub(crate) fn untrusted(&self, line: &str) -> Command {
        let mut command = self.bottle(line);
        // What the fixtures read of the host.
        command.args(["--backend", "simulator"]).env("GH_PAT", TOKEN);
        command
    }

    /// Runs the command with nothing but the words of `line`, where no backend is to be named.
    pub(crate) fn plainly(&self, line: &str) -> Said {
        said(self.bottle(line).env("GH_PAT", TOKEN))
    }

    /// Runs it to its end.
    pub(crate) fn say(&self, line: &str) -> Said {
        said(&mut self.simulated(line))
    }

    /// Runs it to an end that is good.
    pub(crate) fn done(&self, line: &str) -> Said {
        let said = self.say(line);
        assert_eq!(said.exit, Some(0), "{line}\n{}\n{}", said.stdout, said.stderr);
        said
    }

    /// The simulated engine.
    pub(crate) fn engine(&self) -> Simulator {
        Simulator::open(self.state().join("simulator.jsonl"), Profile::named("simulator").unwrap()).unwrap()
    }

    /// What it has of a project.
    pub(crate) fn seen(&self, project: &str) -> Observation {
        self.engine().observe(&ProjectName::new(project).unwrap()).unwrap()
    }

    /// Has the next task at an address fail.
    pub(crate) fn fail(&self, address: &str) {
        let fault =
            Fault { address: address.to_owned(), times: 1, said: "no, said the engine".to_owned(), done: false };
        self.engine().ask_for(fault).unwrap();
    }

    /// Where the journal and the lock of a project are.
    pub(crate) fn kept(&self, project: &str) -> std::path::PathBuf {
        self.state().join("simulator").join(project)
    }

    /// What a plan has that is not as declared: verdict and address.
    pub(crate) fn to_do(&self, line: &str) -> Vec<String> {
        let plan: Value = serde_json::from_str(&self.done(&format!("plan {line} --format json")).stdout).unwrap();
        let entries = plan["entries"].as_array().unwrap();
        let word = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
        let left = entries.iter().filter(|entry| entry["verdict"] != "keep");
        left.map(|entry| format!("{} {}", word(entry, "verdict"), word(entry, "address"))).collect()
    }
}

impl Said {
    /// Standard error as one line, without what only frames or breaks it.
    pub(crate) fn told(&self) -> String {
        let words = self.stderr.split_whitespace().filter(|word| !matches!(*word, "│" | "×" | "╰─▶" | "├─▶"));
        words.collect::<Vec<_>>().join(" ")
    }

    /// Standard output as lines of JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }
}

/// Nothing of a project is left.
pub(crate) fn assert_nothing_left(seen: &Observation) {
    assert!(
        seen.containers.is_empty() && seen.networks.is_empty() && seen.images.is_empty() && seen.volumes.is_empty(),
        "{seen:#?}"
    );
}
