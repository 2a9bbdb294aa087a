//! Every word that a plan shows is one that `container` takes: judged by the grammar of its double, run or not.

use bottle_planner::plan::{BackendReason, Target, build};
use bottle_planner::profile::Profile;
use bottle_planner::render;
use container_double::{Edition, parse_as};
use generated_manifests::{WaysOut, files, manifest_with};
use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::WAYS;
use crate::project::Project;

const FIXTURES: [&str; 5] = ["bare", "family", "full", "sidecar", "team"];
const PROFILES: [&str; 2] = ["container@1.1", "container@1.2"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("argv::of_fixtures", || {
            of_fixtures();
            Ok(())
        }),
        Trial::test("argv::of_any_manifest", || {
            of_any_manifest();
            Ok(())
        }),
    ]
}

/// A word of a plan, with something in place of what is only known once it runs.
fn resolved(word: &Value) -> String {
    let Value::Array(parts) = word else { return word.as_str().unwrap().to_owned() };
    let part = |part: &Value| {
        let (kind, value) = part.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value) {
            ("literal" | "secret-name" | "object", Value::String(text)) => text.clone(),
            ("host-path", Value::String(path)) => format!("/project/{path}"),
            ("stage", Value::String(name)) => format!("/stage/{name}"),
            ("output", _) => "10.207.52.3".to_owned(),
            other => panic!("a part {other:?}"),
        }
    };
    parts.iter().map(part).collect()
}

/// The words behind `container` of all commands of a plan.
fn commands(plan: &str) -> Vec<Vec<String>> {
    let plan: Value = serde_json::from_str(plan).unwrap();
    let argvs = plan["entries"].as_array().unwrap().iter().filter_map(|entry| {
        let operation = &entry["operation"];
        let argv = operation["command"]["argv"].as_array()?;
        Some(argv.iter().map(resolved).collect::<Vec<_>>())
    });
    let ours = argvs.filter(|argv| argv[0] == "container");
    ours.map(|argv| argv[1..].to_vec()).collect()
}

/// What is refused of a plan's commands.
fn refused(profile: &str, commands: &[Vec<String>]) -> Vec<String> {
    let edition = Edition { since_1_2: profile != PROFILES[0], ..Edition::PINNED };
    let refusal = |argv: &Vec<String>| parse_as(argv, edition).err().map(|why| format!("{argv:?}: {why:?}"));
    commands.iter().filter_map(refusal).collect()
}

fn of_fixtures() {
    for fixture in FIXTURES {
        for way in WAYS.iter().take(if fixture == "bare" { 1 } else { WAYS.len() }) {
            let project = Project::of(fixture, way);
            // There is room for few bottles in a trial's own.
            project.without("pool = ");
            for profile in PROFILES {
                let plan = project.run(&["plan", "--backend", profile, "--format", "json"]).exits(0).stdout;
                let commands = commands(&plan);
                assert!(commands.len() > 2, "{plan}");
                assert_eq!(refused(profile, &commands), [""; 0], "{fixture} by {way} on {profile}");
            }
        }
    }
    let not_there = ["run", "--pids-limit", "5", "an-image"].map(str::to_owned).to_vec();
    assert_eq!(refused(PROFILES[1], &[not_there]).len(), 1, "the control");
}

fn of_any_manifest() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(64) });
    let any = (manifest_with(3, WaysOut::All), proptest::sample::select(&PROFILES[..]));
    let holds = runner.run(&any, |(manifest, name)| {
        let profile = Profile::named(name).unwrap();
        let target = Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: None };
        let plan = build(&manifest, &files(), target).map_err(|why| TestCaseError::fail(why.to_string()))?;
        let commands = commands(&render::json(&plan));
        prop_assert!(!commands.is_empty());
        prop_assert_eq!(refused(name, &commands), Vec::<String>::new());
        Ok(())
    });
    holds.unwrap();
}
