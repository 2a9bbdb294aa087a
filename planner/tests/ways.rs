//! Which way out is taken, and what is said when there is none.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics has failed, which is what it is for")]

use bottle_planner::intent::Way;
use bottle_planner::manifest::parse;
use bottle_planner::plan::{BackendReason, Plan, PlanError, Target, WayReason, build};
use bottle_planner::profile::Profile;
use generated_manifests::files;

fn plan(profile: &str, bottle: &str, egress: &str) -> Result<Plan, PlanError> {
    let text = format!(
        "version = 1\nname = \"acme\"\n[bottle.one]\nimage = {{ ref = \"node:22\" }}\nuser = \"node\"\n{bottle}\n\
         [bottle.one.egress]\nallow = [\"api.example.org\"]\n{egress}\n"
    );
    let manifest = parse("bottle.toml", text.as_bytes(), &files()).expect("a manifest");
    let profile = Profile::named(profile).expect("a profile");
    let target = Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: None };
    build(&manifest, &files(), target)
}

fn way(profile: &str, bottle: &str, egress: &str) -> Option<(Way, WayReason)> {
    let plan = plan(profile, bottle, egress).expect("a plan");
    plan.bottles.values().next().expect("the bottle").way
}

#[test]
fn the_first_is_taken_where_it_gives_what_is_required() {
    assert_eq!(way("container", "", ""), Some((Way::Sidecar, WayReason::First)));
    let requires = "requires = [\"proxy.isolated\", \"kernel.own\"]";
    assert_eq!(way("container", requires, ""), Some((Way::Sidecar, WayReason::First)));
    assert_eq!(way("docker", "requires = [\"egress.allowlisted\"]", ""), Some((Way::Sidecar, WayReason::Only)));
}

#[test]
fn what_is_required_can_rule_a_way_out() {
    let found = way("container", "requires = [\"host.closed\"]", "");
    assert_eq!(found, Some((Way::Firewall, WayReason::FirstThatMeets)));
    assert_eq!(way("container@1.2/macos15", "", ""), Some((Way::Firewall, WayReason::FirstThatMeets)));
}

#[test]
fn a_way_that_is_named_is_taken_whatever_is_required() {
    let requires = "requires = [\"host.closed\"]";
    let plan = plan("container", requires, "via = \"host-loopback\"").expect("a plan");
    let summary = plan.bottles.values().next().expect("the bottle");
    assert_eq!(summary.way, Some((Way::HostLoopback, WayReason::Named)));
    assert_eq!(summary.unmet().count(), 1, "and the plan says that it does not give it");
}

#[test]
fn where_no_way_gives_it_the_error_is_a_table_of_what_each_would() {
    let error = plan("container", "requires = [\"host.closed\", \"proxy.isolated\"]", "").expect_err("no way");
    let PlanError::NoWay { table, .. } = &error else { panic!("{error}") };
    let ways: Vec<Way> = table.rows.iter().map(|(way, _)| *way).collect();
    assert_eq!(ways, Way::ALL);
    for (way, row) in &table.rows {
        let standings = row.as_ref().expect("each is to be had");
        assert_eq!(standings.len(), 2, "{way}");
        assert!(standings.iter().any(|(_, standing)| !standing.meets()), "{way}");
    }
    let said = error.to_string();
    for word in ["sidecar", "host-loopback", "firewall", "host.closed", "proxy.isolated", "not held"] {
        assert!(said.contains(word), "{word} in {said}");
    }
}

#[test]
fn a_way_that_is_not_to_be_had_says_why() {
    for (profile, egress, why) in [
        ("docker", "via = \"firewall\"", "docker has one way out"),
        ("container@1.2/macos15", "via = \"sidecar\"", "this macOS makes none"),
    ] {
        let error = plan(profile, "", egress).expect_err("not to be had");
        assert!(matches!(error, PlanError::Way { .. }) && error.to_string().contains(why), "{error}");
    }
}
