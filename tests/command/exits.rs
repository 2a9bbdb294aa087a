//! Exit codes, and what is said with them.

use std::fs;

use crate::said::said;
use crate::simulated::assert_nothing_left;
use crate::stage::Stage;

#[test]
fn help_and_version_are_answers() {
    let stage = Stage::of("bare");
    for line in ["--help", "help", "plan --help", "help apply", "--version"] {
        let said = said(&mut stage.bottle(line));
        assert_eq!((said.exit, said.stderr.as_str()), (Some(0), ""), "{line}");
        assert!(said.stdout.contains("bottle"), "{line}: {}", said.stdout);
    }
}

#[test]
fn a_wrong_command_line_is_64_and_data_is_kept_apart_from_it() {
    let stage = Stage::of("bare");
    for line in [
        "",
        "frobnicate",
        "plan --frobnicate",
        "plan --format yaml",
        "plan --backend frob",
        "plan --backend simulator@1.0",
        "plan --backend docker@",
        "apply --jobs 0 --yes --backend simulator",
        "apply --jobs many --yes --backend simulator",
        "apply --yes --backend simulator No_Name",
        "destroy --yes --backend simulator --project-name No_Name",
        "apply --yes --backend docker@28.5",
    ] {
        let said = said(&mut stage.bottle(line));
        assert_eq!((said.exit, said.stdout.as_str()), (Some(64), ""), "`bottle {line}`: {}", said.stderr);
        assert!(!said.stderr.is_empty(), "{line}");
    }
    assert!(!stage.kept("bare").exists());
}

#[test]
fn no_manifest_is_1_and_says_which_file_was_looked_for() {
    let stage = Stage::of("bare");
    fs::remove_file(stage.project().join("bottle.toml")).unwrap();
    for line in ["plan", "apply --yes", "destroy --yes", "plan --file other.toml", "status --file other.toml"] {
        let said = stage.say(line);
        assert_eq!((said.exit, said.stdout.as_str()), (Some(1), ""), "{line}");
        let file = if line.contains("other") { "other.toml" } else { "bottle.toml" };
        assert!(said.told().contains(&format!("cannot read the manifest {file}")), "{}", said.stderr);
    }
}

#[test]
fn a_wrong_manifest_is_1_and_changes_nothing() {
    let stage = Stage::of("bare");
    stage.edit("user = \"node\"", "usr = \"node\"");
    for line in ["plan", "apply --yes", "status"] {
        let said = stage.say(line);
        assert_eq!((said.exit, said.stdout.as_str()), (Some(1), ""), "{line}");
        assert!(said.told().contains("bottle.toml:7:1"), "{}", said.stderr);
        assert!(said.told().contains("usr"), "{}", said.stderr);
    }
    assert_nothing_left(&stage.seen("bare"));
}

#[test]
fn changes_are_2_where_that_was_asked_for() {
    let stage = Stage::of("bare");
    assert_eq!(stage.say("plan").exit, Some(0));
    assert_eq!(stage.say("plan --detailed-exitcode").exit, Some(2));
    assert_eq!(stage.say("status --detailed-exitcode").exit, Some(2));
    stage.done("apply --yes");
    assert_eq!(stage.say("plan --detailed-exitcode").exit, Some(0));
    assert_eq!(stage.say("status --detailed-exitcode").exit, Some(0));
    stage.engine().by_hand().stop("bottle_bare_agent").unwrap();
    assert_eq!(stage.say("plan --detailed-exitcode").exit, Some(2));
    assert_eq!(stage.say("status --detailed-exitcode").exit, Some(2));
}

