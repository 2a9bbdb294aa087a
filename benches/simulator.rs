//! Applying and destroying on the simulator, through the command: `cargo bench --bench simulator`.
#![allow(clippy::expect_used, clippy::panic, reason = "a figure of something that did not happen is worse than none")]
#![allow(dead_code, reason = "each benchmark uses a part of what they share")]

mod measure;

use std::path::Path;
use std::process::Command;

use measure::{BOTTLE, Figures, time};

const COUNTS: [usize; 3] = [10, 100, 1_000];
const TIMES: usize = 5;

fn main() {
    for count in COUNTS {
        let mut figures = vec![Figures::default(); STEPS.len()];
        for _ in 0..TIMES {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("bottle.toml"), measure::manifest(count, "node:22-slim", None))
                .expect("a manifest");
            for ((_, verb), figures) in STEPS.iter().zip(&mut figures) {
                figures.add(time(&mut bottle(folder.path(), verb)));
            }
        }
        println!("{count} bottles, of {TIMES}");
        println!("  {:<24} {:>9} {:>9} {:>9}  ms   µs a bottle", "", "min", "median", "max");
        for ((name, _), figures) in STEPS.iter().zip(&figures) {
            println!("  {name:<24} {} {:>16.1}", figures.in_thousandths(), figures.median() * 1e6 / count as f64);
        }
    }
}

const STEPS: [(&str, &str); 3] = [("apply", "apply"), ("apply, nothing to do", "apply"), ("destroy", "destroy")];

fn bottle(folder: &Path, verb: &str) -> Command {
    let mut command = Command::new(BOTTLE);
    command
        .args([verb, "--backend", "simulator", "--yes"])
        .current_dir(folder)
        .env("BOTTLE_STATE", folder.join("state"));
    command
}
