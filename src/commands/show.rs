//! `bottle show`

use bottle_planner::render::{self, Shown};

use super::plan::check_undo;
use crate::arguments::{self, PlanFormat};
use crate::exit::{Exit, Fault};
use crate::{saved_plan, terminal};

pub(crate) fn run(arguments: &arguments::Show) -> Result<Exit, Fault> {
    check_undo(arguments.undo, arguments.format)?;
    let plan = saved_plan::read(&arguments.plan)?.plan;
    match arguments.format {
        PlanFormat::Text => {
            let shown = Shown { undo: arguments.undo, ..Shown::default() };
            terminal::signed(&harmless(&render::text_with(&plan, shown)));
        }
        PlanFormat::Json => terminal::plan_as_json(&plan),
        PlanFormat::Markdown => terminal::print(&harmless(&render::markdown(&plan))),
    }
    Ok(Exit::Done)
}

/// What a plan takes from a manifest was checked when it was read; what a file says is a plan was not.
fn harmless(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => format!("{}\n", render::harmless(line)),
            None => render::harmless(line),
        })
        .collect()
}
