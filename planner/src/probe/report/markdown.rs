//! For a comment on a pull request.

use std::fmt::Write as _;

use super::text;
use crate::probe::Verification;
use crate::render::LONGEST_COMMENT;

pub(super) fn markdown(verification: &Verification) -> String {
    let (project, profile) = (&verification.project, &verification.profile);
    let mut out = format!("### bottle verify: `{project}` on `{profile}`\n\n{}\n\n", verification.summary());
    let refuted: Vec<String> = verification
        .bottles
        .iter()
        .flat_map(|bottle| bottle.refuted().map(move |(guarantee, ..)| format!("`{guarantee}` of `{}`", bottle.bottle)))
        .collect();
    if !refuted.is_empty() {
        let _ = writeln!(out, "> [!CAUTION]\n> claimed and refuted: {}\n", refuted.join(", "));
    }
    let mut summary = String::new();
    let mut probes = String::new();
    for bottle in &verification.bottles {
        let _ = writeln!(summary, "{}", bottle.bottle);
        text::guarantees(&mut summary, bottle);
        let _ = writeln!(probes, "{}", bottle.bottle);
        text::probes(&mut probes, bottle);
    }
    crate::render::fenced(&mut out, &summary, LONGEST_COMMENT / 3, "bottle verify");
    out.push_str("<details><summary>probes</summary>\n\n");
    let room = LONGEST_COMMENT.saturating_sub(out.chars().count() + 300);
    crate::render::fenced(&mut out, &probes, room, "bottle verify");
    out.push_str("</details>\n");
    out
}
