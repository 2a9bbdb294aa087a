//! What somebody changed by hand: `status` shows it, `apply` brings it back with the least work.

use libtest_mimic::Trial;

use crate::change::reaches_its_proxy;
use crate::engine::{Own, docker, exists, inspect, lines, run_of, shell};
use crate::project::{Project, remove_by_hand};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("drift::agent_stopped", "sidecar", agent_stopped),
        trial("drift::sidecar_killed", "sidecar", sidecar_killed),
        trial("drift::sidecar_removed", "sidecar", sidecar_removed),
        trial("drift::agent_attached", "sidecar", agent_attached),
        trial("drift::agent_detached", "sidecar", agent_detached),
        trial("drift::agent_renamed", "sidecar", agent_renamed),
        trial("drift::agent_restarted", "sidecar", agent_restarted),
        trial("drift::network_removed", "sidecar", network_removed),
        trial("drift::image_removed", "bare", image_removed),
        trial("drift::image_unnamed", "bare", image_unnamed),
    ]
}

/// The applied fixture: its agent, its sidecar.
fn applied(project: &Project) -> [String; 2] {
    project.apply();
    project.is_as_declared();
    [project.agent("implementer"), project.sidecar("implementer")]
}

fn networks(container: &str) -> Vec<String> {
    inspect("container", container)["NetworkSettings"]["Networks"].as_object().unwrap().keys().cloned().collect()
}

fn agent_stopped(project: &Project) {
    let [agent, sidecar] = applied(project);
    let before = (run_of(&agent), run_of(&sidecar));
    docker(&["stop", "--time", "1", &agent]);
    let shown = project.has_drifted();
    assert!(shown.contains("implementer/agent/start: stopped with exit code"), "{shown}");
    assert_eq!(project.apply(), ["implementer/agent/gate", "implementer/agent/start"]);
    assert_eq!((run_of(&agent).0, run_of(&sidecar)), (before.0.0, before.1));
    project.is_as_declared();
}

fn sidecar_killed(project: &Project) {
    let [agent, sidecar] = applied(project);
    let before = (run_of(&agent), run_of(&sidecar));
    docker(&["kill", &sidecar]);
    let shown = project.has_drifted();
    assert!(shown.contains("implementer/pipelock/start: stopped with exit code 137"), "{shown}");
    let mended = ["implementer/pipelock/start", "implementer/pipelock/ready", "implementer/agent/gate"];
    assert_eq!(project.apply(), mended);
    assert_eq!((run_of(&agent), run_of(&sidecar).0), (before.0, before.1.0));
    assert!(reaches_its_proxy(&agent));
    project.is_as_declared();
}

fn sidecar_removed(project: &Project) {
    let [agent, sidecar] = applied(project);
    let before = run_of(&agent);
    // Without its volume, as people do.
    remove_by_hand(std::slice::from_ref(&sidecar));
    let shown = project.has_drifted();
    assert!(shown.contains("implementer/pipelock/create: not there"), "{shown}");
    project.apply();
    assert_eq!(run_of(&agent), before);
    assert!(reaches_its_proxy(&agent));
    let volumes = lines(&[
        "volume",
        "ls",
        "--format",
        "{{.Name}}",
        "--filter",
        &format!("label=bottle.project={}", project.name),
    ]);
    assert_eq!(volumes.len(), 1, "the volume that was left behind is still there: {volumes:?}");
    project.is_as_declared();
}

fn agent_attached(project: &Project) {
    let [agent, _] = applied(project);
    let before = run_of(&agent);
    let other = format!("bottle-test-{}-outside", project.name);
    let _own = Own::network(&other, &[]);
    docker(&["network", "connect", &other, &agent]);
    let shown = project.has_drifted();
    assert!(shown.contains(&format!("put into network {other} by hand")), "{shown}");
    project.apply();
    assert_eq!(networks(&agent), [project.internal("implementer")]);
    assert_eq!(run_of(&agent), before);
    assert!(exists("network", &other), "the network is somebody else's");
    assert!(reaches_its_proxy(&agent));
    project.is_as_declared();
}

