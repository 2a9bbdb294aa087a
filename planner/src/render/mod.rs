//! A plan as text, JSON and Markdown. The same plan gives the same bytes anywhere: no clock, no width, no colour.

mod asks;
mod json;
mod markdown;
mod quote;
mod side_by_side;
mod text;

pub use asks::request;
pub use json::{PLAN_FORMAT, PLAN_VERSION, json, write_json};
pub use markdown::{LONGEST_COMMENT, markdown};
pub use quote::{harmless, shell};
pub use side_by_side::side_by_side;
pub use text::text;

use crate::operation::{Arg, Part};

/// An argv as one could type it, secrets by name and outputs as `${address.output}`.
#[must_use]
pub fn argv(words: &[Arg]) -> String {
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn word(arg: &Arg) -> String {
    // What stands for a value in `${..}` is not quoted: a shell would take the quotes for part of it.
    let stands_for = |part: &Part| matches!(part, Part::Output(_) | Part::Stage(_));
    let text = arg.to_string();
    if arg.0.iter().any(stands_for) { harmless(&text) } else { shell(&text) }
}
