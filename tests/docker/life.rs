//! A project's life, for every fixture: applied, as declared, applied again for nothing, destroyed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::engine::{docker, environment, exists, inspect, inspect_all, run_of, shell, succeeds};
use crate::project::Project;
use crate::trial;
use crate::trials::host_secrets;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("life::bare", "bare", bare),
        trial("life::sidecar", "sidecar", sidecar),
        trial("life::full", "full", full),
        trial("life::family", "family", family),
        trial("life::git", "bare", git),
    ]
}

/// What is so of every agent, however it was declared.
pub(crate) fn closed_agent(seen: &Value, networks: &[String]) {
    let host = &seen["HostConfig"];
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(host["CapAdd"], Value::Null);
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["Init"], true);
    assert!(host["PidsLimit"].as_i64().unwrap() > 0, "{}", host["PidsLimit"]);
    assert_eq!(seen["State"]["Running"], true);
    // Without a network Docker lists one called `none`.
    let joined: Vec<&String> = seen["NetworkSettings"]["Networks"].as_object().unwrap().keys().collect();
    let none = vec!["none".to_owned()];
    assert_eq!(joined, if networks.is_empty() { &none } else { networks }.iter().collect::<Vec<_>>());
}

/// What is so of every sidecar.
pub(crate) fn closed_sidecar(project: &Project, bottle: &str, seen: &Value) {
    let host = &seen["HostConfig"];
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!(host["ReadonlyRootfs"], true);
    assert!(host["PidsLimit"].as_i64().unwrap() > 0);
    assert_eq!(seen["State"]["Running"], true);
    let mut joined: Vec<&String> = seen["NetworkSettings"]["Networks"].as_object().unwrap().keys().collect();
    joined.sort_unstable();
    assert_eq!(joined, [&project.internal(bottle), &project.egress()]);
}

/// What is so of the networks: agents' lead nowhere, and no two neighbours of the way out see each other.
pub(crate) fn closed_networks(project: &Project, bottles: &[&str]) {
    let names: Vec<String> = bottles.iter().map(|bottle| project.internal(bottle)).collect();
    for seen in inspect_all("network", &names) {
        assert_eq!(
            (&seen["Internal"], &seen["EnableIPv6"], &seen["Driver"]),
            (&json!(true), &json!(false), &json!("bridge"))
        );
        let options = seen["Options"].as_object().unwrap();
        let inhibited = options.get("com.docker.network.bridge.inhibit_ipv4") == Some(&json!("true"));
        let isolated = options.get("com.docker.network.bridge.gateway_mode_ipv4") == Some(&json!("isolated"));
        assert!(inhibited || isolated, "{options:?}");
        let subnet = seen["IPAM"]["Config"][0]["Subnet"].as_str().unwrap();
        let prefix: u8 = subnet.split_once('/').unwrap().1.parse().unwrap();
        assert!(prefix >= 28, "{subnet} is large for two containers");
    }
    let egress = inspect("network", &project.egress());
    assert_eq!(egress["Internal"], false);
    assert_eq!(egress["Options"]["com.docker.network.bridge.enable_icc"], "false");
    assert_eq!(egress["Containers"].as_object().unwrap().len(), bottles.len(), "{}", egress["Containers"]);
}

/// The second apply does nothing: every container is the one it was, in the run it was in.
fn applied_again(project: &Project, containers: &[String], env: &[(&str, std::ffi::OsString)]) {
    let before: Vec<_> = containers.iter().map(|name| run_of(name)).collect();
    assert_eq!(project.apply_with(&[], env), Vec::<String>::new());
    assert_eq!(before, containers.iter().map(|name| run_of(name)).collect::<Vec<_>>());
    project.is_as_declared();
}

/// The processes of a container as `UID COMMAND`, the first of them first.
fn processes(container: &str) -> Vec<String> {
    let listed = docker(&["top", container, "-eo", "uid,pid,args"]);
    let mut rows: Vec<Vec<&str>> = listed.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    rows.sort_by_key(|row| row[1].parse::<u32>().unwrap());
    rows.into_iter().map(|row| format!("{} {}", row[0], row[2..].join(" "))).collect()
}

/// The agent's processes: an init, and the command under it, both as node.
fn runs_as_node(container: &str) {
    let processes = processes(container);
    assert!(processes[0].starts_with("1000 ") && processes[0].contains("init"), "{processes:?}");
    assert!(processes[1..].iter().any(|process| process == "1000 sleep infinity"), "{processes:?}");
    assert!(shell(container, "node", "cat /proc/1/cmdline").contains("init"));
    let status = shell(container, "node", "cat /proc/1/status");
    for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "no {line:?} in {status}");
    }
}

