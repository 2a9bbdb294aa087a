//! The table of docs/security.md is what runs have recorded, and its rows are those of the catalog.

#[path = "../matrix/rows.rs"]
mod rows;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bottle_planner::probe::Probe;
use rows::ROWS;
use serde_json::Value;

const START: &str = "<!-- matrix -->\n";
const END: &str = "<!-- /matrix -->";

/// What was recorded on an engine.
struct Run {
    engine: String,
    verdicts: BTreeMap<(String, String), String>,
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The rows, with their questions, in the order of the matrix.
fn rows() -> Vec<(&'static str, &'static str)> {
    let probes = Probe::all().map(|probe| (probe.name, probe.question));
    let mut rows: Vec<_> = probes.chain(ROWS.iter().map(|row| (row.name, row.question))).collect();
    let place = |name: &str| {
        let row = name.split('.').next().unwrap();
        (row[..1].to_owned(), row[1..].parse::<u32>().unwrap())
    };
    rows.sort_by_key(|(name, _)| place(name));
    rows
}

fn runs() -> Vec<Run> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder("tests/matrix/recorded")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| run(&fs::read_to_string(file).unwrap())).collect()
}

fn run(text: &str) -> Run {
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let engine = lines.next().unwrap()["engine"].as_str().unwrap().to_owned();
    let word = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let verdicts = lines.map(|line| ((word(&line, "of"), word(&line, "row")), word(&line, "verdict"))).collect();
    Run { engine, verdicts }
}

fn table(runs: &[Run]) -> String {
    let mut table = "| row | question |".to_owned();
    for run in runs {
        write!(table, " {0}, bottle | {0}, compose |", run.engine).unwrap();
    }
    writeln!(table, "\n|---|---|{}", "---|---|".repeat(runs.len())).unwrap();
    for (name, question) in rows() {
        write!(table, "| {name} | {question} |").unwrap();
        for run in runs {
            for of in ["bottle", "compose"] {
                let verdict = run.verdicts.get(&(of.to_owned(), name.to_owned()));
                write!(table, " {} |", verdict.map_or("not run", |verdict| cell(verdict))).unwrap();
            }
        }
        table.push('\n');
    }
    table
}

fn cell(verdict: &str) -> &str {
    if verdict == "broken" { "**broken**" } else { verdict }
}

#[test]
fn the_table_is_what_was_recorded() {
    let path = folder("docs/security.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let table = table(&runs());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "tests/matrix/regenerate fills it");
}

#[test]
fn the_rows_are_those_of_the_catalog() {
    let text = fs::read_to_string(folder("docs/security.md")).unwrap();
    let shown = text.split_once(START).unwrap().1.split_once(END).unwrap().0;
    let shown: Vec<&str> = shown.lines().skip(2).map(|line| line.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(shown, rows().iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for run in runs() {
        for (_, row) in run.verdicts.keys() {
            assert!(shown.contains(&row.as_str()), "{}: {row} was recorded and is no row", run.engine);
        }
        let of_bottles = |row: &&str| run.verdicts.contains_key(&("bottle".to_owned(), (**row).to_owned()));
        let missing: Vec<_> = shown.iter().filter(|row| !of_bottles(row)).collect();
        // An engine that others use is not restarted.
        assert!(missing.iter().all(|row| **row == "E9.restarted"), "{}: {missing:?} not recorded", run.engine);
    }
}

#[test]
fn rows_name_trials_that_there_are() {
    let folder = folder("tests/docker");
    let sources: String =
        fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    for row in ROWS {
        assert!(sources.contains(&format!("trial(\"{}\"", row.trial)), "{}: no trial {}", row.name, row.trial);
    }
}

#[test]
fn what_was_recorded_of_no_row_is_not_shown_as_held() {
    let run = run("{\"engine\":\"1.0\"}\n{\"of\":\"bottle\",\"row\":\"C2.gateway\",\"verdict\":\"unknown\"}\n");
    let table = table(&[run]);
    assert!(!table.contains(" held |"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("| C2.gateway |") && line.ends_with(" unknown | not run |")));
    assert!(table.lines().any(|line| line.starts_with("| C1.metadata |") && line.ends_with(" not run | not run |")));
}
