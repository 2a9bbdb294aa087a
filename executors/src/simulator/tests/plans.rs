//! Whole plans on the simulator: any manifest, any failures, and then what was declared.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use bottle_planner::intent::Hold;
use bottle_planner::manifest::Manifest;
use bottle_planner::name::BottleName;
use bottle_planner::observation::{ContainerState, Done};
use bottle_planner::plan::{BackendReason, Plan, Reason, Target, TaskKind, Verdict, build, destroy};
use generated_manifests::{WaysOut, bottle_with, files, manifest_of, manifest_with};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::host_files::HostFiles;

/// What is left of a run when the process ends: what the journal would hold.
pub(super) struct World {
    pub(super) bench: Bench,
    done: BTreeMap<Address, Done>,
    /// What the order of tasks comes from, where the plan leaves it open.
    seed: u64,
}

/// How a run ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// By itself.
    Whole,
    /// Killed after so many tasks; the last may be done and not written down.
    Killed { after: usize, last_is_lost: bool },
}

impl World {
    pub(super) fn new(manifest: &Manifest, profile: &str, seed: u64) -> Self {
        let bench = Bench { project: manifest.name.clone(), ..Bench::new(profile) };
        copy_out(&bench);
        Self { bench, done: BTreeMap::new(), seed }
    }

    pub(super) fn plan(&self, manifest: Option<&Manifest>) -> Plan {
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

    /// Does what a plan says, as far as it can; what failed.
    pub(super) fn apply(&mut self, plan: &Plan) -> Vec<Failure> {
        self.run(plan, End::Whole, &mut |_| {})
    }

    /// The same, up to an end, with something done by hand before each task.
    fn run(&mut self, plan: &Plan, end: End, meanwhile: &mut dyn FnMut(&Self)) -> Vec<Failure> {
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
        // As a run does before it begins.
        for entry in &plan.entries {
            if entry.reasons.iter().any(|reason| matches!(reason, Reason::NeedRedone { .. })) {
                self.done.remove(&entry.address);
            }
        }
        let mut open: Vec<usize> = (0..tasks.len()).collect();
        let mut ran = 0;
        loop {
            let may_run = |at: &usize| tasks[*at].waits.iter().all(|wait| succeeded[*wait]);
            let ready: Vec<usize> = (0..open.len()).filter(|place| may_run(&open[*place])).collect();
            if ready.is_empty() {
                return failures;
            }
            // Any order that the plan allows: a run with several jobs may take any.
            let at = open.remove(ready[self.chance(ready.len())]);
            let last = matches!(end, End::Killed { after, .. } if after == ran);
            if last && matches!(end, End::Killed { last_is_lost: false, .. }) {
                return failures;
            }
            meanwhile(self);
            let result = match tasks[at].kind {
                TaskKind::Run(operation) => self.operate(operation, !last),
                TaskKind::Remove(removal) => {
                    self.bench.engine.remove(tasks[at].address, removal, &self.bench.context())
                }
            };
            if last {
                return failures;
            }
            ran += 1;
            match result {
                Ok(()) => succeeded[at] = true,
                Err(failure) => failures.push(failure),
            }
        }
    }

    /// A number below `most`, another one each time.
    fn chance(&mut self, most: usize) -> usize {
        // The constants of Knuth's MMIX.
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).unwrap() % most
    }

    fn operate(&mut self, operation: &Operation, written_down: bool) -> Result<(), Failure> {
        // Nothing is known of an operation from its begin to its end.
        self.done.remove(&operation.address);
        self.bench.run_operation(operation)?;
        if !written_down {
            return Ok(());
        }
        let incarnation = operation.step.container().and_then(|name| self.bench.engine.incarnation(name).ok());
        let process = match &operation.step {
            Step::AwaitProcess(ready) => self.bench.engine.by_hand().process(&ready.process.name.0).unwrap(),
            _ => None,
        };
        let done = Done {
            digest: operation.digest.clone(),
            inputs: operation.inputs.clone(),
            container: incarnation.as_ref().map(|incarnation| incarnation.id.clone()),
            since: incarnation.and_then(|incarnation| incarnation.since).or(process.map(|process| process.id)),
        };
        self.done.insert(operation.address.clone(), done);
        Ok(())
    }

    /// Everything is as declared, but for what is asked for anew each time, and what is built upon that.
    pub(super) fn stands(&self, manifest: &Manifest) {
        let plan = self.plan(Some(manifest));
        let mut anew: BTreeSet<&Address> = BTreeSet::new();
        let mut left = Vec::new();
        for entry in plan.entries.iter().filter(|entry| entry.verdict != Verdict::Keep) {
            let refreshed = |reason: &Reason| match reason {
                Reason::Refreshed => true,
                Reason::NeedRedone { need } => anew.contains(need),
                _ => false,
            };
            if entry.reasons.iter().all(refreshed) {
                anew.insert(&entry.address);
            } else {
                left.push(entry);
            }
        }
        assert!(left.is_empty(), "{left:#?}");
        let seen = self.bench.seen();
        assert!(seen.containers.len() >= manifest.bottles.len());
        for container in &seen.containers {
            assert!(matches!(container.state, ContainerState::Running(_)), "{container:?}");
            let container = self.bench.get(&container.name);
            assert!(container.has_gone_on(), "{} is still held", container.name);
            self.knows_its_guard(&container);
        }
    }

