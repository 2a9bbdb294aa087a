//! The command on a real Docker Engine, driven as a user drives it, with the engine looked at by the `docker` command.
//!
//! ```sh
//! cargo test --test docker                  # all of it, some minutes on two cores
//! cargo test --test docker -- traffic::     # one theme: each file here is one
//! cargo test --test docker -- --list        # what there is
//! cargo test --test docker -- --exact drift::agent_stopped
//! ```
//!
//! Where no engine answers, one line says so and all trials count as ignored; where the variable `CI` is set, that is a failure.
//! Every trial has a project of its own, named after this process and the trial, with an address pool of its own, so trials run
//! side by side and two checkouts do not disturb each other. Four run at once: each mostly waits for the engine.
//!
//! The images are made of this machine's own programs by `engine-images`. `BOTTLE_STATE` and `HOME` are in a temporary folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod argv;
mod change;
mod crash;
mod drift;
mod engine;
mod foreign;
mod gate;
mod given_up;
mod interrupt;
mod life;
mod lifecycle;
mod many;
mod matrix;
mod project;
#[path = "../matrix/record.rs"]
mod record;
mod secrets;
mod ssh;
mod traffic;
#[path = "../trial/mod.rs"]
mod trials;
mod verify;
mod watch;
mod weakened;

use std::process::ExitCode;

use libtest_mimic::Trial;
use project::Project;

/// A trial on a project of a fixture. Whatever it leaves is destroyed at its end, and then nothing may be there.
fn trial(name: &str, fixture: &'static str, test: fn(&Project)) -> Trial {
    let name = name.to_owned();
    Trial::test(name, move || {
        let project = Project::of(fixture);
        test(&project);
        project.finish();
        Ok(())
    })
}

fn main() -> ExitCode {
    let themes = [
        many::trials(),
        crash::trials(),
        life::trials(),
        change::trials(),
        drift::trials(),
        traffic::trials(),
        interrupt::trials(),
        foreign::trials(),
        gate::trials(),
        secrets::trials(),
        ssh::trials(),
        argv::trials(),
        verify::trials(),
        given_up::trials(),
        weakened::trials(),
        lifecycle::trials(),
        matrix::trials(),
    ];
    trials::run(themes.into_iter().flatten().collect(), engine_images::ensure)
}
