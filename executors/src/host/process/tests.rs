use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::Mutex;

use bottle_planner::intent::{ObjectName, OutputRef, Secret, StageName};
use bottle_planner::operation::{Arg, Command as Words, Part};
use bottle_planner::profile::Backend;

use super::*;
use crate::archive::{Body, GuestFile};
use crate::command::Making;
use crate::engine::{Context, SecretError, SecretValue, Secrets};
use crate::host_files::HostFiles;
use crate::lock::Lock;

const NAME: &str = "bottle_acme_one_pipelock";
const STAGE: &str = "bottle_acme_one_pipelock-0123";
const BASE: &str = "BOTTLE_TEST_PROCESS_BASE";
/// Says that it runs, and goes on.
const SERVES: &str = "echo it runs; while :; do sleep 1; done";

struct NoSecrets;

impl Secrets for NoSecrets {
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        Err(SecretError { secret: secret.clone(), why: "there are none".to_owned() })
    }
}

struct Bench {
    dir: StateDir,
    processes: Processes,
    stages: Stages,
}

impl Bench {
    fn new(base: &Path) -> Self {
        let dir = StateDir::of(base, Backend::Container, &ProjectName::new("acme").unwrap());
        dir.make().unwrap();
        Self { processes: Processes::of(&dir), stages: Stages::of(&dir), dir }
    }

    /// Starts a shell with a script in a stage.
    fn start(&self, script: &str) -> Result<String, String> {
        self.start_at("/bin/sh", STAGE, script)
    }

    fn start_at(&self, program: &str, stage: &str, script: &str) -> Result<String, String> {
        let stage = StageName(stage.to_owned());
        let file = GuestFile { path: "/run".into(), uid: 0, gid: 0, mode: 0o644, body: Body::Text(script.into()) };
        self.stages.remove(&stage).unwrap();
        self.stages.put(&stage, "/", &[file]).unwrap();
        let file = Arg(vec![Part::Stage(stage), Part::Literal("/run".to_owned())]);
        let words = Words { argv: vec![program.into(), file], ..Words::default() };
        let outputs = Mutex::<BTreeMap<OutputRef, String>>::default();
        let ids = Mutex::<BTreeMap<ObjectName, String>>::default();
        let hurry = AtomicBool::new(true);
        let context = Context {
            project: self.dir.project(),
            files: &HostFiles::new("/".into()),
            secrets: &NoSecrets,
            outputs: &outputs,
            ids: &ids,
            hurry: &hurry,
        };
        let given = Given::default();
        let at = |name: &StageName| self.stages.path(name);
        let making = Making { given: &given, object: |name, _| name.0.clone(), stage: &at };
        let address = Address::recorded("one/pipelock/start");
        let ready = making.ready(&address, &words, None, &context).unwrap();
        self.processes.start(NAME, (&address, &Digest::recorded("0123")), &ready, &given, &hurry)
    }

    fn seen(&self) -> Vec<ObservedProcess> {
        self.processes.observe().unwrap()
    }

    fn log(&self) -> String {
        String::from_utf8(self.processes.log(NAME).bytes).unwrap()
    }

    fn says(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "it never said {text:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn remove(&self, id: &str) -> Result<(), String> {
        self.processes.remove(NAME, id, &AtomicBool::new(true))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for process in self.processes.observe().unwrap_or_default() {
            let _ = self.processes.remove(&process.name, &process.id, &AtomicBool::new(true));
        }
    }
}

#[test]
fn a_process_is_started_found_again_and_ended() {
    let base = tempfile::tempdir().unwrap();
    let bench = Bench::new(base.path());
    assert!(bench.seen().is_empty());
    let id = bench.start(SERVES).unwrap();
    assert_eq!(bench.seen()[0].id, id);
    bench.says("it runs");
    let again = Bench::new(base.path());
    let [seen] = again.seen().try_into().unwrap();
    assert_eq!(seen.id, id, "what was asked of it would not be known to have been asked of it");
    assert_eq!((seen.name.as_str(), seen.labels.address.as_str()), (NAME, "one/pipelock/start"));
    assert_eq!(seen.labels.digest, Digest::recorded("0123"));
    let mode = |path: &str| {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(bench.dir.path().join(path)).unwrap().permissions())
            & 0o777
    };
    assert_eq!(mode(&format!("log/{NAME}.log")), 0o600);
    assert_eq!(mode(&format!("process/{NAME}.json")), 0o600);

    bench.remove(&seen.id).unwrap();
    bench.remove(&seen.id).unwrap();
    assert!(bench.seen().is_empty());
    assert!(!bench.processes.record_of(NAME).exists() && !bench.processes.log_of(NAME).exists());
}

