//! `--undo`: how each operation would be undone, as `destroy` would.

use std::collections::HashMap;

use bottle_executors::host_files::HostFiles;
use bottle_planner::manifest::{Manifest, parse};
use bottle_planner::observation::{
    ContainerState, Labels, Observation, ObservedContainer, ObservedImage, ObservedNetwork, ObservedProcess,
};
use bottle_planner::operation::{ObjectKind, Operation, Removed, makes};
use bottle_planner::plan::{BackendReason, Plan, PlanError, Target, Undo, build, destroy};
use bottle_planner::profile::Profile;
use bottle_planner::render::{self, Shown};
use bottle_planner::source::Files;
use generated_manifests::{files, manifest};
use proptest::prelude::*;

use crate::stage::{Stage, fixture_folder};

const PROFILES: [&str; 6] =
    ["docker@20.10", "docker@28.5", "container@1.1", "container@1.2", "container@1.2/macos15", "simulator"];

/// An engine that has what these operations make, and nothing else.
fn having(plan: &Plan) -> Observation {
    let mut seen = Observation::default();
    for operation in operations(plan) {
        let Some((kind, name)) = makes(&operation.step) else { continue };
        let (id, name) = (format!("id of {name}"), name.to_owned());
        let labels = Labels {
            project: plan.project.clone(),
            address: operation.address.clone(),
            digest: operation.digest.clone(),
        };
        match kind {
            ObjectKind::Container => seen.containers.push(ObservedContainer {
                id,
                name,
                labels,
                image_id: String::new(),
                state: ContainerState::Created,
                networks: Vec::new(),
                volumes: Vec::new(),
            }),
            ObjectKind::Network => seen.networks.push(ObservedNetwork { id, name, labels, subnet: None }),
            ObjectKind::Image => seen.images.push(ObservedImage { id, names: vec![name], labels }),
            ObjectKind::Process => seen.processes.push(ObservedProcess { id, name, labels }),
            ObjectKind::Stage => seen.stages.push(name),
            ObjectKind::Volume => seen.volumes.push(name),
        }
    }
    seen
}

fn operations(plan: &Plan) -> impl Iterator<Item = &Operation> {
    plan.entries.iter().filter_map(|entry| entry.operation.as_ref())
}

fn check(manifest: &Manifest, files: &dyn Files, profile: &str) {
    let profile = Profile::named(profile).unwrap();
    let target = Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: None };
    let plan = match build(manifest, files, target) {
        Ok(plan) => plan,
        // Not every backend can do everything.
        Err(PlanError::NoWay { .. } | PlanError::Lower(_) | PlanError::Way { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let seen = having(&plan);
    let end = destroy(&plan.project, Target { observation: Some(&seen), ..target });
    let removals = end.entries.iter().filter_map(|entry| entry.removal.as_ref());
    let removals: HashMap<(ObjectKind, &str), _> = removals
        .filter_map(|removal| match &removal.what {
            Removed::Object { kind, name, .. } => Some(((*kind, name.as_str()), &removal.command)),
            Removed::Membership { .. } => None,
        })
        .collect();
    let undos = plan.undos();
    for operation in operations(&plan) {
        let undo = &undos[&operation.address];
        assert!(!undo.to_string().is_empty());
        match (makes(&operation.step), undo) {
            (Some(made), Undo::Command(command)) => assert_eq!(removals[&made].as_ref(), Some(command)),
            (Some(made), Undo::OnHost(kind)) => assert_eq!((removals[&made], *kind), (&None, made.0)),
            (made, undo) => {
                assert!(made.is_none(), "{}: {undo}", operation.address);
                assert!(!matches!(undo, Undo::Command(_) | Undo::OnHost(_)), "{}: {undo}", operation.address);
            }
        }
    }
    let text = render::text_with(&plan, Shown { undo: true, ..Shown::default() });
    assert_eq!(text.matches("\n    undo: ").count(), plan.entries.len(), "{text}");
}

#[test]
fn of_every_fixture_on_every_backend() {
    for fixture in ["bare", "family", "full", "sidecar", "team"] {
        let folder = fixture_folder(fixture).join("project");
        let files = HostFiles::new(folder.clone());
        let text = std::fs::read(folder.join("bottle.toml")).unwrap();
        let manifest = parse("bottle.toml", &text, &files).unwrap();
        for profile in PROFILES {
            check(&manifest, &files, profile);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn of_every_manifest(manifest in manifest(3), profile in proptest::sample::select(&PROFILES[..])) {
        check(&manifest, &files(), profile);
    }
}

#[test]
fn it_is_shown_under_each_operation() {
    let stage = Stage::of("sidecar");
    let text = stage.done("plan --undo").stdout;
    for lines in [
        "    docker pull node:22-slim\n    undo: stays: a pulled image is kept\n",
        "    undo: docker rm --force --volumes bottle_lone_implementer_pipelock\n",
        "    undo: docker network rm bottle_lone_implementer_internal\n",
        "    docker start bottle_lone_implementer\n    undo: goes with its container\n",
    ] {
        assert!(text.contains(lines), "{lines} in {text}");
    }
    let without: String = text.split_inclusive('\n').filter(|line| !line.starts_with("    undo: ")).collect();
    assert_eq!(without, stage.done("plan").stdout);
    for line in ["plan --undo --format json", "plan --undo --format markdown"] {
        assert_eq!(stage.say(line).exit, Some(64), "{line}");
    }
    // What goes does not come back, and what is made in its place is undone as ever.
    stage.done("apply --yes");
    stage.edit("user = \"node\"", "user = \"root\"");
    let text = stage.done("plan --undo").stdout;
    let replaced = "    undo: docker rm --force --volumes bottle_lone_implementer\n    undo: what is taken away does not come back\n";
    assert!(text.contains(replaced), "{text}");
}
