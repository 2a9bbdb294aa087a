//! Plans made by hand, an engine that remembers, and a reporter that remembers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::intent::{Build, Context as BuildContext, Exec, ImageName, Lasts, Need, ObjectName, Secret, Step};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::operation::{Action, Command, Input, ObjectKind, Operation, Removal, Removed};
use bottle_planner::plan::{BackendReason, Entry, Plan, Purpose, Verdict};
use bottle_planner::profile::Profile;

use super::super::{Event, Report, Reporter, Run, run};
use crate::crash::Crash;
use crate::engine::{
    Context, Ended, Engine, EngineError, Failure, Incarnation, Outcome, SecretError, SecretValue, Secrets,
};
use crate::host_files::HostFiles;
use crate::journal::{self, Journal, Memory};
use crate::signals::Signals;

pub(super) const LONG: Duration = Duration::from_secs(60);

pub(super) fn at(address: &str) -> Address {
    Address::recorded(address)
}

pub(super) fn digest_of(address: &str) -> Digest {
    Digest::of(address.as_bytes())
}

pub(super) fn exec() -> Step {
    Step::Exec(Exec {
        container: ObjectName("box".to_owned()),
        user: None,
        env: BTreeMap::new(),
        command: vec!["true".into()],
        stdin: bottle_planner::intent::ExecStdin::Nothing,
        hides: Vec::new(),
        lasts: Lasts::Container,
    })
}

pub(super) fn build() -> Step {
    Step::BuildImage(Build {
        image: ImageName("image".to_owned()),
        context: BuildContext::Folder {
            folder: bottle_planner::source::SourcePath::new("."),
            dockerfile: "Dockerfile".to_owned(),
        },
        args: BTreeMap::new(),
        content: digest_of("content"),
    })
}

/// An entry that runs a step.
pub(super) fn entry(address: &str, step: Step, needs: &[&str]) -> Entry {
    let operation = Operation {
        address: at(address),
        step,
        action: Action::Command(Command::default()),
        inputs: vec![Input { name: "of".to_owned(), value: address.to_owned() }],
        digest: digest_of(address),
        needs: needs.iter().map(|need| (Need::On, at(need))).collect(),
        time_limit: 60,
    };
    Entry {
        address: at(address),
        verdict: Verdict::Create,
        reasons: Vec::new(),
        operation: Some(operation),
        removal: None,
    }
}

/// What takes a container away.
pub(super) fn removal(id: &str, after: &[&str]) -> Removal {
    Removal {
        what: Removed::Object { kind: ObjectKind::Container, name: id.to_owned(), id: id.to_owned() },
        command: None,
        after: after.iter().map(|address| at(address)).collect(),
    }
}

pub(super) fn plan(entries: Vec<Entry>) -> Plan {
    Plan {
        project: ProjectName::new("acme").unwrap(),
        purpose: Purpose::Apply,
        part: None,
        profile: Profile::named("docker@28.5").unwrap(),
        chosen: BackendReason::Named,
        observed: true,
        entries,
        rewrites: Vec::new(),
        bottles: BTreeMap::new(),
        secrets: BTreeMap::new(),
        asks: Default::default(),
    }
}

/// What the engine was asked, and what it answered. A removal is `remove:ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Asked(String),
    Did(String),
    Refused(String),
}

/// The test's side of a task that hangs until it is told to go on.
pub(super) struct Gate {
    pub(super) asked: Receiver<()>,
    pub(super) go: Sender<()>,
}

/// Says that it was asked, and waits to go on.
type OtherSide = (Sender<()>, Receiver<()>);

#[derive(Default)]
pub(super) struct Double {
    pub(super) fails: BTreeSet<String>,
    pub(super) panics: BTreeSet<String>,
    /// What operations answer.
    pub(super) outcomes: HashMap<String, Outcome>,
    /// What containers are, by name.
    pub(super) incarnations: HashMap<String, Incarnation>,
    pub(super) log: Mutex<Vec<Mark>>,
    /// The journal's bytes when a task was asked for.
    pub(super) disk: Option<Memory>,
    pub(super) seen: Mutex<HashMap<String, Vec<u8>>>,
    gates: Mutex<HashMap<String, OtherSide>>,
    running: AtomicUsize,
    pub(super) most: AtomicUsize,
    building: AtomicUsize,
    pub(super) most_builds: AtomicUsize,
    /// The ids that were known when a task was asked for.
    pub(super) ids: Mutex<HashMap<String, BTreeMap<String, String>>>,
    pub(super) outputs: Mutex<HashMap<String, Vec<String>>>,
}

impl Double {
    pub(super) fn hang(&self, task: &str) -> Gate {
        let (is_asked, asked) = channel();
        let (go, goes) = channel();
        self.gates.lock().unwrap().insert(task.to_owned(), (is_asked, goes));
        Gate { asked, go }
    }

    pub(super) fn log(&self) -> Vec<Mark> {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.log().into_iter().filter_map(|mark| if let Mark::Asked(task) = mark { Some(task) } else { None }).collect()
    }

    fn note(&self, mark: Mark) {
        self.log.lock().unwrap().push(mark);
    }