/// `USER MODE` of files and folders.
fn owned(container: &str, paths: &str) -> Vec<String> {
    shell(container, "node", &format!("stat -c '%U %a' {paths}")).lines().map(str::to_owned).collect()
}

fn bare(project: &Project) {
    project.apply();
    let agent = project.agent("agent");
    closed_agent(&inspect("container", &agent), &[]);
    runs_as_node(&agent);
    let variables = environment(&agent, "node");
    let told = |variable: &&String| variable.to_lowercase().contains("proxy") && !variable.ends_with('=');
    assert_eq!(variables.iter().find(told), None, "it is told of a proxy");
    assert_eq!(project.objects(), [format!("container {agent}")]);
    applied_again(project, &[agent], &[]);
}

fn sidecar(project: &Project) {
    // An approval that was given without an engine is good on one of that profile.
    let live = project.run(&["plan"]).exits(0).stdout;
    let profile = live.split_whitespace().nth(2).unwrap();
    let named = project.run(&["plan", "--offline", "--backend", profile]).exits(0).stdout;
    let approval = named.lines().find_map(|line| line.strip_prefix("approval ")).unwrap();
    project.run(&["apply", "--approved", approval]).exits(0);
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let seen = project.containers([agent.clone(), sidecar.clone()]);
    closed_agent(&seen[0], &[project.internal("implementer")]);
    closed_sidecar(project, "implementer", &seen[1]);
    closed_networks(project, &["implementer"]);
    let host = &seen[0]["HostConfig"];
    assert_eq!((&host["NanoCpus"], &host["Memory"]), (&json!(1_500_000_000_u64), &json!(512 * 1024 * 1024)));
    assert_eq!(host["PidsLimit"], 512);
    runs_as_node(&agent);
    let running = processes(&sidecar);
    assert_eq!(running, ["65532 /pipelock run --config /etc/pipelock/pipelock.yaml --listen 0.0.0.0:8888"]);

    let variables = environment(&agent, "node");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        assert!(variables.contains(&format!("{name}=http://pipelock:8888")), "{variables:?}");
    }
    let configuration = docker(&["cp", &format!("{sidecar}:/etc/pipelock/pipelock.yaml"), "-"]);
    assert!(configuration.contains("api_allowlist:\n  - \"api.anthropic.com\"\nfetch_proxy"), "{configuration}");
    assert!(
        succeeds(&agent, "node", "wget -Y off -qO- http://pipelock:8888/health"),
        "the proxy does not answer its agent"
    );
    applied_again(project, &[agent, sidecar], &[]);
}

fn full(project: &Project) {
    let env = host_secrets(project, "value-of-gh-pat", "value-of-gitea-token");
    project.apply_with(&[], &env);
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let seen = project.containers([agent.clone(), sidecar.clone()]);
    closed_agent(&seen[0], &[project.internal("implementer")]);
    closed_sidecar(project, "implementer", &seen[1]);
    closed_networks(project, &["implementer"]);
    runs_as_node(&agent);
    assert_eq!(seen[0]["Config"]["WorkingDir"], "/home/node/workspace");

    let variables = environment(&agent, "node");
    for variable in [
        "GIT_AUTHOR_NAME=implementer",
        "GITHUB_TOKEN=value-of-gh-pat",
        "GITEA_TOKEN=value-of-gitea-token",
        "SSH_AUTH_SOCK=/run/bottle-ssh/relay",
    ] {
        assert!(variables.iter().any(|line| line == variable), "no {variable}: {variables:?}");
    }

    // The image was built from the context, which leaves everything but the Dockerfile out.
    assert_eq!(shell(&agent, "node", "cat /etc/image-recipe"), project.read("Dockerfile").trim_end());

    let prompt = "/home/node/.bottle-prompt.md";
    assert_eq!(shell(&agent, "node", &format!("cat {prompt}")), project.read("prompts/implementer.md").trim_end());
    let skill = "/home/node/.claude/skills/review";
    assert_eq!(
        shell(&agent, "node", &format!("cat {skill}/SKILL.md")),
        project.read("skills/review/SKILL.md").trim_end()
    );
    let executable = |path: &str| fs::metadata(project.root().join(path)).unwrap().permissions().mode() & 0o111 != 0;
    assert!(executable("skills/review/changed.sh") && !executable("skills/review/SKILL.md"));
    let paths = format!(
        "{prompt} {skill}/SKILL.md {skill}/changed.sh /home/node/.claude /home/node/.claude/settings.json \
         /home/node/.ssh/config /home/node/.ssh/known_hosts"
    );
    assert_eq!(
        owned(&agent, &paths),
        ["node 600", "node 644", "node 755", "node 755", "node 600", "node 600", "node 600"]
    );
    assert_eq!(shell(&agent, "node", "cat ~/.claude/settings.json"), project.read("settings.json").trim_end());
    let config = shell(&agent, "node", "cat ~/.ssh/config");
    for line in ["Host gitea", "HostName gitea.example.org", "Port 30009", "User git", "StrictHostKeyChecking yes"] {
        assert!(config.lines().any(|found| found.trim() == line), "no {line}: {config}");
    }
    assert!(shell(&agent, "node", "cat ~/.ssh/known_hosts").starts_with("[gitea.example.org]:30009 ssh-ed25519 "));

    // The workspace is a copy that belongs to the agent, and `npm ci` ran in it.
    assert_eq!(shell(&agent, "node", "cat package.json"), project.read("package.json").trim_end());
    assert_eq!(shell(&agent, "node", "cat node_modules/.installed"), "ci");
    assert_eq!(shell(&agent, "node", "find /home/node/workspace ! -user node"), "");
    assert!(!project.root().join("node_modules").exists(), "the agent wrote into the host's folder");
    applied_again(project, &[agent, sidecar], &env);
}

