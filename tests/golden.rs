//! The plans of the fixtures, byte for byte.
//!
//! To write them anew: `UPDATE_GOLDEN=1 cargo test --test golden`. Then read the difference: it is what reviewers will see.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod said;
mod stage;

use std::fmt::Write as _;
use std::fs;

use said::said;
use similar::{ChangeTag, TextDiff};
use stage::{Stage, fixture_folder};

const FIXTURES: [&str; 6] = ["bare", "family", "full", "sidecar", "team", "unsafe"];
/// Profile, format, and the ending of the file.
const PLANS: [(&str, &str, &str); 5] = [
    ("docker@20.10", "text", "txt"),
    ("docker@20.10", "json", "json"),
    ("docker@28.5", "text", "txt"),
    ("docker@28.5", "json", "json"),
    ("docker@28.5", "markdown", "md"),
];
/// What a forge takes as one comment.
const COMMENT: usize = 65_536;

fn plan(stage: &Stage, profile: &str, format: &str) -> String {
    let said = said(&mut stage.bottle(&format!("plan --backend {profile} --format {format}")));
    assert_eq!((said.exit, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    said.stdout
}

fn text_of_team(change: impl FnOnce(&Stage)) -> String {
    let stage = Stage::of("team");
    change(&stage);
    plan(&stage, "docker@28.5", "text")
}

fn difference(old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(2).header("golden", "now").to_string()
}

/// The lines that are only in the old text, and those only in the new one.
fn changed(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let diff = TextDiff::from_lines(old, new);
    let of = |tag| {
        let changes = diff.iter_all_changes().filter(|change| change.tag() == tag);
        changes.map(|change| change.value().trim_end().to_owned()).collect()
    };
    (of(ChangeTag::Delete), of(ChangeTag::Insert))
}

#[test]
fn all_fixtures_are_here() {
    let folders = fs::read_dir(fixture_folder("")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut found: Vec<String> = folders.map(|name| name.into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, FIXTURES);
}

#[test]
fn plans_are_as_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = String::new();
    for fixture in FIXTURES {
        let stage = Stage::of(fixture);
        for (profile, format, ending) in PLANS {
            let path = fixture_folder(fixture).join(format!("{profile}.{ending}"));
            let now = plan(&stage, profile, format);
            if update {
                fs::write(path, now).unwrap();
                continue;
            }
            let golden = fs::read_to_string(&path).unwrap_or_default();
            if golden != now {
                let _ = writeln!(wrong, "fixtures/{fixture}/{profile}.{ending}\n{}", difference(&golden, &now));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nif that is meant: UPDATE_GOLDEN=1 cargo test --test golden");
}

/// What `--why` adds stands below each guarantee, and takes nothing away.
#[test]
fn why_says_what_each_guarantee_rests_on() {
    let stage = Stage::of("sidecar");
    let said = said(&mut stage.bottle("plan --backend docker@28.5 --why"));
    assert_eq!((said.exit, said.stderr.as_str()), (Some(0), ""));
    let path = fixture_folder("sidecar").join("docker@28.5.why.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &said.stdout).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == said.stdout, "{}", difference(&golden, &said.stdout));
    let (gone, new) = changed(&plan(&stage, "docker@28.5", "text"), &said.stdout);
    assert_eq!(gone, [""; 0]);
    assert!(new.len() > 20 && new.iter().all(|line| line.starts_with("      ")), "{new:#?}");
}

/// The README shows a fixture and its plan.
#[test]
fn the_readme_shows_what_is_so() {
    const MARK: &str = "<!-- the golden plan of fixtures/sidecar -->\n```diff\n";
    let path = fixture_folder("").join("../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let stage = Stage::of("sidecar");
    assert!(readme.contains(&format!("```toml\n{}```\n", stage.manifest())), "the manifest is another one");
    let plan = plan(&stage, "docker@28.5", "text");
    let from = readme.find(MARK).unwrap() + MARK.len();
    let to = from + readme[from..].find("```\n").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{}{plan}{}", &readme[..from], &readme[to..])).unwrap();
        return;
    }
    assert!(readme[from..to] == plan, "README.md\n{}", difference(&readme[from..to], &plan));
}

/// `bottle plan` for the pull request of twenty agents has to fit.
#[test]
fn a_teams_plan_fits_in_a_forges_comment() {
    let stage = Stage::of("team");
    for profile in ["docker@20.10", "docker@28.5"] {
        for format in ["text", "markdown"] {
            let length = plan(&stage, profile, format).chars().count();
            assert!(length < COMMENT, "{profile} {format}: {length}");
        }
    }
}

#[test]
fn neither_place_nor_environment_changes_a_byte() {
    for fixture in FIXTURES {
        let (here, there) = (Stage::of(fixture), Stage::of(fixture));
        let manifest = here.project().join("bottle.toml");
        for (_, format, _) in &PLANS[2..] {
            let line = format!("plan --backend docker@28.5 --format {format}");
            let plain = said(&mut here.bottle(&line));
            assert_eq!(plain.exit, Some(0), "{}", plain.stderr);
            // A copy in another folder, with another home and another state.
            assert_eq!(said(&mut there.bottle(&line)), plain);
            // Another working directory.
            let mut elsewhere = here.bottle(&line);
            assert_eq!(said(elsewhere.current_dir("/").arg("--file").arg(&manifest)), plain);
            // Another terminal, language and time zone, as far as the environment says so.
            let mut other = here.bottle(&line);
            other.env("TERM", "xterm-256color").env("COLUMNS", "40").env("LINES", "10").env("LANG", "de_DE.UTF-8");
            other.env("LC_ALL", "tr_TR.UTF-8").env("TZ", "Pacific/Apia").env("USER", "somebody").env("PWD", "/nowhere");
            assert_eq!(said(&mut other), plain);
            // None at all, as in the smallest of containers: nothing is kept, so no place for it is needed.
            assert_eq!(said(here.bottle(&line).env_clear()), plain);
        }
    }
}

#[test]
fn another_value_of_a_variable_changes_few_lines() {
    let before = text_of_team(|_| {});
    let after = text_of_team(|stage| stage.edit(r#"QUEUE = "07""#, r#"QUEUE = "70""#));
    let (gone, new) = changed(&before, &after);
    assert!(new.iter().any(|line| line.contains("QUEUE=70")), "{new:#?}");
    assert!(gone.len() + new.len() <= 8, "{}", difference(&before, &after));
}

#[test]
fn another_host_changes_few_lines() {
    let before = text_of_team(|_| {});
    let after = text_of_team(|stage| {
        stage.edit(r#"env = { QUEUE = "07" }"#, "env = { QUEUE = \"07\" }\negress = { allow = [\"crates.io\"] }");
    });
    let (gone, new) = changed(&before, &after);
    assert!(new.iter().any(|line| line.starts_with("+ agent-07: ") && line.contains("crates.io")), "{new:#?}");
    assert!(gone.len() + new.len() <= 8, "{}", difference(&before, &after));
}

#[test]
fn another_bottle_only_adds_lines() {
    let before = text_of_team(|_| {});
    let after = text_of_team(|stage| {
        stage.edit("[bottle.agent-20]", "[bottle.agent-19b]\nenv = { QUEUE = \"19b\" }\n\n[bottle.agent-20]");
    });
    let (gone, new) = changed(&before, &after);
    assert!(new.iter().any(|line| line == "+ agent-19b/agent/start"), "{new:#?}");
    // Of what stood before, only the lines that count read otherwise.
    for line in &gone {
        let counts = line.starts_with("20 bottles: ") || line.starts_with("approval ") || line.ends_with(" more)");
        assert!(counts, "{}", difference(&before, &after));
    }
}
