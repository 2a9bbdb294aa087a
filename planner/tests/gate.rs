//! When a gate is due, and that nothing lets an agent go before it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics has failed, which is what it is for")]

use bottle_planner::address::Address;
use bottle_planner::intent::{Graph, Step, Ways, compile};
use bottle_planner::manifest::{Manifest, parse};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::{ContainerState, Done, Labels, Observation, ObservedContainer, ObservedNetwork};
use bottle_planner::passes::{Broken, verify};
use bottle_planner::plan::{BackendReason, Plan, Reason, Target, Verdict, build};
use bottle_planner::profile::Profile;
use generated_manifests::files;

const REQUIRED: &str = "requires = [\"egress.allowlisted\", \"kernel.own\"]";
const GATE: &str = "one/agent/gate";
const START: &str = "one/agent/start";

fn manifest(requires: &str) -> Manifest {
    let text = format!(
        "version = 1\nname = \"acme\"\n[bottle.one]\nimage = {{ ref = \"node:22\" }}\nuser = \"node\"\n{requires}\n\
         [bottle.one.egress]\nallow = [\"api.example.org\"]\n"
    );
    parse("bottle.toml", text.as_bytes(), &files()).expect("a manifest")
}

fn plan(requires: &str, profile: &str, observation: Option<&Observation>) -> Plan {
    let profile = Profile::named(profile).expect("a profile");
    let target = Target { profile: &profile, chosen: &BackendReason::Named, observation, part: None };
    build(&manifest(requires), &files(), target).expect("a plan")
}

/// What an engine has once a plan was carried out.
fn carried_out(plan: &Plan) -> Observation {
    let mut seen = Observation::default();
    for operation in plan.entries.iter().filter_map(|entry| entry.operation.as_ref()) {
        let labels = Labels {
            project: ProjectName::new("acme").expect("a name"),
            address: operation.address.clone(),
            digest: operation.digest.clone(),
        };
        match &operation.step {
            Step::PullImage(image) => _ = seen.image_names.insert(image.listed()),
            Step::CreateNetwork(network) => seen.networks.push(ObservedNetwork {
                id: network.name.0.clone(),
                name: network.name.0.clone(),
                labels,
                subnet: network.subnet,
            }),
            Step::CreateContainer(container) => seen.containers.push(ObservedContainer {
                id: container.name.0.clone(),
                name: container.name.0.clone(),
                labels,
                image_id: "image".to_owned(),
                state: ContainerState::Running("then".to_owned()),
                networks: container.networks.iter().map(|membership| membership.network.0.clone()).collect(),
                volumes: Vec::new(),
            }),
            _ => {}
        }
        let done = Done {
            digest: operation.digest.clone(),
            inputs: operation.inputs.clone(),
            container: operation.step.container().map(|name| name.0.clone()),
            since: Some("then".to_owned()),
        };
        seen.done.insert(operation.address.clone(), done);
    }
    seen
}

fn container<'o>(seen: &'o mut Observation, name: &str) -> &'o mut ObservedContainer {
    seen.containers.iter_mut().find(|container| container.name == name).expect("it is there")
}

fn of<'p>(plan: &'p Plan, address: &str) -> (Verdict, &'p [Reason]) {
    let entry = plan.entries.iter().find(|entry| entry.address.as_str() == address).expect("an entry");
    (entry.verdict, &entry.reasons)
}

fn has_gate(plan: &Plan) -> bool {
    plan.entries.iter().any(|entry| entry.address.as_str() == GATE)
}

#[test]
fn only_what_quick_probes_can_refute_makes_a_gate() {
    assert!(has_gate(&plan("requires = [\"egress.allowlisted\"]", "docker", None)));
    assert!(!has_gate(&plan("", "docker", None)));
    assert!(!has_gate(&plan("requires = [\"proxy.isolated\"]", "container", None)), "there is no twin on `container`");
}

#[test]
fn it_is_due_with_a_start_and_kept_otherwise() {
    let first = plan(REQUIRED, "docker@28.5", None);
    let seen = carried_out(&first);
    let kept = plan(REQUIRED, "docker@28.5", Some(&seen));
    assert!(kept.is_empty(), "{:?}", kept.entries.iter().filter(|e| e.verdict != Verdict::Keep).collect::<Vec<_>>());

    let mut stopped = seen.clone();
    container(&mut stopped, "bottle_acme_one").state = ContainerState::Stopped { exit: 1 };
    let stopped = plan(REQUIRED, "docker@28.5", Some(&stopped));
    assert_eq!(of(&stopped, GATE), (Verdict::Update, &[Reason::Asked { by: Address::recorded(START) }][..]));
    let tasks = stopped.tasks();
    let at = |address: &str| tasks.iter().position(|task| task.address.as_str() == address).expect("a task");
    assert!(tasks[at(START)].waits.contains(&at(GATE)), "the start waits for the gate");

    // A sidecar that was started again.
    let mut restarted = seen.clone();
    container(&mut restarted, "bottle_acme_one_pipelock").state = ContainerState::Running("later".to_owned());
    let restarted = plan(REQUIRED, "docker@28.5", Some(&restarted));
    assert_eq!((of(&restarted, GATE).0, of(&restarted, START).0), (Verdict::Update, Verdict::Keep));

    // A network that the agent was put into by hand: the gate is to see it gone.
    let mut attached = seen.clone();
    container(&mut attached, "bottle_acme_one").networks.push("elsewhere".to_owned());
    let attached = plan(REQUIRED, "docker@28.5", Some(&attached));
    let detach = Address::recorded("one/agent/detach:elsewhere");
    assert_eq!(of(&attached, GATE), (Verdict::Update, &[Reason::NeedRedone { need: detach.clone() }][..]));
    let tasks = attached.tasks();
    let at = |address: &str| tasks.iter().position(|task| task.address.as_str() == address).expect("a task");
    assert!(tasks[at(GATE)].waits.contains(&at(detach.as_str())));

    // Another thing is required of it.
    let other = "requires = [\"egress.allowlisted\", \"dns.closed\"]";
    let other = plan(other, "docker@28.5", Some(&seen));
    assert_eq!((of(&other, GATE).0, of(&other, START).0), (Verdict::Update, Verdict::Keep));
}

#[test]
fn a_start_that_does_not_wait_for_the_gate_is_refused() {
    let compiled = compile(&manifest(REQUIRED), &files(), &Ways::default()).expect("a graph");
    verify(&compiled.graph).expect("as compiled it is sound");
    let mut steps = compiled.graph.into_steps();
    for (node, needs) in &mut steps {
        if node.address.as_str() == START {
            needs.retain(|(_, on)| on.as_str() != GATE);
        }
    }
    let graph = Graph::rebuild(steps).expect("a graph");
    assert_eq!(verify(&graph), Err(Broken::GoesBeforeGate(Address::recorded(START))));
}
