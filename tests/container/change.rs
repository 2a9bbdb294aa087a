//! One change of a manifest or of what it names, and no more work than it takes.

use libtest_mimic::Trial;

use crate::life::REFRESHED;
use crate::project::Project;
use crate::{FIREWALL, HOST_LOOPBACK, SIDECAR, WAYS, each};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = each(&WAYS, "change::prompt", "sidecar", prompt);
    trials.extend(each(&WAYS, "change::host", "sidecar", host));
    trials
}

/// What was done besides what a firewall does each time.
fn but_refreshed(project: &Project, mut done: Vec<String>) -> Vec<String> {
    if project.way == FIREWALL {
        for address in REFRESHED {
            assert!(done.iter().any(|one| one == address), "not {address}: {done:?}");
        }
        done.retain(|one| !REFRESHED.contains(&one.as_str()));
    }
    done
}

fn prompt(project: &Project) {
    project.edit("bottle.toml", "user = \"node\"", "user = \"node\"\nprompt = { file = \"prompt.md\" }");
    project.write("prompt.md", "First this.");
    project.apply();
    let agent = project.agent("implementer");
    let before = (project.run_of(&agent), project.host_processes());
    project.write("prompt.md", "Then that.");
    let done = but_refreshed(project, project.apply());
    assert_eq!(done, ["implementer/agent/owners", "implementer/agent/prompt"]);
    assert_eq!((project.run_of(&agent), project.host_processes()), before);
    assert_eq!(project.shell(&agent, "node", "cat ~/.bottle-prompt.md"), "Then that.");
    project.runs_its_command(&agent);
}

fn host(project: &Project) {
    project.apply();
    let agent = project.agent("implementer");
    let before = project.run_of(&agent);
    let new = |text: &str| text.contains("new.example.org");
    let configuration = || {
        let folder = project.own_state().join("stage");
        let stages: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(stages.len(), 1, "{stages:?}");
        std::fs::read_to_string(stages[0].join("pipelock.yaml")).unwrap()
    };
    let sidecar = project.sidecar("implementer");
    let (old_sidecar, old_process) = match project.way {
        SIDECAR => (Some(project.run_of(&sidecar)), None),
        HOST_LOOPBACK => (None, Some(project.host_process())),
        _ => (None, None),
    };
    project.edit("bottle.toml", "[\"api.anthropic.com\"]", "[\"api.anthropic.com\", \"new.example.org\"]");
    let done = but_refreshed(project, project.apply());
    assert_eq!(project.run_of(&agent), before, "the agent was not left alone: {done:?}");
    project.runs_its_command(&agent);
    match project.way {
        SIDECAR => {
            assert_ne!(Some(project.run_of(&sidecar)), old_sidecar);
            assert!(new(&configuration()));
        }
        HOST_LOOPBACK => {
            assert_ne!(Some(project.host_process()), old_process);
            assert!(new(&configuration()));
            assert!(done.iter().all(|one| one.contains("pipelock")), "{done:?}");
        }
        _ => {
            let rules = project.shell(&agent, "root", "nft list table inet bottle");
            assert!(rules.contains("203.0.113.7") && rules.contains("203.0.113.9"), "{rules}");
            assert!(new(&project.shell(&agent, "node", "cat /etc/hosts")));
            assert_eq!(done, [""; 0]);
        }
    }
    if project.way != FIREWALL {
        assert!(
            project.succeeds(&agent, "node", "timeout 10 wget -Y off -qO- http://pipelock:8888/health"),
            "the agent that stayed lost its proxy"
        );
        project.is_as_declared();
    }
}
