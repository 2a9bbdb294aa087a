//! What a run does, one behaviour at a time.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use bottle_planner::intent::{ObjectName, Step};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::{ContainerState, Done, Labels, ObservedContainer};
use bottle_planner::plan::Verdict;

use super::super::{Counts, Halt};
use super::double::*;
use crate::crash::{Crash, Death};
use crate::engine::{Ended, Incarnation, Outcome};
use crate::journal::{Disk, Journal, Memory, Record};

/// Two chains: a, b, c and x, y, z.
fn two_chains() -> Scene {
    Scene::new(vec![
        entry("a", exec(), &[]),
        entry("b", exec(), &["a"]),
        entry("c", exec(), &["b"]),
        entry("x", exec(), &[]),
        entry("y", exec(), &["x"]),
        entry("z", exec(), &["y"]),
    ])
}

#[test]
fn an_empty_plan_is_done_at_once() {
    let scene = Scene::new(Vec::new());
    let report = scene.run();
    assert!(report.complete());
    assert_eq!(report.counts, Counts::default());
}

#[test]
fn everything_is_done_and_known() {
    let scene = two_chains();
    let report = scene.run();
    assert!(report.complete() && !report.interrupted);
    assert_eq!(report.counts, Counts { done: 6, ..Counts::default() });
    assert_eq!(scene.known_addresses(), ["a", "b", "c", "x", "y", "z"]);
    let done = &scene.known().done[&at("a")];
    assert_eq!(done.digest, digest_of("a"));
    assert_eq!(done.inputs[0].value, "a");
}

#[test]
fn a_failure_skips_what_waits_for_it_and_nothing_else() {
    let mut scene = two_chains();
    scene.engine.fails.insert("a".to_owned());
    let report = scene.run();
    assert_eq!(report.counts, Counts { done: 3, failed: 1, skipped: 2, ..Counts::default() });
    assert!(!report.complete() && !report.interrupted);
    assert_eq!(report.failures.len(), 1);
    assert_eq!(scene.events.of("skipped"), ["b", "c"]);
    assert_eq!(scene.known_addresses(), ["x", "y", "z"]);
}

#[test]
fn what_two_failures_stand_before_is_skipped_once() {
    let mut scene = Scene::new(vec![
        entry("a", exec(), &[]),
        entry("b", exec(), &["a"]),
        entry("c", exec(), &["a", "b"]),
        entry("d", exec(), &["a", "b", "c"]),
        entry("e", exec(), &[]),
        entry("f", exec(), &["e", "d"]),
    ]);
    scene.engine.fails.extend(["a".to_owned(), "e".to_owned()]);
    let report = scene.run();
    assert_eq!(report.counts, Counts { failed: 2, skipped: 4, ..Counts::default() });
    let mut skipped = scene.events.of("skipped");
    skipped.sort();
    assert_eq!(skipped, ["b", "c", "d", "f"]);
}

#[test]
fn with_one_job_the_plan_is_the_order() {
    let mut scene = two_chains();
    scene.jobs = 1;
    scene.run();
    assert_eq!(scene.engine.asked(), ["a", "b", "c", "x", "y", "z"]);
}

#[test]
fn image_builds_wait_for_each_other_and_hold_up_nothing_else() {
    let mut scene =
        Scene::new(vec![entry("build-1", build(), &[]), entry("build-2", build(), &[]), entry("other", exec(), &[])]);
    scene.jobs = 3;
    let first = scene.engine.hang("build-1");
    let other = scene.engine.hang("other");
    std::thread::scope(|threads| {
        let run = threads.spawn(|| scene.run());
        first.asked.recv_timeout(LONG).unwrap();
        other.asked.recv_timeout(LONG).unwrap();
        other.go.send(()).unwrap();
        first.go.send(()).unwrap();
        assert!(run.join().unwrap().complete());
    });
    assert_eq!(scene.engine.most_builds.load(std::sync::atomic::Ordering::SeqCst), 1);
    let log = scene.engine.log();
    let place = |mark| log.iter().position(|other| *other == mark).unwrap();
    assert!(place(Mark::Did("build-1".to_owned())) < place(Mark::Asked("build-2".to_owned())));
}

