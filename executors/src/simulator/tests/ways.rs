//! The ways out on Apple's `container`: what is mended when somebody meddles, and what is left alone.

use bottle_planner::manifest::{Agent, Bottle, Egress, Image, Limits, Manifest, Via};
use bottle_planner::name::BottleName;
use bottle_planner::plan::{Plan, Verdict};
use generated_manifests::manifest_of;

use super::plans::World;
use super::*;
use crate::simulator::guard::Standing;

const AGENT: &str = "bottle_acme_one";
const PROXY: &str = "bottle_acme_one_pipelock";
const VMS: &str = "simulator:container@1.2";

fn manifest(via: Via) -> Manifest {
    let bottle = Bottle {
        name: BottleName::new("one").unwrap(),
        sandbox: None,
        image: Image::Ref("node:22-slim".to_owned()),
        user: Some("node".to_owned()),
        home: "/home/node".to_owned(),
        agent: Agent::Claude,
        command: vec!["sleep".to_owned(), "infinity".to_owned()],
        requires: Vec::new(),
        runtime: Runtime::Auto,
        limits: Limits::default(),
        skills: Vec::new(),
        prompt: None,
        workspace: None,
        env: BTreeMap::new(),
        egress: Egress { allow: vec!["api.example.org".to_owned()], via: Some(via) },
        ssh: Vec::new(),
        copy: Vec::new(),
        exec: Vec::new(),
        given_up: Vec::new(),
    };
    manifest_of("acme", BTreeMap::from([(bottle.name.clone(), bottle)]))
}

fn applied(profile: &str, via: Via) -> (World, Manifest) {
    let manifest = manifest(via);
    let mut world = World::new(&manifest, profile, 7);
    apply(&mut world, &manifest);
    (world, manifest)
}

/// Applies it, and tells what was done.
fn apply(world: &mut World, manifest: &Manifest) -> Vec<String> {
    let plan = world.plan(Some(manifest));
    let failures = world.apply(&plan);
    assert!(failures.is_empty(), "{failures:?}");
    world.stands(manifest);
    world.was_guarded();
    done(&plan)
}

fn done(plan: &Plan) -> Vec<String> {
    let run = plan.entries.iter().filter(|entry| entry.verdict != Verdict::Keep);
    run.map(|entry| entry.address.to_string().trim_start_matches("one/").to_owned()).collect()
}

fn standings(world: &World) -> Vec<Standing> {
    world.bench.engine.moments.lock().unwrap().iter().filter_map(|moment| moment.guard.clone().ok()).collect()
}

#[test]
fn each_way_guards_the_agent_before_its_command_runs() {
    for (profile, via, standing) in [
        ("simulator@20.10", Via::Sidecar, Standing::Sidecar),
        ("simulator@28.5", Via::Sidecar, Standing::Sidecar),
        ("simulator@28.5", Via::None, Standing::NoNetwork),
        (VMS, Via::Sidecar, Standing::Sidecar),
        (VMS, Via::HostLoopback, Standing::Process),
        (VMS, Via::Firewall, Standing::Rules),
        (VMS, Via::None, Standing::NoNetwork),
        ("simulator:container@1.2/macos15", Via::Firewall, Standing::Rules),
    ] {
        let (world, _) = applied(profile, via);
        assert_eq!(standings(&world), [standing], "{profile} {via:?}");
    }
}

#[test]
fn an_agent_that_was_started_by_hand_is_held_until_its_rules_are_loaded_again() {
    let (mut world, manifest) = applied(VMS, Via::Firewall);
    assert!(world.bench.get(AGENT).has_gone_on());
    world.bench.engine.by_hand().restart(AGENT).unwrap();
    assert!(!world.bench.get(AGENT).has_gone_on());
    let done = apply(&mut world, &manifest);
    assert_eq!(done, ["egress/resolve", "agent/hosts", "agent/rules", "agent/release"]);
    assert_eq!(standings(&world), [Standing::Rules; 2]);
}

#[test]
fn a_release_without_rules_is_seen() {
    let (world, _) = applied(VMS, Via::Firewall);
    world.bench.engine.by_hand().restart(AGENT).unwrap();
    world.bench.run("one/agent/release", Step::Release(name(AGENT))).unwrap();
    assert!(world.bench.engine.moments.lock().unwrap()[1].guard.is_err());
}

#[test]
fn rules_follow_the_addresses_and_the_agent_goes_on() {
    let (mut world, manifest) = applied(VMS, Via::Firewall);
    let moved = "203.0.113.9".parse().unwrap();
    world.bench.engine.by_hand().resolve_as("api.example.org", &[moved]).unwrap();
    let since = world.bench.get(AGENT).status;
    assert_eq!(apply(&mut world, &manifest), ["egress/resolve", "agent/hosts", "agent/rules"]);
    assert_eq!(world.bench.get(AGENT).status, since);
    let nowhere = world.bench.engine.by_hand().resolve_as("api.example.org", &[]);
    nowhere.unwrap();
    let plan = world.plan(Some(&manifest));
    let failures = world.apply(&plan);
    assert_eq!(failures.len(), 1, "without addresses there are no rules, and the old ones stay: {failures:?}");
}

