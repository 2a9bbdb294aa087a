//! The command as people and scripts meet it, on the simulator: what it prints where, how it ends, and what it leaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod crash_walk;
mod exits;
mod guarantees;
mod loss;
mod parts;
#[path = "../said/mod.rs"]
mod said;
mod signals;
mod simulated;
#[path = "../stage/mod.rs"]
mod stage;
mod status;
mod streams;
mod terminal;
