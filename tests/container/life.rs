//! A project's life with each way out: refused as long as it requires what is unproven, applied, as declared, applied again for nothing,
//! destroyed.

use std::ffi::OsString;

use libtest_mimic::Trial;
use serde_json::json;

use crate::project::{Project, mode};
use crate::trials::host_secrets;
use crate::{FIREWALL, HOST_LOOPBACK, SIDECAR, WAYS, each, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("life::bare", "bare", "none", bare),
        trial("life::refused", "sidecar", SIDECAR, refused),
        trial("life::numbers", "sidecar", FIREWALL, numbers),
    ];
    trials.extend(each(&WAYS, "life::full", "full", full));
    trials.extend(each(&WAYS, "life::sidecar", "sidecar", sidecar));
    trials.extend(each(&WAYS, "life::family", "family", several));
    trials.extend(each(&WAYS, "life::team", "team", several));
    trials
}

/// What a second apply of a firewall does: names are resolved anew, and the rules laid down again.
pub(crate) const REFRESHED: [&str; 3] =
    ["implementer/agent/hosts", "implementer/agent/rules", "implementer/egress/resolve"];

fn refused(project: &Project) {
    project.edit(
        "bottle.toml",
        "[bottle.implementer]\n",
        "[bottle.implementer]\nrequires = [\"egress.allowlisted\"]\n",
    );
    let said = project.run(&["apply", "--yes"]).exits(3);
    assert!(said.stderr.contains("requires egress.allowlisted"), "{}", said.stderr);
    project.is_gone();
    // The control: it is only that.
    project.edit("bottle.toml", "requires = [\"egress.allowlisted\"]\n", "");
    assert!(!project.apply().is_empty());
}

/// The containers of a bottle, the agent first.
fn containers(project: &Project) -> Vec<String> {
    let mut names = vec![project.agent("implementer")];
    if project.way == SIDECAR {
        names.push(project.sidecar("implementer"));
    }
    names
}

/// The second apply does nothing: every container is the one it was, in the run it was in.
fn applied_again(project: &Project, env: &[(&str, OsString)]) {
    let runs = || containers(project).iter().map(|name| project.run_of(name)).collect::<Vec<_>>();
    let (before, processes) = (runs(), project.host_processes());
    let refreshed: &[&str] = if project.way == FIREWALL { &REFRESHED } else { &[] };
    let mut done = project.apply_with(&[], env);
    done.sort_unstable();
    assert_eq!(done, refreshed);
    assert_eq!((before, processes), (runs(), project.host_processes()));
    if project.way == FIREWALL {
        // Names that are asked for anew are no drift.
        let status = project.run_with(&["status", "--detailed-exitcode"], env).exits(0).stdout;
        assert!(status.ends_with("as declared\n"), "{status}");
    } else {
        project.is_as_declared();
    }
}