    fn carry_out(&self, task: &str, builds: bool, context: &Context<'_>) -> Result<Outcome, Failure> {
        self.note(Mark::Asked(task.to_owned()));
        self.most.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        if builds {
            self.most_builds.fetch_max(self.building.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        }
        if let Some(disk) = &self.disk {
            self.seen.lock().unwrap().insert(task.to_owned(), disk.bytes());
        }
        let ids = context.ids.lock().unwrap().iter().map(|(name, id)| (name.to_string(), id.clone())).collect();
        self.ids.lock().unwrap().insert(task.to_owned(), ids);
        let known = context.outputs.lock().unwrap().clone();
        let outputs = known.iter().map(|(of, value)| format!("{}.{}={value}", of.address, of.name)).collect();
        self.outputs.lock().unwrap().insert(task.to_owned(), outputs);

        let gate = self.gates.lock().unwrap().remove(task);
        if let Some((asked, goes)) = gate {
            asked.send(()).unwrap();
            goes.recv_timeout(LONG).unwrap();
        }
        assert!(!self.panics.contains(task), "as asked");
        self.running.fetch_sub(1, Ordering::SeqCst);
        if builds {
            self.building.fetch_sub(1, Ordering::SeqCst);
        }
        let hurried = context.hurry.load(Ordering::SeqCst);
        if hurried || self.fails.contains(task) {
            self.note(Mark::Refused(task.to_owned()));
            return Err(Failure {
                address: at(task),
                argv: vec!["docker".to_owned()],
                ended: if hurried { Ended::Hurried } else { Ended::Exit(1) },
                said: "no".to_owned(),
            });
        }
        self.note(Mark::Did(task.to_owned()));
        Ok(self.outcomes.get(task).cloned().unwrap_or_default())
    }
}

impl Engine for Double {
    fn profile(&self) -> Result<Profile, EngineError> {
        unimplemented!("never asked")
    }

    fn observe(&self, _: &ProjectName) -> Result<Observation, EngineError> {
        unimplemented!("never asked")
    }

    fn projects(&self) -> Result<Vec<ProjectName>, EngineError> {
        unimplemented!("never asked")
    }

    fn run(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure> {
        self.carry_out(operation.address.as_str(), matches!(operation.step, Step::BuildImage(_)), context)
    }

    fn remove(&self, address: &Address, _: &Removal, context: &Context<'_>) -> Result<(), Failure> {
        self.carry_out(&format!("remove:{address}"), false, context).map(|_| ())
    }

    fn incarnation(&self, container: &ObjectName) -> Result<Incarnation, EngineError> {
        let silent = || EngineError::Silent { argv: String::new(), said: String::new() };
        self.incarnations.get(&container.0).cloned().ok_or_else(silent)
    }
}

/// Remembers events as JSON, and hands them on.
pub(super) struct Events {
    pub(super) all: Mutex<Vec<serde_json::Value>>,
    hand_on: Option<Sender<serde_json::Value>>,
}

impl Events {
    pub(super) fn new() -> Self {
        Self { all: Mutex::default(), hand_on: None }
    }

    pub(super) fn heard() -> (Self, Receiver<serde_json::Value>) {
        let (sender, receiver) = channel();
        (Self { all: Mutex::default(), hand_on: Some(sender) }, receiver)
    }

    /// The tasks of which an event of this kind was told, in order.
    pub(super) fn of(&self, kind: &str) -> Vec<String> {
        let all = self.all.lock().unwrap();
        all.iter().filter(|event| event["event"] == kind).map(task_of).collect()
    }
}

pub(super) fn task_of(event: &serde_json::Value) -> String {
    let removal = if event["removal"] == true { "remove:" } else { "" };
    format!("{removal}{}", event["address"].as_str().unwrap())
}

impl Reporter for Events {
    fn event(&self, event: &Event<'_>) {
        let event = serde_json::to_value(event).unwrap();
        if let Some(sender) = &self.hand_on {
            sender.send(event.clone()).unwrap();
        }
        self.all.lock().unwrap().push(event);
    }
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        Err(SecretError { secret: secret.clone(), why: "there are none".to_owned() })
    }
}

/// A run with everything around it.
pub(super) struct Scene {
    pub(super) plan: Plan,
    pub(super) observation: Observation,
    pub(super) engine: Double,
    pub(super) disk: Memory,
    pub(super) events: Events,
    pub(super) signals: Signals,
    pub(super) jobs: usize,
    pub(super) crash: Option<Crash>,
}

impl Scene {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        let disk = Memory::default();
        Self {
            plan: plan(entries),
            observation: Observation::default(),
            engine: Double { disk: Some(disk.clone()), ..Double::default() },
            disk,
            events: Events::new(),
            signals: Signals::by_hand(),
            jobs: 4,
            crash: None,
        }
    }

    pub(super) fn run(&self) -> Report {
        self.run_with(Journal::on(self.disk.clone()))
    }

    pub(super) fn run_with(&self, mut journal: Journal) -> Report {
        let given = Run {
            files: &HostFiles::new("/".into()),
            secrets: &NoSecrets,
            jobs: NonZeroUsize::new(self.jobs).unwrap(),
            reporter: &self.events,
            signals: &self.signals,
            crash: self.crash.as_ref(),
        };
        run(&self.plan, &self.observation, &self.engine, &mut journal, &given)
    }

    /// What the journal would say to the next one.
    pub(super) fn known(&self) -> journal::Known {
        let known = journal::replay(&self.disk.bytes()).unwrap();
        assert_eq!(known.damage, None);
        known
    }

    pub(super) fn known_addresses(&self) -> Vec<String> {
        self.known().done.keys().map(Address::to_string).collect()
    }
}
