//! What happens to a bottle: its proxy stops, dies, is made anew; its configuration is not there; somebody puts it on another network; the
//! engine restarts. A beacon in the bottle tries to get out the whole time, and everything that it could be seen by is watched.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::engine::{Own, attempt, docker, inspect, run_of, shell};
use crate::project::Project;
use crate::record::{Whose, record};
use crate::trial;
use crate::trials::wait_until;
use crate::watch::{Watch, is_running};

/// How the engine that these trials run on may be restarted: a program. Without it, it may not.
const RESTART: &str = "BOTTLE_TEST_ENGINE_RESTART";

pub(crate) fn trials() -> Vec<Trial> {
    let restart = trial("lifecycle::engine_restarted", "sidecar", engine_restarted);
    vec![
        trial("lifecycle::watched", "sidecar", watched),
        trial("lifecycle::without_configuration", "sidecar", without_configuration),
        restart.with_ignored_flag(std::env::var_os(RESTART).is_none()),
    ]
}

fn held(row: &str, note: &str) {
    record(Whose::Bottle, row, "held", note);
}

/// Where the beacon tries: the host's address on the egress network, and one outside that nobody has (RFC 5737).
fn targets(project: &Project) -> [String; 2] {
    let seen = inspect("container", &project.sidecar("implementer"));
    let gateway = seen["NetworkSettings"]["Networks"][project.egress()]["Gateway"].as_str().unwrap().to_owned();
    assert!(!gateway.is_empty());
    [gateway, "203.0.113.9".to_owned()]
}

/// The beacon is seen from a container of nobody's on the egress network. What is said of it when names are not.
fn is_seen_from_outside(project: &Project, watch: &Watch, targets: &[&str]) -> &'static str {
    let name = format!("bottle-test-{}-control", project.name);
    let words = ["run", "--detach", "--name", &name, "--network", &project.egress(), engine_images::GUEST];
    let control = Own::container(&name, &words);
    watch.beacon(&name, "root", targets);
    watch.sees("from the egress network");
    let note = if watch.sees_names() { "" } else { "by address; lookups leave no trace on this machine" };
    drop(control);
    watch.forget();
    note
}

fn watched(project: &Project) {
    project.apply();
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let watch = Watch::new(&format!("beacon-{}", project.name));
    let targets = targets(project);
    let targets = targets.each_ref().map(String::as_str);
    let note = is_seen_from_outside(project, &watch, &targets);

    let run = run_of(&agent);
    watch.beacon(&agent, "node", &targets);
    watch.is_silent(&agent, "all is as declared");

    docker(&["stop", "--time", "1", &sidecar]);
    watch.is_silent(&agent, "the proxy is stopped");
    docker(&["start", &sidecar]);
    watch.is_silent(&agent, "the proxy is back");
    held("E1.stopped", note);

    docker(&["kill", &sidecar]);
    watch.is_silent(&agent, "the proxy is killed");
    project.apply();
    watch.is_silent(&agent, "the proxy was started by apply");
    held("E2.killed", note);

    let before = run_of(&sidecar).0;
    project.edit("bottle.toml", "\"api.anthropic.com\"", "\"api.anthropic.com\", \"further.example.org\"");
    project.apply();
    assert_ne!(run_of(&sidecar).0, before, "a change of the hosts makes the proxy anew");
    watch.is_silent(&agent, "the proxy was made anew");
    held("E2.recreated", note);

    foreigner(project, &agent, &sidecar);
    watch.is_silent(&agent, "there was a foreign container on the egress network");
    held("E10.foreigner", "");

    // By hand. The control of all of this: the same beacon of the same agent is seen.
    docker(&["network", "connect", &project.egress(), &agent]);
    watch.sees("from the agent on the egress network");
    let shown = project.has_drifted();
    assert!(shown.contains(&format!("put into network {} by hand", project.egress())), "{shown}");
    let plan = project.plan().to_string();
    assert!(plan.contains("by hand"), "{plan}");
    project.apply();
    watch.forget();
    watch.is_silent(&agent, "the agent was taken off the egress network");
    held("E7.drift", "while attached, its traffic was seen");

    assert_eq!(run_of(&agent), run, "it was the same agent all the time");
    project.run(&["destroy", "--yes"]).exits(0);
    project.is_gone();
    watch.saw_nothing("destroyed");
    held("E8.destroyed", note);
}

