//! The matrix of the engine that runs: what each row of the catalog says of a good bottle, and of the same agent and proxy as somebody
//! writes them in a compose file. With `BOTTLE_MATRIX=FILE` it is written down (see `tests/matrix`).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use bottle_planner::probe::Probe;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::engine::{Own, docker};
use crate::project::Project;
use crate::record::{Whose, record};
use crate::trial;
use crate::trials::wait_until;

pub(crate) fn trials() -> Vec<Trial> {
    let compose = trial("matrix::compose", "sidecar", compose);
    let has_compose = compose_command().is_some();
    vec![trial("matrix::bottle", "sidecar", bottle), compose.with_ignored_flag(!has_compose)]
}

/// A bottle with a listed wildcard, one on no network, and a secret for the first.
const FURTHER: &str = "[bottle.wild]\nimage = { ref = \"bottle-test/guest:2\" }\nuser = \"node\"\n\
                       [bottle.wild.egress]\nallow = [\"*.example.org\"]\n\
                       [bottle.without]\nimage = { ref = \"bottle-test/guest:2\" }\nuser = \"node\"\n";

fn declare(project: &Project, further: &str) {
    project.edit("bottle.toml", "user = \"node\"", "user = \"node\"\nenv = { TOKEN = { env = \"GH_PAT\" } }");
    project.declare(further);
}

const SECRET: &str = "planted-in-the-matrix";

/// Writes down what was verified, which must end like this: each row once, of the first bottle that it applies to. Which rows there were.
fn written(whose: Whose, project: &Project, code: i32) -> BTreeSet<String> {
    let said = project.run(&["verify", "--format", "json"]).exits(code);
    let document: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
    let mut rows: BTreeMap<String, (String, String)> = BTreeMap::new();
    for bottle in document["bottles"].as_array().unwrap() {
        for probe in bottle["probes"].as_array().unwrap() {
            let verdict = probe["verdict"].as_str().unwrap().to_owned();
            let reason = probe["reason"].as_str().unwrap_or_default().to_owned();
            rows.entry(probe["name"].as_str().unwrap().to_owned()).or_insert((verdict, reason));
        }
        for limit in bottle["limits"].as_array().unwrap() {
            let verdict = if limit["let_through"] == true { "let through" } else { "not let through" };
            let notes: Vec<&str> = limit["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            rows.entry(limit["name"].as_str().unwrap().to_owned()).or_insert((verdict.to_owned(), notes.join("; ")));
        }
    }
    for (row, (verdict, reason)) in &rows {
        record(whose, row, verdict, reason);
    }
    rows.into_keys().collect()
}

fn bottle(project: &Project) {
    declare(project, FURTHER);
    project.apply_with(&[], &[("GH_PAT", SECRET.into())]);
    let rows = written(Whose::Bottle, project, 0);
    let all: BTreeSet<String> = Probe::all().map(|probe| probe.name.to_owned()).collect();
    assert_eq!(rows, all, "rows that were asked, and rows that there are");
}

/// `docker compose`, or `docker-compose`.
fn compose_command() -> Option<&'static [&'static str]> {
    let all: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    all.into_iter().find(|words| {
        let version = Command::new(words[0]).args(&words[1..]).arg("version").output();
        version.is_ok_and(|output| output.status.success())
    })
}

/// An agent that may only reach its proxy, as it is commonly written: an internal network, and proxy variables. The labels are those by which
/// `verify` finds them.
fn compose_file(project: &Project) -> String {
    let name = &project.name;
    let labels = |address: &str| format!("{{ bottle.project: {name}, bottle.address: {address} }}");
    format!(
        "version: '3.7'
services:
  agent:
    image: {guest}
    container_name: {agent}
    labels: {of_agent}
    user: node
    environment:
      TOKEN: {SECRET}
      HTTPS_PROXY: http://pipelock:8888
      HTTP_PROXY: http://pipelock:8888
    networks: [internal]
  pipelock:
    image: {pipelock}
    container_name: {sidecar}
    labels: {of_sidecar}
    command: [run, --config, /etc/pipelock/pipelock.yaml, --listen, '0.0.0.0:8888']
    volumes: ['./pipelock.yaml:/etc/pipelock/pipelock.yaml:ro']
    networks: [internal, egress]
networks:
  internal:
    name: {internal}
    internal: true
    labels: {of_internal}
  egress:
    name: {egress}
    labels: {of_egress}
",
        guest = engine_images::GUEST,
        pipelock = engine_images::PIPELOCK,
        agent = project.agent("implementer"),
        sidecar = project.sidecar("implementer"),
        internal = project.internal("implementer"),
        egress = project.egress(),
        of_agent = labels("implementer/agent/create"),
        of_sidecar = labels("implementer/pipelock/create"),
        of_internal = labels("implementer/internal/create"),
        of_egress = labels("shared/egress/create"),
    )
}

/// The proxy's configuration: strict, and its metrics on loopback.
const CONFIGURATION: &str = "mode: strict\nenforce: true\napi_allowlist: [\"api.anthropic.com\"]\n\
                             metrics_listen: \"127.0.0.1:9091\"\nforward_proxy: { enabled: true }\n";

fn compose(project: &Project) {
    declare(project, "");
    let words = compose_command().expect("the trial is ignored without");
    project.write("compose/compose.yaml", &compose_file(project));
    project.write("compose/pipelock.yaml", CONFIGURATION);
    let file = project.root().join("compose/compose.yaml");
    let compose = |args: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("--project-name").arg(&project.name).arg("--file").arg(&file).args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    compose(&["up", "--detach"]);
    // Somebody else's container on the egress network.
    let other = format!("bottle-test-{}-other", project.name);
    let other_one = Own::container(
        &other,
        &["run", "--detach", "--name", &other, "--network", &project.egress(), engine_images::GUEST],
    );
    let sidecar = project.sidecar("implementer");
    wait_until("the proxy serves", || docker(&["logs", &sidecar]).contains("startup"));
    let rows = written(Whose::Compose, project, 3);
    assert!(rows.contains("C2.gateway"), "{rows:?}");
    drop(other_one);
    compose(&["down", "--volumes"]);
}
