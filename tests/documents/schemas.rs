//! The schemas of plans, events and states are those of what is written, and let nothing else pass.

use std::collections::BTreeSet;

use bottle_planner::guarantee::Guarantee;
use jsonschema::Validator;
use serde_json::Value;

use super::{FIXTURES, document, plan};
use crate::said::said;
use crate::stage::{Stage, fixture_folder};

fn schema(of: &str) -> Value {
    serde_json::from_str(&document(&format!("{of}.schema.json"))).unwrap()
}

fn validator(of: &str) -> Validator {
    let schema = schema(of);
    assert!(jsonschema::draft202012::meta::is_valid(&schema), "docs/{of}.schema.json is no schema");
    jsonschema::draft202012::new(&schema).unwrap()
}

/// What was written is what the schema says; else that, and where both are to be changed.
fn assert_valid(validator: &Validator, of: &str, name: &str, document: &Value) {
    let wrong: Vec<String> = validator
        .iter_errors(document)
        .take(5)
        .map(|error| {
            format!("  {}: {}", error.instance_path(), error.to_string().chars().take(300).collect::<String>())
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{name} is not as docs/{of}.schema.json says; is a key or word missing there?\n{}",
        wrong.join("\n")
    );
}

/// Plans of every fixture on every backend, as they are without an engine.
fn offline() -> Vec<(String, Value)> {
    let mut plans = Vec::new();
    for fixture in FIXTURES {
        let stage = Stage::of(fixture);
        for backend in ["docker@20.10", "docker@28.5", "container@1.1", "container@1.2", "container@1.2/macos15"] {
            // A bottle that demands a way which a backend does not have has no plan there.
            let mut command = stage.bottle("plan --format json --offline --backend");
            let said = said(command.arg(backend));
            if !said.stdout.is_empty() {
                plans.push((format!("{fixture} on {backend}"), serde_json::from_str(&said.stdout).unwrap()));
            }
        }
    }
    for (way, backend) in [("host-loopback", "container@1.2"), ("firewall", "container@1.2")] {
        let stage = Stage::of("sidecar");
        stage.edit("[bottle.implementer.egress]\n", &format!("[bottle.implementer.egress]\nvia = \"{way}\"\n"));
        stage.edit("requires = [\"egress.allowlisted\", \"proxy.isolated\", \"dns.closed\"]", "sandbox = \"vm\"");
        stage.edit("sandbox = \"shared-kernel\"\n", "");
        plans.push((format!("{way} on {backend}"), plan(&stage, backend)));
    }
    plans
}

/// Plans of a project in all states of its life, on the simulator.
fn live() -> Vec<(String, Value)> {
    let stage = Stage::of("family");
    let mut plans = Vec::new();
    let mut now = |name: &str, stage: &Stage| plans.push((name.to_owned(), plan(stage, "simulator")));
    let apply = |stage: &Stage| {
        let said = said(&mut stage.bottle("apply --yes --backend simulator"));
        assert_eq!(said.exit, Some(0), "{}", said.stderr);
    };
    now("nothing is there", &stage);
    apply(&stage);
    now("all is there", &stage);
    stage.edit("GIT_AUTHOR_EMAIL = \"agents@example.org\"", "GIT_AUTHOR_EMAIL = \"others@example.org\"");
    now("a variable changed", &stage);
    apply(&stage);
    stage.edit("notes/changelog.md", "notes/changes.md");
    now("a command changed", &stage);
    let manifest = stage.manifest();
    let rest = manifest.find("[bottle.scribe]").unwrap();
    std::fs::write(stage.project().join("bottle.toml"), &manifest[..rest]).unwrap();
    now("a bottle is no longer declared", &stage);
    std::fs::remove_dir_all(stage.state().join("simulator/family")).unwrap();
    now("the journal is lost", &stage);
    plans
}

#[test]
fn every_plan_is_as_its_schema_says() {
    let validator = validator("plan");
    let mut plans = offline();
    assert!(plans.len() > 15, "{}", plans.len());
    for fixture in FIXTURES {
        for file in std::fs::read_dir(fixture_folder(fixture)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let golden = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
                plans.push((path.display().to_string(), golden));
            }
        }
    }
    let live = live();
    let verdicts: BTreeSet<&str> = live
        .iter()
        .flat_map(|(_, plan)| plan["entries"].as_array().unwrap())
        .map(|entry| entry["verdict"].as_str().unwrap())
        .collect();
    assert!(verdicts.is_superset(&["create", "delete", "keep", "replace"].into()), "{verdicts:?}");
    for (name, plan) in plans.iter().chain(&live) {
        assert_valid(&validator, "plan", name, plan);
    }
    let schema = schema("plan");
    let guarantees: Vec<&str> = Guarantee::ALL.iter().map(|guarantee| guarantee.name()).collect();
    assert_eq!(schema["$defs"]["guarantee"]["enum"], serde_json::json!(guarantees));
    // A step that no plan has any more would be a promise that nobody keeps.
    let seen: BTreeSet<&str> = plans
        .iter()
        .chain(&live)
        .flat_map(|(_, plan)| plan["entries"].as_array().unwrap())
        .filter_map(|entry| entry["operation"]["step"].as_str())
        .collect();
    let steps = schema["$defs"]["operation"]["properties"]["step"]["enum"].as_array().unwrap();
    let unseen: Vec<&Value> = steps.iter().filter(|step| !seen.contains(step.as_str().unwrap())).collect();
    assert!(unseen.is_empty(), "no plan of the fixtures has a step {unseen:?}");
}

