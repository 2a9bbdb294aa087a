//! The plan as a comment on a pull request: what a reviewer must see on top, the rest folded.

use std::fmt::Write as _;

use super::{Block, Comment, Piece, asks, code, text};
use crate::address::Address;
use crate::approval::Approval;
use crate::plan::{Plan, Verdict};

/// The whole plan, or, where it would be too long for a comment, as much of it as fits, with a line that says what is missing.
#[must_use]
pub fn markdown(plan: &Plan) -> String {
    let title = format!("bottle: {} on {}", code(plan.project.as_str()), code(&plan.profile.to_string()));
    let head = format!("{}\n\napproval {}", text::counts(plan), code(&Approval::of(plan).to_string()));
    let mut comment = Comment::new(&title, &head, "`bottle plan` shows them");
    let unmet = plan.bottles.iter().flat_map(|(bottle, summary)| {
        let unmet = summary.unmet().map(|(guarantee, _)| guarantee.name());
        unmet.map(|guarantee| format!("required and not held: {} of {}", code(guarantee), code(bottle.as_str())))
    });
    let lost = plan.bottles.iter().flat_map(|(bottle, summary)| {
        let lost = summary.lost.iter().map(|guarantee| guarantee.name());
        lost.map(|guarantee| {
            format!("held by what runs now, and would be lost: {} of {}", code(guarantee), code(bottle.as_str()))
        })
    });
    comment.caution(&unmet.chain(lost).collect::<Vec<_>>());
    let guarantees = |out: &mut String, plan: &Plan| text::guarantees(out, plan, text::Why::Short);
    for part in [text::lost, text::hosts, text::secrets, asks::asks, guarantees] {
        let mut lines = String::new();
        part(&mut lines, plan);
        comment.add(Block::open(Piece::lines(&lines)));
    }
    let mut rewrites = String::new();
    text::rewrites(&mut rewrites, plan);
    comment.add(Block::folded("rewritten for this backend", Piece::lines(&rewrites)));
    let operations = text::operations(plan, &text::Undos::new());
    let operations: Vec<Piece> = operations
        .iter()
        .map(|(is_operation, lines)| {
            let lines = lines.trim_end_matches('\n');
            if *is_operation { Piece::operation(lines) } else { Piece::line(lines) }
        })
        .collect();
    if operations.is_empty() {
        return comment.finish();
    }
    comment.add(Block::folded("operations", operations));
    if !comment.fits() {
        comment.add_before_last(Block::folded("operations, counted by bottle", Piece::lines(&by_bottle(plan))));
    }
    comment.finish()
}

/// One line for each bottle: how many operations of which kind.
fn by_bottle(plan: &Plan) -> String {
    let mut names: Vec<Option<&str>> = plan.entries.iter().map(|entry| entry.address.bottle()).collect();
    names.sort_unstable();
    names.dedup();
    let mut out = String::new();
    for name in names {
        let mut parts = Vec::new();
        for verdict in [Verdict::Create, Verdict::Replace, Verdict::Update, Verdict::Delete] {
            let own = plan.entries.iter().filter(|entry| entry.address.bottle() == name && entry.verdict == verdict);
            match own.count() {
                0 => {}
                count => parts.push(format!("{count} to {}", verdict.word())),
            }
        }
        if !parts.is_empty() {
            let _ = writeln!(out, "  {}: {}", name.unwrap_or(Address::SHARED), parts.join(", "));
        }
    }
    out
}
