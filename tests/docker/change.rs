//! One change of a manifest or of what it names, and no more work than it takes.

use libtest_mimic::Trial;

use crate::engine::{docker, environment, exists, inspect, lines, run_of, shell, succeeds};
use crate::project::Project;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("change::variable", "sidecar", variable),
        trial("change::host", "sidecar", host),
        trial("change::prompt", "bare", prompt),
        trial("change::file_taken_out", "bare", file_taken_out),
        trial("change::exec", "bare", exec),
        trial("change::bottle", "sidecar", bottle),
        trial("change::image", "bare", image),
        trial("change::part", "sidecar", part),
    ]
}

/// A second bottle beside the fixture's.
pub(crate) const REVIEWER: &str = "[bottle.reviewer]\nimage = { ref = \"bottle-test/guest:2\" }\nuser = \"node\"\n\
                                   [bottle.reviewer.egress]\nallow = [\"review.example.org\"]\n";

/// Asks the proxy's health from an agent, which goes by the proxy's name on the internal network.
pub(crate) fn reaches_its_proxy(agent: &str) -> bool {
    succeeds(agent, "node", "timeout 10 wget -Y off -qO- http://pipelock:8888/health")
}

fn variable(project: &Project) {
    project.declare("[bottle.implementer.env]\nCOLOUR = \"red\"");
    project.apply();
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let before = (run_of(&agent), run_of(&sidecar));
    project.edit("bottle.toml", "\"red\"", "\"blue\"");
    let plan = project.run(&["plan"]).exits(0).stdout;
    assert!(plan.contains("COLOUR: red -> blue"), "{plan}");
    assert_eq!(
        project.apply(),
        [
            "remove:implementer/agent/create",
            "implementer/agent/create",
            "implementer/agent/gate",
            "implementer/agent/start"
        ]
    );
    assert_ne!(run_of(&agent).0, before.0.0);
    assert_eq!(run_of(&sidecar), before.1);
    assert!(environment(&agent, "node").contains(&"COLOUR=blue".to_owned()));
    assert!(reaches_its_proxy(&agent));
    project.is_as_declared();
}

fn host(project: &Project) {
    project.apply();
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let before = (run_of(&agent), run_of(&sidecar));
    assert!(!docker(&["cp", &format!("{sidecar}:/etc/pipelock/pipelock.yaml"), "-"]).contains("new.example.org"));
    project.edit("bottle.toml", "[\"api.anthropic.com\"]", "[\"api.anthropic.com\", \"new.example.org\"]");
    let done = project.apply();
    assert!(
        done.iter().all(|address| address.contains("implementer/pipelock/") || address == "implementer/agent/gate"),
        "{done:?}"
    );
    assert_eq!(run_of(&agent), before.0);
    assert_ne!(run_of(&sidecar).0, before.1.0);
    assert!(docker(&["cp", &format!("{sidecar}:/etc/pipelock/pipelock.yaml"), "-"]).contains("new.example.org"));
    assert!(reaches_its_proxy(&agent), "the agent that stayed lost its proxy");
    let volumes = lines(&[
        "volume",
        "ls",
        "--format",
        "{{.Name}}",
        "--filter",
        &format!("label=bottle.project={}", project.name),
    ]);
    assert_eq!(volumes.len(), 1, "{volumes:?}");
    project.is_as_declared();
}

fn prompt(project: &Project) {
    project.edit("bottle.toml", "user = \"node\"", "user = \"node\"\nprompt = { file = \"prompt.md\" }");
    project.write("prompt.md", "First this.");
    project.apply();
    let agent = project.agent("agent");
    let before = run_of(&agent);
    project.write("prompt.md", "Then that.");
    assert_eq!(project.apply(), ["agent/agent/owners", "agent/agent/prompt"]);
    assert_eq!(run_of(&agent), before);
    assert_eq!(shell(&agent, "node", "cat ~/.bottle-prompt.md"), "Then that.");
    project.is_as_declared();
}

fn file_taken_out(project: &Project) {
    let copy = |name: &str| format!("[[bottle.agent.copy]]\nfrom = \"{name}\"\nto = \"~/{name}\"\n");
    project.write("stays", "a setting");
    project.write("goes", "a credential");
    project.declare(&copy("stays"));
    project.apply();
    let agent = project.agent("agent");
    let before = run_of(&agent);
    // One more is only copied.
    let manifest = project.read("bottle.toml");
    project.declare(&copy("goes"));
    assert_eq!(project.apply(), ["agent/agent/owners", "agent/agent/copy:/home/node/goes"]);
    assert_eq!(run_of(&agent), before);
    assert_eq!(shell(&agent, "node", "cat ~/goes"), "a credential");

    project.write("bottle.toml", &manifest);
    let plan = project.run(&["plan"]).exits(0).stdout;
    assert!(plan.contains("holds /home/node/goes, which is no longer declared"), "{plan}");
    project.apply();
    assert_ne!(run_of(&agent).0, before.0);
    assert_eq!(shell(&agent, "node", "ls ~"), "stays");
    project.is_as_declared();
}

