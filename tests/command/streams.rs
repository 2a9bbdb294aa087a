//! What goes to which stream, and in which form.

use std::io::Read as _;
use std::process::Stdio;

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Labels;
use serde_json::Value;

use crate::said::said;
use crate::stage::Stage;

#[test]
fn an_event_stream_says_its_version_first_and_is_nothing_but_json() {
    let stage = Stage::of("sidecar");
    for (line, count) in [("apply --yes --format json", 11), ("destroy --yes --format json", 4)] {
        let said = stage.done(line);
        assert_eq!(said.stderr, "", "{line}");
        let events = said.events();
        assert_eq!(events[0], serde_json::json!({ "format": "bottle.events", "version": 1 }));
        assert_eq!(events[1]["event"], "planned");
        let kinds = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
        assert_eq!((kinds("began"), kinds("done")), (count, count));
        assert_eq!(events.last().unwrap()["event"], "run-ended");
        assert!(events[1..].iter().all(|event| event["event"].is_string()));
    }
}

#[test]
fn a_failure_is_an_event_and_prose_only_on_standard_error() {
    let stage = Stage::of("sidecar");
    stage.fail("implementer/agent/start");
    let said = stage.say("apply --yes --format json");
    assert_eq!(said.exit, Some(1));
    let events = said.events();
    let failed: Vec<&Value> = events.iter().filter(|event| event["event"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["failure"]["said"], "no, said the engine");
    assert!(said.told().contains("implementer/agent/start failed"), "{}", said.stderr);
}

#[test]
fn every_json_says_its_format_and_version() {
    let stage = Stage::of("sidecar");
    for (line, format) in [("plan --format json", "bottle.plan"), ("status --format json", "bottle.status")] {
        let said = stage.done(line);
        assert_eq!(said.stderr, "");
        let document: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((document["format"].as_str(), document["version"].as_u64()), (Some(format), Some(1)), "{line}");
    }
    let mut outside = stage.simulated("status --format json");
    let document: Value = serde_json::from_str(&said(outside.current_dir("/")).stdout).unwrap();
    assert_eq!(document["format"], "bottle.projects");
}

#[test]
fn progress_is_on_standard_error_and_the_plan_on_standard_output() {
    let stage = Stage::of("sidecar");
    let planned = stage.done("plan");
    assert_eq!(planned.stderr, "");
    let applied = stage.done("apply --yes");
    assert_eq!(applied.stdout, planned.stdout);
    assert_eq!(applied.stderr.lines().count(), 13, "{}", applied.stderr);
    assert!(applied.stderr.lines().any(|line| line.starts_with("  implementer/agent/start: start, ")));
    assert!(applied.stderr.lines().last().unwrap().starts_with("11 done in "));
}

#[test]
fn no_escape_code_goes_where_no_terminal_is() {
    let stage = Stage::of("sidecar");
    for line in ["plan", "status", "plan --frob", "plan nobody", "apply --yes", "destroy --yes"] {
        let mut plain = stage.simulated(line);
        let mut without = stage.simulated(line);
        for said in [said(&mut plain), said(without.env("NO_COLOR", "1").env("TERM", "xterm-256color"))] {
            assert!(!said.stdout.contains('\x1b') && !said.stderr.contains('\x1b'), "{line}: {said:?}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    // Longer than any pipe holds, so that the command does write after the reader is gone.
    let stage = Stage::of("team");
    for line in ["plan", "plan --format json", "plan --format markdown", "--help"] {
        let mut command = stage.bottle(line);
        if line != "--help" {
            command.args(["--backend", "docker@28.5"]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn nobody_has_to_listen_to_errors() {
    let stage = Stage::of("sidecar");
    stage.edit(r#""dns.closed"]"#, r#""dns.closed", "kernel.own"]"#);
    for (line, exit) in [("plan", 3), ("plan nobody", 1), ("plan --frob", 64)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = stage.simulated(line);
        assert_eq!(command.stdout(Stdio::null()).stderr(writer).status().unwrap().code(), Some(exit), "{line}");
    }
}

#[test]
fn what_labels_say_cannot_get_out_of_a_comments_frame() {
    let stage = Stage::of("bare");
    let labels = Labels {
        project: ProjectName::new("bare").unwrap(),
        address: Address::recorded("odd\n```\n# approved\n/agent/create"),
        digest: Digest::of(b"whatever"),
    };
    stage.engine().by_hand().add_container("odd", Some(labels)).unwrap();
    let said = stage.done("plan --format markdown");
    assert!(said.stdout.contains("approved"), "{}", said.stdout);
    assert!(!said.stdout.lines().any(|line| line.starts_with("# approved")), "{}", said.stdout);
}

#[test]
fn a_reader_that_goes_away_does_not_stop_an_apply() {
    let stage = Stage::of("team");
    let mut child = stage.simulated("apply --yes --format json").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(stage.to_do(""), [""; 0]);
}
