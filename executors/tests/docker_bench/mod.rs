//! A project of its own for each test, and nothing left of it afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command as Child, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock};

use bottle_executors::docker::Docker;
use bottle_executors::engine::{Context, Engine, Failure, Outcome, SecretError, SecretValue, Secrets};
use bottle_executors::host_files::HostFiles;
use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::intent::{Container, Hold, ImageName, Network, ObjectName, OutputRef, Reach, Role, Secret, Step};
use bottle_planner::manifest::Runtime;
use bottle_planner::name::ProjectName;
use bottle_planner::operation::{
    Action, Arg, Command, LABEL_ADDRESS, LABEL_DIGEST, LABEL_PROJECT, ObjectKind, Operation, Part, Removal, Removed,
};

/// busybox and two users.
pub(crate) const IMAGE: &str = "bottle-test/executor:1";
/// The label by which objects that are not of the project are found again.
const LEASH: &str = "bottle-test";

pub(crate) struct Bench {
    pub(crate) docker: Docker,
    pub(crate) project: ProjectName,
    pub(crate) hurry: AtomicBool,
    folder: tempfile::TempDir,
    outputs: Mutex<BTreeMap<OutputRef, String>>,
    ids: Mutex<BTreeMap<ObjectName, String>>,
}

/// A project called after the test, or `None` and a line where there is no engine.
pub(crate) fn bench(name: &str) -> Option<Bench> {
    static READY: OnceLock<Result<(), String>> = OnceLock::new();
    if let Err(why) = READY.get_or_init(image) {
        let _ = writeln!(std::io::stderr(), "skipped: {why}");
        return None;
    }
    let bench = Bench {
        docker: Docker::new(),
        project: ProjectName::new(&format!("t{}-{name}", std::process::id())).unwrap(),
        hurry: AtomicBool::new(false),
        folder: tempfile::tempdir().unwrap(),
        outputs: Mutex::default(),
        ids: Mutex::default(),
    };
    Some(bench)
}

fn image() -> Result<(), String> {
    let answers = |args: &[&str]| {
        let child = Child::new("docker").args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        child.is_ok_and(|status| status.success())
    };
    if !answers(&["version", "--format", "{{.Server.Version}}"]) {
        return Err("no docker engine answers".to_owned());
    }
    if answers(&["image", "inspect", IMAGE]) {
        return Ok(());
    }
    let busybox = fs::read("/bin/busybox").map_err(|error| format!("/bin/busybox (busybox-static): {error}"))?;
    let mut builder = tar::Builder::new(Vec::new());
    let mut append = |path: &str, mode, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        builder.append_data(&mut header, path, bytes).unwrap();
    };
    append("bin/busybox", 0o755, &busybox);
    append("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\n");
    append("etc/group", 0o644, b"root:x:0:\nnode:x:1001:\n");
    for applet in ["sh", "cat", "sleep", "true", "test", "touch", "stat"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
    }
    for (folder, owner) in [("tmp/", (0, 0)), ("home/node/", (1000, 1001))] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        header.set_uid(owner.0);
        header.set_gid(owner.1);
        builder.append_data(&mut header, folder, std::io::empty()).unwrap();
    }
    let packed = builder.into_inner().unwrap();
    let mut child =
        Child::new("docker").args(["import", "-", IMAGE]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&packed).unwrap();
    assert!(child.wait().unwrap().success());
    Ok(())
}

/// Runs docker, which must succeed.
pub(crate) fn docker(args: &[&str]) {
    stdout(args);
}

/// The command of an operation that is one.
pub(crate) fn command(operation: &mut Operation) -> &mut Command {
    match &mut operation.action {
        Action::Command(command) => command,
        other => unreachable!("{other:?}"),
    }
}

/// What docker prints.
pub(crate) fn stdout(args: &[&str]) -> String {
    let output = Child::new("docker").args(args).output().unwrap();
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// `docker` and some words.
pub(crate) fn argv(words: &str) -> Vec<Arg> {
    ["docker"].into_iter().chain(words.split(' ')).map(Arg::from).collect()
}

/// An object by its id.
pub(crate) fn id(name: &ObjectName) -> Arg {
    Arg(vec![Part::Object(name.clone())])
}

/// `value of PROMPT`.
struct Answers;

impl Secrets for Answers {
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        match secret {
            Secret::Ask(prompt) => Ok(SecretValue::new(format!("value of {prompt}").into_bytes())),
            _ => Err(SecretError { secret: secret.clone(), why: "it is not set".to_owned() }),
        }
    }
}

impl Bench {
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn object(&self, name: &str) -> ObjectName {
        ObjectName(format!("bottle_{}_{name}", self.project))
    }

    /// A label for objects that are not the project's, so that they go with it.
    pub(crate) fn leash(&self) -> String {
        format!("{LEASH}={}", self.project)
    }

    pub(crate) fn labels(&self, address: &str) -> Vec<Arg> {
        [(LABEL_PROJECT, self.project.as_str()), (LABEL_ADDRESS, address), (LABEL_DIGEST, "0123")]
            .into_iter()
            .flat_map(|(label, value)| [Arg::from("--label"), Arg::from(format!("{label}={value}"))])
            .collect()
    }

    pub(crate) fn operation(&self, address: &str, step: Step, command: Command) -> Operation {
        Operation {
            address: Address::recorded(address),
            step,
            action: Action::Command(command),
            inputs: Vec::new(),
            digest: Digest::recorded("0123"),
            needs: Vec::new(),
            time_limit: 120,
        }
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        work(&Context {
            project: &self.project,
            files: &HostFiles::new(self.root().to_owned()),
            secrets: &Answers,
            outputs: &self.outputs,
            ids: &self.ids,
            hurry: &self.hurry,
        })
    }

