//! Commands that come in each other's way, and commands that are stopped or killed.
//!
//! A command of the manifest that waits for a file holds an apply at a known place for as long as the trial wants.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::engine::{attempt, shell};
use crate::project::Project;
use crate::trial;
use crate::trials::folders::Said;
use crate::trials::host_secrets;
use crate::trials::wait_until;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("interrupt::two_at_once", "bare", two_at_once),
        trial("interrupt::signal", "bare", signal),
        trial("interrupt::killed_in_a_command", "bare", killed_in_a_command),
        trial("interrupt::killed_early", "full", |project| killed_after(project, 3)),
        trial("interrupt::killed_late", "full", |project| killed_after(project, 12)),
        trial("interrupt::destroy_killed", "sidecar", destroy_killed),
    ]
}

/// Two commands: the first writes `one` and waits for the gate, the second writes `two`.
fn gated(project: &Project) {
    let exec = |script: &str| format!("[[bottle.agent.exec]]\nrun = [\"sh\", \"-c\", \"{script}\"]\n");
    project.declare(&exec("echo one >> ~/done; until [ -e ~/gate ]; do sleep 0.05; done"));
    project.declare(&exec("echo two >> ~/done"));
}

/// An apply that waits at the gate.
fn at_the_gate(project: &Project) -> Child {
    let child = project.start(&["apply", "--yes"]);
    let agent = project.agent("agent");
    wait_until("the apply is at the gate", || {
        attempt(&["exec", "--user", "node", &agent, "grep", "-q", "one", "/home/node/done"]).status.success()
    });
    child
}

fn open_the_gate(project: &Project) {
    shell(&project.agent("agent"), "node", "touch ~/gate");
}

fn done(project: &Project) -> String {
    shell(&project.agent("agent"), "node", "cat ~/done")
}

fn ended(child: Child) -> Said {
    Said::of(&child.wait_with_output().unwrap())
}

fn two_at_once(project: &Project) {
    gated(project);
    let first = at_the_gate(project);
    let holder = format!("pid {}", first.id());
    for args in [&["apply", "--yes"][..], &["destroy", "--yes"]] {
        let began = Instant::now();
        let said = project.run(args).exits(5);
        assert!(began.elapsed() < Duration::from_secs(20), "it waited {:?}", began.elapsed());
        assert!(said.stderr.contains(&holder) && said.stderr.contains("bottle apply"), "{}", said.stderr);
    }
    // Who only looks is not kept away, and is told.
    let said = project.run(&["status"]).exits(0);
    assert!(said.stderr.contains(&holder), "{}", said.stderr);
    project.run(&["plan"]).exits(0);
    open_the_gate(project);
    ended(first).exits(0);
    assert_eq!(done(project), "one\ntwo");
    project.is_as_declared();
}

fn signal(project: &Project) {
    gated(project);
    let child = at_the_gate(project);
    let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(sent.success());
    open_the_gate(project);
    let said = ended(child).exits(6);
    assert!(said.stderr.contains("bottle apply"), "it does not say how to go on: {}", said.stderr);
    assert_eq!(done(project), "one", "something was begun after the signal");
    assert_eq!(project.apply(), ["agent/agent/exec:2"]);
    assert_eq!(done(project), "one\ntwo");
    project.is_as_declared();
}

fn killed_in_a_command(project: &Project) {
    gated(project);
    let mut child = at_the_gate(project);
    child.kill().unwrap();
    child.wait().unwrap();
    // What it started goes on, and is waited for: two of them at once would be in each other's way.
    let mut second = project.start(&["apply", "--yes"]);
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("was killed: waiting for what it started to end"), "{line}");
    open_the_gate(project);
    std::io::copy(&mut stderr, &mut std::io::sink()).unwrap();
    ended(second).exits(0);
    // Nobody saw the first command end, so it ran again.
    assert_eq!(done(project), "one\none\ntwo");
    project.is_as_declared();
}

/// Killed once so many operations of the largest fixture are done.
fn killed_after(project: &Project, count: usize) {
    let env = host_secrets(project, "one", "two");
    let mut command = project.command(&["apply", "--yes", "--format", "json"]);
    let mut child = command.envs(env.iter().cloned()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let events = BufReader::new(child.stdout.take().unwrap()).lines();
    let done = events.map_while(Result::ok).filter(|line| line.contains("\"event\":\"done\"")).take(count).count();
    child.kill().unwrap();
    assert_eq!((done, child.wait().unwrap().code()), (count, None), "it was over before it was killed");
    converges(project, &env);
}

fn converges(project: &Project, env: &[(&str, OsString)]) {
    project.apply_with(&[], env);
    project.is_as_declared();
}

fn destroy_killed(project: &Project) {
    project.apply();
    let mut child = project
        .command(&["destroy", "--yes", "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(events.any(|line| line.contains("\"event\":\"began\"")));
    child.kill().unwrap();
    child.wait().unwrap();
    // Neither the manifest nor what was remembered is needed to go on.
    std::fs::remove_dir_all(project.state()).unwrap();
    std::fs::rename(project.root().join("bottle.toml"), project.root().join("elsewhere.toml")).unwrap();
    project.run(&["destroy", "--yes", "--project-name", &project.name]).exits(0);
    project.is_gone();
    std::fs::rename(project.root().join("elsewhere.toml"), project.root().join("bottle.toml")).unwrap();
}
