//! What somebody stopped or started by hand: `status` shows it, `apply` brings it back with the least work.

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::project::{LISTED, Project, signal};
use crate::traffic::{applied_beside_an_origin, is_answered};
use crate::trials::wait_until;
use crate::{FIREWALL, HOST_LOOPBACK, SIDECAR, WAYS, each};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = each(&[SIDECAR], "drift::sidecar_restarted", "sidecar", sidecar_restarted);
    trials.extend(each(&[HOST_LOOPBACK], "drift::process_killed", "sidecar", process_killed));
    trials.extend(each(&WAYS, "drift::agent_restarted", "sidecar", agent_restarted));
    trials
}

/// It comes back at another address, and its agent is told.
fn sidecar_restarted(project: &Project) {
    let at = applied_beside_an_origin(project);
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let internal = project.internal("implementer");
    let (before, old) = (project.run_of(&agent), project.address(&sidecar, &internal));
    assert!(is_answered(project, LISTED));
    project.container(&["stop", "--time", "1", &sidecar]);
    let names = format!("{LISTED}={at}");
    project.attempt_with(&["start", &sidecar], "CONTAINER_DOUBLE_NAMES", &names);
    let new = project.address(&sidecar, &internal);
    assert_ne!(new, old, "the double gives another address at each start");
    assert!(!is_answered(project, LISTED), "the control: the agent knows the old address");
    let shown = project.has_drifted();
    assert!(shown.contains("implementer/pipelock/address") || shown.contains("implementer/agent/hosts"), "{shown}");
    let done = project.apply();
    assert!(done.contains(&"implementer/agent/hosts".to_owned()), "{done:?}");
    assert_eq!(project.run_of(&agent), before, "{done:?}");
    assert_eq!(project.address(&sidecar, &internal), new);
    assert!(project.shell(&agent, "node", "cat /etc/hosts").ends_with(&format!("{new} pipelock")));
    assert!(is_answered(project, LISTED), "traffic does not flow again");
    project.is_as_declared();
}

fn process_killed(project: &Project) {
    applied_beside_an_origin(project);
    let agent = project.agent("implementer");
    let (before, old) = (project.run_of(&agent), project.host_process());
    assert!(is_answered(project, LISTED));
    signal(old, Signal::KILL);
    wait_until("the process has ended", || project.host_processes().is_empty());
    assert!(!is_answered(project, LISTED), "the control: nobody serves");
    let shown = project.has_drifted();
    assert!(shown.contains("implementer/pipelock/start: not there"), "{shown}");
    assert_eq!(project.apply(), ["implementer/pipelock/start", "implementer/pipelock/ready"]);
    assert_ne!(project.host_process(), old);
    assert_eq!(project.run_of(&agent), before);
    assert!(is_answered(project, LISTED), "traffic does not flow again");
    project.is_as_declared();
}

/// Its command waits until all that ended with the run is there again.
fn agent_restarted(project: &Project) {
    project.declare("[[bottle.implementer.exec]]\nrun = [\"sh\", \"-c\", \"echo once >> ~/done\"]");
    project.apply();
    let agent = project.agent("implementer");
    project.runs_its_command(&agent);
    // Starts are told apart by whole seconds.
    let before = project.run_of(&agent);
    wait_until("it is another run", || {
        project.container(&["stop", "--time", "1", &agent]);
        project.container(&["start", &agent]);
        project.run_of(&agent) != before
    });
    let is_held = |word: &str| project.processes(&agent).iter().any(|process| process.contains(word));
    wait_until("what holds the command runs", || is_held("sleep 0.1"));
    assert!(!project.is_released(&agent), "the command runs with nothing around it");
    assert!(!project.shell(&agent, "node", "cat /etc/hosts").contains("pipelock"));
    project.has_drifted();
    let done = project.apply();
    assert_eq!(done.last().map(String::as_str), Some("implementer/agent/release"), "{done:?}");
    project.runs_its_command(&agent);
    assert_eq!(project.shell(&agent, "node", "cat ~/done"), "once", "what is on its disk is not done again");
    if project.way == FIREWALL {
        let rules = done.iter().position(|one| one == "implementer/agent/rules");
        assert!(rules.is_some_and(|rules| rules < done.len() - 1), "{done:?}");
        assert!(project.shell(&agent, "root", "nft list table inet bottle").contains("203.0.113.7"));
    } else {
        let health = "timeout 10 wget -Y off -qO- http://pipelock:8888/health";
        assert!(project.succeeds(&agent, "node", health), "the proxy does not answer");
        project.is_as_declared();
    }
}
