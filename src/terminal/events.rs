//! Progress for programs: one JSON object a line, the first of which says which format this is.

use bottle_executors::run::{Event, Reporter};
use bottle_planner::approval::Approval;
use bottle_planner::plan::{Plan, Verdict};
use bottle_planner::render::harmless_json;
use serde_json::json;

use super::print;

/// The name of the format.
const FORMAT: &str = "bottle.events";
/// Its version. New keys and new events do not change it.
const VERSION: u32 = 1;

/// Writes each event as a line of JSON.
pub(crate) struct Events;

impl Events {
    /// Opens the stream: its version, and what is going to happen.
    pub(crate) fn open(plan: &Plan) {
        print(&format!("{}\n", json!({ "format": FORMAT, "version": VERSION })));
        let count = |verdict| plan.count(verdict);
        let planned = json!({
            "event": "planned",
            "project": plan.project,
            "approval": Approval::of(plan),
            "profile": plan.profile.to_string(),
            "create": count(Verdict::Create),
            "replace": count(Verdict::Replace),
            "update": count(Verdict::Update),
            "keep": count(Verdict::Keep),
            "delete": count(Verdict::Delete),
        });
        print(&format!("{planned}\n"));
    }
}

impl Reporter for Events {
    fn event(&self, event: &Event<'_>) {
        if let Ok(line) = serde_json::to_string(event) {
            print(&format!("{}\n", harmless_json(&line)));
        }
    }
}
