//! The plan as a comment on a pull request: what a reviewer must see on top, the rest folded.

use std::collections::BTreeMap;
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
    let guarantees = |out: &mut String, plan: &Plan| text::guarantees(out, plan, false);
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
    const COUNTED: [Verdict; 4] = [Verdict::Create, Verdict::Replace, Verdict::Update, Verdict::Delete];
    let mut counts: BTreeMap<Option<&str>, [usize; COUNTED.len()]> = BTreeMap::new();
    for entry in &plan.entries {
        if let Some(at) = COUNTED.iter().position(|verdict| *verdict == entry.verdict) {
            counts.entry(entry.address.bottle()).or_default()[at] += 1;
        }
    }
    let mut out = String::new();
    for (name, counts) in counts {
        let counted = COUNTED.iter().zip(counts).filter(|(_, count)| *count > 0);
        let parts: Vec<String> = counted.map(|(verdict, count)| format!("{count} to {}", verdict.word())).collect();
        let _ = writeln!(out, "  {}: {}", name.unwrap_or(Address::SHARED), parts.join(", "));
    }
    out
}
