//! The same manifest on several backends: one table of guarantees, and the operations that only some of them have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{asks, harmless, text};
use crate::address::Address;
use crate::guarantee::{Guarantee, Standing};
use crate::name::BottleName;
use crate::plan::Plan;

/// The plans beside each other, in the order given.
#[must_use]
pub fn side_by_side(plans: &[Plan]) -> String {
    let names: Vec<String> = plans.iter().map(|plan| plan.profile.to_string()).collect();
    let mut out = String::new();
    if let Some(first) = plans.first() {
        let _ = writeln!(out, "{} side by side: {}", first.project, names.join(", "));
    }
    for plan in plans {
        let _ = writeln!(out, "  {}: {}", plan.profile, text::counts(plan));
    }
    if let Some(first) = plans.first() {
        asks::asks(&mut out, first);
    }
    table(&mut out, plans, &names);
    reasons(&mut out, plans);
    for plan in plans {
        if !plan.rewrites.is_empty() {
            let _ = write!(out, "\non {}", plan.profile);
            text::rewrites(&mut out, plan);
        }
    }
    only(&mut out, plans);
    out
}

/// What each bottle's ways and standings are called, for all plans; bottles that share them all stand on one line.
fn table(out: &mut String, plans: &[Plan], names: &[String]) {
    let widths: Vec<usize> = names.iter().map(|name| name.len().max(13)).collect();
    let row = |out: &mut String, sign: char, title: &str, cells: &[String], bottles: &str| {
        let mut line = format!("{sign} {title:<18}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(line, "  {cell:<width$}");
        }
        line.push_str(bottles);
        let _ = writeln!(out, "{}", line.trim_end());
    };
    out.push('\n');
    row(out, ' ', "", names, "");
    let all: BTreeSet<&BottleName> = plans.iter().flat_map(|plan| plan.bottles.keys()).collect();
    let grouped = |cells: &dyn Fn(&BottleName) -> Vec<String>| {
        let mut groups: BTreeMap<Vec<String>, Vec<&BottleName>> = BTreeMap::new();
        for bottle in &all {
            groups.entry(cells(bottle)).or_default().push(bottle);
        }
        groups
    };
    let listed = |bottles: &[&BottleName]| {
        if bottles.len() == all.len() {
            return String::new();
        }
        let names: Vec<&str> = bottles.iter().map(|bottle| bottle.as_str()).collect();
        format!("  [{}]", names.join(", "))
    };
    let ways = |bottle: &BottleName| {
        let way = |plan: &Plan| plan.bottles.get(bottle).and_then(|summary| summary.way);
        plans.iter().map(|plan| way(plan).map_or_else(|| "none".to_owned(), |(way, _)| way.to_string())).collect()
    };
    for (cells, bottles) in grouped(&ways) {
        row(out, ' ', "way out", &cells, &listed(&bottles));
    }
    for guarantee in Guarantee::ALL {
        let words = |bottle: &BottleName| {
            let word = |plan| standing(plan, bottle, *guarantee).map_or("", Standing::word).to_owned();
            plans.iter().map(word).collect()
        };
        for (cells, bottles) in grouped(&words) {
            let differs = cells.windows(2).any(|pair| pair[0] != pair[1]);
            row(out, if differs { '~' } else { ' ' }, guarantee.name(), &cells, &listed(&bottles));
        }
    }
}

fn standing<'p>(plan: &'p Plan, bottle: &BottleName, guarantee: Guarantee) -> Option<&'p Standing> {
    let guarantees = &plan.bottles.get(bottle)?.guarantees;
    guarantees.iter().find(|(name, _)| *name == guarantee).map(|(_, standing)| standing)
}

/// Why the guarantees that differ stand where they do.
fn reasons(out: &mut String, plans: &[Plan]) {
    let mut told: BTreeMap<(Guarantee, usize), BTreeSet<String>> = BTreeMap::new();
    for bottle in plans.iter().flat_map(|plan| plan.bottles.keys()).collect::<BTreeSet<_>>() {
        for guarantee in Guarantee::ALL {
            let standings: Vec<Option<&Standing>> =
                plans.iter().map(|plan| standing(plan, bottle, *guarantee)).collect();
            let words: BTreeSet<&str> = standings.iter().flatten().map(|standing| standing.word()).collect();
            if words.len() < 2 {
                continue;
            }
            for (at, standing) in standings.iter().enumerate().filter_map(|(at, standing)| Some((at, (*standing)?))) {
                told.entry((*guarantee, at)).or_default().insert(format!("{}: {}", standing.word(), standing.reason()));
            }
        }
    }
    if !told.is_empty() {
        out.push_str("\nwhere they differ\n");
    }
    for ((guarantee, at), reasons) in told {
        for reason in reasons {
            let _ = writeln!(out, "  {guarantee:<18} {} {reason}", plans[at].profile);
        }
    }
}

/// The operations that not all of the plans have.
fn only(out: &mut String, plans: &[Plan]) {
    let addresses: Vec<BTreeSet<&Address>> =
        plans.iter().map(|plan| plan.entries.iter().map(|entry| &entry.address).collect()).collect();
    let in_all = |address: &&Address| addresses.iter().all(|others| others.contains(*address));
    let shared = addresses.first().map_or(0, |first| first.iter().filter(|address| in_all(address)).count());
    let _ = writeln!(out, "\n{shared} operations on all of them");
    for plan in plans {
        let own: Vec<_> = plan.entries.iter().filter(|entry| !in_all(&&entry.address)).collect();
        if own.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\nnot everywhere, but on {}", plan.profile);
        for entry in own {
            let verb = entry.operation.as_ref().map_or("", |operation| operation.step.verb());
            let _ = writeln!(out, "{} {}: {verb}", entry.verdict.sign(), harmless(entry.address.as_str()));
        }
    }
}