    /// Runs an operation and keeps what came of it, as a scheduler does.
    pub(crate) fn run(&self, operation: &Operation) -> Result<Outcome, Failure> {
        let outcome = self.with(|context| self.docker.run(operation, context))?;
        let mut outputs = self.outputs.lock().unwrap();
        for (name, value) in &outcome.outputs {
            outputs.insert(OutputRef { address: operation.address.clone(), name: name.clone() }, value.clone());
        }
        Ok(outcome)
    }

    fn make(&self, name: &str, operation: &Operation) -> Result<String, Failure> {
        let made = self.run(operation)?.made.unwrap();
        self.ids.lock().unwrap().insert(self.object(name), made.clone());
        Ok(made)
    }

    pub(crate) fn create_network(&self, name: &str) -> String {
        let step = Step::CreateNetwork(Network {
            name: self.object(name),
            reach: Reach::Internal,
            members: 3,
            subnet: None,
            closing: None,
        });
        let mut line = argv("network create --driver bridge --internal");
        line.extend(self.labels("one/internal/create"));
        line.push(self.object(name).0.into());
        let command = Command { argv: line, ..Command::default() };
        self.make(name, &self.operation("one/internal/create", step, command)).unwrap()
    }

    pub(crate) fn create_container(&self, name: &str, words: &[&str], env: &[(&str, &str)]) -> String {
        self.try_create_container(name, words, env).unwrap()
    }

    /// Makes a container whose variables are asked for by a prompt.
    pub(crate) fn try_create_container(
        &self,
        name: &str,
        words: &[&str],
        env: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let step = Step::CreateContainer(Box::new(Container {
            name: self.object(name),
            role: Role::Agent,
            image: ImageName(IMAGE.to_owned()),
            user: None,
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            workdir: None,
            env: BTreeMap::new(),
            networks: Vec::new(),
            asked: Runtime::Auto,
            runtime: None,
            hold: Hold::None,
            resolvers: Vec::new(),
            mounts: Vec::new(),
            volume: None,
            configuration: None,
            read_only: false,
            init: true,
            dns_closed: true,
            capabilities: Vec::new(),
            given_up: Vec::new(),
            pids: 64,
            cpus: None,
            memory: None,
        }));
        let address = format!("{name}/agent/create");
        let mut line = argv("create --network none --name");
        if name == "one" {
            line = argv("create --name");
        }
        line.push(self.object(name).0.into());
        line.extend(self.labels(&address));
        for (variable, _) in env {
            line.extend(["--env".into(), Arg(vec![Part::SecretName((*variable).to_owned())])]);
        }
        line.push(IMAGE.into());
        line.extend(words.iter().map(|word| Arg::from(*word)));
        let env = env.iter().map(|(name, prompt)| ((*name).to_owned(), Secret::Ask((*prompt).to_owned()))).collect();
        let command = Command { argv: line, env, ..Command::default() };
        self.make(name, &self.operation(&address, step, command))
    }

    pub(crate) fn removal(&self, kind: ObjectKind, name: &str, id: &str, words: &str) -> Removal {
        let mut line = argv(words);
        if !words.ends_with(name) {
            line.push(id.into());
        }
        let what = Removed::Object { kind, name: name.to_owned(), id: id.to_owned() };
        Removal { what, command: Some(Command { argv: line, ..Command::default() }), after: Vec::new() }
    }

    pub(crate) fn remove(&self, kind: ObjectKind, name: &str, id: &str, words: &str) -> Result<(), Failure> {
        let removal = self.removal(kind, name, id, words);
        self.with(|context| self.docker.remove(&Address::recorded("one/agent/create"), &removal, context))
    }

    pub(crate) fn detach(&self, container: &str, id: &str, network: &str) -> Result<(), Failure> {
        let network = self.object(network).0;
        let mut line = argv("network disconnect --force");
        line.extend([Arg::from(network.clone()), Arg::from(id)]);
        let what = Removed::Membership { container: self.object(container).0, container_id: id.to_owned(), network };
        let removal = Removal { what, command: Some(Command { argv: line, ..Command::default() }), after: Vec::new() };
        self.with(|context| self.docker.remove(&Address::recorded("one/agent/attach:x"), &removal, context))
    }

    /// A docker command that is a shell script.
    pub(crate) fn script(&self, text: &str) -> Docker {
        let path = self.root().join("docker-double");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Docker::at(path)
    }

    /// The names of what is there.
    pub(crate) fn observe(&self) -> (Vec<String>, Vec<String>) {
        let seen = self.docker.observe(&self.project).unwrap();
        let containers = seen.containers.into_iter().map(|container| container.name).collect();
        (containers, seen.networks.into_iter().map(|network| network.name).collect())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let lines = |args: &[&str]| -> Vec<String> {
            let output = Child::new("docker").args(args).output();
            output
                .map(|output| String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
                .unwrap_or_default()
        };
        for label in [format!("{LABEL_PROJECT}={}", self.project), self.leash()] {
            let filter = format!("label={label}");
            for (list, remove) in [
                (&["ps", "--all", "--quiet"][..], &["rm", "--force", "--volumes"][..]),
                (&["network", "ls", "--quiet"], &["network", "rm"]),
                (&["volume", "ls", "--quiet"], &["volume", "rm"]),
                (&["image", "ls", "--quiet"], &["image", "rm", "--force"]),
            ] {
                for id in lines(&[list, &["--filter", &filter]].concat()) {
                    lines(&[remove, &[&id]].concat());
                }
            }
        }
    }
}
