//! The example policy: passes a plan that is right, and denies for each of its rules.

use regorus::Engine;
use serde_json::Value;

use super::{document, plan};
use crate::stage::Stage;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn denied_with(input: &Value, data: &str) -> Vec<String> {
    let mut engine = Engine::new();
    engine.add_policy("bottle.rego".to_owned(), document("policy/bottle.rego")).unwrap();
    engine.add_data_json(data).unwrap();
    engine.set_input_json(&input.to_string()).unwrap();
    let denied = engine.eval_rule("data.main.deny".to_owned()).unwrap().to_json_str().unwrap();
    serde_json::from_str(&denied).unwrap()
}

fn denied(stage: &Stage) -> Vec<String> {
    denied_with(&plan(stage, "docker@28.5"), &document("policy/allowed.json"))
}

/// A project that the policy has nothing against.
fn good() -> Stage {
    let stage = Stage::of("sidecar");
    let image = format!("node:22-slim@{DIGEST}");
    stage.edit("node:22-slim", &image);
    let sidecar = format!("\n[sidecar]\nimage = {{ ref = \"ghcr.io/luckypipewrench/pipelock:2.3.0@{DIGEST}\" }}\n");
    std::fs::write(stage.project().join("bottle.toml"), stage.manifest() + &sidecar).unwrap();
    stage
}

#[test]
fn it_has_nothing_against_a_plan_that_is_right() {
    assert_eq!(denied(&good()), [""; 0]);
}

#[test]
fn each_rule_denies() {
    let cases = [
        (
            r#"allow = ["api.anthropic.com"]"#,
            r#"allow = ["api.anthropic.com", "example.org"]"#.to_owned(),
            vec!["implementer may reach example.org, which is not on the list"],
        ),
        (
            r#"allow = ["api.anthropic.com"]"#,
            r#"allow = ["*.anthropic.com"]"#.to_owned(),
            vec![
                "implementer may reach *.anthropic.com, which is not on the list",
                "implementer may reach every host of *.anthropic.com",
                "implementer requires dns.closed, which is not held",
            ],
        ),
        (
            r#""dns.closed"]"#,
            r#""dns.closed", "kernel.own"]"#.to_owned(),
            vec!["implementer requires kernel.own, which is not held"],
        ),
        (
            r#"allow = ["api.anthropic.com"]"#,
            "allow = [\"api.anthropic.com\"]\n\n[[bottle.implementer.unsafe]]\nallow = { capability = \"CHOWN\" }\n\
             loses = [\"agent.unprivileged\"]\n"
                .to_owned(),
            vec!["implementer gives up agent.unprivileged, by what is not on the list"],
        ),
        (
            "user = \"node\"\n",
            "user = \"node\"\nworkspace = { from = \".\", how = \"mount\" }\n".to_owned(),
            vec!["implementer/agent/create mounts . of the host"],
        ),
        (
            &format!("node:22-slim@{DIGEST}"),
            "node:22-slim".to_owned(),
            vec!["node:22-slim is not pinned by its digest"],
        ),
    ];
    for (from, to, expected) in cases {
        let stage = good();
        stage.edit(from, &to);
        assert_eq!(denied(&stage), expected, "{to}");
    }
}

#[test]
fn what_is_on_the_list_may_be_given_up() {
    let stage = good();
    let table = "allow = [\"api.anthropic.com\"]\n\n[[bottle.implementer.unsafe]]\nallow = { capability = \"CHOWN\" }\n\
                 loses = [\"agent.unprivileged\"]\n";
    stage.edit(r#"allow = ["api.anthropic.com"]"#, table);
    let listed = r#"{"allowed": {"hosts": ["api.anthropic.com"], "unsafe": ["capability CHOWN"]}}"#;
    assert_eq!(denied_with(&plan(&stage, "docker@28.5"), listed), [""; 0]);
}

/// What it cannot judge it refuses.
#[test]
fn it_fails_closed() {
    let (mut plan, allowed) = (plan(&good(), "docker@28.5"), document("policy/allowed.json"));
    assert_eq!(denied_with(&plan, "{}").len(), 2, "without its list");
    plan["version"] = 2.into();
    assert_eq!(denied_with(&plan, &allowed).len(), 1);
    assert_eq!(denied_with(&serde_json::json!({}), &allowed).len(), 1);
    plan["version"] = 1.into();
    plan["bottles"][0]["guarantees"] = serde_json::json!([]);
    assert_eq!(denied_with(&plan, &allowed).len(), 3, "each guarantee that is required");
}
