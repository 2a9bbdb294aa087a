//! Twenty bottles on this machine's Docker Engine, beside Docker Compose doing the same: `cargo bench --bench docker`.
//!
//! `-- --compose PATH` names a Compose of version 2, else `docker compose` or `docker-compose` is tried; `--bottles N`, `--rounds N`
//! and `--jobs N,N` are what they say. `--healthy` has Compose wait for the sidecars' health, as `bottle` always does.
#![allow(clippy::expect_used, clippy::panic, reason = "a figure of something that did not happen is worse than none")]
#![allow(dead_code, reason = "each benchmark uses a part of what they share")]

mod compose;
mod measure;

use std::path::Path;
use std::process::Command;

use compose::Compose;
use measure::{BOTTLE, Figures, time, time_until_done};

/// What is asked for on the command line.
struct Wish {
    compose: Option<Compose>,
    bottles: usize,
    rounds: usize,
    jobs: Vec<u16>,
    healthy: bool,
}

const STEPS: [(&str, &str); 3] = [("apply", "apply"), ("nothing to do", "apply"), ("destroy", "destroy")];

fn main() {
    let wish = Wish::read();
    let images = match engine_images::ensure() {
        Ok(images) => images,
        Err(why) => {
            println!("skipped: {why}");
            return;
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = measure::manifest(wish.bottles, images.guest, Some(images.pipelock));
    std::fs::write(folder.path().join("bottle.toml"), manifest).expect("a manifest");
    if wish.compose.is_some() {
        compose::write(folder.path(), &images, wish.bottles, wish.healthy).expect("a compose file");
    }
    let clean = Clean { folder: folder.path(), compose: wish.compose.as_ref() };

    let mut ours = vec![vec![Figures::default(); STEPS.len()]; wish.jobs.len()];
    let mut theirs = vec![Figures::default(); STEPS.len()];
    let mut ratios = vec![vec![Figures::default(); STEPS.len()]; wish.jobs.len()];
    for round in 1..=wish.rounds {
        let beside: Option<Vec<f64>> = wish.compose.as_ref().map(|compose| {
            (0..STEPS.len()).map(|step| time_until_done(|| compose.step(folder.path(), step))).collect()
        });
        for (step, took) in beside.iter().flatten().enumerate() {
            theirs[step].add(*took);
        }
        for (at, jobs) in wish.jobs.iter().enumerate() {
            for (step, (_, verb)) in STEPS.iter().enumerate() {
                let took = time(&mut bottle(folder.path(), verb, *jobs));
                ours[at][step].add(took);
                if let Some(beside) = &beside {
                    ratios[at][step].add(took / beside[step]);
                }
            }
        }
        eprintln!("round {round} of {}", wish.rounds);
    }
    drop(clean);

    println!("{} bottles, of {}", wish.bottles, wish.rounds);
    println!("  {:<34} {:>9} {:>9} {:>9}  ms", "", "min", "median", "max");
    for ((name, _), figures) in STEPS.iter().zip(&theirs).filter(|_| wish.compose.is_some()) {
        let row = format!("compose {}, {name}", if wish.healthy { "(healthy)" } else { "(started)" });
        println!("  {row:<34} {}", figures.in_thousandths());
    }
    for (jobs, (figures, ratios)) in wish.jobs.iter().zip(ours.iter().zip(&ratios)) {
        for ((name, _), (figures, ratios)) in STEPS.iter().zip(figures.iter().zip(ratios)) {
            let row = format!("bottle --jobs {jobs}, {name}");
            print!("  {row:<34} {}", figures.in_thousandths());
            println!(
                "{}",
                if wish.compose.is_some() { format!("  {:.2} of compose's", ratios.median()) } else { String::new() }
            );
        }
    }
}

impl Wish {
    fn read() -> Self {
        let mut wish = Self { compose: None, bottles: 20, rounds: 5, jobs: vec![8], healthy: false };
        let mut path = None;
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            match argument.as_str() {
                "--compose" => path = Some(value()),
                "--bottles" => wish.bottles = value().parse().expect("a number"),
                "--rounds" => wish.rounds = value().parse().expect("a number"),
                "--jobs" => wish.jobs = value().split(',').map(|jobs| jobs.parse().expect("a number")).collect(),
                "--healthy" => wish.healthy = true,
                // What cargo says to every benchmark.
                "--bench" => {}
                _ => panic!("unknown argument {argument}"),
            }
        }
        wish.compose = Compose::find(path);
        if wish.compose.is_none() {
            println!("no Compose of version 2 here: bottle alone is measured (see benches/README.md)");
        }
        wish
    }
}

fn bottle(folder: &Path, verb: &str, jobs: u16) -> Command {
    let mut command = Command::new(BOTTLE);
    command.args([verb, "--backend", "docker", "--yes", "--jobs", &jobs.to_string()]);
    command.current_dir(folder).env("BOTTLE_STATE", folder.join("state"));
    command
}

/// Takes away what was made, also when a round failed.
struct Clean<'a> {
    folder: &'a Path,
    compose: Option<&'a Compose>,
}

impl Drop for Clean<'_> {
    fn drop(&mut self) {
        let _ = bottle(self.folder, "destroy", 8).output();
        if let Some(compose) = self.compose {
            let _ = compose.step(self.folder, STEPS.len() - 1).output();
        }
    }
}
