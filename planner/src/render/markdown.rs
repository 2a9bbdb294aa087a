//! The plan as a comment on a pull request: what a reviewer must see on top, the rest folded.

use std::fmt::Write as _;

use super::text;
use crate::plan::Plan;

/// The longest comment that forges take, in characters: GitHub's limit, and below Gitea's.
pub const LONGEST_COMMENT: usize = 65_536;

/// The whole plan, or, where it would be too long for a comment, as much of it as fits with a line that says what is missing.
#[must_use]
pub fn markdown(plan: &Plan) -> String {
    let mut summary = String::new();
    text::lost(&mut summary, plan);
    text::hosts(&mut summary, plan);
    text::secrets(&mut summary, plan);
    text::guarantees(&mut summary, plan, text::Why::Short);
    let mut operations = String::new();
    text::rewrites(&mut operations, plan);
    text::operations(&mut operations, plan);

    let mut out = format!("### bottle: `{}` on `{}`\n\n", plan.project, plan.profile);
    let _ = writeln!(out, "{}\n", text::counts(plan));
    let unmet: Vec<String> = plan
        .bottles
        .iter()
        .flat_map(|(bottle, summary)| summary.unmet().map(move |(guarantee, _)| format!("`{guarantee}` of `{bottle}`")))
        .collect();
    if !unmet.is_empty() {
        let _ = writeln!(out, "> [!CAUTION]\n> required and not held: {}\n", unmet.join(", "));
    }
    let lost: Vec<String> = plan
        .bottles
        .iter()
        .flat_map(|(bottle, summary)| summary.lost.iter().map(move |guarantee| format!("`{guarantee}` of `{bottle}`")))
        .collect();
    if !lost.is_empty() {
        let _ = writeln!(out, "> [!WARNING]\n> held by what runs now, and would be lost: {}\n", lost.join(", "));
    }
    fenced(&mut out, &summary, LONGEST_COMMENT / 3);
    if !operations.trim().is_empty() {
        out.push_str("<details><summary>operations</summary>\n\n");
        let room = LONGEST_COMMENT.saturating_sub(out.chars().count() + 300);
        fenced(&mut out, &operations, room);
        out.push_str("</details>\n");
    }
    out
}

/// A block that its own text cannot close. `diff` colours lines by the sign in column 0.
fn fenced(out: &mut String, body: &str, room: usize) {
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let body = body.trim_start_matches('\n');
    let mut shown = 0;
    let mut kept = 0;
    for line in body.split_inclusive('\n') {
        let length = line.chars().count();
        if shown + length > room {
            break;
        }
        shown += length;
        kept += line.len();
    }
    let _ = write!(out, "{fence}diff\n{}{fence}\n\n", &body[..kept]);
    let left_out = body[kept..].lines().count();
    if left_out > 0 {
        let _ = writeln!(out, "**{left_out} lines did not fit here: run `bottle plan` to see them.**\n");
    }
}
