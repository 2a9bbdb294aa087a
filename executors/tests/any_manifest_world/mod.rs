//! A simulator with a journal and a manifest's folder, and what can happen to them.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;

use bottle_executors::crash::{Crash, CrashPoint, Death, Moment};
use bottle_executors::engine::{Engine as _, SecretError, SecretValue, Secrets};
use bottle_executors::host_files::HostFiles;
use bottle_executors::journal::{self, Journal, Known};
use bottle_executors::run::{Event, Halt, Report, Reporter, Run, run};
use bottle_executors::signals::Signals;
use bottle_executors::simulator::{Container, Fault, Ran, Simulator, Status};
use bottle_planner::address::Address;
use bottle_planner::intent::Secret;
use bottle_planner::manifest::Manifest;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::{ContainerState, Observation};
use bottle_planner::plan::{BackendReason, Plan, Reason, Target, TaskKind, Verdict, build, destroy};
use bottle_planner::profile::Profile;
use bottle_planner::source::{Files as _, Kind, SourcePath};
use proptest::prelude::*;

/// What happens in a run, and to the engine after it.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    at: prop::sample::Index,
    what: What,
    by_hand: Option<(prop::sample::Index, Hand)>,
}

#[derive(Clone, Debug)]
enum What {
    /// A task fails, before it does anything or after all is done.
    Failure { done: bool },
    /// The run dies.
    Death(Moment),
}

/// What somebody does to a container, or to what is kept of the project.
#[derive(Clone, Copy, Debug)]
enum Hand {
    Stop,
    Restart,
    Remove,
    Disconnect,
    Connect,
    RemoveWithNetwork,
    RemoveWithImage,
    KillProcess,
    RemoveStage,
    LoseJournal,
}

pub(crate) fn trouble() -> impl Strategy<Value = Trouble> {
    let moments = [Moment::Before, Moment::Begin, Moment::Answer, Moment::End];
    let what = prop_oneof![
        any::<bool>().prop_map(|done| What::Failure { done }),
        prop::sample::select(moments.to_vec()).prop_map(What::Death),
    ];
    let hands = vec![
        Hand::Stop,
        Hand::Restart,
        Hand::Remove,
        Hand::Disconnect,
        Hand::Connect,
        Hand::RemoveWithNetwork,
        Hand::RemoveWithImage,
        Hand::KillProcess,
        Hand::RemoveStage,
        Hand::LoseJournal,
    ];
    let by_hand = prop::option::of((any::<prop::sample::Index>(), prop::sample::select(hands)));
    (any::<prop::sample::Index>(), what, by_hand).prop_map(|(at, what, by_hand)| Trouble { at, what, by_hand })
}

pub(crate) struct World {
    engine: Simulator,
    folder: tempfile::TempDir,
    project: ProjectName,
    jobs: usize,
}

/// Secrets that are always there.
struct Value;

impl Secrets for Value {
    fn read(&self, _: &Secret) -> Result<SecretValue, SecretError> {
        Ok(SecretValue::new(b"a value".to_vec()))
    }
}

struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event<'_>) {}
}

fn commands(ran: Vec<Ran>) -> BTreeSet<String> {
    let plain = |mut ran: Ran| {
        ran.since.clear();
        // Addresses are others each time.
        for word in ran.command.iter_mut().filter(|word| word.parse::<Ipv4Addr>().is_ok()) {
            *word = Ipv4Addr::UNSPECIFIED.to_string();
        }
        format!("{ran:?}")
    };
    ran.into_iter().map(plain).collect()
}

impl World {
    pub(crate) fn new(project: &ProjectName, profile: &str, jobs: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (host, state) = (folder.path().join("host"), folder.path().join("state"));
        fs::create_dir(&host).unwrap();
        fs::create_dir(state).unwrap();
        // The files that generated manifests name.
        let files = generated_manifests::files();
        for entry in files.list(&SourcePath::new(".")).unwrap() {
            let path = host.join(&entry.path);
            match entry.kind {
                Kind::Folder => fs::create_dir_all(path).unwrap(),
                _ => fs::write(path, files.read(&SourcePath::new(&entry.path)).unwrap()).unwrap(),
            }
        }
        Self { engine: Simulator::in_memory(Profile::named(profile).unwrap()), folder, project: project.clone(), jobs }
    }