/// The pointers of every key below a value.
fn keys(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                found.push((at.to_owned(), key.clone()));
                let escaped = key.replace('~', "~0").replace('/', "~1");
                keys(member, &format!("{at}/{escaped}"), found);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| keys(item, &format!("{at}/{i}"), found)),
        _ => {}
    }
}

/// A schema that takes a document without one of its keys, or with a key of another name, tells its readers nothing.
#[test]
fn no_key_of_a_plan_can_be_dropped_or_renamed() {
    let validator = validator("plan");
    // One of each kind of entry, so that the whole need not be gone through for every key.
    let mut seen = BTreeSet::new();
    let mut whole = live().swap_remove(2).1;
    let mut entries = plan(&Stage::of("full"), "docker@20.10")["entries"].as_array().unwrap().clone();
    entries.append(whole["entries"].as_array_mut().unwrap());
    entries.retain(|entry| seen.insert((entry["verdict"].to_string(), entry["operation"]["step"].to_string())));
    whole["entries"] = entries.into();
    assert_valid(&validator, "plan", "the plan that is spoilt", &whole);
    let mut found = Vec::new();
    keys(&whole, "", &mut found);
    assert!(found.len() > 300, "{}", found.len());
    for (at, key) in found {
        let mut spoilt = whole.clone();
        let members = spoilt.pointer_mut(&at).unwrap().as_object_mut().unwrap();
        let value = members.remove(&key).unwrap();
        // A command need not read anything, nor set a variable; what is replaced may go with what it is in.
        let may_be_missing = match key.as_str() {
            "env" | "stdin" => at.ends_with("/command"),
            "removal" => spoilt.pointer(&at).unwrap()["verdict"] == "replace",
            _ => false,
        };
        if !may_be_missing {
            assert!(!validator.is_valid(&spoilt), "{at}/{key} was dropped, and the schema took it");
        }
        spoilt.pointer_mut(&at).unwrap().as_object_mut().unwrap().insert(format!("{key}-"), value);
        assert!(!validator.is_valid(&spoilt), "{at}/{key} was renamed, and the schema took it");
    }
}

#[test]
fn every_event_and_every_state_is_as_its_schema_says() {
    let (events, status) = (validator("events"), validator("status"));
    let stage = Stage::of("sidecar");
    let mut seen = BTreeSet::new();
    let mut run = |line: &str, exit: i32| {
        let said = said(&mut stage.bottle(line));
        assert_eq!(said.exit, Some(exit), "{line}: {}", said.stderr);
        for line in said.stdout.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_valid(&events, "events", line, &event);
            seen.insert(event["event"].as_str().unwrap_or("format").to_owned());
        }
    };
    let state = |expected: &str, folder: &std::path::Path| {
        let mut command = stage.bottle("status --format json --backend simulator");
        let document: Value = serde_json::from_str(&said(command.current_dir(folder)).stdout).unwrap();
        assert_eq!(document["format"], expected);
        assert_valid(&status, "status", "the status", &document);
    };
    state("bottle.status", &stage.project());
    let fault = bottle_executors::simulator::Fault {
        address: "implementer/agent/create".to_owned(),
        times: 1,
        said: "no, said the engine".to_owned(),
        done: false,
    };
    let profile = bottle_planner::profile::Profile::named("simulator").unwrap();
    let engine = bottle_executors::simulator::Simulator::open(stage.state().join("simulator.jsonl"), profile).unwrap();
    engine.ask_for(fault).unwrap();
    run("apply --yes --format json --backend simulator", 1);
    state("bottle.status", &stage.project());
    run("apply --yes --format json --backend simulator", 0);
    state("bottle.status", &stage.project());
    state("bottle.projects", &stage.home());
    run("destroy --yes --format json --backend simulator", 0);
    let all = ["began", "done", "failed", "format", "planned", "run-began", "run-ended", "skipped"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn the_command_prints_the_schemas_that_are_written_down() {
    let stage = Stage::of("bare");
    for of in ["manifest", "plan", "events", "status"] {
        let said = said(&mut stage.bottle(&format!("schema --of {of}")));
        assert_eq!((said.exit, said.stderr.as_str()), (Some(0), ""));
        assert!(said.stdout == document(&format!("{of}.schema.json")), "{of}");
    }
    assert_eq!(said(&mut stage.bottle("schema")).stdout, document("manifest.schema.json"));
    assert_eq!(said(&mut stage.bottle("schema --of fish")).exit, Some(64));
}
