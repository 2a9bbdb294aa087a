//! The plans of the fixtures on Apple's `container`, byte for byte: as chosen, and for each way out by name, on each profile.
//!
//! Written anew by `UPDATE_GOLDEN=1 cargo test --test golden_container`. Each file holds what the command says on both of its outputs and how it ends, since a
//! plan that is refused is a plan to be reviewed as well.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod said;
mod stage;

use std::fmt::Write as _;
use std::fs;

use said::{Said, said};
use similar::TextDiff;
use stage::{Stage, fixture_folder};

/// The fixtures, each with the place where its manifest says its way out: a text, and the same text with `WAY` in it.
const FIXTURES: [(&str, Option<(&str, &str)>); 6] = [
    ("bare", None),
    ("family", Some(("[defaults.egress]\n", "[defaults.egress]\nvia = \"WAY\"\n"))),
    ("full", Some(("via = \"sidecar\"", "via = \"WAY\""))),
    ("sidecar", Some(("[bottle.implementer.egress]\n", "[bottle.implementer.egress]\nvia = \"WAY\"\n"))),
    ("team", Some(("[defaults.egress]\n", "[defaults.egress]\nvia = \"WAY\"\n"))),
    ("unsafe", None),
];
const PROFILES: [&str; 3] = ["container@1.1", "container@1.2", "container@1.2/macos15"];
const WAYS: [&str; 3] = ["sidecar", "host-loopback", "firewall"];

fn plan(stage: &Stage, profile: &str) -> String {
    let Said { stdout, stderr, exit } = said(&mut stage.bottle(&format!("plan --backend {profile}")));
    let exit = exit.unwrap();
    assert!(exit == 0 || exit == 3 || exit == 1, "{exit} {stderr}");
    format!("{stdout}{stderr}exit code {exit}\n")
}

#[test]
fn plans_are_as_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = String::new();
    let mut check = |fixture: &str, name: &str, now: String| {
        let path = fixture_folder(fixture).join(format!("{}.txt", name.replace('/', "-")));
        if update {
            fs::write(path, now).unwrap();
            return;
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        if golden != now {
            let difference = TextDiff::from_lines(&golden, &now).unified_diff().header("golden", "now").to_string();
            let _ = writeln!(wrong, "fixtures/{fixture}/{name}.txt\n{difference}");
        }
    };
    for (fixture, way_out) in FIXTURES {
        for profile in PROFILES {
            check(fixture, profile, plan(&Stage::of(fixture), profile));
            let Some((from, to)) = way_out else { continue };
            for way in WAYS {
                let stage = Stage::of(fixture);
                stage.edit(from, &to.replace("WAY", way));
                check(fixture, &format!("{profile}.{way}"), plan(&stage, profile));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nif that is meant: UPDATE_GOLDEN=1 cargo test --test golden_container");
}

#[test]
fn side_by_side_is_one_table() {
    let stage = Stage::of("sidecar");
    stage.edit("[bottle.implementer.egress]\n", "[bottle.implementer.egress]\nvia = \"sidecar\"\n");
    let said = said(&mut stage.bottle("plan --backend docker --backend container"));
    let path = fixture_folder("sidecar").join("docker-and-container.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, said.stdout).unwrap();
        return;
    }
    let golden = fs::read_to_string(path).unwrap_or_default();
    assert!(golden == said.stdout, "{}", TextDiff::from_lines(&golden, &said.stdout).unified_diff());
    assert_eq!(said.exit, Some(3), "container leaves unproven what the manifest requires");
}
