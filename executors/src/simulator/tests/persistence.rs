use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::*;

fn open(path: &Path) -> Simulator {
    Simulator::open(path.to_owned(), Profile::named("simulator").unwrap()).unwrap()
}

/// A state with something of each kind.
fn fill(bench: &Bench) {
    bench.ok(pull("node:22"));
    bench.ok(new_network("n", "10.1.0.0/29"));
    let wanted = bottle_planner::intent::Container { volume: Some("/v".to_owned()), ..container("c", &["n"]) };
    bench.ok(Step::CreateContainer(Box::new(wanted)));
    bench.ok(copy("c", vec![text("/srv/f", "x", Owner::ROOT)]));
    bench.ok(start("c"));
    bench.engine.fail("two/*", "asked for").unwrap();
}

fn everything(engine: &Simulator) -> Vec<Change> {
    engine.look(State::changes).unwrap()
}

#[test]
fn the_state_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/state");
    let bench = Bench::with(open(&path));
    assert!(!path.exists(), "looking makes no file");
    fill(&bench);
    let again = open(&path);
    assert_eq!(everything(&again), everything(&bench.engine));
    assert_eq!(again.observe(&bench.project).unwrap(), bench.seen());
    let members = |engine: &Simulator| engine.by_hand().network("n").unwrap().unwrap().members;
    assert_eq!(members(&again), members(&bench.engine));
    assert!(again.by_hand().remove_image("node:22").is_err(), "it is known to be in use");
    let failure = Bench::with(again).run("two/agent/start", start("c")).unwrap_err();
    assert_eq!(failure.said, "asked for");
}

#[test]
fn a_crash_at_any_byte_leaves_all_that_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    fill(&Bench::with(open(&path)));
    let whole = fs::read(&path).unwrap();
    let lines = |upto: usize| whole[..upto].iter().filter(|byte| **byte == b'\n').count();
    let mut states: Vec<Vec<Change>> = Vec::new();
    for end in 0..=whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let state = everything(&open(&path));
        match states.len().cmp(&lines(end)) {
            std::cmp::Ordering::Greater => assert_eq!(states.last(), Some(&state), "at byte {end}"),
            _ => states.push(state),
        }
    }
    states.dedup();
    assert_eq!(states.len(), lines(whole.len()), "every line but the first is a state of its own");
}

#[test]
fn what_comes_after_a_torn_line_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let bench = Bench::with(open(&path));
    bench.ok(pull("first:1"));
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(format!("[{{\"image\":\"{}", "long".repeat(1000)).as_bytes()).unwrap();
    bench.ok(pull("second:1"));
    assert!(fs::read(&path).unwrap().ends_with(b"\n"), "nothing of it is left");
    let names: Vec<String> = open(&path).observe(&bench.project).unwrap().image_names.into_iter().collect();
    assert_eq!(names, ["first:1", "second:1"]);
}

#[test]
fn a_file_that_is_damaged_or_not_ours_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    for (text, why) in [
        ("my letter", "it is not a simulator's"),
        ("my letter\nand more\n", "it is not a simulator's"),
        ("{\"bottle_simulator\":2}\n", "it has form 2, and this program knows form 1"),
        ("{\"bottle_simulator\":1}\n[{\"count\":1}]\nrubbish\n", "the line at byte 37 is damaged"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Simulator::open(path.clone(), Profile::named("simulator").unwrap()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn two_engines_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let (one, two) = (Bench::with(open(&path)), Bench::with(open(&path)));
    std::thread::scope(|scope| {
        for (bench, prefix) in [(&one, "a"), (&two, "b")] {
            scope.spawn(move || {
                for number in 0..100 {
                    bench.ok(pull(&format!("{prefix}:{number}")));
                }
            });
        }
    });
    assert_eq!(one.seen().image_names.len(), 200);
    assert_eq!(everything(&one.engine), everything(&two.engine));
    assert_eq!(everything(&one.engine), everything(&open(&path)));
    fs::remove_file(&path).unwrap();
    assert!(one.seen().image_names.is_empty(), "without the file, the engine has nothing");
    two.ok(pull("c:1"));
    assert_eq!(one.seen().image_names.len(), 1);
}

#[test]
fn many_threads_find_many_addresses() {
    let bench = Bench::new("simulator");
    bench.ok(pull("node:22"));
    bench.ok(new_network("n", "10.1.0.0/24"));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let bench = &bench;
            scope.spawn(move || {
                for number in 0..10 {
                    let called = format!("c{thread}-{number}");
                    bench.ok(new_container(&called, &["n"]));
                    bench.ok(start(&called));
                }
            });
        }
    });
    let network = bench.engine.by_hand().network("n").unwrap().unwrap();
    assert_eq!(network.members.len(), 80);
    let mut ids: Vec<String> = bench.seen().containers.into_iter().map(|container| container.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 80);
}

#[test]
fn history_is_dropped_at_open_and_others_follow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let bench = Bench::with(open(&path));
    fill(&bench);
    for _ in 0..1000 {
        bench.engine.by_hand().restart("c").unwrap();
    }
    let before = (fs::metadata(&path).unwrap().len(), everything(&bench.engine));
    let again = open(&path);
    let after = (fs::metadata(&path).unwrap().len(), everything(&again));
    assert!(after.0 * 20 < before.0, "{} bytes became {}", before.0, after.0);
    assert_eq!(after.1, before.1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    bench.ok(pull("late:1"));
    assert!(again.by_hand().image("late:1").unwrap().is_some(), "the one that was open wrote to the new file");
    assert_eq!(everything(&open(&path)), everything(&bench.engine));
}

#[test]
fn an_operation_costs_a_line_of_its_own_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let bench = Bench::with(open(&path));
    let mut grown = Vec::new();
    for number in 1000..1200 {
        let before = fs::metadata(&path).map_or(0, |file| file.len());
        bench.ok(pull(&format!("image:{number}")));
        grown.push(fs::metadata(&path).unwrap().len() - before);
    }
    assert_eq!(grown[1], grown[199]);
}

#[test]
fn what_cannot_be_written_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let bench = Bench::with(open(&path));
    bench.ok(pull("a:1"));
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"rubbish\n").unwrap();
    let failure = bench.run("one/agent/pull", pull("b:1")).unwrap_err();
    assert!(failure.said.contains("is damaged"), "{}", failure.said);
    assert!(bench.engine.observe(&bench.project).is_err(), "nothing is guessed of a damaged state");
}

#[test]
fn nothing_is_lost_while_the_log_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let bench = Bench::with(open(&path));
    fill(&bench);
    let before = bench.engine.look(|state| state.count).unwrap();
    let restarts = 2000;
    let rewritten = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            for _ in 0..restarts {
                bench.engine.by_hand().restart("c").unwrap();
            }
        });
        let mut files = std::collections::BTreeSet::new();
        while !worker.is_finished() {
            open(&path);
            files.insert(std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap()));
        }
        files.len()
    });
    assert!(rewritten > 1, "the log was never written anew, and this test has shown nothing");
    assert_eq!(open(&path).look(|state| state.count).unwrap(), before + restarts);
}