    /// What an agent was told of addresses is still so.
    fn knows_its_guard(&self, agent: &Container) {
        let hand = self.bench.engine.by_hand();
        let this_run = |ran: &&Ran| Some(ran.since.as_str()) == agent.since();
        let last = |is: &dyn Fn(&Ran) -> bool| agent.ran.iter().rev().filter(this_run).find(|ran| is(ran)).cloned();
        if agent.hold == Hold::None || agent.networks.is_empty() {
            return;
        }
        let network = &agent.networks[0].network;
        if agent.hold == Hold::HeldByRoot {
            let rules = last(&|ran| ran.command[0] == "nft").expect("rules").stdin.expect("a ruleset");
            let names = last(&|ran| ran.command[0] == "sh" && ran.stdin.is_some()).expect("names").stdin.unwrap();
            for line in names.lines() {
                let (address, host) = line.split_once(' ').unwrap();
                assert!(rules.contains(address), "{host}");
                let by_hand = self.bench.engine.look(|state| state.resolves.get(host).cloned()).unwrap();
                let address: IpAddr = address.parse().unwrap();
                assert!(by_hand.is_none_or(|addresses| addresses.contains(&address)), "{host} has moved");
            }
            return;
        }
        let sidecar = hand.container(&format!("{}_pipelock", agent.name)).unwrap();
        let address = match sidecar {
            Some(sidecar) => {
                let joined = sidecar.networks.into_iter().find(|joined| joined.network == *network);
                joined.and_then(|joined| joined.address).expect("an address")
            }
            None => hand.network(network).unwrap().unwrap().subnet.unwrap().hosts().next().unwrap(),
        };
        let told = last(&|ran| ran.command.len() == 5 && ran.command[3] == "hosts").expect("a line of the hosts file");
        assert_eq!(told.command[4], address.to_string(), "{}", agent.name);
    }

    /// No agent's command was let go without what guards it.
    pub(super) fn was_guarded(&self) {
        for moment in self.bench.engine.moments.lock().unwrap().iter() {
            assert!(moment.guard.is_ok(), "{moment:?}");
        }
    }