#[test]
fn independent_tasks_run_side_by_side() {
    let mut scene = Scene::new(vec![entry("a", exec(), &[]), entry("b", exec(), &[]), entry("c", exec(), &[])]);
    scene.jobs = 2;
    let (a, b) = (scene.engine.hang("a"), scene.engine.hang("b"));
    std::thread::scope(|threads| {
        let run = threads.spawn(|| scene.run());
        a.asked.recv_timeout(LONG).unwrap();
        b.asked.recv_timeout(LONG).unwrap();
        assert_eq!(scene.engine.asked().len(), 2, "two jobs are two");
        b.go.send(()).unwrap();
        a.go.send(()).unwrap();
        assert!(run.join().unwrap().complete());
    });
}

#[test]
fn the_first_signal_starts_nothing_more_and_writes_what_was_in_flight() {
    let (events, heard) = Events::heard();
    let mut scene = two_chains();
    scene.events = events;
    let (a, x) = (scene.engine.hang("a"), scene.engine.hang("x"));
    let report = std::thread::scope(|threads| {
        let run = threads.spawn(|| scene.run());
        a.asked.recv_timeout(LONG).unwrap();
        x.asked.recv_timeout(LONG).unwrap();
        scene.signals.raise();
        // The loop hears of it while nothing else happens.
        let stopping = loop {
            let event = heard.recv_timeout(LONG).unwrap();
            if event["event"] == "stopping" {
                break event;
            }
        };
        assert_eq!(stopping["in_flight"], 2);
        a.go.send(()).unwrap();
        x.go.send(()).unwrap();
        run.join().unwrap()
    });
    assert!(report.interrupted && !report.complete());
    assert_eq!(report.counts, Counts { done: 2, not_started: 4, ..Counts::default() });
    assert_eq!(scene.known_addresses(), ["a", "x"]);
}