#[test]
fn a_guarantee_that_is_not_to_be_had_is_3_and_changes_nothing() {
    let stage = Stage::of("sidecar");
    stage.edit(r#""dns.closed"]"#, r#""dns.closed", "kernel.own"]"#);
    for line in ["plan", "plan --detailed-exitcode", "plan --format json", "apply --yes", "apply --yes --format json"] {
        let said = stage.say(line);
        assert_eq!(said.exit, Some(3), "{line}: {}", said.stderr);
        assert!(said.told().contains("implementer requires kernel.own"), "{}", said.stderr);
        assert!(said.told().contains("`bottle apply` refuses"), "{}", said.stderr);
        assert!(said.stdout.contains("lone"), "the plan is shown for all that: {}", said.stdout);
    }
    assert_nothing_left(&stage.seen("lone"));
}

#[test]
fn no_way_that_gives_what_is_required_is_3_for_every_command() {
    let stage = Stage::of("sidecar");
    for command in ["plan", "apply --yes", "status"] {
        let mut bottle = stage.bottle(&format!("{command} --backend simulator:container"));
        let said = said(&mut bottle);
        assert_eq!(said.exit, Some(3), "{command}: {}", said.stderr);
        assert!(said.stderr.contains("no way out on simulator:container"), "{}", said.stderr);
    }
}

#[test]
fn a_failure_is_1_and_the_next_apply_goes_on() {
    let stage = Stage::of("sidecar");
    stage.fail("implementer/pipelock/start");
    let said = stage.say("apply --yes");
    assert_eq!(said.exit, Some(1));
    let told = said.told();
    for part in [
        "implementer/pipelock/start failed: exit code 1",
        "$ docker start bottle_lone_implementer_pipelock",
        "no, said the engine",
        "`bottle apply` goes on from here",
        "! implementer/pipelock/start: start failed after",
        "implementer/agent/start: not begun, it needs implementer/pipelock/start",
        "1 failed, 3 not begun because of that",
    ] {
        assert!(told.contains(part), "{part:?} in {}", said.stderr);
    }
    assert_eq!(stage.seen("lone").containers.len(), 2);
    let went_on = stage.done("apply --yes");
    assert!(went_on.told().contains("4 done in "), "{}", went_on.stderr);
    assert_eq!(stage.to_do(""), [""; 0]);
}

#[test]
fn a_failure_of_destroy_is_1_and_the_next_destroy_goes_on() {
    let stage = Stage::of("sidecar");
    stage.done("apply --yes");
    stage.fail("implementer/internal/create");
    let said = stage.say("destroy --yes");
    assert_eq!(said.exit, Some(1));
    let told = said.told();
    assert!(told.contains("implementer/internal/create failed: exit code 1"), "{}", said.stderr);
    assert!(told.contains("`bottle destroy` goes on from here") && !told.contains("bottle apply"), "{}", said.stderr);
    stage.done("destroy --yes");
    assert_nothing_left(&stage.seen("lone"));
}

#[test]
fn a_project_that_another_command_has_is_5() {
    let stage = Stage::of("bare");
    stage.done("apply --yes");
    let path = stage.kept("bare").join("lock");
    let lock = fs::File::options().write(true).open(&path).unwrap();
    lock.lock().unwrap();
    let holder = r#"{"pid":4711,"command":"bottle apply","since":"2001-02-03T04:05:06Z","host":"elsewhere"}"#;
    fs::write(&path, holder).unwrap();
    for line in ["apply --yes", "destroy --yes"] {
        let said = stage.say(line);
        assert_eq!((said.exit, said.stdout.as_str()), (Some(5), ""), "{line}");
        let told = said.told();
        let who = "another `bottle apply` (pid 4711 on elsewhere, since 2001-02-03T04:05:06Z) has project bare";
        assert!(told.contains(who), "{}", said.stderr);
    }
    // Who only looks is not kept out, and told.
    assert_eq!(stage.done("plan").stderr, "");
    assert!(stage.done("status").told().contains("(pid 4711 on elsewhere, since 2001-02-03T04:05:06Z) is at work"));
    lock.unlock().unwrap();
    stage.done("destroy --yes");
}

#[test]
fn nothing_is_applied_that_nobody_approved() {
    let stage = Stage::of("bare");
    for line in ["apply", "apply --format json"] {
        let said = stage.say(line);
        assert_eq!(said.exit, Some(64), "{line}");
        assert!(said.told().contains("say `--yes` once you have seen it"), "{}", said.stderr);
        assert_nothing_left(&stage.seen("bare"));
    }
    stage.done("apply --yes");
    for line in ["destroy", "destroy --format json"] {
        assert_eq!(stage.say(line).exit, Some(64), "{line}");
        assert_eq!(stage.seen("bare").containers.len(), 1);
    }
    // Where there is nothing to approve, nobody is needed.
    assert_eq!(stage.done("apply").stderr, "");
}

#[test]
fn a_secret_that_is_not_there_is_missed_before_anything_is_begun() {
    let stage = Stage::of("full");
    stage.edit(r#"GITEA_TOKEN = { ask = "paste your Gitea token" }"#, "");
    fs::remove_file(stage.home().join(".ssh/id_ed25519")).unwrap();
    let mut command = stage.simulated("apply --yes");
    let said = said(command.env_remove("GH_PAT"));
    assert_eq!(said.exit, Some(1));
    let told = said.told();
    for part in ["GH_PAT", "~/.ssh/id_ed25519", "2 of the secrets", "nothing was changed"] {
        assert!(told.contains(part), "{part:?} in {}", said.stderr);
    }
    assert_nothing_left(&stage.seen("acme"));
}

#[test]
fn values_that_are_asked_for_need_somebody() {
    let stage = Stage::of("full");
    for (line, exit) in [("apply --yes", 1), ("apply --yes --format json", 64)] {
        let said = stage.say(line);
        assert_eq!(said.exit, Some(exit), "{line}: {}", said.stderr);
        assert!(said.told().contains("{ env = \"NAME\" }"), "{}", said.stderr);
        assert_nothing_left(&stage.seen("acme"));
    }
}
