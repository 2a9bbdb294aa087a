//! The command as people and scripts meet it, on the simulator: what it prints where, how it ends, and what it leaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod approved;
mod crash_walk;
mod exits;
mod guarantees;
mod hostile;
mod loss;
mod parts;
mod read_only;
#[path = "../said/mod.rs"]
mod said;
mod saved;
mod signals;
mod simulated;
#[path = "../stage/mod.rs"]
mod stage;
mod status;
mod streams;
mod terminal;
mod trust;
mod undo;
mod verify;