#[test]
fn the_second_signal_hurries_what_is_in_flight_and_that_is_written_too() {
    let (events, heard) = Events::heard();
    let mut scene = two_chains();
    scene.jobs = 1;
    scene.events = events;
    let a = scene.engine.hang("a");
    let report = std::thread::scope(|threads| {
        let run = threads.spawn(|| scene.run());
        a.asked.recv_timeout(LONG).unwrap();
        scene.signals.raise();
        scene.signals.raise();
        while heard.recv_timeout(LONG).unwrap()["event"] != "hurrying" {}
        a.go.send(()).unwrap();
        run.join().unwrap()
    });
    assert!(report.interrupted);
    assert_eq!(report.failures[0].ended, Ended::Hurried);
    assert_eq!(report.counts, Counts { failed: 1, skipped: 2, not_started: 3, ..Counts::default() });
    assert!(String::from_utf8(scene.disk.bytes()).unwrap().contains(r#"{"failed":{"address":"a"}}"#));
}

#[test]
fn a_signal_before_the_run_leaves_everything_be() {
    let scene = two_chains();
    scene.signals.raise();
    let report = scene.run();
    assert!(report.interrupted);
    assert_eq!(report.counts, Counts { not_started: 6, ..Counts::default() });
    assert!(scene.engine.asked().is_empty());
}

#[test]
fn a_signal_that_comes_too_late_interrupts_nothing() {
    let scene = Scene::new(vec![entry("a", exec(), &[])]);
    let a = scene.engine.hang("a");
    let report = std::thread::scope(|threads| {
        let run = threads.spawn(|| scene.run());
        a.asked.recv_timeout(LONG).unwrap();
        scene.signals.raise();
        a.go.send(()).unwrap();
        run.join().unwrap()
    });
    assert!(report.complete() && !report.interrupted);
}

fn container(name: &str, id: &str, state: ContainerState) -> ObservedContainer {
    ObservedContainer {
        id: id.to_owned(),
        name: name.to_owned(),
        labels: Labels {
            project: ProjectName::new("acme").unwrap(),
            address: at("create"),
            digest: digest_of("create"),
        },
        image_id: "image".to_owned(),
        state,
        networks: Vec::new(),
        volumes: Vec::new(),
    }
}

fn create(name: &str) -> Step {
    use bottle_planner::intent::{Container, ImageName, Role};
    use bottle_planner::manifest::Runtime;

    Step::CreateContainer(Box::new(Container {
        name: ObjectName(name.to_owned()),
        role: Role::Agent,
        image: ImageName("image".to_owned()),
        user: None,
        command: Vec::new(),
        workdir: None,
        env: std::collections::BTreeMap::new(),
        networks: Vec::new(),
        asked: Runtime::default(),
        runtime: None,
        hold: bottle_planner::intent::Hold::None,
        resolvers: Vec::new(),
        mounts: Vec::new(),
        volume: None,
        configuration: None,
        read_only: false,
        init: false,
        dns_closed: false,
        capabilities: Vec::new(),
        given_up: Vec::new(),
        pids: 1,
        cpus: None,
        memory: None,
    }))
}

#[test]
fn a_container_that_is_made_anew_is_known_by_its_new_id_and_start() {
    let mut made_anew = entry("create", create("box"), &[]);
    made_anew.verdict = Verdict::Replace;
    let mut removed = removal("old", &[]);
    if let bottle_planner::operation::Removed::Object { name, .. } = &mut removed.what {
        "box".clone_into(name);
    }
    made_anew.removal = Some(removed);
    let mut scene = Scene::new(vec![
        made_anew,
        entry("copy", exec(), &["create"]),
        entry("start", Step::Start(ObjectName("box".to_owned())), &["copy"]),
        entry("exec", exec(), &["start"]),
    ]);
    scene.observation.containers.push(container("box", "old", ContainerState::Running("yesterday".to_owned())));
    let outcome = |made: &str| Outcome {
        made: Some(made.to_owned()),
        outputs: vec![("k".to_owned(), "v".to_owned())],
        ..Outcome::default()
    };
    scene.engine.outcomes.insert("create".to_owned(), outcome("new"));
    scene
        .engine
        .incarnations
        .insert("box".to_owned(), Incarnation { id: "new".to_owned(), since: Some("today".to_owned()) });
    assert!(scene.run().complete());

    let ids = scene.engine.ids.lock().unwrap().clone();
    assert_eq!(ids["remove:create"]["box"], "old");
    assert!(!ids["create"].contains_key("box"));
    assert_eq!(ids["copy"]["box"], "new");
    let outputs = scene.engine.outputs.lock().unwrap().clone();
    assert_eq!(outputs["copy"], ["create.k=v"]);
    assert!(outputs["create"].is_empty());

    let known = scene.known();
    let of = |address: &str| {
        let done = &known.done[&at(address)];
        (done.container.as_deref(), done.since.as_deref())
    };
    assert_eq!(of("create"), (Some("new"), None));
    assert_eq!(of("copy"), (Some("new"), None));
    assert_eq!(of("start"), (Some("new"), Some("today")));
    assert_eq!(of("exec"), (Some("new"), Some("today")));
}

#[test]
fn a_container_that_runs_already_keeps_its_start() {
    let mut scene = Scene::new(vec![entry("exec", exec(), &[])]);
    scene.observation.containers.push(container("box", "id", ContainerState::Running("yesterday".to_owned())));
    scene.run();
    let done = &scene.known().done[&at("exec")];
    assert_eq!((done.container.as_deref(), done.since.as_deref()), (Some("id"), Some("yesterday")));
}

#[test]
fn the_start_of_another_container_of_that_name_is_not_taken_for_ours() {
    let mut scene = Scene::new(vec![entry("start", Step::Start(ObjectName("box".to_owned())), &[])]);
    scene.observation.containers.push(container("box", "ours", ContainerState::Stopped { exit: 0 }));
    let other = Incarnation { id: "theirs".to_owned(), since: Some("today".to_owned()) };
    scene.engine.incarnations.insert("box".to_owned(), other);
    assert!(scene.run().complete());
    let done = &scene.known().done[&at("start")];
    assert_eq!((done.container.as_deref(), done.since.as_deref()), (Some("ours"), None));
}

/// A disk that takes so many writes and no more.
struct Filling {
    left: usize,
    memory: Memory,
}

impl Disk for Filling {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        self.memory.append(bytes)
    }
}

#[test]
fn when_the_journal_cannot_be_written_nothing_more_is_asked_or_counted() {
    let mut scene = two_chains();
    scene.jobs = 1;
    for left in 0..=6 {
        let memory = Memory::default();
        scene.engine = Double::default();
        let report = scene.run_with(Journal::on(Filling { left, memory: memory.clone() }));
        assert!(matches!(report.halted, Some(Halt::Journal(_))), "{report:?}");
        assert!(!report.complete());
        assert_eq!(scene.engine.asked().len(), left);
        let lost = usize::from(left > 0);
        let done = left.saturating_sub(1);
        assert_eq!(report.counts, Counts { done, lost, not_started: 6 - left, ..Counts::default() });
        assert_eq!(crate::journal::replay(&memory.bytes()).unwrap().done.len(), done);
    }
}

#[test]
fn a_panic_of_the_engine_comes_through_after_the_rest_was_written() {
    let mut scene = two_chains();
    scene.engine.panics.insert("a".to_owned());
    let (a, x) = (scene.engine.hang("a"), scene.engine.hang("x"));
    let ended = std::thread::scope(|threads| {
        let run = threads.spawn(|| catch_unwind(AssertUnwindSafe(|| scene.run())).is_err());
        a.asked.recv_timeout(LONG).unwrap();
        x.asked.recv_timeout(LONG).unwrap();
        a.go.send(()).unwrap();
        x.go.send(()).unwrap();
        run.join().unwrap()
    });
    assert!(ended, "a panic is not swallowed");
    let known = scene.known_addresses();
    assert!(known.contains(&"x".to_owned()) && !known.contains(&"a".to_owned()), "{known:?}");
}

#[test]
fn events_are_told_in_order_and_as_json() {
    let mut scene = Scene::new(vec![entry("a", build(), &[]), entry("b", exec(), &["a"]), entry("c", exec(), &["b"])]);
    scene.engine.fails.insert("b".to_owned());
    scene.run();
    let mut events = scene.events.all.lock().unwrap().clone();
    for event in &mut events {
        if let Some(ms) = event.get_mut("ms") {
            assert!(ms.is_u64());
            *ms = 0.into();
        }
    }
    let expected = serde_json::json!([
        {"event": "run-began", "project": "acme", "tasks": 3, "jobs": 3},
        {"event": "began", "address": "a", "removal": false, "does": "build image"},
        {"event": "done", "address": "a", "removal": false, "does": "build image", "ms": 0},
        {"event": "began", "address": "b", "removal": false, "does": "exec"},
        {"event": "failed", "address": "b", "removal": false, "does": "exec", "ms": 0,
         "failure": {"address": "b", "argv": ["docker"], "ended": {"exit": 1}, "said": "no"}},
        {"event": "skipped", "address": "c", "removal": false, "does": "exec", "because": "b"},
        {"event": "run-ended", "done": 1, "failed": 1, "skipped": 1, "not_started": 0, "lost": 0, "interrupted": false},
    ]);
    assert_eq!(serde_json::Value::from(events), expected);
}

fn crashed_at(point: &str) -> (Scene, Vec<String>) {
    let mut scene = two_chains();
    scene.jobs = 1;
    scene.crash = Some(Crash { at: point.parse().unwrap(), death: Death::Run });
    let report = scene.run();
    assert!(matches!(&report.halted, Some(Halt::Crash(at)) if at.to_string() == point), "{report:?}");
    let asked = scene.engine.asked();
    (scene, asked)
}

#[test]
fn each_moment_of_a_crash_leaves_its_own_traces() {
    let begun = r#"{"begin":{"address":"b","#;
    let has_begun = |scene: &Scene| String::from_utf8(scene.disk.bytes()).unwrap().contains(begun);

    let (scene, asked) = crashed_at("b@before");
    assert_eq!((asked.len(), has_begun(&scene)), (1, false));
    let (scene, asked) = crashed_at("b@begin");
    assert_eq!((asked.len(), has_begun(&scene)), (1, true));
    assert_eq!(scene.known_addresses(), ["a"]);
    let (scene, asked) = crashed_at("b@answer");
    assert_eq!(asked.len(), 2);
    assert_eq!(scene.known_addresses(), ["a"]);
    let (scene, asked) = crashed_at("b@end");
    assert_eq!(asked.len(), 2);
    assert_eq!(scene.known_addresses(), ["a", "b"]);
}

const FOLDER: &str = "BOTTLE_TEST_RUN_FOLDER";

#[test]
#[ignore = "the process that the test below sees killed"]
fn as_a_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut scene = two_chains();
    scene.jobs = 1;
    scene.crash = Some(Crash { at: "b@answer".parse().unwrap(), death: Death::Process });
    let (journal, _) = Journal::open(Path::new(&folder)).unwrap();
    scene.run_with(journal);
}

