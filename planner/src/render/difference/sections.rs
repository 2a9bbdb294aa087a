//! The sections of a difference, line by line; the same for text and Markdown.

use std::hash::Hash;

use indexmap::IndexMap;

use super::{Detail, number};
use crate::difference::{Aspect, Difference, EVERYTHING, LineSign, OperationChange, Shift};
use crate::guarantee::Guarantee;
use crate::operation::ObjectKind;
use crate::reads::FileUse;
use crate::render::{harmless, text};

/// How many bottles are named before the rest is counted.
const NAMED: usize = 4;
/// How [`EVERYTHING`] is said.
const EVERY_HOST: &str = "everything, by the host's own network";

pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) lines: Vec<String>,
}

/// All sections that have something to say.
pub(super) fn of(difference: &Difference, detail: Detail) -> Vec<Section> {
    let mut sections = opening(difference, detail);
    sections.extend(following(difference, detail));
    sections.push(Section { title: "operations", lines: operations(difference, detail).concat() });
    sections.retain(|section| !section.lines.is_empty());
    sections
}

/// What a reviewer must see: guarantees, bottles, hosts, what is read.
pub(super) fn opening(difference: &Difference, detail: Detail) -> Vec<Section> {
    let mut sections = vec![
        Section { title: "required and not held", lines: unmet(difference, detail) },
        Section { title: "guarantees", lines: guarantees(difference, detail) },
        Section { title: "unsafe", lines: allowances(difference, detail) },
        Section { title: "bottles", lines: bottles(difference) },
        Section { title: "may reach", lines: hosts(difference, detail) },
        Section { title: "reads from this host", lines: reads(difference, detail) },
    ];
    sections.retain(|section| !section.lines.is_empty());
    sections
}

/// What follows: images, users, and what is made anew.
pub(super) fn following(difference: &Difference, detail: Detail) -> Vec<Section> {
    let mut sections = vec![
        Section { title: "images and users", lines: became(difference, detail) },
        Section { title: "made anew when this is applied", lines: remade(difference, detail) },
    ];
    sections.retain(|section| !section.lines.is_empty());
    sections
}

/// Bottles of which the same is said.
fn grouped<K: Hash + Eq>(items: impl IntoIterator<Item = (K, String)>) -> IndexMap<K, Vec<String>> {
    let mut groups: IndexMap<K, Vec<String>> = IndexMap::new();
    for (key, bottle) in items {
        groups.entry(key).or_default().push(bottle);
    }
    groups
}

fn listed(names: &[String], detail: Detail) -> String {
    if names.len() <= NAMED || detail == Detail::Full {
        return harmless(&names.join(", "));
    }
    harmless(&format!("{} and {} more", names[..NAMED - 1].join(", "), names.len() - (NAMED - 1)))
}

fn unmet(difference: &Difference, detail: Detail) -> Vec<String> {
    let items = difference.unmet.iter().map(|unmet| {
        let standing = (unmet.standing.word(), unmet.standing.reason());
        ((unmet.guarantee, standing), unmet.bottle.to_string())
    });
    let lines = grouped(items).into_iter().map(|((guarantee, (word, reason)), bottles)| {
        format!("! {guarantee} {word} [{}] {reason}", listed(&bottles, detail))
    });
    lines.map(|line| harmless(&line)).collect()
}

fn guarantees(difference: &Difference, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    /// What is said of a shift, but for the bottle.
    type Said<'s> = (Guarantee, &'s str, (&'s str, &'s str), bool);
    fn all(shifts: &[Shift]) -> IndexMap<Said<'_>, Vec<String>> {
        grouped(shifts.iter().map(|shift| {
            let to = (shift.to.word(), shift.to.reason());
            ((shift.guarantee, shift.from.word(), to, shift.required), shift.bottle.to_string())
        }))
    }
    for (sign, shifts) in [('!', &difference.lost), ('+', &difference.gained), ('~', &difference.restated)] {
        for ((guarantee, from, (to, reason), required), bottles) in all(shifts) {
            let words = if from == to { to.to_owned() } else { format!("{from} -> {to}") };
            let required = if required { " (required)" } else { "" };
            lines.push(format!("{sign} {guarantee} {words} [{}]{required} {reason}", listed(&bottles, detail)));
        }
    }
    let items = difference.requirements.iter();
    let items = items.map(|change| ((change.guarantee, change.required), change.bottle.to_string()));
    for ((guarantee, required), bottles) in grouped(items) {
        let bottles = listed(&bottles, detail);
        lines.push(if required {
            format!("+ {guarantee} is required [{bottles}]")
        } else {
            format!("! {guarantee} is no longer required [{bottles}]")
        });
    }
    lines.iter().map(|line| harmless(line)).collect()
}

