//! Whole plans on the simulator: any manifest, any failures, and then what was declared.

use std::fs;

use bottle_planner::manifest::Manifest;
use bottle_planner::observation::{ContainerState, Done};
use bottle_planner::plan::{BackendReason, Plan, Target, TaskKind, Verdict, build, destroy};
use generated_manifests::{files, manifest};
use proptest::prelude::*;

use super::*;
use crate::host_files::HostFiles;

/// What is left of a run when the process ends: what the journal would hold.
struct World {
    bench: Bench,
    done: BTreeMap<Address, Done>,
}

impl World {
    fn new(manifest: &Manifest, profile: &str) -> Self {
        let bench = Bench { project: manifest.name.clone(), ..Bench::new(profile) };
        copy_out(&bench);
        Self { bench, done: BTreeMap::new() }
    }

    fn plan(&self, manifest: Option<&Manifest>) -> Plan {
        let profile = self.bench.engine.profile().unwrap();
        let observation = Observation { done: self.done.clone(), ..self.bench.seen() };
        let target =
            Target { profile: &profile, chosen: &BackendReason::Named, observation: Some(&observation), part: None };
        match manifest {
            Some(manifest) => {
                build(manifest, &HostFiles::new(self.bench.root.path().to_owned()), target).expect("a plan")
            }
            None => destroy(&self.bench.project, target),
        }
    }

    /// Does what a plan says, as far as it can; how many tasks failed.
    fn apply(&mut self, plan: &Plan) -> Vec<Failure> {
        let tasks = plan.tasks();
        let mut succeeded = vec![false; tasks.len()];
        let mut failures = Vec::new();
        {
            // What a new run knows is what it observed.
            let seen = self.bench.seen();
            let containers = seen.containers.into_iter().map(|container| (ObjectName(container.name), container.id));
            let networks = seen.networks.into_iter().map(|network| (ObjectName(network.name), network.id));
            *self.bench.ids.lock().unwrap() = containers.chain(networks).collect();
            self.bench.outputs.lock().unwrap().clear();
        }
        let mut open: Vec<usize> = (0..tasks.len()).collect();
        loop {
            let ready: Vec<usize> =
                open.extract_if(.., |at| tasks[*at].waits.iter().all(|wait| succeeded[*wait])).collect();
            if ready.is_empty() {
                return failures;
            }
            for at in ready {
                let result = match tasks[at].kind {
                    TaskKind::Run(operation) => self.operate(operation),
                    TaskKind::Remove(removal) => {
                        self.bench.engine.remove(tasks[at].address, removal, &self.bench.context())
                    }
                };
                match result {
                    Ok(()) => succeeded[at] = true,
                    Err(failure) => failures.push(failure),
                }
            }
        }
    }

    fn operate(&mut self, operation: &Operation) -> Result<(), Failure> {
        self.bench.run_operation(operation)?;
        let incarnation = operation.step.container().and_then(|name| self.bench.engine.incarnation(name).ok());
        let done = Done {
            digest: operation.digest.clone(),
            inputs: operation.inputs.clone(),
            container: incarnation.as_ref().map(|incarnation| incarnation.id.clone()),
            since: incarnation.and_then(|incarnation| incarnation.since),
        };
        self.done.insert(operation.address.clone(), done);
        Ok(())
    }

    /// Everything is as declared.
    fn stands(&self, manifest: &Manifest) {
        let plan = self.plan(Some(manifest));
        let left: Vec<_> = plan.entries.iter().filter(|entry| entry.verdict != Verdict::Keep).collect();
        assert!(left.is_empty(), "{left:#?}");
        let seen = self.bench.seen();
        assert!(seen.containers.len() >= manifest.bottles.len());
        for container in seen.containers {
            assert!(matches!(container.state, ContainerState::Running(_)), "{container:?}");
        }
    }
}

/// Lays out on disk the files that generated manifests name.
fn copy_out(bench: &Bench) {
    use bottle_planner::source::{Files as _, Kind, SourcePath};
    let files = files();
    for entry in files.list(&SourcePath::new(".")).unwrap() {
        let path = bench.root.path().join(&entry.path);
        match entry.kind {
            Kind::Folder => fs::create_dir_all(path).unwrap(),
            _ => fs::write(path, files.read(&SourcePath::new(&entry.path)).unwrap()).unwrap(),
        }
    }
}

/// Does something to the first container by hand, or loses the journal. What the engine refuses is not done.
fn meddle(world: &mut World, how: u8) {
    let hand = world.bench.engine.by_hand();
    let Some(container) = world.bench.seen().containers.into_iter().next() else { return };
    let network = container.networks.first().map_or("none", String::as_str);
    let image = hand.container(&container.name).unwrap().unwrap().image;
    let _ = match how % 8 {
        0 => hand.stop(&container.name),
        1 => hand.restart(&container.name),
        2 => hand.remove_container(&container.name),
        3 if network != "none" => hand.disconnect(&container.name, network),
        4 => hand.connect(&container.name, "bridge"),
        5 => hand.remove_container(&container.name).and_then(|()| hand.remove_network(network)),
        6 => hand.remove_container(&container.name).and_then(|()| hand.remove_image(&image)),
        _ => {
            world.done.clear();
            Ok(())
        }
    };
}

/// Which task of a run fails, whether it is done for all that, and what is undone by hand afterwards.
type Trouble = (prop::sample::Index, bool, u8);

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_manifest_stands_after_any_trouble_and_destroy_leaves_nothing(
        manifest in manifest(3),
        profile in prop::sample::select(&["simulator@20.10", "simulator@28.5"][..]),
        troubles in prop::collection::vec(any::<Trouble>(), 0..4),
    ) {
        let mut world = World::new(&manifest, profile);
        for (task, done, by_hand) in troubles {
            let plan = world.plan(Some(&manifest));
            let tasks = plan.tasks();
            if !tasks.is_empty() {
                let address = tasks[task.index(tasks.len())].address.to_string();
                world.bench.engine.ask_for(Fault { address, times: 1, said: "asked for".to_owned(), done }).unwrap();
                let failures = world.apply(&plan);
                prop_assert_eq!(failures.len(), 1, "{:?}", failures);
                prop_assert_eq!(&failures[0].said, "asked for");
            }
            meddle(&mut world, by_hand);
        }
        let plan = world.plan(Some(&manifest));
        let failures = world.apply(&plan);
        prop_assert!(failures.is_empty(), "{:?}", failures);
        world.stands(&manifest);

        let plan = world.plan(None);
        let failures = world.apply(&plan);
        prop_assert!(failures.is_empty(), "{:?}", failures);
        let seen = world.bench.seen();
        prop_assert!(seen.containers.is_empty() && seen.networks.is_empty() && seen.images.is_empty());
        prop_assert!(seen.volumes.is_empty(), "{:?}", seen.volumes);
    }
}