#[test]
fn a_process_is_killed_at_its_crash_point() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "run::tests::behaviour::as_a_process_that_is_killed", "--ignored"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(ended.signal(), Some(9), "{ended}");
    let known = crate::journal::read(folder.path()).unwrap().done;
    assert_eq!(known.keys().map(|address| address.as_str()).collect::<Vec<_>>(), ["a"]);
}

fn host_process() -> bottle_planner::intent::HostProcess {
    bottle_planner::intent::HostProcess {
        name: ObjectName("proxy".to_owned()),
        program: "pipelock".to_owned(),
        config: (bottle_planner::intent::StageName("stage".to_owned()), "pipelock.yaml".to_owned()),
        network: ObjectName("internal".to_owned()),
        address: None,
        port: 8888,
    }
}

#[test]
fn what_was_asked_of_a_process_is_known_of_that_process() {
    let ready = bottle_planner::intent::ProcessReadiness { process: host_process(), within: 30 };
    let steps = || {
        vec![
            entry("start", Step::StartProcess(host_process()), &[]),
            entry("ready", Step::AwaitProcess(ready.clone()), &["start"]),
        ]
    };
    let mut scene = Scene::new(steps());
    let made = Outcome { made: Some("12 today".to_owned()), ..Outcome::default() };
    scene.engine.outcomes.insert("start".to_owned(), made);
    assert!(scene.run().complete());
    assert_eq!(scene.known().done[&at("ready")].since.as_deref(), Some("12 today"));

    let mut scene = Scene::new(steps().split_off(1));
    scene.observation.processes.push(bottle_planner::observation::ObservedProcess {
        id: "7 yesterday".to_owned(),
        name: "proxy".to_owned(),
        labels: Labels { project: ProjectName::new("acme").unwrap(), address: at("start"), digest: digest_of("start") },
    });
    scene.run();
    assert_eq!(scene.known().done[&at("ready")].since.as_deref(), Some("7 yesterday"));
}

#[test]
fn what_is_done_again_because_of_others_is_forgotten_before_those_are_done() {
    let mut scene = two_chains();
    scene.jobs = 1;
    for entry in &mut scene.plan.entries {
        if entry.address != at("a") && entry.address != at("x") {
            entry.verdict = Verdict::Update;
            entry.reasons = vec![bottle_planner::plan::Reason::NeedRedone { need: at("a") }];
        }
    }
    let mut journal = Journal::on(scene.disk.clone());
    for entry in &scene.plan.entries {
        let done = Done { digest: digest_of("before"), inputs: Vec::new(), container: None, since: None };
        journal.push(&Record::end(&entry.address, &done));
    }
    scene.crash = Some(Crash { at: "a@end".parse().unwrap(), death: Death::Run });
    scene.run_with(journal);
    assert_eq!(scene.known_addresses(), ["a", "x"], "of b, c, y and z nothing is known any more");
}
