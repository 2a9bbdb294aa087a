//! A team's twenty bottles, then forty-two: more networks than the engine's own address pools have.

use std::fmt::Write as _;

use libtest_mimic::Trial;

use crate::engine::{lines, run_of, shell};
use crate::life::{closed_agent, closed_networks, closed_sidecar};
use crate::project::Project;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("many::bottles", "team", bottles)]
}

fn bottles(project: &Project) {
    // Gates have trials of their own, and forty-two of them cost more than the bottles.
    project.edit("bottle.toml", "requires = [\"egress.allowlisted\", \"proxy.isolated\"]\n", "");
    project.apply();
    let names: Vec<String> = (1..=20).map(|number| format!("agent-{number:02}")).collect();
    let bottles: Vec<&str> = names.iter().map(String::as_str).collect();
    let agents = project.containers(bottles.iter().map(|bottle| project.agent(bottle)));
    let sidecars = project.containers(bottles.iter().map(|bottle| project.sidecar(bottle)));
    for ((bottle, agent), sidecar) in bottles.iter().zip(&agents).zip(&sidecars) {
        closed_agent(agent, &[project.internal(bottle)]);
        closed_sidecar(project, bottle, sidecar);
        let queue = format!("QUEUE={}", bottle.trim_start_matches("agent-"));
        assert!(agent["Config"]["Env"].as_array().unwrap().iter().any(|variable| *variable == queue.as_str()));
    }
    closed_networks(project, &bottles);
    assert_eq!(
        shell(&project.agent("agent-13"), "node", "cat ~/.bottle-prompt.md"),
        "Take the next task of your queue."
    );
    project.is_as_declared();

    let first = run_of(&project.agent("agent-01"));
    let mut more = String::new();
    for number in 21..=42 {
        let _ = write!(more, "[bottle.agent-{number}]\nenv = {{ QUEUE = \"{number}\" }}\n");
    }
    project.declare(&more);
    let done = project.apply();
    let number = |address: &String| address.strip_prefix("agent-").and_then(|rest| rest.get(..2)?.parse::<u32>().ok());
    assert!(done.iter().all(|address| number(address).is_some_and(|number| number > 20)), "{done:?}");
    assert_eq!(run_of(&project.agent("agent-01")), first);
    let label = format!("label=bottle.project={}", project.name);
    assert_eq!(lines(&["network", "ls", "--format", "{{.Name}}", "--filter", &label]).len(), 43);
    assert_eq!(lines(&["ps", "--format", "{{.Names}}", "--filter", &label]).len(), 84, "all of them run");
    project.is_as_declared();
}
