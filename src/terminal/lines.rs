//! Progress as plain lines, where there is no terminal to draw on.

use std::time::Instant;

use bottle_executors::run::{Event, Reporter};

use bottle_planner::address::Address;
use bottle_planner::render::harmless;

use super::note;

/// One line for each operation that ended.
pub(crate) struct Lines {
    since: Instant,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now() }
    }
}

impl Reporter for Lines {
    fn event(&self, event: &Event<'_>) {
        if let Some(line) = line(event, self.since) {
            note(&line);
        }
    }
}

/// An event in words; `None` for those that are only of interest while they last.
pub(super) fn line(event: &Event<'_>, since: Instant) -> Option<String> {
    let seconds = |ms: u64| format!("{}.{:02} s", ms / 1000, ms % 1000 / 10);
    // Of what is taken away, an address is what a label says, and anybody can have written that.
    let shown = |address: &Address| harmless(address.as_str());
    match event {
        Event::RunBegan { .. } | Event::Began { .. } => None,
        Event::Done { work, ms, notes } => {
            let mut line = format!("  {}: {}, {}", shown(work.address), work.does, seconds(*ms));
            for note in *notes {
                line.push_str(&format!("\n    {}", harmless(note)));
            }
            Some(line)
        }
        Event::Failed { work, ms, .. } => {
            Some(format!("! {}: {} failed after {}", shown(work.address), work.does, seconds(*ms)))
        }
        Event::Skipped { work, because } => {
            Some(format!("  {}: not begun, it needs {}", shown(work.address), shown(because)))
        }
        Event::Stopping { in_flight } => {
            Some(format!("stopping: {in_flight} in flight are waited for; once more, and they are ended"))
        }
        Event::Hurrying { in_flight } => Some(format!("ending {in_flight} in flight")),
        Event::RunEnded { counts, .. } => {
            let elapsed = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            let mut line = format!("{} done in {}", counts.done, seconds(elapsed));
            for (count, what) in [
                (counts.failed, "failed"),
                (counts.skipped, "not begun because of that"),
                (counts.not_started, "not begun"),
                (counts.lost, "done and not written down"),
            ] {
                if count > 0 {
                    line.push_str(&format!(", {count} {what}"));
                }
            }
            Some(line)
        }
    }
}
