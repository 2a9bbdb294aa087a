//! Killed at chosen moments: what comes after brings what was declared, and takes everything away.

use libtest_mimic::Trial;

use crate::life::REFRESHED;
use crate::project::Project;
use crate::{FIREWALL, HOST_LOOPBACK, SIDECAR, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("crash::in_apply::sidecar", "sidecar", SIDECAR, |project| {
            applies(
                project,
                &[
                    "implementer/pipelock/stage@answer",
                    "implementer/pipelock/create@answer",
                    "implementer/agent/hosts@begin",
                    "implementer/agent/release@answer",
                ],
            );
        }),
        trial("crash::in_apply::host-loopback", "sidecar", HOST_LOOPBACK, |project| {
            applies(project, &["implementer/pipelock/start@begin", "implementer/pipelock/ready@end"]);
        }),
        trial("crash::in_apply::firewall", "sidecar", FIREWALL, |project| {
            applies(project, &["implementer/agent/rules@begin", "implementer/agent/rules@answer"]);
        }),
        trial("crash::process_started", "sidecar", HOST_LOOPBACK, process_started),
        trial("crash::in_destroy", "sidecar", HOST_LOOPBACK, in_destroy),
    ]
}

/// Ends a command at a moment, by SIGKILL.
fn crash(project: &Project, args: &[&str], at: &str) {
    let said = project.run_with(args, &[("BOTTLE_CRASH", at.into())]);
    assert_eq!(said.code, None, "{at}: it was not killed: {}{}", said.stdout, said.stderr);
}

/// A further apply has nothing to do.
fn is_settled(project: &Project) {
    if project.way == FIREWALL {
        let mut done = project.apply();
        done.sort_unstable();
        assert_eq!(done, REFRESHED);
    } else {
        project.is_as_declared();
    }
    project.runs_its_command(&project.agent("implementer"));
}

fn applies(project: &Project, points: &[&str]) {
    for at in points {
        crash(project, &["apply", "--yes"], at);
        if let Some(before) = at.strip_suffix("@begin") {
            let released = project.attempt(&["inspect", &project.agent("implementer")]).status.success()
                && project.is_released(&project.agent("implementer"));
            assert!(!released, "the command runs before {before}");
        }
        project.apply();
        is_settled(project);
        project.run(&["destroy", "--yes"]).exits(0);
        project.is_gone();
    }
}

/// The process runs, and no journal says so: it is found, and stays the only one.
fn process_started(project: &Project) {
    crash(project, &["apply", "--yes"], "implementer/pipelock/start@answer");
    let started = project.host_process();
    project.apply();
    assert_eq!(project.host_process(), started);
    is_settled(project);
    // Its record is lost as well: found by its words, and taken away all the same.
    std::fs::remove_dir_all(project.own_state().join("process")).unwrap();
    project.run(&["destroy", "--yes"]).exits(0);
    project.is_gone();

    crash(project, &["apply", "--yes"], "implementer/pipelock/start@answer");
    project.host_process();
    std::fs::remove_dir_all(project.own_state().join("process")).unwrap();
    project.apply();
    project.host_process();
    is_settled(project);
}

fn in_destroy(project: &Project) {
    for at in ["remove:implementer/pipelock/start@begin", "remove:implementer/internal/create@begin"] {
        project.apply();
        crash(project, &["destroy", "--yes"], at);
        project.run(&["destroy", "--yes"]).exits(0);
        project.is_gone();
    }
}
