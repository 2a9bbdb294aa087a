//! `bottle verify` where there is nothing to ask.

use serde_json::Value;

use crate::stage::Stage;

#[test]
fn the_simulator_proves_nothing_and_says_so() {
    let stage = Stage::of("sidecar");
    stage.done("apply --yes");
    let said = stage.done("verify");
    assert!(said.stdout.contains("0 proven, 0 refuted"), "{}", said.stdout);
    assert!(
        said.stdout.contains("egress.allowlisted claimed held      unknown the simulator runs nothing"),
        "{}",
        said.stdout
    );
    let json: Value = serde_json::from_str(&stage.done("verify --format json").stdout).unwrap();
    assert_eq!((&json["format"], &json["claims"]["proven"]), (&"bottle.verification".into(), &0.into()));
    assert!(stage.done("verify --format markdown").stdout.contains("### bottle verify: `lone`"));
}

#[test]
fn only_declared_bottles_can_be_verified() {
    let stage = Stage::of("sidecar");
    stage.done("apply --yes");
    let said = stage.say("verify nobody");
    assert_ne!(said.exit, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(said.told().contains("nobody"), "{}", said.stderr);
}
