//! The gate: no agent runs in a bottle that is not what its manifest requires.

use libtest_mimic::Trial;
use serde_json::json;

use crate::change::REVIEWER;
use crate::engine::{docker, inspect, run_of, shell};
use crate::project::Project;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("gate::passes", "sidecar", passes), trial("gate::stays_shut", "sidecar", stays_shut)]
}

/// An error's text without the margin and the ends of lines of a terminal.
fn unwrapped(text: &str) -> String {
    text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

const GATE: &str = "implementer/agent/gate";

fn passes(project: &Project) {
    let done = project.apply();
    let at =
        |address: &str| done.iter().position(|done| done == address).unwrap_or_else(|| panic!("{address}: {done:?}"));
    assert!(at("implementer/pipelock/ready") < at(GATE) && at(GATE) < at("implementer/agent/start"), "{done:?}");
    assert!(!project.objects().iter().any(|object| object.ends_with("_gate")), "the twin is still there");
    project.is_as_declared();

    // It is due with every start of the agent, and with a sidecar that was made anew.
    docker(&["stop", "--time", "1", &project.agent("implementer")]);
    assert_eq!(project.apply(), [GATE, "implementer/agent/start"]);
    docker(&["rm", "--force", &project.sidecar("implementer")]);
    let done = project.apply();
    assert!(done.iter().any(|done| done == GATE), "{done:?}");
    project.is_as_declared();
}

/// The host gets an address on the bottle's network, which is what a gateway that was not kept out of it has.
fn stays_shut(project: &Project) {
    project.declare(REVIEWER);
    // Everything but the gate is there.
    let killed =
        project.run_with(&["apply", "--yes", "implementer"], &[("BOTTLE_CRASH", format!("{GATE}@before").into())]);
    assert_eq!(killed.code, None, "{}{}", killed.stdout, killed.stderr);
    let network = inspect("network", &project.internal("implementer"));
    let bridge = format!("br-{}", &network["Id"].as_str().unwrap()[..12]);
    let (start, _) = network["IPAM"]["Config"][0]["Subnet"].as_str().unwrap().split_once('/').unwrap();
    let (start, last) = start.rsplit_once('.').unwrap();
    let leak = format!("{start}.{}/29", last.parse::<u8>().unwrap() + 1);
    let on_the_bridge = |does: &str| {
        docker(&[
            "run",
            "--rm",
            "--network",
            "host",
            "--cap-add",
            "NET_ADMIN",
            engine_images::GUEST,
            "ip",
            "addr",
            does,
            &leak,
            "dev",
            &bridge,
        ])
    };
    on_the_bridge("add");

    let said = project.run(&["apply", "--yes"]).exits(3);
    for words in ["A1.stand-in", "egress.allowlisted", "our listener on the host", "the agent was not started"] {
        assert!(unwrapped(&said.stderr).contains(words), "{words}: {}", said.stderr);
    }
    let state = || inspect("container", &project.agent("implementer"))["State"].clone();
    assert_eq!((&state()["Status"], &state()["StartedAt"]), (&json!("created"), &json!("0001-01-01T00:00:00Z")));
    run_of(&project.agent("reviewer"));
    assert!(!project.objects().iter().any(|object| object.ends_with("_gate")), "the twin is still there");

    on_the_bridge("del");
    assert_eq!(project.apply(), [GATE, "implementer/agent/start"]);
    assert_eq!(shell(&project.agent("implementer"), "node", "id -un"), "node");

    // An agent that runs is stopped, when what its bottle rests on was changed below it.
    on_the_bridge("add");
    docker(&["restart", "--time", "1", &project.sidecar("implementer")]);
    let said = project.run(&["apply", "--yes"]).exits(3);
    assert!(unwrapped(&said.stderr).contains("which was running, was stopped"), "{}", said.stderr);
    assert_eq!(state()["Running"], json!(false));
    on_the_bridge("del");
    project.apply();
    project.is_as_declared();
}
