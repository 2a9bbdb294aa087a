//! What is kept on this machine, lost or damaged.

use std::fs;

use bottle_executors::simulator::What;

use crate::simulated::assert_nothing_left;
use crate::stage::Stage;

/// The digest of a file in the agent of the fixture `full`.
fn file(stage: &Stage, path: &str) -> String {
    match stage.engine().by_hand().file("bottle_acme_implementer", path).unwrap().unwrap().what {
        What::File(digest) => digest,
        other => panic!("{path}: {other:?}"),
    }
}

fn full() -> Stage {
    let stage = Stage::of("full");
    stage.edit(r#"GITEA_TOKEN = { ask = "paste your Gitea token" }"#, "");
    stage
}

#[test]
fn a_lost_journal_costs_a_little_work_and_nothing_of_the_agents() {
    let stage = full();
    stage.done("apply --yes");
    let (workspace, settings) = ("/home/node/workspace/settings.json", "/home/node/.claude/settings.json");
    let before = (file(&stage, workspace), file(&stage, settings));
    let id = |stage: &Stage| stage.seen("acme").containers.into_iter().map(|found| found.id).collect::<Vec<_>>();
    let containers = id(&stage);

    fs::remove_dir_all(stage.kept("acme")).unwrap();
    // As declared the file goes to both places, and in the workspace it is the agent's by now.
    fs::write(stage.project().join("settings.json"), "{ \"of\": \"the host\" }\n").unwrap();
    let to_do = stage.to_do("");
    assert!(!to_do.iter().any(|left| left.contains("/workspace")), "{to_do:?}");
    assert!(!to_do.iter().any(|left| left.starts_with("create") && left.ends_with("/create")), "{to_do:?}");
    stage.done("apply --yes");
    assert_eq!(stage.to_do(""), [""; 0]);
    assert_eq!(file(&stage, workspace), before.0);
    assert_ne!(file(&stage, settings), before.1);
    assert_eq!(id(&stage), containers);
}

#[test]
fn a_journal_damaged_in_the_middle_is_warned_of_and_gone_on_from() {
    let stage = full();
    stage.done("apply --yes");
    let path = stage.kept("acme").join("journal.jsonl");
    let journal = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = journal.lines().collect();
    let middle = lines.len() / 2;
    lines[middle] = "}{";
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let warning = format!("cannot be read from line {}", middle + 1);
    let planned = stage.done("plan");
    assert!(planned.stderr.starts_with("warning: ") && planned.told().contains(&warning), "{}", planned.stderr);
    let applied = stage.done("apply --yes");
    assert!(applied.told().contains(&warning), "{}", applied.stderr);
    let after = stage.done("plan");
    assert_eq!(after.stderr, "");
    assert_eq!(stage.to_do(""), [""; 0]);
    stage.done("destroy --yes");
    assert_nothing_left(&stage.seen("acme"));
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let stage = Stage::of("bare");
    stage.done("apply --yes");
    let path = stage.kept("bare").join("journal.jsonl");
    fs::write(&path, "{\"version\":99}\n").unwrap();
    for line in ["plan", "apply --yes", "destroy --yes"] {
        let said = stage.say(line);
        assert_eq!((said.exit, said.stdout.as_str()), (Some(1), ""), "{line}");
        assert!(said.told().contains("has version 99"), "{}", said.stderr);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\":99}\n");
}

#[test]
fn a_damaged_simulator_is_an_error_that_says_where_and_what_to_do() {
    let stage = Stage::of("bare");
    stage.done("apply --yes");
    let path = stage.state().join("simulator.jsonl");
    let log = fs::read_to_string(&path).unwrap();
    for damaged in [log.replacen("[{", "[}", 1), "no log of ours\n".to_owned()] {
        fs::write(&path, &damaged).unwrap();
        for line in ["plan", "apply --yes", "destroy --yes", "status"] {
            let said = stage.say(line);
            assert_eq!((said.exit, said.stdout.as_str()), (Some(1), ""), "{line}");
            let told = said.told();
            assert!(told.contains("the simulator's state in"), "{}", said.stderr);
            assert!(told.contains("help: "), "{}", said.stderr);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
}

#[test]
fn a_state_that_cannot_be_kept_is_an_error_before_anything_is_begun() {
    let stage = Stage::of("bare");
    fs::create_dir_all(stage.state()).unwrap();
    fs::write(stage.state().join("simulator"), "in the way").unwrap();
    let said = stage.say("apply --yes");
    assert_eq!((said.exit, said.stdout.as_str()), (Some(1), ""));
    assert!(said.told().contains("could not be made"), "{}", said.stderr);
    assert_nothing_left(&stage.seen("bare"));
}