    fn observe(&self, known: Known) -> Observation {
        assert_eq!(known.damage, None);
        let mut observation = self.engine.observe(&self.project).unwrap();
        let mut done = known.done;
        journal::prune(&mut done, &observation);
        observation.done = done;
        observation
    }

    /// What there is to do for a manifest, or to destroy all.
    fn plan(&self, manifest: Option<&Manifest>, observation: &Observation) -> Plan {
        let profile = self.engine.profile().unwrap();
        let target =
            Target { profile: &profile, chosen: &BackendReason::Named, observation: Some(observation), part: None };
        match manifest {
            Some(manifest) => build(manifest, &HostFiles::new(self.folder.path().join("host")), target).unwrap(),
            None => destroy(&self.project, target),
        }
    }

    /// One run as the command has it: observe, plan, carry out. `crash` is chosen by the plan.
    fn run(&self, manifest: Option<&Manifest>, crash: impl FnOnce(&Plan) -> Option<Crash>) -> Report {
        let (mut journal, known) = Journal::open(&self.folder.path().join("state")).unwrap();
        let observation = self.observe(known);
        let plan = self.plan(manifest, &observation);
        let crash = crash(&plan);
        let given = Run {
            files: &HostFiles::new(self.folder.path().join("host")),
            secrets: &Value,
            jobs: NonZeroUsize::new(self.jobs).unwrap(),
            reporter: &Silent,
            signals: &Signals::by_hand(),
            crash: crash.as_ref(),
        };
        run(&plan, &observation, &self.engine, &mut journal, &given)
    }

    /// Runs towards a manifest, or towards nothing, with trouble each time.
    pub(crate) fn suffer(&mut self, manifest: Option<&Manifest>, troubles: Vec<Trouble>) {
        for trouble in troubles {
            let mut hit = false;
            let report = self.run(manifest, |plan| {
                let tasks = plan.tasks();
                let task = tasks.get(trouble.at.index(tasks.len().max(1)))?;
                hit = true;
                match trouble.what {
                    What::Failure { done } => {
                        let said = "asked for".to_owned();
                        let fault = Fault { address: task.address.to_string(), times: 1, said, done };
                        self.engine.ask_for(fault).unwrap();
                        None
                    }
                    What::Death(moment) => {
                        let removal = matches!(task.kind, TaskKind::Remove(_));
                        let at = CrashPoint { removal, address: task.address.clone(), moment };
                        Some(Crash { at, death: Death::Run })
                    }
                }
            });
            match trouble.what {
                What::Failure { .. } => {
                    let said: Vec<&str> = report.failures.iter().map(|failure| failure.said.as_str()).collect();
                    assert_eq!(said, if hit { vec!["asked for"] } else { vec![] });
                }
                What::Death(_) => {
                    assert_eq!(matches!(report.halted, Some(Halt::Crash(_))), hit, "{report:?}");
                    assert!(report.failures.is_empty(), "{report:?}");
                }
            }
            if let Some((at, hand)) = &trouble.by_hand {
                self.meddle(at, *hand);
            }
        }
    }

    /// Does something by hand. What the engine refuses is not done.
    fn meddle(&mut self, at: &prop::sample::Index, what: Hand) {
        if matches!(what, Hand::LoseJournal) {
            let _ = fs::remove_file(self.folder.path().join("state/journal.jsonl"));
            return;
        }
        let seen = self.engine.observe(&self.project).unwrap();
        if seen.containers.is_empty() {
            return;
        }
        let container = at.get(&seen.containers);
        let network = container.networks.first().map_or("none", String::as_str);
        let hand = self.engine.by_hand();
        let image = hand.container(&container.name).unwrap().unwrap().image;
        let _ = match what {
            Hand::Stop => hand.stop(&container.name),
            // What goes in once, before the first start, is taken for the agent's after that. So who starts by hand what `apply` has not
            // finished does without it, until the bottle is destroyed.
            Hand::Restart if container.state == ContainerState::Created => Ok(()),
            Hand::Restart => hand.restart(&container.name),
            Hand::Remove => hand.remove_container(&container.name),
            Hand::Disconnect => hand.disconnect(&container.name, network),
            Hand::Connect => hand.connect(&container.name, "bridge"),
            Hand::RemoveWithNetwork => {
                hand.remove_container(&container.name).and_then(|()| hand.remove_network(network))
            }
            Hand::RemoveWithImage => hand.remove_container(&container.name).and_then(|()| hand.remove_image(&image)),
            Hand::KillProcess if !seen.processes.is_empty() => hand.kill_process(&at.get(&seen.processes).name),
            Hand::RemoveStage if !seen.stages.is_empty() => hand.remove_stage(at.get::<String>(&seen.stages)),
            Hand::KillProcess | Hand::RemoveStage | Hand::LoseJournal => Ok(()),
        };
    }

