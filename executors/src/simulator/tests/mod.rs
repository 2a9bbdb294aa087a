//! The simulator against what Docker does.

mod containers;
mod images;
mod networks;
mod persistence;
mod plans;
mod removal;
mod ways;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use bottle_planner::digest::Digest;
use bottle_planner::intent::{
    Archive, ArchiveEntry, Attachment, Content, CopyIn, Hold, ImageName, Need, Owner, Owners, Reach, Secret, Tracking,
};
use bottle_planner::manifest::Runtime;
use bottle_planner::operation::{Action, Arg, Input, ObjectKind, Removed};
use ipnet::Ipv4Net;

use super::*;
use crate::engine::{SecretError, SecretValue, Secrets};
use crate::host_files::HostFiles;

/// A simulator, and what a run would hold.
struct Bench {
    engine: Simulator,
    root: tempfile::TempDir,
    files: HostFiles,
    project: ProjectName,
    outputs: Mutex<BTreeMap<OutputRef, String>>,
    ids: Mutex<BTreeMap<ObjectName, String>>,
    secrets: Told,
    hurry: AtomicBool,
}

/// Secrets that notes which were read; those named `missing` are not there.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

const VALUE: &str = "hunter2-the-value";

impl Secrets for Told {
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        self.0.lock().unwrap().push(secret.to_string());
        if secret.to_string().contains("missing") {
            return Err(SecretError { secret: secret.clone(), why: "it is not set".to_owned() });
        }
        Ok(SecretValue::new(VALUE.into()))
    }
}

fn project(name: &str) -> ProjectName {
    ProjectName::new(name).unwrap()
}

impl Bench {
    fn new(profile: &str) -> Self {
        Self::with(Simulator::in_memory(Profile::named(profile).unwrap()))
    }

    fn with(engine: Simulator) -> Self {
        let root = tempfile::tempdir().unwrap();
        Self {
            engine,
            files: HostFiles::new(root.path().to_owned()),
            root,
            project: project("acme"),
            outputs: Mutex::default(),
            ids: Mutex::default(),
            secrets: Told::default(),
            hurry: AtomicBool::new(false),
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            project: &self.project,
            files: &self.files,
            secrets: &self.secrets,
            outputs: &self.outputs,
            ids: &self.ids,
            hurry: &self.hurry,
        }
    }

    /// Runs a step as the scheduler would: what it made and put out is known to those after it.
    fn run(&self, address: &str, step: Step) -> Result<Outcome, Failure> {
        self.run_operation(&operation(address, step))
    }

    fn run_operation(&self, operation: &Operation) -> Result<Outcome, Failure> {
        let outcome = self.engine.run(operation, &self.context())?;
        if let (Some(id), Some((_, name))) = (&outcome.made, bottle_planner::operation::makes(&operation.step)) {
            self.ids.lock().unwrap().insert(ObjectName(name.to_owned()), id.clone());
        }
        for (name, value) in &outcome.outputs {
            let output = OutputRef { address: operation.address.clone(), name: name.clone() };
            self.outputs.lock().unwrap().insert(output, value.clone());
        }
        Ok(outcome)
    }

    fn ok(&self, step: Step) -> Outcome {
        self.run("one/thing/step", step).unwrap()
    }

    /// What the engine says when it refuses.
    fn no(&self, step: Step) -> String {
        self.run("one/thing/step", step).unwrap_err().said
    }

    fn remove(&self, what: Removed) -> Result<(), Failure> {
        let removal = Removal { what, command: None, after: Vec::new() };
        self.engine.remove(&Address::recorded("one/thing/step"), &removal, &self.context())
    }

    fn seen(&self) -> Observation {
        self.engine.observe(&self.project).unwrap()
    }

    fn get(&self, name: &str) -> Container {
        self.engine.by_hand().container(name).unwrap().unwrap()
    }

    /// A container on networks that are made with it.
    fn with_container(profile: &str, networks: &[&str]) -> Self {
        let bench = Self::new(profile);
        bench.ok(pull("node:22"));
        for (number, network) in networks.iter().enumerate() {
            bench.ok(new_network(network, &format!("10.1.{number}.0/29")));
        }
        bench.ok(new_container("c", networks));
        bench
    }
}

fn operation(address: &str, step: Step) -> Operation {
    Operation {
        address: Address::recorded(address),
        step,
        action: Action::Command(Command { argv: vec![Arg::from("docker"), Arg::from("do it")], ..Command::default() }),
        inputs: vec![Input { name: "i".to_owned(), value: "v".to_owned() }],
        digest: Digest::of(address.as_bytes()),
        needs: vec![(Need::After, Address::recorded("one/agent/owners"))],
        time_limit: 60,
    }
}

fn name(text: &str) -> ObjectName {
    ObjectName(text.to_owned())
}

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn pull(image: &str) -> Step {
    Step::PullImage(ImageName(image.to_owned()))
}

fn new_network(network: &str, subnet: &str) -> Step {
    Step::CreateNetwork(bottle_planner::intent::Network {
        name: name(network),
        reach: Reach::Internal,
        members: 3,
        subnet: Some(net(subnet)),
        closing: None,
    })
}

fn membership(network: &str) -> Membership {
    Membership { network: name(network), alias: Some("alias".to_owned()), default_route: false, own: false }
}

fn container(called: &str, networks: &[&str]) -> bottle_planner::intent::Container {
    bottle_planner::intent::Container {
        name: name(called),
        role: bottle_planner::intent::Role::Agent,
        image: ImageName("node:22".to_owned()),
        user: Some("node".to_owned()),
        command: vec!["sleep".to_owned(), "infinity".to_owned()],
        env: BTreeMap::new(),
        networks: networks.iter().map(|network| membership(network)).collect(),
        asked: Runtime::Auto,
        runtime: None,
        hold: Hold::None,
        resolvers: Vec::new(),
        mounts: Vec::new(),
        workdir: None,
        volume: None,
        configuration: None,
        read_only: false,
        init: true,
        dns_closed: true,
        capabilities: Vec::new(),
        given_up: Vec::new(),
        pids: 512,
        cpus: None,
        memory: None,
    }
}

fn new_container(called: &str, networks: &[&str]) -> Step {
    Step::CreateContainer(Box::new(container(called, networks)))
}

fn start(container: &str) -> Step {
    Step::Start(name(container))
}

fn attach(container: &str, network: &str) -> Step {
    Step::Attach(Attachment { container: name(container), membership: membership(network) })
}

fn copy(container: &str, entries: Vec<ArchiveEntry>) -> Step {
    copy_into(container, "/", entries)
}

fn copy_into(container: &str, into: &str, entries: Vec<ArchiveEntry>) -> Step {
    Step::CopyIn(CopyIn {
        container: name(container),
        into: into.to_owned(),
        files: Archive { entries },
        tracked: Tracking::Once,
    })
}

fn text(path: &str, text: &str, owner: Owner) -> ArchiveEntry {
    ArchiveEntry { path: path.to_owned(), content: Content::Text(text.to_owned()), owner, mode: None }
}

fn owners(container: &str, names: &[&str]) -> Step {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Step::LearnOwners(Owners { container: name(container), names })
}

fn object(kind: ObjectKind, name: &str, id: &str) -> Removed {
    Removed::Object { kind, name: name.to_owned(), id: id.to_owned() }
}
