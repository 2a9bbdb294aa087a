//! A double of Apple's `container` 1.2.2 for tests: see `README.md`.
//!
//! [`parse`] judges a command line without running it. [`program`] builds the command, [`main`] is what it does. [`clean_up`] removes
//! what it made.

mod commands;
mod engine;
mod failure;
mod grammar;
mod json;
mod parse;
mod program;
mod service;
mod settings;
mod shapes;
mod spec;
mod state;
mod usage;
mod words;

pub use engine::clean_up;
pub use parse::{Edition, Parsed, parse, parse_as};
pub use program::program;
pub use usage::Usage;

/// Carries out the words behind `container`, on this process's streams, and gives the exit code.
pub fn main(argv: &[String]) -> u8 {
    match commands::carry_out(argv) {
        Ok(()) => 0,
        Err(failure) => {
            if !failure.text.is_empty() {
                eprintln!("{}", failure.text);
            }
            failure.exit
        }
    }
}
