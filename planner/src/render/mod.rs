//! A plan as text, JSON and Markdown. The same plan gives the same bytes anywhere: no clock, no width, no colour.

mod asks;
mod comment;
mod difference;
mod json;
mod markdown;
mod quote;
mod side_by_side;
mod snapshot;
mod text;

pub use asks::request;
pub use comment::LONGEST_COMMENT;
pub(crate) use comment::{Block, Comment, Piece, code};
pub use difference::{
    DIFFERENCE_FORMAT, DIFFERENCE_VERSION, Detail, difference_json, difference_markdown, difference_text,
};
pub use json::{PLAN_FORMAT, PLAN_VERSION, json, write_json};
pub use markdown::markdown;
pub(crate) use quote::deceives;
pub use quote::{harmless, harmless_json, shell};
pub use side_by_side::side_by_side;
pub use snapshot::{SNAPSHOT_MARK, snapshot, snapshot_difference};
pub(crate) use text::operation_text;
pub use text::{Shown, text, text_with};

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