fn exec(project: &Project) {
    let exec = |word: &str| format!("[[bottle.agent.exec]]\nrun = [\"sh\", \"-c\", \"echo {word} >> ~/done\"]\n");
    project.declare(&(exec("one") + &exec("two")));
    project.apply();
    let agent = project.agent("agent");
    let before = run_of(&agent);
    project.edit("bottle.toml", "echo two", "echo three");
    assert_eq!(project.apply(), ["agent/agent/exec:2"]);
    assert_eq!(run_of(&agent), before);
    assert_eq!(shell(&agent, "node", "cat ~/done"), "one\ntwo\nthree");
    // What is built on another command is done again with it.
    project.edit("bottle.toml", "echo one", "echo four");
    assert_eq!(project.apply(), ["agent/agent/exec:1", "agent/agent/exec:2"]);
    assert_eq!(shell(&agent, "node", "cat ~/done"), "one\ntwo\nthree\nfour\nthree");
    project.is_as_declared();
}

fn bottle(project: &Project) {
    project.apply();
    let alone = project.objects();
    let first = [project.agent("implementer"), project.sidecar("implementer")];
    let before = first.each_ref().map(|name| run_of(name));
    let manifest = project.read("bottle.toml");

    project.declare(REVIEWER);
    let done = project.apply();
    assert!(!done.is_empty() && done.iter().all(|address| address.starts_with("reviewer/")), "{done:?}");
    assert_eq!(first.each_ref().map(|name| run_of(name)), before);
    assert!(reaches_its_proxy(&project.agent("reviewer")));
    project.is_as_declared();

    project.write("bottle.toml", &manifest);
    let done = project.apply();
    assert!(!done.is_empty() && done.iter().all(|address| address.starts_with("remove:reviewer/")), "{done:?}");
    assert_eq!(first.each_ref().map(|name| run_of(name)), before);
    assert_eq!(project.objects(), alone);
    project.is_as_declared();
}

fn image(project: &Project) {
    project.edit("bottle.toml", "{ ref = \"bottle-test/guest:2\" }", "{ build = \"image\" }");
    project.write("image/Dockerfile", "FROM bottle-test/guest:2\nCOPY mark /etc/mark\n");
    project.write("image/mark", "one");
    project.apply();
    let agent = project.agent("agent");
    let of_agent = || inspect("container", &agent)["Config"]["Image"].as_str().unwrap().to_owned();
    let (before, old) = (run_of(&agent), of_agent());
    assert_eq!(shell(&agent, "node", "cat /etc/mark"), "one");

    project.write("image/mark", "two");
    project.apply();
    assert_ne!(run_of(&agent).0, before.0);
    assert_eq!(shell(&agent, "node", "cat /etc/mark"), "two");
    assert!(exists("image", &of_agent()) && !exists("image", &old), "the old image is left");
    project.is_as_declared();
}

fn part(project: &Project) {
    project.declare(REVIEWER);
    let done = project.apply_with(&["reviewer"], &[]);
    assert!(done.iter().all(|address| address.starts_with("reviewer/") || address.starts_with("shared/")), "{done:?}");
    assert!(!exists("container", &project.agent("implementer")));
    project.apply();
    let containers = [
        project.agent("implementer"),
        project.sidecar("implementer"),
        project.agent("reviewer"),
        project.sidecar("reviewer"),
    ];
    let before = containers.each_ref().map(|name| run_of(name));

    // Both change, one is applied.
    project.declare("[bottle.implementer.env]\nCOLOUR = \"red\"\n[bottle.reviewer.env]\nCOLOUR = \"red\"");
    project.apply_with(&["reviewer"], &[]);
    assert_eq!(run_of(&containers[0]), before[0]);
    assert_ne!(run_of(&containers[2]).0, before[2].0);
    project.has_drifted();
    project.apply();

    let before = run_of(&containers[0]);
    project.run(&["destroy", "--yes", "reviewer"]).exits(0);
    assert!(!exists("container", &containers[2]) && !exists("container", &containers[3]));
    assert!(!exists("network", &project.internal("reviewer")));
    assert_eq!(run_of(&containers[0]), before);
    assert!(reaches_its_proxy(&containers[0]));
    assert!(exists("network", &project.egress()));
}