fn allowances(difference: &Difference, detail: Detail) -> Vec<String> {
    let items = difference.allowances.iter();
    let items = items.map(|change| {
        ((change.allowance.to_string(), change.allowance.loses(), change.allowed), change.bottle.to_string())
    });
    let lines = grouped(items).into_iter().map(|((allowance, loses, allowed), bottles)| {
        let bottles = listed(&bottles, detail);
        let loses: Vec<String> = loses.iter().map(ToString::to_string).collect();
        if allowed {
            format!("! {allowance} is allowed [{bottles}], which loses {}", loses.join(", "))
        } else {
            format!("+ {allowance} is no longer allowed [{bottles}]")
        }
    });
    lines.map(|line| harmless(&line)).collect()
}

fn bottles(difference: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    let (from, to) = (&difference.from.project, &difference.to.project);
    if from != to {
        lines.push(format!(
            "! the project {from} becomes {to}: to an engine that is another one, made beside the old one, which `bottle destroy \
             --project-name {from}` takes away"
        ));
    }
    lines.extend(difference.added.iter().map(|name| format!("+ {name}: new")));
    lines.extend(difference.removed.iter().map(|name| format!("- {name}: gone, with what is in it")));
    for renamed in &difference.renamed {
        lines.push(format!(
            "~ {} -> {}: renamed and else the same; {} and {} are made anew, and what is in the old ones goes",
            renamed.from,
            renamed.to,
            number(renamed.containers, "container"),
            number(renamed.networks, "network"),
        ));
    }
    lines
}

fn hosts(difference: &Difference, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    let changes = difference.hosts.iter();
    let items = changes.map(|change| {
        let opened: Vec<_> = change.opened.iter().map(|opened| (&opened.host, &opened.swallows)).collect();
        ((opened, &change.holds, &change.closed), change.bottle.to_string())
    });
    for ((opened, holds, closed), bottles) in grouped(items) {
        let bottles = listed(&bottles, detail);
        let (wild, named): (Vec<_>, Vec<_>) = opened.into_iter().partition(|(host, _)| host.starts_with('*'));
        let holds = if holds.is_empty() { String::new() } else { format!("; it has {}", holds.join(", ")) };
        for (host, swallows) in wild {
            let swallows =
                if swallows.is_empty() { String::new() } else { format!(", which swallows {}", swallows.join(", ")) };
            lines.push(if host == EVERYTHING {
                format!("! {bottles}: {EVERY_HOST}{swallows}{holds}")
            } else {
                format!("! {bottles}: {host}: every name below it{swallows}{holds}")
            });
        }
        if !named.is_empty() {
            let named: Vec<&str> = named.iter().map(|(host, _)| host.as_str()).collect();
            lines.push(format!("+ {bottles}: {}{holds}", named.join(", ")));
        }
        if !closed.is_empty() {
            let closed = closed.iter().map(|host| if host == EVERYTHING { EVERY_HOST } else { host.as_str() });
            lines.push(format!("- {bottles}: {}", closed.collect::<Vec<_>>().join(", ")));
        }
    }
    let items = difference.ways.iter().map(|change| ((change.from, change.to), change.bottle.to_string()));
    for ((from, to), bottles) in grouped(items) {
        let word = |way: Option<crate::intent::Way>| way.map_or_else(|| "no proxy".to_owned(), |way| way.to_string());
        lines.push(format!("~ {}: by {} instead of {}", listed(&bottles, detail), word(to), word(from)));
    }
    lines.iter().map(|line| harmless(line)).collect()
}