fn family(project: &Project) {
    project.apply();
    let bottles = ["implementer", "reviewer", "scribe"];
    let agents: Vec<String> = bottles.iter().map(|bottle| project.agent(bottle)).collect();
    let sidecars: Vec<String> = bottles.iter().map(|bottle| project.sidecar(bottle)).collect();
    for (bottle, seen) in bottles.iter().zip(project.containers(agents.clone())) {
        closed_agent(&seen, &[project.internal(bottle)]);
    }
    for (bottle, seen) in bottles.iter().zip(project.containers(sidecars.clone())) {
        closed_sidecar(project, bottle, &seen);
    }
    closed_networks(project, &bottles);
    let authors = |agent: &String| {
        let mut found = environment(agent, "node");
        found.retain(|variable| variable.starts_with("GIT_AUTHOR"));
        found.sort_unstable();
        found.join(" ")
    };
    let email = "GIT_AUTHOR_EMAIL=agents@example.org";
    assert_eq!(authors(&agents[0]), format!("{email} GIT_AUTHOR_NAME=implementer"));
    assert_eq!(authors(&agents[1]), format!("{email} GIT_AUTHOR_NAME=reviewer"));
    assert_eq!(authors(&agents[2]), email);

    // Baked: part of an image that is the bottle's own.
    let main = "/home/node/workspace/main.rs";
    let image = inspect("container", &agents[0])["Config"]["Image"].as_str().unwrap().to_owned();
    assert_eq!(docker(&["run", "--rm", &image, "cat", main]), "fn main() {}");
    assert_eq!(owned(&agents[0], main), ["node 644"]);
    assert_eq!(shell(&agents[0], "node", "touch new && cat main.rs"), "fn main() {}");
    // Mounted: the host's folder itself.
    project.write("code/main.rs", "fn main() { changed() }");
    assert_eq!(shell(&agents[1], "node", "cat main.rs"), "fn main() { changed() }");
    assert_eq!(shell(&agents[0], "node", "cat main.rs"), "fn main() {}");
    project.write("code/main.rs", "fn main() {}\n");
    // codex keeps its own skills folder, and the text of a prompt needs no file.
    assert_eq!(
        shell(&agents[2], "node", "cat ~/.bottle-prompt.md && echo && ls notes"),
        "Keep the change log.\nchangelog.md"
    );
    assert!(!succeeds(&agents[0], "node", "test -e ~/.bottle-prompt.md"));

    let all: Vec<String> = agents.into_iter().chain(sidecars).collect();
    applied_again(project, &all, &[]);
    project.run(&["destroy", "--yes"]).exits(0);
    assert!(!exists("image", &image), "the baked image is left");
}

/// `how = "git"`: the history goes in, the files do not.
fn git(project: &Project) {
    project.write(".git/HEAD", "ref: refs/heads/main\n");
    project.write("left-out.txt", "not committed");
    project.edit("bottle.toml", "user = \"node\"", "user = \"node\"\nworkspace = { from = \".\", how = \"git\" }");
    project.apply();
    let agent = project.agent("agent");
    assert_eq!(shell(&agent, "node", "ls -A && cat .git/HEAD"), ".git\nref: refs/heads/main");
    assert_eq!(owned(&agent, "/home/node/workspace/.git/HEAD"), ["node 644"]);
}