#[test]
fn a_lost_record_makes_it_one_that_nothing_declares() {
    let base = tempfile::tempdir().unwrap();
    let bench = Bench::new(base.path());
    bench.start(SERVES).unwrap();
    fs::remove_file(bench.processes.record_of(NAME)).unwrap();
    let [seen] = bench.seen().try_into().unwrap();
    assert_eq!((seen.name.as_str(), seen.labels.digest), (NAME, Digest::recorded("")));
    assert_eq!(seen.labels.address.bottle(), Some("one"));
    bench.remove(&seen.id).unwrap();
    assert!(bench.seen().is_empty());
}

#[test]
fn a_number_alone_is_nobody() {
    let base = tempfile::tempdir().unwrap();
    let bench = Bench::new(base.path());
    bench.start(SERVES).unwrap();
    let [seen] = bench.seen().try_into().unwrap();
    // As if it had died, and its number were used again: by this very process.
    let record = fs::read_to_string(bench.processes.record_of(NAME)).unwrap();
    bench.remove(&seen.id).unwrap();
    let (pid, start) = seen.id.split_once('@').unwrap();
    let (own, then) = (std::process::id().to_string(), "Mon Jan 1 00:00:00 2001");
    fs::write(bench.processes.record_of(NAME), record.replace(pid, &own).replace(start, then)).unwrap();
    assert!(bench.seen().is_empty());
    bench.remove(&format!("{own}@{then}")).unwrap();
    bench.start(SERVES).unwrap();
    assert_eq!(bench.seen().len(), 1);
}

#[test]
fn of_one_name_there_is_one_process() {
    let base = tempfile::tempdir().unwrap();
    let bench = Bench::new(base.path());
    bench.start(SERVES).unwrap();
    let [first] = bench.seen().try_into().unwrap();
    bench.start_at("/bin/sh", "bottle_acme_one_pipelock-4567", SERVES).unwrap();
    let [second] = bench.seen().try_into().unwrap();
    assert_ne!(first.id, second.id);
    // The first is not there any more; that takes nothing of the second away.
    bench.remove(&first.id).unwrap();
    assert_eq!(bench.seen(), [second]);
}

#[test]
fn one_that_does_not_end_is_killed_with_its_children() {
    let base = tempfile::tempdir().unwrap();
    let bench = Bench::new(base.path());
    bench
        .start("trap '' TERM; (trap '' TERM; echo child; while :; do sleep 1; done) & echo deaf; wait; sleep 60")
        .unwrap();
    bench.says("deaf");
    bench.says("child");
    for seen in bench.seen() {
        bench.remove(&seen.id).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while table::read().unwrap().iter().any(|running| running.command.contains(&bench.processes.marker)) {
        assert!(Instant::now() < deadline, "something of it lives on");
        thread::sleep(PAUSE);
    }
}

#[test]
fn what_cannot_go_on_is_an_error() {
    let base = tempfile::tempdir().unwrap();
    let bench = Bench::new(base.path());
    let why = bench.start_at("bottle-test-no-such-program", STAGE, "").unwrap_err();
    assert!(why.starts_with("`bottle-test-no-such-program` is not on this machine"), "{why}");
    assert!(bench.seen().is_empty());
    for wrong in ["", "../x", "a/b"] {
        assert!(bench.processes.record_of(wrong).ends_with(format!("{wrong}.json")));
    }
}

/// Another command that holds the project and starts a process. Both live until they are killed.
fn other(base: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host::process::tests::as_another_command", "--nocapture", "--ignored"])
        .env(BASE, base)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("started it")), "it never started it");
    child
}

#[test]
#[ignore = "the other command of the test below"]
fn as_another_command() {
    let Some(base) = std::env::var_os(BASE) else { return };
    let bench = Bench::new(Path::new(&base));
    let lock = Lock::acquire(&bench.dir, "bottle apply", Duration::ZERO, &mut |_| ()).unwrap();
    bench.start(SERVES).unwrap();
    println!("started it");
    let _ = io::stdin().read(&mut [0]);
    drop(lock);
}

#[test]
fn a_process_outlives_its_command_and_holds_no_project() {
    let base = tempfile::tempdir().unwrap();
    let mut other = other(base.path());
    other.kill().unwrap();
    other.wait().unwrap();
    let bench = Bench::new(base.path());
    assert_eq!(bench.seen().len(), 1);
    Lock::acquire(&bench.dir, "bottle apply", Duration::ZERO, &mut |_| ()).unwrap();
}