fn agent_detached(project: &Project) {
    let [agent, _] = applied(project);
    let before = run_of(&agent);
    assert!(reaches_its_proxy(&agent));
    docker(&["network", "disconnect", &project.internal("implementer"), &agent]);
    assert!(!reaches_its_proxy(&agent));
    let shown = project.has_drifted();
    assert!(shown.contains(&format!("taken out of network {} by hand", project.internal("implementer"))), "{shown}");
    project.apply();
    assert_eq!(networks(&agent), [project.internal("implementer")]);
    assert_eq!(run_of(&agent), before);
    assert!(reaches_its_proxy(&agent), "it is back, and its traffic is not");
    project.is_as_declared();
}

fn network_removed(project: &Project) {
    let containers = applied(project);
    remove_by_hand(&containers);
    docker(&["network", "rm", &project.internal("implementer")]);
    let shown = project.has_drifted();
    assert!(shown.contains("implementer/internal/create: not there"), "{shown}");
    project.apply();
    assert!(reaches_its_proxy(&containers[0]));
    project.is_as_declared();
}

/// The applied fixture with an image that was built: its agent, its image.
fn built(project: &Project) -> [String; 2] {
    project.edit("bottle.toml", "{ ref = \"bottle-test/guest:2\" }", "{ build = \"image\" }");
    project.write("image/Dockerfile", "FROM bottle-test/guest:2\nCOPY Dockerfile /etc/recipe\n");
    project.apply();
    let agent = project.agent("agent");
    let image = inspect("container", &agent)["Config"]["Image"].as_str().unwrap().to_owned();
    [agent, image]
}

fn image_removed(project: &Project) {
    let [agent, image] = built(project);
    remove_by_hand(std::slice::from_ref(&agent));
    docker(&["image", "rm", &image]);
    let shown = project.has_drifted();
    assert!(shown.contains("shared/image/build:image: not there"), "{shown}");
    project.apply();
    assert!(exists("image", &image));
    run_of(&agent);
    project.is_as_declared();
}

/// What a build leaves that was killed before it named its image. The same build gives that image its name, so it must not go.
fn image_unnamed(project: &Project) {
    let [agent, image] = built(project);
    let id = || inspect("image", &image)["Id"].clone();
    let unname = || {
        docker(&["tag", "bottle-test/guest:2", &image]);
        docker(&["image", "rm", &image]);
    };
    let first = (id(), run_of(&agent));
    unname();
    assert!(project.has_drifted().contains("shared/image/build:image: not there"));
    project.apply();
    assert_eq!((id(), run_of(&agent)), first);
    project.is_as_declared();

    remove_by_hand(std::slice::from_ref(&agent));
    unname();
    project.apply();
    assert_eq!(id(), first.0, "it was built from nothing");
    run_of(&agent);
    project.is_as_declared();
}

/// A name of ours given to nothing, and ours under a name that nobody declared.
fn agent_renamed(project: &Project) {
    let [agent, sidecar] = applied(project);
    let before = run_of(&sidecar);
    let other = format!("bottle-test-{}-renamed", project.name);
    docker(&["rename", &agent, &other]);
    project.has_drifted();
    project.apply();
    assert!(!exists("container", &other), "an agent of ours runs on under another name");
    assert_eq!(run_of(&sidecar), before);
    assert!(reaches_its_proxy(&agent));
    project.is_as_declared();
}

/// A restart by hand: what started with the container is done again, what it has on its disk is not.
fn agent_restarted(project: &Project) {
    project.declare("[[bottle.implementer.exec]]\nrun = [\"sh\", \"-c\", \"echo once >> ~/done\"]");
    let [agent, sidecar] = applied(project);
    docker(&["restart", "--time", "1", &agent, &sidecar]);
    project.apply();
    assert!(reaches_its_proxy(&agent));
    assert_eq!(shell(&agent, "node", "cat ~/done"), "once");
    project.is_as_declared();
}
