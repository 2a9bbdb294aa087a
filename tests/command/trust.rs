//! A repository that wants more of the host than its owner knows, and the owner.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::Value;

use crate::said::{Said, said};
use crate::simulated::assert_nothing_left;
use crate::stage::Stage;

const MANIFEST: &str = r#"
version = 1
name = "evil"

[bottle.thief]
image = { ref = "node:22-slim" }
user = "node"
env = { AWS = { env = "AWS_SECRET_ACCESS_KEY" } }
egress = { allow = ["evil.example.org"] }

[[bottle.thief.copy]]
from = "~/.ssh/id_ed25519"
to = "/home/node/key"

[[bottle.thief.copy]]
from = "notes/secret"
to = "/home/node/notes"

[[bottle.thief.copy]]
from = "../beside/secret"
to = "/home/node/beside"
"#;
const SECRET: &str = "the-value-of-a-secret";

/// The hostile project, with what it wants lying where it looks for it.
fn hostile() -> Stage {
    let stage = Stage::of("bare");
    fs::write(stage.project().join("bottle.toml"), MANIFEST).unwrap();
    symlink("../beside", stage.project().join("notes")).unwrap();
    let beside = stage.project().with_file_name("beside");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("secret"), SECRET).unwrap();
    stage
}

fn run(stage: &Stage, line: &str) -> Said {
    said(stage.untrusted(line).env("AWS_SECRET_ACCESS_KEY", SECRET))
}

#[track_caller]
fn ends(stage: &Stage, line: &str, exit: i32) -> Said {
    let said = run(stage, line);
    assert_eq!(said.exit, Some(exit), "{line}\n{}\n{}", said.stdout, said.stderr);
    assert!(!format!("{said:?}").contains(SECRET), "{said:?}");
    said
}

#[track_caller]
fn trust(stage: &Stage, line: &str, exit: i32) -> Said {
    let said = said(&mut stage.bottle(&format!("trust {line}")));
    assert_eq!(said.exit, Some(exit), "{line}\n{}\n{}", said.stdout, said.stderr);
    said
}

#[track_caller]
fn is_refused(stage: &Stage) -> Said {
    let said = ends(stage, "apply --yes", 7);
    assert_eq!(said.stdout, "");
    assert!(said.told().contains("`bottle trust`"), "{}", said.stderr);
    said
}

#[test]
fn a_plan_without_trust_looks_at_nothing_outside() {
    let stage = hostile();
    for line in ["plan", "plan --format json", "plan --format markdown", "plan --offline", "plan --backend docker@28.5"]
    {
        let command = || match line.contains("docker") {
            true => said(&mut stage.bottle(line)),
            false => run(&stage, line),
        };
        let there = command();
        assert_eq!(there.exit, Some(0), "{line}: {}", there.stderr);
        let moved = stage.project().with_file_name("elsewhere");
        for place in [stage.home(), stage.project().with_file_name("beside")] {
            // Not even that it is there makes a difference.
            fs::rename(&place, &moved).unwrap();
            assert_eq!(command(), there, "{line} without {}", place.display());
            fs::rename(&moved, &place).unwrap();
        }
        let live = !line.contains("offline") && !line.contains("docker");
        let shown = &there.stdout;
        if line.contains("json") {
            let plan: Value = serde_json::from_str(shown).unwrap();
            assert_eq!(plan["trust"]["standing"], "refused");
            assert_eq!(plan["trust"]["request"]["bottles"]["thief"]["hosts"][0], "evil.example.org");
            continue;
        }
        for part in [
            "asks for trust",
            "may read AWS_SECRET_ACCESS_KEY of the environment, as AWS",
            "may read ~/.ssh/id_ed25519, copied to /home/node/key",
            "may read notes/secret (a link to ../beside/secret), copied to /home/node/notes",
            "may read ../beside/secret, copied to /home/node/beside",
            "may send to evil.example.org",
        ] {
            assert!(shown.contains(part), "{line} has no {part:?}: {shown}");
        }
        let unread = if live { "content not read: not trusted" } else { "content as it is at apply" };
        assert_eq!(shown.matches(unread).count(), 3, "{line}: {shown}");
    }
}

#[test]
fn nothing_is_applied_before_somebody_has_agreed() {
    let stage = hostile();
    for line in ["apply --yes", "apply --yes --format json", "apply --yes thief", "apply"] {
        let said = ends(&stage, line, 7);
        assert_eq!(said.stdout, "", "{line}");
        let told = said.told();
        assert!(told.contains("`bottle trust`") && told.contains("may read ~/.ssh/id_ed25519"), "{line}: {told}");
    }
    assert_nothing_left(&stage.seen("evil"));
    assert!(!stage.kept("evil").exists(), "no journal, no lock");
    // Neither to look nor to take away.
    ends(&stage, "status", 0);
    ends(&stage, "destroy --yes", 0);

    let said = trust(&stage, "--yes", 0);
    assert!(said.stdout.contains("may read notes/secret (a link to ../beside/secret)"), "{}", said.stdout);
    let plan = ends(&stage, "plan", 0).stdout;
    assert!(!plan.contains("asks for trust") && !plan.contains("not read"), "{plan}");
    ends(&stage, "apply --yes", 0);
    assert_eq!(stage.seen("evil").containers.len(), 2);
    assert_eq!(ends(&stage, "status", 0).stdout.lines().last(), Some("as declared"));
    assert!(trust(&stage, "--yes", 0).told().contains("already"));
    trust(&stage, "--revoke", 0);
    let said = ends(&stage, "status --detailed-exitcode", 0);
    assert!(said.told().contains("not trusted"), "what was not looked at is no drift: {}", said.stdout);
    is_refused(&stage);
    ends(&stage, "destroy --yes", 0);
    assert_nothing_left(&stage.seen("evil"));
}

