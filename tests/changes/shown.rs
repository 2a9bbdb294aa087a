//! Real changes and what is said of them, byte for byte.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bottle_planner::manifest::Allowance;
use similar::TextDiff;

use crate::said::said;
use crate::stage::Stage;

/// A change, the fixture that it is made to, and how.
type Change = (&'static str, &'static str, fn(&Stage), i32);

const CHANGES: [Change; 13] = [
    (
        "host-added",
        "team",
        |stage| {
            stage.edit(r#"env = { QUEUE = "07" }"#, "env = { QUEUE = \"07\" }\negress = { allow = [\"crates.io\"] }")
        },
        2,
    ),
    (
        "host-added-to-all",
        "team",
        |stage| stage.edit("\"statsig.anthropic.com\"", "\"statsig.anthropic.com\", \"crates.io\""),
        2,
    ),
    (
        "widened-to-wildcard",
        "team",
        |stage| stage.edit("\"api.anthropic.com\", \"statsig.anthropic.com\"", "\"*.anthropic.com\""),
        3,
    ),
    ("base-image", "team", |stage| stage.edit("22-slim", "24-slim"), 2),
    (
        "key-added",
        "full",
        |stage| {
            fs::write(stage.home().join(".ssh/deploy"), "no key of anybody's\n").unwrap();
            let key = "[[bottle.implementer.ssh]]\nhost = \"deploy\"\nhostname = \"deploy.example.org\"\nuser = \"git\"\nkey = \"~/.ssh/deploy\"\n\
                   known_host = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDPaf6Rle7N/oCoiwdC+S05hc+w5CyBCJsst4bdeEVbK\"\n\n[[bottle.implementer.copy]]";
            stage.edit("[[bottle.implementer.copy]]", key);
        },
        2,
    ),
    ("requirement-dropped", "team", |stage| stage.edit(", \"proxy.isolated\"]", "]"), 3),
    ("prompt-edited", "full", |stage| append(&stage.project().join("prompts/implementer.md"), "Ask first.\n"), 2),
    ("prompt-of-all-edited", "team", |stage| stage.edit("Take the next", "Take a next"), 2),
    ("dockerfile-edited", "full", |stage| append(&stage.project().join("Dockerfile"), "RUN true\n"), 2),
    (
        "reordered",
        "full",
        |stage| {
            let manifest = stage.manifest();
            let (top, rest) = manifest.split_once("[bottle.implementer.env]").unwrap();
            let (env, rest) = rest.split_once("[[bottle.implementer.ssh]]").unwrap();
            let moved = format!("# Moved.\n{top}\n[[bottle.implementer.ssh]]{rest}\n\n[bottle.implementer.env]{env}");
            fs::write(stage.project().join("bottle.toml"), moved).unwrap();
        },
        0,
    ),
    ("bottle-renamed", "team", |stage| stage.edit("[bottle.agent-07]", "[bottle.queue-seven]"), 2),
    (
        "bottle-added",
        "sidecar",
        |stage| {
            append(
                &stage.project().join("bottle.toml"),
                "\n[bottle.reviewer]\nimage = { ref = \"node:22-slim\" }\nuser = \"node\"\nenv = { TOKEN = { env = \"REVIEW_TOKEN\" } }\n",
            );
        },
        2,
    ),
    (
        "folder-mounted",
        "sidecar",
        |stage| {
            fs::create_dir(stage.project().join("code")).unwrap();
            stage.edit(
                "user = \"node\"",
                "user = \"root\"\nworkspace = { from = \"code\", to = \"/code\", how = \"mount\" }",
            );
        },
        3,
    ),
];

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap();
    fs::write(path, before + text).unwrap();
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changes/golden").join(name)
}

fn check(wrong: &mut String, name: &str, now: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden(name), now).unwrap();
        return;
    }
    let before = fs::read_to_string(golden(name)).unwrap_or_default();
    if before != now {
        let _ =
            writeln!(wrong, "{name}\n{}", TextDiff::from_lines(&before, now).unified_diff().header("golden", "now"));
    }
}

/// What is said of a change of a fixture, and how it ends.
fn difference(fixture: &str, change: fn(&Stage), options: &str) -> (String, Option<i32>) {
    let (before, after) = (Stage::of(fixture), Stage::of(fixture));
    change(&after);
    let line = format!("diff {}/bottle.toml bottle.toml --detailed-exitcode {options}", before.project().display());
    let said = said(&mut after.bottle(&line));
    assert_eq!(said.stderr, "");
    (said.stdout, said.exit)
}

#[test]
fn changes_are_shown_as_written_down() {
    let mut wrong = String::new();
    for (name, fixture, change, exit) in CHANGES {
        let (text, ended) = difference(fixture, change, "--backend docker@28.5");
        assert_eq!(ended, Some(exit), "{name}\n{text}");
        check(&mut wrong, &format!("{name}.txt"), &text);
        let (markdown, _) = difference(fixture, change, "--backend docker@28.5 --format markdown");
        check(&mut wrong, &format!("{name}.md"), &markdown);
    }
    for (name, change, exit) in
        [("other-backend", from_no_backend as fn(&Stage), 3), ("other-backend-all", from_no_backend, 3)]
    {
        let full = if name.ends_with("all") { "--full" } else { "" };
        let stage = Stage::of("sidecar");
        change(&stage);
        let said = said(&mut stage.bottle(&format!(
            "diff bottle.toml bottle.toml --detailed-exitcode --backend docker@28.5 --backend container@1.2 {full}"
        )));
        assert_eq!(said.exit, Some(exit), "{}", said.stderr);
        check(&mut wrong, &format!("{name}.txt"), &said.stdout);
    }
    let (json, _) = difference("team", CHANGES[0].2, "--backend docker@28.5 --format json");
    check(&mut wrong, "host-added.json", &json);
    assert!(wrong.is_empty(), "{wrong}\nif that is meant: UPDATE_GOLDEN=1 cargo test --test changes");
}

