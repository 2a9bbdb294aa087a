//! What is not ours: never adopted, never changed, never taken away.

use libtest_mimic::Trial;

use crate::engine::{Own, docker, exists, inspect, run_of};
use crate::project::Project;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("foreign::container", "sidecar", container),
        trial("foreign::network", "sidecar", network),
        trial("foreign::left_alone", "sidecar", left_alone),
        trial("foreign::in_our_network", "sidecar", in_our_network),
        trial("foreign::of_our_image", "bare", of_our_image),
    ]
}

/// A name that is taken: plan and apply say whose, and nothing is made.
fn refused(project: &Project, kind: &str, name: &str) {
    for args in [&["plan"][..], &["apply", "--yes"], &["status"]] {
        let said = project.run(args).exits(1);
        assert!(said.stderr.contains(&format!("{kind} {name}")), "{args:?}: {}", said.stderr);
    }
    assert_eq!(project.objects(), [format!("{kind} {name}")]);
    project.run(&["destroy", "--yes"]).exits(0);
    assert_eq!(project.objects(), [format!("{kind} {name}")]);
}

fn container(project: &Project) {
    let name = project.agent("implementer");
    let _own = Own::container(&name, &["run", "--detach", "--name", &name, engine_images::GUEST]);
    let before = run_of(&name);
    refused(project, "container", &name);
    assert_eq!(run_of(&name), before);
}

fn network(project: &Project) {
    let name = project.internal("implementer");
    let _own = Own::network(&name, &[]);
    let before = inspect("network", &name);
    refused(project, "network", &name);
    assert_eq!(inspect("network", &name), before);
}

/// Objects whose names or labels only look like ours.
fn left_alone(project: &Project) {
    project.apply();
    let named = |what: &str| format!("bottle_{}_not-{what}", project.name);
    let longer = format!("bottle.project={}-2", project.name);
    let other = format!("bottle-test-{}-other", project.name);
    let _own = [
        Own::container(&named("ours"), &["run", "--detach", "--name", &named("ours"), engine_images::GUEST]),
        Own::network(&named("net"), &[]),
        Own::volume(&named("volume")),
        Own::container(&other, &["run", "--detach", "--name", &other, "--label", &longer, engine_images::GUEST]),
        Own::network(&other, &["--label", &longer]),
    ];
    let before = (run_of(&named("ours")), run_of(&other));
    project.is_as_declared();
    project.run(&["destroy", "--yes"]).exits(0);
    assert_eq!((run_of(&named("ours")), run_of(&other)), before);
    assert!(exists("network", &named("net")) && exists("volume", &named("volume")) && exists("network", &other));
    assert_eq!(project.objects().len(), 3, "{:?}", project.objects());
}

/// A container that somebody started from an image that we built inherits its labels, and is theirs.
fn of_our_image(project: &Project) {
    project.edit("bottle.toml", "{ ref = \"bottle-test/guest:2\" }", "{ build = \"image\" }");
    project.write("image/Dockerfile", "FROM bottle-test/guest:2\nCOPY Dockerfile /etc/recipe\n");
    project.apply();
    let image = inspect("container", &project.agent("agent"))["Config"]["Image"].as_str().unwrap().to_owned();
    let name = format!("bottle-test-{}-theirs", project.name);
    let own = Own::container(&name, &["run", "--detach", "--name", &name, &image]);
    let label = docker(&["container", "inspect", "--format", "{{index .Config.Labels \"bottle.project\"}}", &name]);
    assert_eq!(label, project.name, "it inherits the label, or nothing is shown here");
    let before = run_of(&name);
    project.is_as_declared();
    // The image is in use, and goes once it is not.
    let said = project.run(&["destroy", "--yes"]).exits(1);
    assert!(said.stderr.contains(&image), "{}", said.stderr);
    assert_eq!(run_of(&name), before);
    assert_eq!(project.objects(), [format!("image {image}")]);
    drop(own);
}

/// A container of somebody's in a network of ours: it stays, so the network does, until it is gone.
fn in_our_network(project: &Project) {
    project.apply();
    let name = format!("bottle-test-{}-guest", project.name);
    let own = Own::container(
        &name,
        &["run", "--detach", "--name", &name, "--network", &project.egress(), engine_images::GUEST],
    );
    let before = run_of(&name);
    let said = project.run(&["destroy", "--yes"]).exits(1);
    assert!(said.stderr.contains(&project.egress()), "{}", said.stderr);
    assert_eq!(run_of(&name), before);
    assert_eq!(project.objects(), [format!("network {}", project.egress())], "the rest could go");
    drop(own);
    project.run(&["destroy", "--yes"]).exits(0);
    project.is_gone();
}
