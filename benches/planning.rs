//! Planning 10, 1,000 and 10,000 bottles, through the library and through the command: `cargo bench --bench planning`.
#![allow(clippy::expect_used, clippy::panic, reason = "a figure of something that did not happen is worse than none")]
#![allow(dead_code, reason = "each benchmark uses a part of what they share")]

mod measure;

use std::process::Command;

use bottle_planner::intent::{Ways, compile};
use bottle_planner::passes::{Facts, Occupied, lower};
use bottle_planner::plan::{BackendReason, Plan, Target, build};
use bottle_planner::profile::Profile;
use bottle_planner::{manifest, render, spelling};
use generated_manifests::{MemoryFiles, many};
use measure::{BOTTLE, Figures, high_water_mark, peak_memory, seconds, time};

/// The profile whose plans are longest: ten operations to a bottle.
const PROFILE: &str = "docker@20.10";
const COUNTS: [usize; 3] = [10, 1_000, 10_000];
/// What tells this program to measure one count, in a process of its own, so that its memory is nobody else's.
const ONE: &str = "--one=";

fn main() {
    if let Some(count) = std::env::args().find_map(|argument| argument.strip_prefix(ONE)?.parse().ok()) {
        library(count);
        return;
    }
    let this = std::env::current_exe().expect("this program has a path");
    let child = |count: usize| {
        let status = Command::new(&this).arg(format!("{ONE}{count}")).status();
        assert!(status.is_ok_and(|status| status.success()), "{count} bottles could not be measured");
    };
    println!("library, {PROFILE}");
    for count in COUNTS {
        child(count);
    }
    println!("\ncommand, {PROFILE}: bottle plan --offline --file MANIFEST, output to nowhere");
    for count in COUNTS {
        command(count);
    }
}

fn times(count: usize) -> usize {
    if count >= 10_000 { 7 } else { 21 }
}

fn library(count: usize) {
    let files = MemoryFiles::default();
    let profile = Profile::named(PROFILE).expect("a profile");
    let manifest = many(count);
    let text = measure::manifest(count, "node:22-slim", None);
    let target = Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: None };

    let names = ["parse", "compile", "lower", "spell", "build (all but parse)", "render text", "render json"];
    let mut figures = vec![Figures::default(); names.len()];
    let mut plan: Option<Plan> = None;
    let mut memory = 0.0;
    for _ in 0..times(count) {
        drop(plan.take());
        let (built, made) = seconds(|| build(&manifest, &files, target).expect("a plan"));
        let (rendered, shown) = seconds(|| render::text(&made));
        std::hint::black_box(&shown);
        drop(shown);
        if memory == 0.0 {
            // What planning and showing take; the phases apart and JSON come after.
            memory = high_water_mark("self");
        }
        let (in_json, _) = seconds(|| std::hint::black_box(render::json(&made)));
        plan = Some(made);

        let (parsed, _) = seconds(|| manifest::parse("bottle.toml", text.as_bytes(), &files).expect("a manifest"));
        let (compiled, graph) = seconds(|| compile(&manifest, &files, &Ways::default()).expect("it compiles").graph);
        let occupied = Occupied::default();
        let facts = Facts {
            project: &manifest.name,
            profile: &profile,
            pool: manifest.pool,
            occupied: &occupied,
            resolvers: &manifest.sidecar_resolvers,
        };
        let (lowered, graph) = seconds(|| lower(graph, &facts).expect("it lowers").0);
        let (spelled, _) = seconds(|| spelling::spell(graph, &profile, &manifest.name));
        for (figures, value) in figures.iter_mut().zip([parsed, compiled, lowered, spelled, built, rendered, in_json]) {
            figures.add(value);
        }
    }
    let operations = plan.map_or(0, |plan| plan.entries.len());
    let with_json = high_water_mark("self");
    println!(
        "{count} bottles, {operations} operations; of {}; peak memory {memory:.0} MB with text, {with_json:.0} MB with JSON",
        times(count)
    );
    println!("  {:<24} {:>9} {:>9} {:>9}  ms   µs a bottle", "", "min", "median", "max");
    for (name, figures) in names.iter().zip(&figures) {
        println!("  {name:<24} {} {:>16.1}", figures.in_thousandths(), figures.median() * 1e6 / count as f64);
    }
}

fn command(count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bottle.toml");
    let text = measure::manifest(count, "node:22-slim", None);
    std::fs::write(&path, &text).expect("a manifest");
    println!("{count} bottles, a manifest of {:.0} KB", text.len() as f64 / 1000.0);
    println!("  {:<24} {:>9} {:>9} {:>9}  ms   µs a bottle, peak MB", "", "min", "median", "max");
    for format in ["text", "json", "markdown"] {
        let bottle = || {
            let mut command = Command::new(BOTTLE);
            command.args(["plan", "--offline", "--backend", PROFILE, "--format", format, "--file"]).arg(&path);
            command
        };
        let mut figures = Figures::default();
        for _ in 0..times(count) {
            figures.add(time(&mut bottle()));
        }
        let memory = peak_memory(&mut bottle());
        let each = figures.median() * 1e6 / count as f64;
        println!("  {format:<24} {} {each:>16.1} {memory:>8.0}", figures.in_thousandths());
    }
}
