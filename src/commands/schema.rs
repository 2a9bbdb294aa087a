//! `bottle schema`

use bottle_planner::manifest;

use crate::arguments::{self, Described};
use crate::exit::{Exit, Fault};
use crate::terminal;

pub(crate) fn run(arguments: &arguments::Schema) -> Result<Exit, Fault> {
    match arguments.of {
        Described::Manifest => terminal::print(&format!("{:#}\n", manifest::schema())),
        Described::Plan => terminal::print(include_str!("../../docs/plan.schema.json")),
        Described::Events => terminal::print(include_str!("../../docs/events.schema.json")),
        Described::Status => terminal::print(include_str!("../../docs/status.schema.json")),
    }
    Ok(Exit::Done)
}
