//! Killed at chosen moments: what comes after brings what was declared, and takes everything away.

use libtest_mimic::Trial;

use crate::project::Project;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("crash::in_networks", "sidecar", |project| {
            applies(project, &["shared/egress/create@begin", "implementer/internal/create@answer"])
        }),
        trial("crash::in_the_sidecar", "sidecar", |project| {
            applies(
                project,
                &[
                    "implementer/pipelock/create@answer",
                    "implementer/pipelock/copy:/etc/pipelock/pipelock.yaml@begin",
                    "implementer/pipelock/start@answer",
                    "implementer/pipelock/ready@end",
                ],
            );
        }),
        trial("crash::in_the_agent", "sidecar", |project| {
            applies(
                project,
                &["implementer/agent/create@before", "implementer/agent/create@end", "implementer/agent/start@answer"],
            );
        }),
        trial("crash::in_a_replacement", "sidecar", in_a_replacement),
        trial("crash::in_destroy", "sidecar", in_destroy),
    ]
}

/// Ends a command at a moment, by SIGKILL.
fn crash(project: &Project, args: &[&str], at: &str) {
    let said = project.run_with(args, &[("BOTTLE_CRASH", at.into())]);
    assert_eq!(said.code, None, "{at}: it was not killed: {}{}", said.stdout, said.stderr);
}

fn applies(project: &Project, points: &[&str]) {
    for at in points {
        crash(project, &["apply", "--yes"], at);
        project.apply();
        project.is_as_declared();
        project.run(&["destroy", "--yes"]).exits(0);
        project.is_gone();
    }
}

fn in_a_replacement(project: &Project) {
    project.declare("[bottle.implementer.env]\nNUMBER = \"0\"");
    project.apply();
    let points = [
        "remove:implementer/agent/create@begin",
        "remove:implementer/agent/create@answer",
        "implementer/agent/create@answer",
    ];
    for (number, at) in points.iter().enumerate() {
        project.edit("bottle.toml", &format!("NUMBER = \"{number}\""), &format!("NUMBER = \"{}\"", number + 1));
        crash(project, &["apply", "--yes"], at);
        project.apply();
        project.is_as_declared();
    }
}

fn in_destroy(project: &Project) {
    for at in [
        "remove:implementer/agent/create@answer",
        "remove:implementer/internal/create@begin",
        "remove:shared/egress/create@answer",
    ] {
        project.apply();
        crash(project, &["destroy", "--yes"], at);
        project.run(&["destroy", "--yes"]).exits(0);
        project.is_gone();
    }
}