fn reads(difference: &Difference, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    let items = difference.secrets.iter().map(|change| {
        let flow = &change.flow;
        ((&flow.secret, &flow.passage, &flow.may_reach, change.read), flow.into.clone())
    });
    for ((secret, passage, may_reach, read), into) in grouped(items) {
        let into = listed(&into, detail);
        lines.push(if read {
            format!("+ {secret} -> {into}, {passage}; {}", text::reach(may_reach))
        } else {
            format!("- {secret} -> {into}, {passage}")
        });
    }
    let items = difference.files.iter().map(|change| {
        let bottle = change.file.bottle.clone().unwrap_or_else(|| "shared".to_owned());
        ((&change.file.path, &change.file.used, change.read), bottle)
    });
    for ((path, used, read), bottles) in grouped(items) {
        let sign = match (read, used) {
            (false, _) => '-',
            (true, FileUse::Mounted { .. }) => '!',
            (true, _) => '+',
        };
        lines.push(format!("{sign} {path} -> {}, {used}", listed(&bottles, detail)));
    }
    lines.iter().map(|line| harmless(line)).collect()
}

fn became(difference: &Difference, detail: Detail) -> Vec<String> {
    let items = difference.became.iter().map(|change| {
        let of = if change.sidecar { format!("{}'s sidecar", change.bottle) } else { change.bottle.clone() };
        (
            (
                change.aspect,
                &change.from,
                &change.to,
                difference.added.iter().any(|name| name.as_str() == change.bottle),
            ),
            of,
        )
    });
    let mut lines = Vec::new();
    for ((aspect, from, to, is_new), of) in grouped(items) {
        let or = |value: &Option<String>| match (value, aspect) {
            (Some(value), _) => value.clone(),
            (None, Aspect::User) => "the image's".to_owned(),
            (None, Aspect::Image) => "none".to_owned(),
        };
        let of = listed(&of, detail);
        lines.push(if is_new {
            format!("+ {of}: {} {}", aspect.word(), or(to))
        } else {
            format!("~ {of}: {} {} -> {}", aspect.word(), or(from), or(to))
        });
    }
    lines.iter().map(|line| harmless(line)).collect()
}

fn remade(difference: &Difference, detail: Detail) -> Vec<String> {
    let items = difference.remade.iter().map(|remade| {
        let bottle = remade.address.bottle().unwrap_or("shared").to_owned();
        (
            (
                remade.kind,
                remade.is_agent,
                remade.address.as_str().split('/').nth(1).unwrap_or_default(),
                &remade.because,
            ),
            bottle,
        )
    });
    let mut lines = Vec::new();
    for ((kind, is_agent, object, because), bottles) in grouped(items) {
        let what = match kind {
            ObjectKind::Container if is_agent => "the agent's container".to_owned(),
            ObjectKind::Container => format!("container {object}"),
            kind => format!("{kind} {object}"),
        };
        let loss = if is_agent { "; what the agent left in it goes" } else { "" };
        lines.push(format!("! {}: {what}, for another {}{loss}", listed(&bottles, detail), because.join(", ")));
    }
    lines.iter().map(|line| harmless(line)).collect()
}

/// Each operation that differs, with its lines.
pub(super) fn operations(difference: &Difference, detail: Detail) -> Vec<Vec<String>> {
    let folds = detail == Detail::Brief
        && (difference.switches_profile() || difference.from.project != difference.to.project)
        && !difference.operations.is_empty();
    if !folds {
        return difference.operations.iter().map(|change| operation(change, detail)).collect();
    }
    let count = |only: Option<LineSign>| -> usize {
        let counted = difference.operations.iter().filter(|change| change.only == only);
        counted.map(|change| 1 + change.alike.len()).sum()
    };
    vec![vec![format!(
        "  {} before, {} after: {} in other words, {} gone, {} new (`--full` shows them)",
        difference.from.operations,
        difference.to.operations,
        count(None),
        count(Some(LineSign::Removed)),
        count(Some(LineSign::Added)),
    )]]
}

fn operation(change: &OperationChange, detail: Detail) -> Vec<String> {
    let sign = change.only.map_or('~', LineSign::sign);
    let mut heading = format!("{sign} {}", change.address);
    if !change.alike.is_empty() {
        let alike = change.alike.iter().map(|address| address.bottle().unwrap_or_default().to_owned());
        heading.push_str(&format!(", and alike in {}", listed(&alike.collect::<Vec<_>>(), detail)));
    }
    let lines = change.lines.iter().map(|line| {
        // The sign takes the place of the first of the spaces that indent every line of an operation.
        let text = line.text.strip_prefix(' ').unwrap_or(&line.text);
        format!("{}{text}", line.sign.sign())
    });
    [harmless(&heading)].into_iter().chain(lines).collect()
}