#[test]
fn a_sidecar_that_was_started_again_is_found_at_its_new_address() {
    let (mut world, manifest) = applied(VMS, Via::Sidecar);
    let address = |world: &World| world.bench.get(PROXY).networks[1].address.unwrap();
    let (before, since) = (address(&world), world.bench.get(AGENT).status);
    world.bench.engine.by_hand().restart(PROXY).unwrap();
    assert_ne!(address(&world), before);
    let done = apply(&mut world, &manifest);
    assert_eq!(done, ["pipelock/ready", "pipelock/address", "agent/hosts"]);
    assert_eq!(world.bench.get(AGENT).status, since, "the agent goes on");
}

#[test]
fn an_address_that_was_learnt_and_not_told_is_told_by_the_next_run() {
    let (mut world, manifest) = applied(VMS, Via::Sidecar);
    world.bench.engine.by_hand().restart(PROXY).unwrap();
    world.bench.engine.fail("one/agent/hosts", "no").unwrap();
    let plan = world.plan(Some(&manifest));
    assert_eq!(world.apply(&plan).len(), 1);
    assert_eq!(apply(&mut world, &manifest), ["pipelock/address", "agent/hosts"]);
}

#[test]
fn a_process_that_was_killed_is_started_again_and_the_agent_goes_on() {
    let (mut world, manifest) = applied(VMS, Via::HostLoopback);
    let since = world.bench.get(AGENT).status;
    world.bench.engine.by_hand().kill_process(PROXY).unwrap();
    assert_eq!(apply(&mut world, &manifest), ["pipelock/start", "pipelock/ready"]);
    assert_eq!(world.bench.get(AGENT).status, since);
}

#[test]
fn a_process_that_was_never_seen_to_serve_lets_no_agent_go() {
    let (mut world, manifest) = applied(VMS, Via::HostLoopback);
    let hand = world.bench.engine.by_hand();
    hand.kill_process(PROXY).unwrap();
    hand.restart(AGENT).unwrap();
    world.bench.engine.fail("one/pipelock/ready", "no").unwrap();
    let plan = world.plan(Some(&manifest));
    assert_eq!(world.apply(&plan).len(), 1);
    assert!(!world.bench.get(AGENT).has_gone_on());
    let done = apply(&mut world, &manifest);
    assert_eq!(done, ["pipelock/ready", "agent/release"]);
}

#[test]
fn a_process_needs_a_running_member_of_its_network() {
    let (world, manifest) = applied(VMS, Via::HostLoopback);
    let hand = world.bench.engine.by_hand();
    hand.kill_process(PROXY).unwrap();
    let plan = world.plan(Some(&manifest));
    let start = plan.entries.iter().find(|entry| entry.address.as_str() == "one/pipelock/start").unwrap();
    let start = start.operation.as_ref().unwrap();
    hand.stop(AGENT).unwrap();
    let failure = world.bench.run_operation(start).unwrap_err();
    assert!(failure.said.ends_with("bind: can't assign requested address"), "{}", failure.said);
    hand.start(AGENT).unwrap();
    world.bench.run_operation(start).unwrap();
    let failure = world.bench.run_operation(start).unwrap_err();
    assert!(failure.said.ends_with("bind: address already in use"), "{}", failure.said);
}

#[test]
fn a_stopped_sidecar_waits_for_its_stage() {
    let (mut world, manifest) = applied(VMS, Via::Sidecar);
    let hand = world.bench.engine.by_hand();
    let stage = hand.stages().unwrap()[0].name.clone();
    hand.stop(PROXY).unwrap();
    hand.remove_stage(&stage).unwrap();
    assert!(hand.start(PROXY).unwrap_err().starts_with("Error: mount source path"));
    let plan = world.plan(Some(&manifest));
    let tasks = plan.tasks();
    let at = |address: &str| tasks.iter().position(|task| task.address.as_str() == address).unwrap();
    assert!(tasks[at("one/pipelock/start")].waits.contains(&at("one/pipelock/stage")));
    apply(&mut world, &manifest);
}

#[test]
fn an_agent_waits_for_its_sidecar_to_be_put_back_on_their_network() {
    let (mut world, manifest) = applied("simulator@28.5", Via::Sidecar);
    let hand = world.bench.engine.by_hand();
    hand.stop(AGENT).unwrap();
    hand.disconnect(PROXY, "bottle_acme_one_internal").unwrap();
    let plan = world.plan(Some(&manifest));
    let tasks = plan.tasks();
    let at = |address: &str| tasks.iter().position(|task| task.address.as_str() == address).unwrap();
    let attach = at("one/pipelock/attach:bottle_acme_one_internal");
    assert!(tasks[at("one/agent/start")].waits.contains(&attach));
    apply(&mut world, &manifest);
}

#[test]
fn networks_are_what_a_container_was_made_with() {
    let (world, _) = applied(VMS, Via::Sidecar);
    let hand = world.bench.engine.by_hand();
    assert!(hand.connect(AGENT, "default").is_err());
    assert!(hand.disconnect(AGENT, "bottle_acme_one_internal").is_err());
    assert_eq!(hand.remove_network("default"), Err("Error: cannot delete a builtin network: default".to_owned()));
    hand.stop(AGENT).unwrap();
    hand.stop(PROXY).unwrap();
    let said = hand.remove_network("bottle_acme_one_internal").unwrap_err();
    assert!(said.ends_with(&format!("with referring containers: {AGENT}, {PROXY}")) || said.contains(AGENT), "{said}");
    let failure = world.bench.run("one/agent/copy", copy(AGENT, Vec::new())).unwrap_err();
    assert_eq!(failure.said, format!("Error: container {AGENT} is not running"));
}
