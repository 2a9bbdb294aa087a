//! For a comment on a pull request.

use super::text;
use crate::probe::Verification;
use crate::render::{Block, Comment, Piece, code};

pub(super) fn markdown(verification: &Verification) -> String {
    let (project, profile) = (code(verification.project.as_str()), code(&verification.profile));
    let title = format!("bottle verify: {project} on {profile}");
    let mut comment = Comment::new(&title, &verification.summary(), "`bottle verify` shows them");
    let refuted = verification.bottles.iter().flat_map(|bottle| {
        let name = code(bottle.bottle.as_str());
        bottle
            .refuted()
            .map(move |(guarantee, ..)| format!("claimed and refuted: {} of {name}", code(guarantee.name())))
    });
    comment.caution(&refuted.collect::<Vec<_>>());
    let mut summary = String::new();
    let mut probes = String::new();
    for bottle in &verification.bottles {
        for out in [&mut summary, &mut probes] {
            out.push_str(bottle.bottle.as_str());
            out.push('\n');
        }
        text::guarantees(&mut summary, bottle);
        text::probes(&mut probes, bottle);
    }
    comment.add(Block::open(Piece::lines(&summary)));
    comment.add(Block::folded("probes", Piece::lines(&probes)));
    comment.finish()
}
