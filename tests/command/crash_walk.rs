//! The command killed at every operation and every moment of it, and what comes after.

use std::collections::VecDeque;
use std::sync::Mutex;

use bottle_executors::crash::VARIABLE;

use crate::said::said;
use crate::simulated::assert_nothing_left;
use crate::stage::Stage;

const FIXTURES: [(&str, &str); 5] =
    [("bare", "bare"), ("family", "family"), ("full", "acme"), ("sidecar", "lone"), ("team", "team")];
const MOMENTS: [&str; 4] = ["before", "begin", "answer", "end"];
/// How many points are walked side by side.
const WALKERS: usize = 4;

/// A place to die at.
struct Point {
    fixture: &'static str,
    project: &'static str,
    /// `BOTTLE_CRASH`.
    at: String,
}

fn stage_of(fixture: &str) -> Stage {
    let stage = Stage::of(fixture);
    if fixture == "full" {
        stage.edit(r#"GITEA_TOKEN = { ask = "paste your Gitea token" }"#, "");
    }
    stage
}

/// All points of what a command does in a fixture that was applied already, or not.
fn points(line: &str, applied: bool) -> Vec<Point> {
    let mut points = Vec::new();
    for (fixture, project) in FIXTURES {
        let stage = stage_of(fixture);
        if applied {
            stage.done("apply --yes --format json");
        }
        let events = stage.done(line).events();
        let began = events.iter().filter(|event| event["event"] == "began");
        let places = began.filter(|event| is_walked(fixture, event["address"].as_str().unwrap())).map(|event| {
            let removal = if event["removal"] == true { "remove:" } else { "" };
            format!("{removal}{}", event["address"].as_str().unwrap())
        });
        let all = places.flat_map(|place| MOMENTS.map(|moment| format!("{place}@{moment}")));
        points.extend(all.map(|at| Point { fixture, project, at }));
    }
    points
}

/// Twenty bottles of a kind die alike: of `team`, what is shared and the first and the last of its bottles are walked, in the midst of all.
fn is_walked(fixture: &str, address: &str) -> bool {
    fixture != "team" || ["shared/", "agent-01/", "agent-20/"].iter().any(|start| address.starts_with(start))
}

/// Walks points on a few threads; what went wrong at which.
fn walk(points: Vec<Point>, at: impl Fn(&Point) + Sync) {
    assert!(points.len() > 50, "{} points", points.len());
    let left = Mutex::new(VecDeque::from(points));
    std::thread::scope(|scope| {
        for _ in 0..WALKERS {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop_front();
                    let Some(point) = next else { break };
                    at(&point);
                }
            });
        }
    });
}

fn dies(stage: &Stage, line: &str, point: &Point) {
    let died = said(stage.simulated(line).env(VARIABLE, &point.at));
    assert_eq!(died.exit, None, "{} {}: {}{}", point.fixture, point.at, died.stdout, died.stderr);
}

fn ends_well(stage: &Stage, line: &str, point: &Point) {
    let said = stage.say(line);
    assert_eq!(said.exit, Some(0), "{line} after {} {}: {}{}", point.fixture, point.at, said.stdout, said.stderr);
}

#[test]
fn after_a_death_anywhere_apply_gives_what_was_declared_and_destroy_gives_nothing() {
    walk(points("apply --yes --format json", false), |point| {
        let stage = stage_of(point.fixture);
        dies(&stage, "apply --yes", point);
        ends_well(&stage, "apply --yes", point);
        assert_eq!(stage.to_do(""), [""; 0], "{} {}", point.fixture, point.at);
        ends_well(&stage, "destroy --yes", point);
        assert_nothing_left(&stage.seen(point.project));
    });
}

#[test]
fn after_a_death_anywhere_destroy_gives_nothing_without_another_apply() {
    walk(points("apply --yes --format json", false), |point| {
        let stage = stage_of(point.fixture);
        dies(&stage, "apply --yes", point);
        ends_well(&stage, "destroy --yes", point);
        assert_nothing_left(&stage.seen(point.project));
    });
}

#[test]
fn after_a_death_of_destroy_anywhere_destroy_gives_nothing_and_apply_everything() {
    walk(points("destroy --yes --format json", true), |point| {
        let stage = stage_of(point.fixture);
        ends_well(&stage, "apply --yes", point);
        dies(&stage, "destroy --yes", point);
        let left = stage.to_do("");
        // What is declared is had again from the middle of a destroy, and from there nothing.
        ends_well(&stage, "apply --yes", point);
        assert_eq!(stage.to_do(""), [""; 0], "{} {}: {left:?}", point.fixture, point.at);
        dies(&stage, "destroy --yes", point);
        ends_well(&stage, "destroy --yes", point);
        assert_nothing_left(&stage.seen(point.project));
    });
}