/// Neither the agent nor the proxy is reached from a foreign container on the egress network.
fn foreigner(project: &Project, agent: &str, sidecar: &str) {
    let name = format!("bottle-test-{}-foreign", project.name);
    let words = ["run", "--detach", "--name", &name, "--network", &project.egress(), engine_images::GUEST];
    let _own = Own::container(&name, &words);
    let address = |container: &str, network: &str| {
        let seen = inspect("container", container);
        seen["NetworkSettings"]["Networks"][network]["IPAddress"].as_str().unwrap().to_owned()
    };
    let internal = project.internal("implementer");
    let listen = "socat TCP-LISTEN:7777,fork,reuseaddr EXEC:'echo here'";
    docker(&["exec", "--detach", "--user", "node", agent, "sh", "-c", listen]);
    let knock = |at: &str, port: u16, say: &str| {
        format!("(printf '{say}' | timeout 3 nc -w 2 {at} {port} | grep -qE 'here|healthy' && echo {at}); ")
    };
    let health = "GET /health HTTP/1.0\\r\\n\\r\\n";
    let agents = knock(&address(agent, &internal), 7777, "");
    let near = knock(&address(sidecar, &internal), 8888, health);
    let far = knock(&address(sidecar, &project.egress()), 8888, health);
    let beside = |script: &str| {
        let network = format!("container:{sidecar}");
        docker(&["run", "--rm", "--network", &network, engine_images::GUEST, "sh", "-c", &format!("{script} true")])
    };
    wait_until("the agent and the proxy serve", || beside(&format!("{agents}{near}{far}")).lines().count() == 3);
    let reached = shell(&name, "root", &format!("{agents}{near}{far} true"));
    assert_eq!(reached, "", "reached by a foreign container");
}

/// A `docker` for the command that does something else with the configuration of the proxy.
fn with_another_configuration(project: &Project, name: &str, instead: &str) -> (&'static str, OsString) {
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|folder| folder.join("docker")).find(|path| path.is_file()).unwrap();
    let folder = project.scratch().join(name);
    fs::create_dir(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nreal='{0}'\ncase \"$*\" in *:/etc/pipelock) cat >/dev/null; {instead} ;; *) exec \"$real\" \"$@\" ;; esac\n",
        real.display()
    );
    fs::write(folder.join("docker"), script).unwrap();
    fs::set_permissions(folder.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    ("PATH", std::env::join_paths(folders).unwrap())
}

/// Whether a container was ever started.
fn was_started(container: &str) -> bool {
    let output = attempt(&["container", "inspect", "--format", "{{.State.StartedAt}}", container]);
    output.status.success() && !String::from_utf8_lossy(&output.stdout).starts_with("0001-")
}

fn without_configuration(project: &Project) {
    let agent = project.agent("implementer");
    fs::write(project.scratch().join("pipelock.yaml"), "mode: strict\nunknown_key: true\n").unwrap();
    let invalid = format!("tar -C '{}' -cf - pipelock.yaml | \"$real\" cp - \"$3\"", project.scratch().display());
    for (row, name, instead) in [("E3.missing", "missing", "exit 0"), ("E3.invalid", "invalid", invalid.as_str())] {
        let path = with_another_configuration(project, name, instead);
        let said = project.run_with(&["apply", "--yes"], &[path]).exits(1);
        assert!(said.stderr.contains("implementer/pipelock"), "{}", said.stderr);
        assert!(!was_started(&agent), "{row}: the agent was started");
        project.run(&["destroy", "--yes"]).exits(0);
        held(row, "");
    }
    // The control: with its configuration, it is started.
    project.apply();
    assert!(was_started(&agent));
    // And one that runs, whose proxy comes back without a configuration, is not called as declared.
    let sidecar = project.sidecar("implementer");
    let volume = inspect("container", &sidecar)["Mounts"][0]["Name"].as_str().unwrap().to_owned();
    let words = ["run", "--rm", "--volume", &format!("{volume}:/v"), engine_images::GUEST, "rm", "/v/pipelock.yaml"];
    docker(&words);
    attempt(&["restart", "--time", "1", &sidecar]);
    wait_until("the proxy ends", || inspect("container", &sidecar)["State"]["Running"] == Value::Bool(false));
    project.has_drifted();
}

/// The engine restarts; then somebody starts the agent, and not its proxy.
fn engine_restarted(project: &Project) {
    let restart = std::env::var_os(RESTART).expect("the trial is ignored where the engine may not be restarted");
    project.apply();
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let watch = Watch::new(&format!("beacon-{}", project.name));
    let targets = targets(project);
    let targets = targets.each_ref().map(String::as_str);
    let note = is_seen_from_outside(project, &watch, &targets);
    watch.beacon(&agent, "node", &targets);
    watch.is_silent(&agent, "before the restart");

    assert!(Command::new(restart).status().unwrap().success());
    wait_until("the engine answers again", || attempt(&["version"]).status.success());
    // An engine takes its containers with it unless it is told otherwise: it did restart.
    assert_eq!(inspect("container", &agent)["State"]["Running"], Value::Bool(false));
    watch.saw_nothing("while the engine restarted");

    docker(&["stop", "--time", "1", &sidecar]);
    docker(&["start", &agent]);
    if !is_running(&agent) {
        watch.beacon(&agent, "node", &targets);
    }
    watch.is_silent(&agent, "the agent runs after the restart, and its proxy does not");
    project.apply();
    watch.is_silent(&agent, "all was started again");
    project.is_as_declared();
    is_seen_from_outside(project, &watch, &targets);
    held("E9.restarted", note);
}
