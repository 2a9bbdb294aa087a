//! What people and programs see: plans, progress, questions, errors. Data goes to standard output, all else to standard error.

mod bars;
mod colour;
mod events;
mod failure;
mod lines;
mod question;

use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use bottle_planner::plan::Plan;
use bottle_planner::render::{self, Shown};

pub(crate) use bars::Bars;
pub(crate) use events::Events;
pub(crate) use failure::Failed;
pub(crate) use lines::Lines;
pub(crate) use question::{ask, confirm, somebody_is_there};

/// Whether progress can be drawn.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes data. A reader that has gone away has seen what it wanted.
pub(crate) fn print(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// Writes a plan, in colour where that is wanted.
pub(crate) fn plan(plan: &Plan) {
    plan_with(plan, Shown::default());
}

/// The same, with as much beside it as is wanted.
pub(crate) fn plan_with(plan: &Plan, shown: Shown) {
    signed(&render::text_with(plan, shown));
}

/// Writes lines that have a sign in their first column, in colour where that is wanted.
pub(crate) fn signed(text: &str) {
    let mut out = BufWriter::new(anstream::stdout().lock());
    let _ = colour::plan(text, &mut out).and_then(|()| out.flush());
}

/// Writes a plan for machines. JSON has nothing that a terminal would act by, so it goes out as it is.
pub(crate) fn plan_as_json(plan: &Plan) {
    let mut out = BufWriter::new(io::stdout().lock());
    let _ = render::write_json(plan, &mut out).and_then(|()| out.flush());
}

/// Says something by the way.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Shows an error.
pub(crate) fn complain(report: &miette::Report) {
    let _ = writeln!(anstream::stderr(), "{report:?}");
}