fn from_no_backend(stage: &Stage) {
    stage.edit("sandbox = \"shared-kernel\"\n", "");
    stage.edit("requires = [\"egress.allowlisted\", \"proxy.isolated\", \"dns.closed\"]\n", "");
}

/// What a reviewer can take in: one changed line of twenty bottles is a few lines here.
#[test]
fn a_line_of_a_teams_manifest_is_a_few_lines() {
    for (name, fixture, change, _) in CHANGES.iter().filter(|(_, fixture, ..)| *fixture == "team") {
        let (text, _) = difference(fixture, *change, "--backend docker@28.5");
        let lines = text.lines().filter(|line| line.starts_with(['+', '-', '!', '~'])).count();
        assert!((1..=9).contains(&lines), "{name}: {lines}\n{text}");
    }
}

#[test]
fn the_lost_guarantee_stands_before_all_else() {
    let (text, exit) = difference("team", |stage| stage.edit("user = \"node\"", "user = \"root\""), "");
    assert_eq!(exit, Some(3), "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("1 guarantee lost, "), "{text}");
    let signed = text.lines().find(|line| line.starts_with(['+', '-', '!', '~'])).unwrap();
    assert!(signed.starts_with("! agent.unprivileged held -> weakened ["), "{text}");
}

/// Asks for an allowance in place of the egress and of all that is required.
fn unwalled(stage: &Stage, name: &str, allowance: &Allowance) {
    let manifest = stage.manifest();
    let (above, _) = manifest.split_once("[bottle.implementer.egress]").unwrap();
    let above = above.replace("implementer", name).replace("sandbox = \"shared-kernel\"\n", "");
    let lines = above.lines().filter(|line| !line.starts_with("requires")).map(|line| format!("{line}\n"));
    let table = allowance.table().replace("NAME", name);
    fs::write(stage.project().join("bottle.toml"), lines.collect::<String>() + "\n" + &table + "\n").unwrap();
}

/// Under another name and with nothing required, no guarantee is lost of any bottle that both have.
#[test]
fn a_new_bottle_without_walls_is_weaker() {
    let change: fn(&Stage) = |stage| unwalled(stage, "uno", &Allowance::Privileged);
    let (text, exit) = difference("sidecar", change, "--backend docker@28.5");
    assert_eq!(exit, Some(3), "{text}");
    assert!(text.contains("\nunsafe\n! privileged is allowed [uno], which loses egress.allowlisted, "), "{text}");
    let (json, _) = difference("sidecar", change, "--backend docker@28.5 --format json");
    assert!(json.contains("\"weaker\": true") && json.contains("\"allow\": \"privileged\""), "{json}");
    let (markdown, _) = difference("sidecar", change, "--backend docker@28.5 --format markdown");
    assert!(markdown.contains("unsafe: `privileged` is allowed to `uno`"), "{markdown}");
}

#[test]
fn the_hosts_own_network_opens_every_host() {
    let change: fn(&Stage) = |stage| unwalled(stage, "implementer", &Allowance::HostNetwork);
    let (text, exit) = difference("sidecar", change, "--backend docker@28.5");
    assert_eq!(exit, Some(3), "{text}");
    assert!(text.contains("\n! implementer: everything, by the host's own network, which swallows api."), "{text}");
    assert!(text.contains("1 bottle opened to every host") && !text.contains("host closed"), "{text}");
    assert!(text.contains("\n~ implementer: by no proxy instead of "), "{text}");
}

/// A bottle that is renamed and changed as well is another one: nothing may hide behind a name.
#[test]
fn a_rename_with_a_change_is_no_rename() {
    let (text, _) =
        difference("team", |stage| stage.edit("[bottle.agent-07]\n", "[bottle.node]\nuser = \"root\"\n"), "");
    assert!(text.contains("\n+ node: new\n") && text.contains("\n- agent-07: gone"), "{text}");
    assert!(text.contains("+     --env=QUEUE=07 \\\n"), "{text}");
    // The user has the bottle's new name, and was another before.
    let (text, _) =
        difference("team", |stage| stage.edit("[bottle.agent-07]\n", "[bottle.root]\nuser = \"root\"\n"), "");
    assert!(!text.contains("renamed"), "{text}");
}

#[test]
fn renames_are_known_on_the_other_backend_too() {
    for way in ["sidecar", "host-loopback", "firewall"] {
        let (before, after) = (Stage::of("team"), Stage::of("team"));
        for stage in [&before, &after] {
            stage.edit("[defaults.egress]\n", &format!("[defaults.egress]\nvia = \"{way}\"\n"));
        }
        after.edit("[bottle.agent-07]", "[bottle.queue-seven]");
        let line = format!("diff {}/bottle.toml --backend container@1.2", before.project().display());
        let said = said(&mut after.bottle(&line));
        assert!(said.stdout.contains("agent-07 -> queue-seven: renamed"), "{way}\n{}{}", said.stdout, said.stderr);
    }
}

#[test]
fn a_host_that_a_wildcard_lets_through_is_not_closed() {
    let (text, _) = difference(
        "team",
        |stage| stage.edit("\"api.anthropic.com\", \"statsig.anthropic.com\"", "\"*.anthropic.com\""),
        "--format json",
    );
    assert!(text.contains("\"swallows\": [\n            \"api.anthropic.com\""), "{text}");
    assert!(text.contains("\"closed\": []") && !text.contains("\"closed\": [\n"), "{text}");
}
