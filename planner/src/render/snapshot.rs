//! A plan as a file beside its manifest: the same bytes for the same manifest, files and profile, whoever writes it.

use similar::TextDiff;

use super::{harmless, text};
use crate::plan::Plan;

/// How every snapshot begins. What begins otherwise is none, and is not overwritten.
pub const SNAPSHOT_MARK: &str = "# Written by `bottle plan --snapshot`";

/// The plan as it is kept under version control. It must have been made without asking an engine.
#[must_use]
pub fn snapshot(plan: &Plan) -> String {
    let mut out = format!("{SNAPSHOT_MARK}; `bottle plan --check` compares.\n");
    out.push_str(&format!("{} on {}\n{}\n", plan.project, plan.profile, text::counts(plan)));
    text::body(&mut out, plan, text::Shown::default());
    out
}

/// What changes from a snapshot to what would be planned, as a unified diff.
#[must_use]
pub fn snapshot_difference(name: &str, there: &str, planned: &str) -> String {
    let diff = TextDiff::from_lines(there, planned);
    let unified = diff.unified_diff().context_radius(2).header(name, "what would be planned").to_string();
    // What stands there may be anybody's text.
    unified.lines().map(|line| format!("{}\n", harmless(line))).collect()
}
