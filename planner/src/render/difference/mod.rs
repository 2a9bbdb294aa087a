//! A difference as text, Markdown and JSON.

mod json;
mod markdown;
mod sections;

pub use json::{DIFFERENCE_FORMAT, DIFFERENCE_VERSION, difference_json};
pub use markdown::difference_markdown;

use std::fmt::Write as _;

use crate::difference::{Difference, EVERYTHING};
use sections::Section;

/// How much of the operations is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// What a reviewer needs: operations as counts where the backend is another one, and long lists of bottles by their number.
    #[default]
    Brief,
    /// All of it.
    Full,
}

/// The difference as people read it.
#[must_use]
pub fn difference_text(difference: &Difference, detail: Detail) -> String {
    let mut out = format!("{}\n{}\n", headline(difference), counts(difference));
    for Section { title, lines } in sections::of(difference, detail) {
        let _ = writeln!(out, "\n{title}");
        for line in lines {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// What is held against what.
fn headline(difference: &Difference) -> String {
    let (from, to) = (&difference.from, &difference.to);
    let project =
        if from.project == to.project { to.project.to_string() } else { format!("{} -> {}", from.project, to.project) };
    if from.profile == to.profile {
        format!("{project} on {}: what changes", to.profile)
    } else {
        format!("{project}, from {} to {}: what changes", from.profile, to.profile)
    }
}

/// What changes, in numbers; what a reviewer must see first in front.
fn counts(difference: &Difference) -> String {
    if difference.is_empty() {
        return match difference.unmet.is_empty() {
            true => "nothing changes".to_owned(),
            false => "nothing changes; what is required and not held was not before".to_owned(),
        };
    }
    let distinct = |shifts: &[crate::difference::Shift]| {
        let mut names: Vec<_> = shifts.iter().map(|shift| shift.guarantee).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    };
    let opened = difference.hosts.iter().flat_map(|change| change.opened.iter().map(|opened| &opened.host));
    let closed = difference.hosts.iter().flat_map(|change| &change.closed);
    let distinct_hosts = |hosts: &mut dyn Iterator<Item = &String>| {
        hosts.filter(|host| *host != EVERYTHING).collect::<std::collections::BTreeSet<_>>().len()
    };
    let to_every =
        difference.hosts.iter().filter(|change| change.opened.iter().any(|opened| opened.host == EVERYTHING));
    let to_every = to_every.count();
    let no_longer =
        difference.hosts.iter().filter(|change| change.closed.iter().any(|host| host == EVERYTHING)).count();
    let allowed = |allowed: bool| difference.allowances.iter().filter(|change| change.allowed == allowed).count();
    let (opened, closed) = (distinct_hosts(&mut opened.into_iter()), distinct_hosts(&mut closed.into_iter()));
    let read = |read: bool| difference.secrets.iter().filter(|change| change.read == read).count();
    let differ: usize = difference.operations.iter().map(|change| 1 + change.alike.len()).sum();
    let mut unmet: Vec<_> = difference.unmet.iter().map(|unmet| unmet.guarantee).collect();
    unmet.sort_unstable();
    unmet.dedup();
    let dropped = difference.requirements.iter().filter(|change| !change.required);
    let mut dropped: Vec<_> = dropped.map(|change| change.guarantee).collect();
    dropped.sort_unstable();
    dropped.dedup();
    let parts = [
        (distinct(&difference.lost), "guarantee", "lost"),
        (dropped.len(), "guarantee", "no longer required"),
        (unmet.len(), "guarantee", "required and not held"),
        (allowed(true), "allowance", "taken"),
        (allowed(false), "allowance", "given back"),
        (to_every, "bottle", "opened to every host"),
        (no_longer, "bottle", "no longer open to every host"),
        (distinct(&difference.gained), "guarantee", "gained"),
        (opened, "host", "opened"),
        (closed, "host", "closed"),
        (read(true), "secret", "newly read"),
        (read(false), "secret", "no longer read"),
        (difference.added.len(), "bottle", "new"),
        (difference.removed.len(), "bottle", "gone"),
        (difference.renamed.len(), "bottle", "renamed"),
        (difference.remade.len(), "object", "made anew"),
        (differ, "operation", "changed"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, what, how)| format!("{} {how}", number(*count, what)))
        .collect();
    if parts.is_empty() { "see below".to_owned() } else { parts.join(", ") }
}

fn number(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
