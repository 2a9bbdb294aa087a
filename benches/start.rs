//! How long the command takes to start: `cargo bench --bench start`.
#![allow(clippy::expect_used, clippy::panic, reason = "a figure of something that did not happen is worse than none")]
#![allow(dead_code, reason = "each benchmark uses a part of what they share")]

mod measure;

use std::path::Path;
use std::process::Command;

use measure::{BOTTLE, Figures, time};

const TIMES: usize = 100;

fn main() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sidecar/project");
    let true_ = || Command::new("true");
    let version = || bottle(&fixture, &["--version"]);
    let plan = || bottle(&fixture, &["plan", "--offline"]);
    let rows: [(&str, &dyn Fn() -> Command); 3] =
        [("true, for comparison", &true_), ("bottle --version", &version), ("bottle plan --offline", &plan)];

    let mut figures = vec![Figures::default(); rows.len()];
    for _ in 0..TIMES {
        for ((_, command), figures) in rows.iter().zip(&mut figures) {
            figures.add(time(&mut command()));
        }
    }
    println!("{:<24} {:>9} {:>9} {:>9}  ms, of {TIMES}", "", "min", "median", "max");
    for ((name, _), figures) in rows.iter().zip(&figures) {
        println!("{name:<24} {}", figures.in_thousandths());
    }
}

fn bottle(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BOTTLE);
    command.args(arguments).current_dir(folder);
    command
}
