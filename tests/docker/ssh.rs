//! SSH keys: usable by the agent's user, readable by nobody, and back after a restart.

use libtest_mimic::Trial;

use crate::engine::{attempt, docker, run_of, shell, succeeds};
use crate::project::Project;
use crate::trial;
use crate::trials::{host_secrets, key, key_lines};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("ssh::relay", "full", relay), trial("ssh::key_taken_out", "full", key_taken_out)]
}

fn relay(project: &Project) {
    let env = host_secrets(project, "one", "two");
    project.apply_with(&[], &env);
    let agent = project.agent("implementer");
    let fingerprint = |listed: &str| listed.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let expected = std::process::Command::new("ssh-keygen").arg("-lf").arg(key(project)).output().unwrap();
    let expected = fingerprint(&String::from_utf8_lossy(&expected.stdout));
    assert!(expected.starts_with("SHA256:"), "{expected}");
    let listed = || shell(&agent, "node", "ssh-add -l");
    assert_eq!(fingerprint(&listed()), expected);
    // It signs, which is what a key is for.
    let sign = "cd /tmp && echo text > text && ssh-add -L > key.pub && ssh-keygen -q -Y sign -f key.pub -n test text && test -s text.sig";
    assert!(succeeds(&agent, "node", sign), "the key does not sign");

    nowhere_on_disk(project, &agent);
    for script in
        ["SSH_AUTH_SOCK=/run/bottle-ssh/agent ssh-add -l", "ls /run/bottle-ssh", "cat /proc/$(pidof ssh-agent)/environ"]
    {
        assert!(!succeeds(&agent, "node", script), "node may {script}");
    }
    // The same by its owner works: the refusal is no accident.
    assert!(succeeds(&agent, "root", "SSH_AUTH_SOCK=/run/bottle-ssh/agent ssh-add -l"));

    let before = run_of(&agent);
    docker(&["restart", "--time", "1", &agent]);
    assert!(!succeeds(&agent, "node", "ssh-add -l"), "a restart is meant to end the agent");
    let shown = project.run_with(&["status", "--detailed-exitcode"], &env).exits(2).stdout;
    assert!(shown.contains("started again since"), "{shown}");
    let done = project.apply_with(&[], &env);
    assert_eq!(done, ["implementer/agent/ssh:agent", "implementer/agent/ssh:key:gitea", "implementer/agent/ssh:relay"]);
    assert_eq!(run_of(&agent).0, before.0);
    assert_eq!(fingerprint(&listed()), expected);
    nowhere_on_disk(project, &agent);
    project.is_as_declared();
}

/// A key that is no longer declared is forgotten, and nothing that knew it lives on.
fn key_taken_out(project: &Project) {
    let env = host_secrets(project, "one", "two");
    let one = project.read("bottle.toml");
    let entry = one[one.find("[[bottle.implementer.ssh]]").unwrap()..one.find("[[bottle.implementer.copy]]").unwrap()]
        .to_owned();
    let mut make = std::process::Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key(project).with_file_name("other"));
    assert!(make.status().unwrap().success());
    project.declare(&entry.replace("host = \"gitea\"", "host = \"other\"").replace("id_ed25519", "other"));
    project.apply_with(&[], &env);
    let agent = project.agent("implementer");
    let before = run_of(&agent);
    let keys = || shell(&agent, "node", "ssh-add -l").lines().count();
    assert_eq!(keys(), 2);
    project.write("bottle.toml", &one);
    project.apply_with(&[], &env);
    assert_eq!(keys(), 1);
    assert_eq!(run_of(&agent), before, "the agent's container stays");
    for program in ["ssh-agent", "socat"] {
        assert_eq!(shell(&agent, "root", &format!("pidof {program}")).split_whitespace().count(), 1, "{program}");
    }
    project.is_as_declared();
}

/// The whole disk of the guest, as the engine exports it, has no line of the key.
fn nowhere_on_disk(project: &Project, agent: &str) {
    let exported = attempt(&["export", agent]);
    assert!(exported.status.success());
    let has = |text: &str| exported.stdout.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("Host gitea"), "the export was not searched");
    for line in key_lines(project) {
        assert!(!has(&line), "a line of the key is on the guest's disk");
    }
}
