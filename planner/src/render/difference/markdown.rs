//! The difference as a comment on a pull request.

use super::sections::{self, Section};
use super::{Detail, counts};
use crate::difference::{Difference, EVERYTHING};
use crate::render::comment::{Block, Comment, Piece, code};

/// What a reviewer must see on top, the operations folded, all of it within one comment.
#[must_use]
pub fn difference_markdown(difference: &Difference, detail: Detail) -> String {
    let (from, to) = (&difference.from, &difference.to);
    let named = |from: &str, to: &str| if from == to { code(to) } else { format!("{} → {}", code(from), code(to)) };
    let project = named(from.project.as_str(), to.project.as_str());
    let mut comment = Comment::new(
        &format!("bottle: what changes in {project} on {}", named(&from.profile, &to.profile)),
        &counts(difference),
        "`bottle diff` shows them",
    );
    let mut caution: Vec<String> = Vec::new();
    let mut say = |line: String| {
        if !caution.contains(&line) {
            caution.push(line);
        }
    };
    for unmet in &difference.unmet {
        say(format!("required and {}: {}", unmet.standing.word(), code(unmet.guarantee.name())));
    }
    for lost in &difference.lost {
        say(format!("lost: {} ({} → {})", code(lost.guarantee.name()), lost.from.word(), lost.to.word()));
    }
    for change in difference.allowances.iter().filter(|change| change.allowed) {
        let (allowance, bottle) = (change.allowance.to_string(), change.bottle.as_str());
        say(format!("unsafe: {} is allowed to {}", code(&allowance), code(bottle)));
    }
    for change in difference.requirements.iter().filter(|change| !change.required) {
        say(format!("no longer required: {}", code(change.guarantee.name())));
    }
    for opened in difference.hosts.iter().flat_map(|change| &change.opened) {
        if opened.host == EVERYTHING {
            say("opened: every host, by the host's own network".to_owned());
        } else if opened.host.starts_with("*.") {
            say(format!("opened, with every name below it: {}", code(&opened.host)));
        }
    }
    comment.caution(&caution);
    let piece = |section: Section| {
        let lines = section.lines.into_iter();
        std::iter::once(Piece::heading(section.title)).chain(lines.map(|line| Piece::line(&line)))
    };
    let opening: Vec<Piece> = sections::opening(difference, detail).into_iter().flat_map(piece).collect();
    comment.add(Block::open(opening));
    let following: Vec<Piece> = sections::following(difference, detail).into_iter().flat_map(piece).collect();
    comment.add(Block::folded("images, users, and what is made anew", following));
    let operations = sections::operations(difference, detail);
    let operations = operations.into_iter().map(|lines| Piece::operation(&lines.join("\n"))).collect();
    comment.add(Block::folded("operations", operations));
    comment.finish()
}
