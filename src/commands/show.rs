//! `bottle show`

use bottle_planner::render;

use super::plan::check_undo;
use crate::arguments::{self, PlanFormat};
use crate::exit::{Exit, Fault};
use crate::{saved_plan, terminal};

pub(crate) fn run(arguments: &arguments::Show) -> Result<Exit, Fault> {
    check_undo(arguments.undo, arguments.format)?;
    let plan = saved_plan::read(&arguments.plan)?.plan;
    match arguments.format {
        PlanFormat::Text if arguments.undo => terminal::plan_text(&harmless(&render::text_with_undo(&plan))),
        PlanFormat::Text => terminal::plan_text(&harmless(&render::text(&plan))),
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
