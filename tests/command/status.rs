//! `bottle status`.

use serde_json::{Value, json};

use crate::said::said;
use crate::stage::Stage;

fn json_of(stage: &Stage) -> Value {
    serde_json::from_str(&stage.done("status --format json").stdout).unwrap()
}

#[test]
fn it_tells_what_is_there_and_what_drifted() {
    let stage = Stage::of("sidecar");
    let before = stage.done("status");
    assert!(
        before.stdout.starts_with("lone on simulator@28.5\n  implementer  not there\nnot as declared; "),
        "{}",
        before.stdout
    );
    stage.done("apply --yes");
    let after = "lone on simulator@28.5\n  implementer  running, sidecar running\nas declared\n";
    let said = stage.done("status");
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), (after, ""));
    let document = json!({
        "format": "bottle.status", "version": 1, "project": "lone", "profile": "simulator@28.5", "as_declared": true,
        "bottles": [{ "name": "implementer", "agent": "running", "sidecar": "running" }], "drift": [], "trusted": true,
    });
    assert_eq!(json_of(&stage), document);

    stage.engine().by_hand().stop("bottle_lone_implementer_pipelock").unwrap();
    let stopped = stage.done("status");
    assert!(stopped.stdout.contains("  implementer  running, sidecar stopped (137)\n"), "{}", stopped.stdout);
    assert!(stopped.stdout.contains("~ implementer/pipelock/start: "), "{}", stopped.stdout);
    let document = json_of(&stage);
    assert_eq!(document["as_declared"], false);
    let drift: Vec<&str> =
        document["drift"].as_array().unwrap().iter().map(|entry| entry["address"].as_str().unwrap()).collect();
    assert!(drift.contains(&"implementer/pipelock/start"), "{drift:?}");
    stage.done("apply --yes");
    assert_eq!(stage.done("status").stdout, after);
}

#[test]
fn outside_of_a_project_it_tells_whose_bottles_there_are() {
    let stage = Stage::of("sidecar");
    let outside = || said(stage.simulated("status").current_dir(stage.home()));
    assert_eq!(outside().stdout, "simulator@28.5 has no bottles\n");
    stage.done("apply --yes");
    assert_eq!(outside().stdout, "simulator@28.5 has bottles of: lone\n");
}
