//! A plan as text, JSON and Markdown. The same plan gives the same bytes anywhere: no clock, no width, no colour.

mod json;
mod markdown;
mod quote;
mod text;

pub use json::{PLAN_FORMAT, PLAN_VERSION, json, write_json};
pub use markdown::{LONGEST_COMMENT, markdown};
pub use quote::{harmless, shell};
pub use text::text;

use crate::operation::Arg;

/// An argv as one could type it, secrets by name and outputs as `${address.output}`.
#[must_use]
pub fn argv(words: &[Arg]) -> String {
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn word(arg: &Arg) -> String {
    let has_output = arg.0.iter().any(|part| matches!(part, crate::operation::Part::Output(_)));
    let text = arg.to_string();
    if has_output { harmless(&text) } else { shell(&text) }
}
