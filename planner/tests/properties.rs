//! What holds for every manifest: it compiles, lowers for every profile, and plans the same twice.
#![allow(clippy::expect_used, reason = "a test that panics has failed, which is what it is for")]

use std::collections::{BTreeSet, HashMap, HashSet};

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::intent::{Content, ObjectName, Owner, Step, Ways, compile};
use bottle_planner::manifest::Manifest;
use bottle_planner::operation::{Command, LABEL_PROJECT, makes};
use bottle_planner::passes::{Facts, Occupied, lower, verify};
use bottle_planner::plan::{BackendReason, Plan, Target, TaskKind, Verdict, build};
use bottle_planner::profile::Profile;
use bottle_planner::render;
use generated_manifests::{files, manifest};
use ipnet::Ipv4Net;
use proptest::prelude::*;

const PROFILES: &[&str] = &[
    "docker@20.10",
    "docker@26.1",
    "docker@28.5",
    "simulator@20.10",
    "simulator@28.5",
    "container@1.1",
    "container@1.2",
];

fn plan(manifest: &Manifest, profile: &str) -> Plan {
    let profile = Profile::named(profile).expect("a profile");
    let target = Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: None };
    build(manifest, &files(), target).expect("a plan")
}

fn profile() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(PROFILES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_compiles_and_lowers_and_no_invariant_breaks(manifest in manifest(5), profile in profile()) {
        let compiled = compile(&manifest, &files(), &Ways::default()).expect("it compiles");
        verify(&compiled.graph).expect("what was compiled is sound");
        let steps: BTreeSet<Address> = compiled.graph.nodes().map(|node| node.address.clone()).collect();
        prop_assert_eq!(steps.len(), compiled.graph.len());
        let profile = Profile::named(profile).expect("a profile");
        let occupied = Occupied::default();
        let facts = Facts { project: &manifest.name, profile: &profile, pool: manifest.pool, occupied: &occupied, resolvers: &manifest.sidecar_resolvers };
        let (lowered, rewrites) = lower(compiled.graph, &facts).expect("it lowers");
        let all = lowered.len();
        prop_assert_eq!(lowered.into_ordered().len(), all, "every step has its turn, so there is no cycle");
        for step in rewrites.iter().flat_map(|rewrite| &rewrite.steps) {
            prop_assert!(steps.contains(step), "a rewrite speaks of {step}, which was never there");
        }
    }

    #[test]
    fn it_plans_the_same_twice(manifest in manifest(4), profile in profile()) {
        let (one, two) = (plan(&manifest, profile), plan(&manifest, profile));
        prop_assert_eq!(render::text(&one), render::text(&two));
        prop_assert_eq!(render::json(&one), render::json(&two));
        prop_assert_eq!(render::markdown(&one), render::markdown(&two));
    }

    #[test]
    fn needs_come_first_and_tasks_wait_only_backwards(manifest in manifest(5), profile in profile()) {
        let plan = plan(&manifest, profile);
        let mut seen: HashSet<&Address> = HashSet::new();
        for entry in &plan.entries {
            let operation = entry.operation.as_ref().expect("nothing is there to be deleted");
            for (_, need) in &operation.needs {
                prop_assert!(seen.contains(need), "{} stands before {need}", entry.address);
            }
            prop_assert!(seen.insert(&entry.address), "{} stands twice", entry.address);
            prop_assert_eq!(entry.verdict, Verdict::Create);
        }
        for (at, task) in plan.tasks().iter().enumerate() {
            prop_assert!(task.waits.iter().all(|wait| *wait < at));
        }
    }

    #[test]
    fn every_object_is_labelled_and_no_two_share_a_name_or_a_subnet(manifest in manifest(5), profile in profile()) {
        let plan = plan(&manifest, profile);
        let mut names = HashSet::new();
        let mut subnets: Vec<Ipv4Net> = Vec::new();
        for operation in plan.entries.iter().filter_map(|entry| entry.operation.as_ref()) {
            let Some(made) = makes(&operation.step) else { continue };
            prop_assert!(names.insert(made), "{made:?} is made twice");
            let label = format!("--label={LABEL_PROJECT}={}", manifest.name);
            let labelled = |command: &Command| command.argv.iter().any(|word| word.to_string() == label);
            // A stage has no labels: its name says whose it is.
            prop_assert!(operation.command().is_none_or(labelled), "{}", operation.address);
            if let Step::CreateNetwork(network) = &operation.step {
                let subnet = network.subnet.expect("a subnet");
                prop_assert!(manifest.pool.contains(&subnet));
                prop_assert!(subnets.iter().all(|other| !other.contains(&subnet) && !subnet.contains(other)));
                subnets.push(subnet);
            }
        }
    }

    #[test]
    fn copies_agree_on_the_folders_that_lead_to_them(manifest in manifest(5)) {
        // They are not ordered, so whichever comes last would have its way.
        let compiled = compile(&manifest, &files(), &Ways::default()).expect("it compiles");
        let mut folders: HashMap<(&ObjectName, &str), (&Owner, Option<u32>)> = HashMap::new();
        for node in compiled.graph.nodes() {
            let Step::CopyIn(copy) = &node.step else { continue };
            for entry in copy.files.entries.iter().filter(|entry| entry.content == Content::Folder) {
                let made = (&entry.owner, entry.mode);
                let first = *folders.entry((&copy.container, &entry.path)).or_insert(made);
                prop_assert_eq!(first, made, "{} of {}", &entry.path, &copy.container);
            }
        }
    }

    #[test]
    fn what_is_said_differently_is_another_operation(manifest in manifest(6), profile in profile()) {
        let plan = plan(&manifest, profile);
        let mut said: HashMap<(&'static str, Digest), Vec<String>> = HashMap::new();
        for task in plan.tasks() {
            let TaskKind::Run(operation) = task.kind else { continue };
            // Names, labels and the objects worked on are what the address stands for.
            let own = |word: &String| !word.contains("bottle_") && !word.starts_with("--label=bottle.");
            let Some(command) = operation.command() else { continue };
            let words: Vec<String> = command.argv.iter().map(ToString::to_string).filter(own).collect();
            let before = said.entry((operation.step.verb(), operation.digest.clone())).or_insert_with(|| words.clone());
            prop_assert_eq!(&*before, &words, "{} has the digest of another argv", operation.address);
        }
    }

    #[test]
    fn subnets_step_around_what_is_taken(manifest in manifest(5), taken in 0u8..=255) {
        let foreign: Ipv4Net = format!("10.207.{taken}.0/24").parse().expect("a subnet");
        let compiled = compile(&manifest, &files(), &Ways::default()).expect("it compiles");
        let profile = Profile::named("docker@28.5").expect("a profile");
        let occupied = Occupied { foreign: vec![foreign], ..Occupied::default() };
        let facts = Facts { project: &manifest.name, profile: &profile, pool: manifest.pool, occupied: &occupied, resolvers: &manifest.sidecar_resolvers };
        let (lowered, _) = lower(compiled.graph, &facts).expect("it lowers");
        for node in lowered.nodes() {
            if let Step::CreateNetwork(network) = &node.step {
                let subnet = network.subnet.expect("a subnet");
                prop_assert!(!foreign.contains(&subnet) && !subnet.contains(&foreign));
            }
        }
    }
}
