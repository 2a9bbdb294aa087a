//! SIGINT in the middle of an apply.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::stage::Stage;

/// Interrupts an apply once something of it is done; its events and its exit code. The pipe holds so little that an apply which nobody reads
/// stands still: the signal always comes in the middle.
fn interrupted(stage: &Stage, line: &str) -> (Vec<Value>, Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let mut command = stage.simulated(line);
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let pid = Pid::from_child(&child);
    let mut events: Vec<Value> = Vec::new();
    let mut done = 0;
    for line in BufReader::new(reader).lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if event["event"] == "done" {
            done += 1;
            if done == 3 {
                let slept = times_asleep(pid);
                kill_process(pid, Signal::INT).unwrap();
                // Until it was heard, nothing more is read, so that nothing more is done.
                let deadline = Instant::now() + Duration::from_secs(20);
                while times_asleep(pid) == slept {
                    assert!(Instant::now() < deadline, "the signal is not heard");
                    std::thread::yield_now();
                }
            }
        }
        events.push(event);
    }
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (events, child.wait().unwrap().code(), told)
}

/// How often the thread that listens for signals has gone to sleep; 0 before it has begun.
fn times_asleep(pid: Pid) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
    let status = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).ok());
    // A thread that has not run yet has no name of its own.
    let Some(listens) = status.into_iter().find(|status| status.starts_with("Name:\tsignals\n")) else { return 0 };
    let times = listens.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    times.trim().parse().unwrap()
}

#[test]
fn the_first_signal_stops_and_the_next_apply_goes_on() {
    let stage = Stage::of("team");
    let (events, exit, told) = interrupted(&stage, "apply --yes --format json");
    assert_eq!(exit, Some(6), "{told}");
    let end = events.last().unwrap();
    assert_eq!((&end["event"], &end["interrupted"], &end["failed"]), (&"run-ended".into(), &true.into(), &0.into()));
    let done = end["done"].as_u64().unwrap();
    assert!(end["not_started"].as_u64().unwrap() > 0, "{end}");
    assert!(events.iter().any(|event| event["event"] == "stopping"));
    assert!(told.contains("stopped half-way: `bottle apply` goes on from here"), "{told}");

    // What was done is not done again, but for reading whose numbers a name is: that is no change, and is not kept.
    let addresses = |events: &[Value]| -> BTreeSet<String> {
        let done = events.iter().filter(|event| event["event"] == "done");
        done.map(|event| event["address"].as_str().unwrap().to_owned()).collect()
    };
    let (before, after) = (addresses(&events), addresses(&stage.done("apply --yes --format json").events()));
    assert_eq!(before.len() as u64, done);
    let twice = before.intersection(&after).filter(|address| !address.ends_with("/agent/owners"));
    assert_eq!(twice.count(), 0, "{before:?} {after:?}");
    assert_eq!(before.union(&after).count(), 203);
    assert_eq!(stage.to_do(""), [""; 0]);
}

#[test]
fn an_interrupted_destroy_is_gone_on_with() {
    let stage = Stage::of("team");
    stage.done("apply --yes --format json");
    let (events, exit, told) = interrupted(&stage, "destroy --yes --format json");
    assert_eq!(exit, Some(6), "{told}");
    assert_eq!(events.last().unwrap()["interrupted"], true);
    assert!(told.contains("stopped half-way: `bottle destroy` goes on from here"), "{told}");
    assert!(!stage.seen("team").containers.is_empty());
    stage.done("destroy --yes");
    crate::simulated::assert_nothing_left(&stage.seen("team"));
}
