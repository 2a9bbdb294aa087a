//! The same bottles in Docker Compose's words.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use engine_images::Images;

/// A Compose of version 2.
pub(crate) struct Compose(Vec<String>);

const FILE: &str = "compose.yaml";
/// How many things Compose does at once: without a limit, its `down` can make engine 20.10 lose count of a network's members, and only
/// a restart of the engine lets that network be removed.
const PARALLEL: &str = "8";

/// What the sidecar of a bottle is given: what `bottle` itself writes, as far as the double in the test image reads it.
const CONFIG: &str = "version: 1\nmode: strict\nenforce: true\napi_allowlist:\n  - \"api.example.org\"\n\
                      fetch_proxy:\n  listen: \"0.0.0.0:8888\"\nforward_proxy:\n  enabled: true\n";

impl Compose {
    /// The one at a path, or the first that answers.
    pub(crate) fn find(path: Option<String>) -> Option<Self> {
        let candidates = match path {
            Some(path) => vec![Self(vec![path])],
            None => vec![Self(vec!["docker".into(), "compose".into()]), Self(vec!["docker-compose".into()])],
        };
        candidates.into_iter().find(Self::is_version_2)
    }

    fn is_version_2(&self) -> bool {
        let answer = self.command(&["version", "--short"]).output();
        answer.is_ok_and(|answer| {
            let major = String::from_utf8_lossy(&answer.stdout)
                .trim()
                .trim_start_matches('v')
                .split('.')
                .next()
                .map(str::parse);
            matches!(major, Some(Ok(2..)))
        })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]).args(words);
        command
    }

    /// A step of a round: up, up once more, down.
    pub(crate) fn step(&self, folder: &Path, step: usize) -> Command {
        let verbs = [&["up", "--detach"][..], &["up", "--detach"], &["down", "--timeout", "0"]];
        let file = folder.join(FILE).display().to_string();
        let project = format!("bottle-bench-{}", std::process::id());
        let mut command = self.command(&["--parallel", PARALLEL, "--project-name", &project, "--file", &file]);
        command.args(verbs[step]);
        command
    }
}

/// Writes the compose file and the files that it mounts.
pub(crate) fn write(folder: &Path, images: &Images, bottles: usize, healthy: bool) -> io::Result<()> {
    fs::write(folder.join("pipelock.yaml"), CONFIG)?;
    fs::write(folder.join("prompt.md"), "Take the next task of your queue.")?;
    let mut text = String::from("services:\n");
    let mut networks = format!(
        "networks:\n  egress:\n    driver: bridge\n    driver_opts:\n      com.docker.network.bridge.enable_icc: \"false\"\n    \
         ipam:\n      config:\n        - subnet: 10.97.{}.0/22\n",
        std::process::id() % 64 * 4
    );
    let condition = if healthy { "service_healthy" } else { "service_started" };
    for number in 1..=bottles {
        let _ = write!(text, "{}", services(number, images, condition, healthy));
        let _ = write!(
            networks,
            "  internal-{number}:\n    driver: bridge\n    internal: true\n    driver_opts:\n      \
             com.docker.network.bridge.inhibit_ipv4: \"true\"\n    ipam:\n      config:\n        \
             - subnet: 10.98.{}.{}/29\n",
            number / 32,
            number % 32 * 8
        );
    }
    fs::write(folder.join(FILE), text + &networks)
}

fn services(number: usize, images: &Images, condition: &str, healthy: bool) -> String {
    let Images { pipelock, guest } = images;
    let health = if healthy {
        "    healthcheck:\n      test: [\"CMD\", \"/pipelock\", \"healthcheck\", \"--addr\", \"127.0.0.1:8888\"]\n      interval: 1s\n"
    } else {
        ""
    };
    let mut agent_env = String::new();
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        let _ = writeln!(agent_env, "      {variable}: http://pipelock:8888");
    }
    format!(
        "  sidecar-{number}:\n    image: {pipelock}\n    user: \"65532:65532\"\n    read_only: true\n    cap_drop: [ALL]\n    \
         security_opt: [no-new-privileges]\n    pids_limit: 512\n    dns: 127.0.0.1\n    \
         command: [run, --config, /etc/pipelock/pipelock.yaml, --listen, \"0.0.0.0:8888\"]\n    \
         volumes: [\"./pipelock.yaml:/etc/pipelock/pipelock.yaml:ro\"]\n{health}    \
         networks:\n      internal-{number}:\n        aliases: [pipelock]\n      egress: {{}}\n  \
         agent-{number}:\n    image: {guest}\n    user: node\n    init: true\n    cap_drop: [ALL]\n    \
         security_opt: [no-new-privileges]\n    pids_limit: 4096\n    dns: 127.0.0.1\n    command: [sleep, infinity]\n    \
         volumes: [\"./prompt.md:/home/node/.bottle-prompt.md:ro\"]\n    \
         environment:\n      QUEUE: \"{number}\"\n{agent_env}    networks: [internal-{number}]\n    \
         depends_on:\n      sidecar-{number}:\n        condition: {condition}\n"
    )
}