    fn is_empty(&self) {
        let seen = self.bench.seen();
        assert!(seen.containers.is_empty() && seen.networks.is_empty() && seen.images.is_empty());
        assert!(seen.volumes.is_empty() && seen.processes.is_empty() && seen.stages.is_empty());
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

/// Does something by hand to one of the containers, or of what is the host's, or loses the journal. What the engine refuses is not done.
fn meddle(world: &mut World, how: u8, which: Index) {
    if how % 16 == 15 {
        world.done.clear();
        return;
    }
    by_hand(world, how, which);
}

fn by_hand(world: &World, how: u8, which: Index) {
    let hand = world.bench.engine.by_hand();
    let seen = world.bench.seen();
    if seen.containers.is_empty() {
        return;
    }
    let container = which.get(&seen.containers);
    let network = container.networks.first().map_or("none", String::as_str);
    let image = hand.container(&container.name).unwrap().unwrap().image;
    let _ = match how % 16 {
        0 => hand.stop(&container.name),
        9 => hand.unname_image(&image),
        1 | 10 => hand.restart(&container.name),
        2 => hand.remove_container(&container.name),
        3 if network != "none" => hand.disconnect(&container.name, network),
        4 => hand.connect(&container.name, "bridge"),
        5 => hand.remove_container(&container.name).and_then(|()| hand.remove_network(network)),
        6 => hand.remove_container(&container.name).and_then(|()| hand.remove_image(&image)),
        7 | 11 if !seen.processes.is_empty() => hand.kill_process(&which.get(&seen.processes).name),
        8 | 12 if !seen.stages.is_empty() => hand.remove_stage(which.get::<String>(&seen.stages)),
        13 => seen.containers.iter().try_for_each(|container| hand.restart(&container.name)),
        14 => move_hosts(world, &container.name),
        _ => Ok(()),
    };
}

/// Gives the hosts that a container was told of other addresses.
fn move_hosts(world: &World, container: &str) -> Result<(), String> {
    let told = world.bench.get(container).ran.into_iter().rev().find_map(|ran| ran.stdin).unwrap_or_default();
    let hosts = told.lines().filter_map(|line| line.split_once(' ')).filter(|(from, _)| from.parse::<IpAddr>().is_ok());
    hosts.enumerate().try_for_each(|(number, (_, host))| {
        let addresses = [format!("203.0.113.{}", number + 1), format!("2001:db8::{}", number + 1)];
        world.bench.engine.by_hand().resolve_as(host, &addresses.map(|address| address.parse().unwrap()))
    })
}

/// A backend, and the ways out that it has.
fn backend() -> impl Strategy<Value = (&'static str, WaysOut)> {
    prop_oneof![
        1 => Just(("simulator@20.10", WaysOut::Sidecar)),
        1 => Just(("simulator@28.5", WaysOut::Sidecar)),
        1 => Just(("simulator:container@1.1", WaysOut::All)),
        2 => Just(("simulator:container@1.2", WaysOut::All)),
        1 => Just(("simulator:container@1.2/macos15", WaysOut::Firewall)),
    ]
}

/// What goes wrong in a run, and what is done by hand after it.
#[derive(Clone, Debug)]
enum Trouble {
    /// A task fails; perhaps it is done for all that.
    Fails { task: Index, done: bool },
    /// The run is killed.
    Killed { after: Index, last_is_lost: bool },
}

fn troubles() -> impl Strategy<Value = Vec<(Trouble, u8, Index)>> {
    let trouble = prop_oneof![
        (any::<Index>(), any::<bool>()).prop_map(|(task, done)| Trouble::Fails { task, done }),
        (any::<Index>(), any::<bool>()).prop_map(|(after, last_is_lost)| Trouble::Killed { after, last_is_lost }),
    ];
    prop::collection::vec((trouble, any::<u8>(), any::<Index>()), 0..5)
}

/// A run with trouble in it.
fn troubled(world: &mut World, manifest: &Manifest, trouble: &Trouble) {
    let plan = world.plan(Some(manifest));
    let tasks = plan.tasks();
    if tasks.is_empty() {
        return;
    }
    match trouble {
        Trouble::Fails { task, done } => {
            let address = tasks[task.index(tasks.len())].address.to_string();
            let fault = Fault { address, times: 1, said: "asked for".to_owned(), done: *done };
            world.bench.engine.ask_for(fault).unwrap();
            let failures = world.apply(&plan);
            assert_eq!(failures.len(), 1, "{failures:?}");
            assert_eq!(failures[0].said, "asked for");
        }
        Trouble::Killed { after, last_is_lost } => {
            let end = End::Killed { after: after.index(tasks.len()), last_is_lost: *last_is_lost };
            let failures = world.run(&plan, end, &mut |_| {});
            assert!(failures.is_empty(), "{failures:?}");
        }
    }
}

/// Applied without trouble, a manifest stands.
fn converges(world: &mut World, manifest: &Manifest) {
    let plan = world.plan(Some(manifest));
    let failures = world.apply(&plan);
    assert!(failures.is_empty(), "{failures:?}");
    world.stands(manifest);
    world.was_guarded();
}

fn ends(world: &mut World) {
    let plan = world.plan(None);
    let failures = world.apply(&plan);
    assert!(failures.is_empty(), "{failures:?}");
    world.is_empty();
}

/// Two manifests for the same bottles.
fn two_manifests(ways: WaysOut) -> impl Strategy<Value = (Manifest, Manifest)> {
    let bottle = move || prop::option::weighted(0.8, bottle_with(ways));
    prop::collection::vec((bottle(), bottle()), 1..3).prop_map(|pairs| {
        let of = |bottles: Vec<Option<bottle_planner::manifest::Bottle>>| {
            let named = bottles
                .into_iter()
                .enumerate()
                .filter_map(|(number, bottle)| Some((BottleName::new(&format!("b{number}")).unwrap(), bottle?)));
            manifest_of("generated", named.collect())
        };
        let (one, other) = pairs.into_iter().unzip();
        (of(one), of(other))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_manifest_stands_after_any_trouble_and_destroy_leaves_nothing(
        (profile, manifest) in backend()
            .prop_flat_map(|(profile, ways)| (Just(profile), manifest_with(3, ways))),
        troubles in troubles(),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(&manifest, profile, seed);
        for (trouble, how, which) in troubles {
            troubled(&mut world, &manifest, &trouble);
            world.was_guarded();
            meddle(&mut world, how, which);
        }
        converges(&mut world, &manifest);
        ends(&mut world);
    }

    #[test]
    fn any_manifest_becomes_any_other(
        (profile, (one, other)) in backend()
            .prop_flat_map(|(profile, ways)| (Just(profile), two_manifests(ways))),
        before in troubles(),
        after in troubles(),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(&one, profile, seed);
        for (manifest, troubles) in [(&one, before), (&other, after)] {
            for (trouble, how, which) in troubles {
                troubled(&mut world, manifest, &trouble);
                world.was_guarded();
                meddle(&mut world, how, which);
            }
        }
        converges(&mut world, &other);
        ends(&mut world);
    }
}