#[test]
fn a_change_of_what_is_asked_for_is_asked_about_and_no_other() {
    let stage = hostile();
    trust(&stage, "--yes", 0);
    ends(&stage, "apply --yes", 0);
    stage.edit("user = \"node\"\n", "# A comment.\nlimits = { pids = 99 }\nuser = \"node\"\n");
    ends(&stage, "apply --yes", 0);

    stage.edit("[\"evil.example.org\"]", "[\"more.example.org\", \"evil.example.org\"]");
    stage.edit("env = { AWS", "env = { MORE = { env = \"GH_PAT\" }, AWS");
    let told = is_refused(&stage).stderr;
    let new: Vec<&str> = told.lines().filter(|line| line.starts_with("+ ")).collect();
    let host = "+ thief may send to more.example.org";
    assert_eq!(new, [host, "+ thief may read GH_PAT of the environment, as MORE"], "{told}");
    let shown = trust(&stage, "--show", 0).stdout;
    assert!(shown.contains(host), "{shown}");
    is_refused(&stage);
    // What was agreed to before is still looked at, so nothing else seems to have changed.
    assert!(!ends(&stage, "plan", 0).stdout.contains("content not read"));
    trust(&stage, "--yes", 0);
    ends(&stage, "apply --yes", 0);

    // The path is the same, and what stands there is another's choice.
    fs::remove_file(stage.project().join("notes")).unwrap();
    symlink("../home/.ssh", stage.project().join("notes")).unwrap();
    let told = is_refused(&stage).stderr;
    assert!(told.contains("+ thief may read notes/secret (a link to ../home/.ssh/secret)"), "{told}");
}

#[test]
fn scripts_agree_to_what_was_reviewed_elsewhere() {
    let stage = hostile();
    let plan = said(&mut stage.bottle("plan --backend docker@28.5 --format json")).stdout;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let digest = plan["trust"]["digest"].as_str().unwrap().to_owned();
    assert_eq!(plan["trust"]["standing"], "later");
    trust(&stage, &format!("--digest {}", &digest[..12]), 64);
    let turned: String = digest.chars().rev().collect();
    let told = trust(&stage, &format!("--digest {turned}"), 7).told();
    assert!(told.contains("nothing was recorded"), "{told}");
    is_refused(&stage);
    trust(&stage, &format!("--digest {digest}"), 0);
    ends(&stage, "apply --yes", 0);
    // A plan that asks no engine is the same whatever anybody agreed to.
    let again = said(&mut stage.bottle("plan --backend docker@28.5 --format json")).stdout;
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), plan);
}

#[test]
fn a_record_that_cannot_be_read_is_no_trust() {
    let stage = hostile();
    trust(&stage, "--yes", 0);
    let records = fs::read_dir(stage.state().join("trust")).unwrap();
    let records: Vec<_> = records.map(|entry| entry.unwrap().path()).collect();
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(fs::metadata(record).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(record).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    fs::write(record, &text[..text.len() - 9]).unwrap();
    assert!(is_refused(&stage).told().contains("counts for nothing"));
    trust(&stage, "--yes", 0);
    ends(&stage, "apply --yes", 0);
}

#[test]
fn nobody_answers_for_a_script() {
    let stage = hostile();
    trust(&stage, "", 64);
    is_refused(&stage);
    let bare = Stage::of("bare");
    assert!(trust(&bare, "", 0).stdout.contains("no trust is needed"));
    assert!(!bare.state().join("trust").exists());
}

/// What was read elsewhere without the files that lie outside is no plan of them.
#[test]
fn an_approval_is_no_trust_and_no_plan_is_saved_before_it() {
    let stage = hostile();
    let plan = ends(&stage, "plan --format json", 0);
    let document: Value = serde_json::from_str(&plan.stdout).unwrap();
    let approval = document["approval"].as_str().unwrap();
    ends(&stage, &format!("apply --approved {approval}"), 7);
    let refused = ends(&stage, "plan --out x.plan", 7);
    assert!(refused.told().contains("trust the manifest first: `bottle trust`"), "{}", refused.stderr);
    trust(&stage, "--digest 1234", 64);
    trust(&stage, "--yes", 0);
    // Now they are read, and it is another plan.
    ends(&stage, &format!("apply --approved {approval}"), 4);
    assert_nothing_left(&stage.seen("evil"));
    ends(&stage, "plan --out x.plan", 0);
    let same = said(stage.bottle("diff x.plan bottle.toml --detailed-exitcode").env("AWS_SECRET_ACCESS_KEY", SECRET));
    assert_eq!(same.exit, Some(0), "{}{}", same.stdout, same.stderr);
}