/// What is so of every agent, however it was declared.
fn closed_agent(project: &Project, agent: &str) {
    let configuration = &project.inspect(agent)["configuration"];
    assert_eq!(configuration["capDrop"], json!(["ALL"]), "{configuration}");
    let network = if project.way == FIREWALL { "default".to_owned() } else { project.internal("implementer") };
    let joined: Vec<&str> = configuration["networks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|joined| joined["network"].as_str().unwrap())
        .collect();
    assert_eq!(joined, [network]);
    project.runs_its_command(agent);
    assert_eq!(project.shell(agent, "node", "cat /etc/resolv.conf"), "", "a resolver is told");
    // The command itself, whatever started it.
    let status = project.shell(
        agent,
        "root",
        "for p in /proc/[0-9]*; do [ \"$(tr '\\0' ' ' <$p/cmdline)\" != 'sleep infinity ' ] || cat $p/status; done",
    );
    assert!(status.contains("Uid:\t1000\t1000\t1000\t1000"), "{status}");
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    if project.way == FIREWALL {
        assert!(status.contains("CapBnd:\t0000000000000000") && status.contains("NoNewPrivs:\t1"), "{status}");
    }
}

fn bare(project: &Project) {
    project.apply();
    let agent = project.agent("agent");
    project.runs_its_command(&agent);
    assert_eq!(project.inspect(&agent)["configuration"]["networks"], json!([]));
    assert_eq!(project.shell(&agent, "node", "ls /sys/class/net"), "lo");
    assert_eq!(project.objects(), [format!("container {agent}")]);
    let before = project.run_of(&agent);
    assert_eq!(project.apply(), [""; 0]);
    assert_eq!(project.run_of(&agent), before);
    project.is_as_declared();
}

/// Several bottles: all is done, and then there is nothing to do but what is asked anew.
fn several(project: &Project) {
    let done = project.apply();
    assert!(done.iter().filter(|address| address.ends_with("/agent/start")).count() >= 3, "{done:?}");
    let again = project.apply();
    if project.way == FIREWALL {
        let asked_anew =
            |address: &String| REFRESHED.iter().any(|known| address.ends_with(&known["implementer".len()..]));
        assert!(!again.is_empty() && again.iter().all(asked_anew), "{again:?}");
    } else {
        assert_eq!(again, [""; 0]);
        project.is_as_declared();
    }
}

/// A user by numbers is who the agent becomes behind its rules.
fn numbers(project: &Project) {
    project.edit("bottle.toml", "user = \"node\"", "user = \"1000:1000\"");
    project.apply();
    closed_agent(project, &project.agent("implementer"));
}

fn sidecar(project: &Project) {
    project.apply();
    let agent = project.agent("implementer");
    closed_agent(project, &agent);
    let variables = project.environment(&agent);
    let proxied =
        ["HTTP_PROXY", "https_proxy"].iter().all(|name| variables.contains(&format!("{name}=http://pipelock:8888")));
    assert_eq!(proxied, project.way != FIREWALL, "{variables:?}");
    let hosts = project.shell(&agent, "node", "cat /etc/hosts");
    match project.way {
        SIDECAR => {
            let sidecar = project.sidecar("implementer");
            let internal = project.internal("implementer");
            assert!(hosts.ends_with(&format!("{} pipelock", project.address(&sidecar, &internal))), "{hosts}");
            let configuration = &project.inspect(&sidecar)["configuration"];
            assert_eq!(configuration["networks"][0]["network"], "default");
            assert_eq!(configuration["readOnly"], true, "{configuration}");
        }
        HOST_LOOPBACK => {
            let (_, words) = &project.host_processes()[0];
            let listens = words.trim_end().rsplit(' ').next().unwrap();
            let address = listens.strip_suffix(":8888").unwrap();
            assert!(address.starts_with("10.") && address.ends_with(".1"), "{words}");
            assert!(hosts.ends_with(&format!("{address} pipelock")), "{hosts}");
            let log = project.own_state().join("log");
            assert_eq!(mode(&log), 0o700, "others read what the agent asks for");
        }
        _ => {
            assert!(hosts.ends_with("203.0.113.7 api.anthropic.com # bottle"), "{hosts}");
            let rules = project.shell(&agent, "root", "nft list table inet bottle");
            assert!(
                rules.contains("elements = { 127.0.0.1, 203.0.113.7 }") && rules.contains("policy drop"),
                "{rules}"
            );
        }
    }
    if project.way != FIREWALL {
        assert!(
            project.succeeds(&agent, "node", "timeout 10 wget -Y off -qO- http://pipelock:8888/health"),
            "the proxy does not answer its agent"
        );
    }
    applied_again(project, &[]);
}

fn full(project: &Project) {
    let env = host_secrets(project, "value-of-gh-pat", "value-of-gitea-token");
    project.apply_with(&[], &env);
    let agent = project.agent("implementer");
    closed_agent(project, &agent);
    let variables = project.environment(&agent);
    for variable in ["GIT_AUTHOR_NAME=implementer", "GITHUB_TOKEN=value-of-gh-pat", "GITEA_TOKEN=value-of-gitea-token"]
    {
        assert!(variables.iter().any(|line| line == variable), "no {variable}: {variables:?}");
    }
    assert_eq!(project.shell(&agent, "node", "cat /etc/image-recipe"), project.read("Dockerfile").trim_end());

    let (prompt, skill) = ("/home/node/.bottle-prompt.md", "/home/node/.claude/skills/review");
    for (path, source) in [
        (prompt.to_owned(), "prompts/implementer.md"),
        (format!("{skill}/SKILL.md"), "skills/review/SKILL.md"),
        ("/home/node/.claude/settings.json".to_owned(), "settings.json"),
        ("/home/node/workspace/package.json".to_owned(), "package.json"),
    ] {
        assert_eq!(project.shell(&agent, "node", &format!("cat {path}")), project.read(source).trim_end());
    }
    let owned = format!(
        "stat -c '%U %a' {prompt} {skill}/SKILL.md {skill}/changed.sh /home/node/.claude \
         /home/node/.claude/settings.json /home/node/.ssh/config /home/node/.ssh/known_hosts"
    );
    let owned = project.shell(&agent, "node", &owned);
    let modes = [600, 644, 755, 755, 600, 600, 600].map(|mode| format!("node {mode}"));
    assert_eq!(owned.lines().collect::<Vec<_>>(), modes);
    assert_eq!(project.shell(&agent, "node", "cat ~/workspace/node_modules/.installed"), "ci");
    assert_eq!(project.shell(&agent, "node", "find /home/node/workspace ! -user node"), "");
    assert!(!project.root().join("node_modules").exists(), "the agent wrote into the host's folder");
    let config = project.shell(&agent, "node", "cat ~/.ssh/config");
    assert!(config.contains("Host gitea") && config.contains("Port 30009"), "{config}");
    let keys = project.shell(&agent, "node", "SSH_AUTH_SOCK=/run/bottle-ssh/relay ssh-add -l");
    assert!(keys.contains("ED25519"), "{keys}");
    applied_again(project, &env);
}