    pub(crate) fn apply(&self, manifest: &Manifest) {
        let report = self.run(Some(manifest), |_| None);
        assert!(report.complete(), "{report:?}");
    }

    /// Everything is as declared: a plan has nothing to do, and it is what an engine has on which nothing ever went wrong.
    pub(crate) fn stands(&self, manifest: &Manifest) {
        let known = journal::read(&self.folder.path().join("state")).unwrap();
        let plan = self.plan(Some(manifest), &self.observe(known));
        // But for what is asked for anew each time, and what is built upon that.
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

        let fresh = Self::new(&self.project, &self.engine.profile().unwrap().to_string(), self.jobs);
        fresh.apply(manifest);
        let (here, there) = (self.objects(Some(&fresh)), fresh.objects(None));
        assert!(here == there, "{}", similar::TextDiff::from_lines(&there, &here).unified_diff());
    }

    /// What the engine has of the project, but for what is another each time: ids and moments, and how often something ran.
    ///
    /// Of files and commands in containers only those that `another` has as well, where it is given: a container that stays keeps what an
    /// earlier manifest put into it.
    fn objects(&self, another: Option<&Self>) -> String {
        let seen = self.engine.observe(&self.project).unwrap();
        let hand = self.engine.by_hand();
        let containers = seen.containers.iter().map(|container| {
            let mut container = hand.container(&container.name).unwrap().unwrap();
            let mut ran = commands(std::mem::take(&mut container.ran));
            if let Some(other) = another.and_then(|world| world.engine.by_hand().container(&container.name).unwrap()) {
                container.files.retain(|path, _| other.files.contains_key(path));
                let others = commands(other.ran);
                ran.retain(|command| others.contains(command));
            }
            container.id.clear();
            container.image_id.clear();
            if let Status::Running(since) = &mut container.status {
                since.clear();
            }
            // A member of the network `none` and a member of none can reach the same.
            container.networks.retain(|joined| joined.network != "none");
            container.networks.sort_by(|one, other| one.network.cmp(&other.network));
            for joined in &mut container.networks {
                joined.address = joined.address.map(|_| Ipv4Addr::UNSPECIFIED);
                joined.id = None;
            }
            (container, ran)
        });
        let containers: Vec<(Container, BTreeSet<String>)> = containers.collect();
        let networks: Vec<_> = seen.networks.iter().map(|network| (&network.name, &network.labels)).collect();
        let images: Vec<_> = seen.images.iter().map(|image| (&image.names, &image.labels.address)).collect();
        let processes: Vec<_> = seen.processes.iter().map(|process| (&process.name, &process.labels)).collect();
        let of_the_host = (processes, &seen.stages);
        format!("{containers:#?}\n{networks:#?}\n{images:#?}\n{of_the_host:#?}\n{} volumes", seen.volumes.len())
    }

    /// Takes all away: nothing is left.
    pub(crate) fn destroy(&self) {
        let report = self.run(None, |_| None);
        assert!(report.complete(), "{report:?}");
        let seen = self.engine.observe(&self.project).unwrap();
        assert!(seen.containers.is_empty() && seen.networks.is_empty(), "{seen:#?}");
        assert!(seen.images.is_empty() && seen.volumes.is_empty(), "{seen:#?}");
        assert!(seen.processes.is_empty() && seen.stages.is_empty(), "{seen:#?}");
    }
}
