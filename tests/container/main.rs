//! The command on a double of Apple's `container` (see `tests/container-double`), whose virtual machines are containers of a real Docker
//! Engine: traffic flows, or does not.
//!
//! ```sh
//! cargo test --test container                  # all of it
//! cargo test --test container -- traffic::     # one theme: each file here is one
//! ```
//!
//! Where no engine answers, one line says so and all trials count as ignored; where the variable `CI` is set, that is a failure. The
//! double must be root. Every trial has a machine of its own: a state of the double, and for `bottle` a search path with `container`,
//! `sw_vers` and `pipelock`, and an `/etc` whose names are those of the trial, in a mount namespace that ends with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod argv;
mod change;
mod crash;
mod drift;
mod life;
mod origin;
mod project;
mod secrets;
mod traffic;
#[path = "../trial/mod.rs"]
mod trials;

use std::process::ExitCode;

use libtest_mimic::Trial;
use project::Project;

/// The ways out of a bottle.
const SIDECAR: &str = "sidecar";
const HOST_LOOPBACK: &str = "host-loopback";
const FIREWALL: &str = "firewall";
const WAYS: [&str; 3] = [SIDECAR, HOST_LOOPBACK, FIREWALL];

/// A trial on a project of a fixture with a way out. Whatever it leaves is destroyed at its end, and then nothing may be there.
fn trial(name: &str, fixture: &'static str, way: &'static str, test: fn(&Project)) -> Trial {
    Trial::test(name.to_owned(), move || {
        let project = Project::of(fixture, way);
        test(&project);
        project.finish();
        Ok(())
    })
}

/// The same trial with each of some ways out.
fn each(ways: &[&'static str], name: &str, fixture: &'static str, test: fn(&Project)) -> Vec<Trial> {
    ways.iter().map(|way| trial(&format!("{name}::{way}"), fixture, way, test)).collect()
}

fn needed() -> Result<(), String> {
    engine_images::ensure()?;
    engine_images::pipelock_program()?;
    project::double().map(drop)
}

fn main() -> ExitCode {
    let themes = [
        argv::trials(),
        crash::trials(),
        life::trials(),
        change::trials(),
        drift::trials(),
        traffic::trials(),
        secrets::trials(),
    ];
    trials::run(themes.into_iter().flatten().collect(), needed)
}
