//! The plan as people read it: what it opens and what holds first, then the operations.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use indexmap::IndexMap;

use super::{argv, asks, harmless};
use crate::address::Address;
use crate::approval::Approval;
use crate::digest::Digest;
use crate::guarantee::{Guarantee, Rank, Standing};
use crate::intent::{Content, CopyIn, Exec, ExecStdin, Owner, Stage, Step, Tracking, Way};
use crate::manifest::Allowance;
use crate::name::BottleName;
use crate::operation::{Action, Arg, Command, Operation, Part, Stdin};
use crate::plan::{BackendReason, BottleSummary, Entry, Plan, Reason, Undo, Verdict, WayReason};
use crate::reads::{SecretFlow, secret_flows};

/// Argvs up to this many characters stand on one line; longer ones take a line for each option, so that a change of one shows as one.
const ONE_LINE: usize = 100;

/// What is shown of a plan beside what always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// What each guarantee means and rests on.
    pub why: bool,
    /// How each operation would be undone.
    pub undo: bool,
}

/// The whole plan.
#[must_use]
pub fn text(plan: &Plan) -> String {
    text_with(plan, Shown::default())
}

/// How operations would be undone; empty where that is not shown.
pub(super) type Undos<'p> = HashMap<&'p Address, Undo>;

/// The whole plan, with as much beside it as is wanted.
#[must_use]
pub fn text_with(plan: &Plan, shown: Shown) -> String {
    let mut out = String::new();
    headline(&mut out, plan);
    body(&mut out, plan, shown);
    out
}

/// All but the headline.
pub(super) fn body(out: &mut String, plan: &Plan, shown: Shown) {
    lost(out, plan);
    hosts(out, plan);
    secrets(out, plan);
    asks::asks(out, plan);
    guarantees(out, plan, shown.why);
    destroyed(out, plan);
    rewrites(out, plan);
    let undos = if shown.undo { plan.undos() } else { Undos::new() };
    out.extend(operations(plan, &undos).into_iter().map(|(_, text)| text));
}

pub(super) fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n{title}");
}

pub(super) fn headline(out: &mut String, plan: &Plan) {
    let seen = if plan.observed { "" } else { "; planned without asking an engine" };
    let _ = writeln!(out, "{} on {} ({}{seen})", plan.project, plan.profile, chosen(&plan.chosen));
    let _ = writeln!(out, "{}", counts(plan));
    let _ = writeln!(out, "approval {}", Approval::of(plan));
}

/// What is held by what runs now, and would no longer be: before anything else, since it is what must not be overlooked.
pub(super) fn lost(out: &mut String, plan: &Plan) {
    if plan.bottles.values().all(|summary| summary.lost.is_empty()) {
        return;
    }
    section(out, "would be lost");
    for guarantee in Guarantee::ALL {
        for group in grouped(plan, *guarantee, |summary| summary.lost.contains(guarantee)) {
            let Some((_, standing)) = group.first() else { continue };
            let sign = if standing.rank() == Rank::NotHeld { '-' } else { '!' };
            let bottles = listed(group.iter().map(|(bottle, _)| *bottle));
            let _ = writeln!(
                out,
                "{sign} {guarantee:<18} {:<8} [{bottles}] held by what runs now; {}",
                standing.word(),
                standing.reason()
            );
        }
    }
}

fn chosen(reason: &BackendReason) -> String {
    match reason {
        BackendReason::Named => "named on the command line".to_owned(),
        BackendReason::Sandbox(sandbox) => format!("the manifest's sandbox = \"{sandbox}\""),
        BackendReason::Found => "this machine has it".to_owned(),
        BackendReason::Default => "the default".to_owned(),
    }
}

/// `2 bottles: 30 to create, 2 to keep`, or that there is nothing to do.
pub(super) fn counts(plan: &Plan) -> String {
    let mut parts = Vec::new();
    for verdict in [Verdict::Create, Verdict::Replace, Verdict::Update, Verdict::Delete] {
        let count = plan.count(verdict);
        if count > 0 {
            parts.push(format!("{count} to {}", verdict.word()));
        }
    }
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    let kept = plan.count(Verdict::Keep);
    if kept > 0 {
        parts.push(format!("{kept} as declared"));
    }
    match plan.bottles.len() {
        0 => parts.join(", "),
        1 => format!("1 bottle: {}", parts.join(", ")),
        bottles => format!("{bottles} bottles: {}", parts.join(", ")),
    }
}

/// The address of what lets a bottle's traffic out: its sidecar, its process or its rules.
fn way_out(bottle: &BottleName, way: Way) -> Address {
    match way {
        Way::Sidecar => Address::of(bottle, "pipelock", "create"),
        Way::HostLoopback => Address::of(bottle, "pipelock", "start"),
        Way::Firewall => Address::of(bottle, "agent", "rules"),
    }
}

/// The hosts of each bottle, under the sign of its way out.
pub(super) fn hosts(out: &mut String, plan: &Plan) {
    if plan.bottles.is_empty() {
        return;
    }
    section(out, "may reach");
    let verdicts: HashMap<&Address, Verdict> =
        plan.entries.iter().map(|entry| (&entry.address, entry.verdict)).collect();
    for (bottle, summary) in &plan.bottles {
        if summary.given_up.contains(&Allowance::HostNetwork) {
            let _ = writeln!(out, "! {bottle}: everything, by the host's own network");
            continue;
        }
        let way = summary.way.and_then(|(way, _)| verdicts.get(&way_out(bottle, way)));
        let sign = way.map_or(' ', |verdict| verdict.sign());
        let allow = if summary.allow.is_empty() { "nothing".to_owned() } else { summary.allow.join(", ") };
        let _ = write!(out, "{sign} {bottle}: {allow}");
        // Where there is one way only, it goes without saying.
        match summary.way {
            Some((way, reason)) if reason != WayReason::Only => {
                let _ = writeln!(out, " by {way} ({reason})");
            }
            _ => out.push('\n'),
        }
    }
}

/// Each secret of this host, with the container that it gets into, by which way, and whom that container could tell.
pub(super) fn secrets(out: &mut String, plan: &Plan) {
    let flows = secret_flows(plan);
    if flows.is_empty() {
        return;
    }
    section(out, "reads from this host, by name");
    for SecretFlow { secret, passage, into, may_reach, .. } in flows {
        let line = format!("{secret} -> {into}, {passage}; {}", reach(&may_reach));
        let _ = writeln!(out, "  {}", harmless(&line));
    }
}

/// Whom a container that has a secret could tell: a few by name, wildcards first.
pub(super) fn reach(allow: &[String]) -> String {
    const NAMED: usize = 3;
    let mut hosts: Vec<&str> = allow.iter().map(String::as_str).collect();
    hosts.sort_by_key(|host| (!host.starts_with("*."), *host));
    match hosts.len() {
        0 => "it may reach nothing".to_owned(),
        count if count <= NAMED => format!("it may reach {}", hosts.join(", ")),
        count => format!("it may reach {} and {} more", hosts[..NAMED].join(", "), count - NAMED),
    }
}

/// The standings of one guarantee for the bottles of which `is` holds: those that share one stand on one line.
fn grouped(
    plan: &Plan,
    guarantee: Guarantee,
    is: impl Fn(&BottleSummary) -> bool,
) -> Vec<Vec<(&BottleName, &Standing)>> {
    let mut groups: IndexMap<(Rank, &str), Vec<(&BottleName, &Standing)>> = IndexMap::new();
    for (bottle, summary) in plan.bottles.iter().filter(|(_, summary)| is(summary)) {
        if let Some(standing) = summary.standing(guarantee) {
            groups.entry((standing.rank(), standing.reason())).or_default().push((bottle, standing));
        }
    }
    groups.into_values().collect()
}

fn listed<'b>(bottles: impl Iterator<Item = &'b BottleName>) -> String {
    bottles.map(BottleName::as_str).collect::<Vec<_>>().join(", ")
}

pub(super) fn guarantees(out: &mut String, plan: &Plan, why: bool) {
    if plan.bottles.is_empty() {
        return;
    }
    section(out, "guarantees");
    let requires = |summary: &BottleSummary, guarantee: Guarantee| summary.requires.contains(&guarantee);
    for guarantee in Guarantee::ALL {
        for group in grouped(plan, *guarantee, |_| true) {
            let Some((_, standing)) = group.first() else { continue };
            let bottles: Vec<&BottleName> = group.iter().map(|(bottle, _)| *bottle).collect();
            let required: Vec<&BottleName> = bottles
                .iter()
                .copied()
                .filter(|bottle| plan.bottles.get(*bottle).is_some_and(|summary| requires(summary, *guarantee)))
                .collect();
            let given_up = group
                .iter()
                .any(|(bottle, _)| plan.bottles.get(*bottle).is_some_and(|summary| summary.gives_up(*guarantee)));
            let sign = if given_up || !(standing.meets() || required.is_empty()) { '!' } else { ' ' };
            let _ = write!(out, "{sign} {guarantee:<18} {:<8}", standing.word());
            if bottles.len() < plan.bottles.len() {
                let _ = write!(out, " [{}]", listed(bottles.iter().copied()));
            }
            if required.len() == bottles.len() {
                out.push_str(" (required)");
            } else if !required.is_empty() {
                let _ = write!(out, " (required by {})", listed(required.into_iter()));
            }
            let _ = writeln!(out, " {}", standing.reason());
            if why {
                evidence(out, plan, *guarantee, &group);
            }
        }
    }
}

/// What a guarantee means, and what it rests on: of bottles that share its reason, the operations of each.
fn evidence(out: &mut String, plan: &Plan, guarantee: Guarantee, group: &[(&BottleName, &Standing)]) {
    let _ = writeln!(out, "      means: {}", guarantee.meaning());
    let operations: BTreeSet<&Address> =
        group.iter().flat_map(|(_, standing)| &standing.evidence().operations).collect();
    if !operations.is_empty() {
        let operations: Vec<String> = operations.into_iter().map(shown).collect();
        let _ = writeln!(out, "      rests on: {}", operations.join(", "));
    }
    if let Some(capability) = group.first().and_then(|(_, standing)| standing.evidence().capability) {
        let _ = writeln!(out, "      on {}: {capability}", plan.profile);
    }
    let _ = writeln!(out, "      weakened by: {}", guarantee.weakened_by());
}

fn destroyed(out: &mut String, plan: &Plan) {
    let gone: Vec<&Entry> = plan.entries.iter().filter(|entry| entry.removal.is_some()).collect();
    // A plan that only destroys says it once, below.
    if gone.is_empty() || gone.len() == plan.entries.len() {
        return;
    }
    section(out, "takes away");
    for entry in gone {
        let _ = writeln!(out, "- {}: {}", shown(&entry.address), reasons(&entry.reasons));
    }
}

pub(super) fn rewrites(out: &mut String, plan: &Plan) {
    if plan.rewrites.is_empty() {
        return;
    }
    section(out, "rewritten for this backend");
    for rewrite in &plan.rewrites {
        let steps = match &rewrite.steps[..] {
            [] => String::new(),
            [only] => shown(only),
            [first, rest @ ..] => format!("{} and {} more", shown(first), rest.len()),
        };
        let _ = writeln!(out, "  {}: {} ({steps})", rewrite.pass, rewrite.because);
    }
}

/// What operations will know, and others use.
fn known_later(plan: &Plan) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut note = |part: &Part| {
        if let Part::Output(output) = part {
            known.insert(format!("${{{}.{}}}", output.address, output.name));
        }
    };
    let running = plan.entries.iter().filter(|entry| entry.verdict != Verdict::Keep);
    for command in running.filter_map(|entry| entry.operation.as_ref()?.command()) {
        command.argv.iter().flat_map(|arg| &arg.0).for_each(&mut note);
        if let Stdin::Text(parts) = &command.stdin {
            parts.iter().for_each(&mut note);
        }
    }
    known
}

/// The operations in order, with the headings between them; whether each text is an operation.
pub(super) fn operations(plan: &Plan, undos: &Undos<'_>) -> Vec<(bool, String)> {
    let mut texts = Vec::new();
    let known = known_later(plan);
    if !known.is_empty() {
        let mut out = String::new();
        section(&mut out, "known after apply");
        for output in known {
            let _ = writeln!(out, "  {}", harmless(&output));
        }
        texts.push((false, out));
    }
    let mut group = None;
    for entry in plan.entries.iter().filter(|entry| entry.verdict != Verdict::Keep) {
        let bottle = entry.address.bottle();
        if group != Some(bottle) {
            let mut out = String::new();
            section(&mut out, &harmless(bottle.unwrap_or(Address::SHARED)));
            texts.push((false, out));
            group = Some(bottle);
        }
        let mut out = String::new();
        operation(&mut out, entry, asks::unread(plan));
        if !undos.is_empty() {
            undo(&mut out, entry, undos.get(&entry.address));
        }
        texts.push((true, out));
    }
    texts
}

fn undo(out: &mut String, entry: &Entry, undo: Option<&Undo>) {
    if let Some(undo) = undo {
        let _ = writeln!(out, "    undo: {}", harmless(&undo.to_string()));
    }
    if entry.removal.is_some() {
        out.push_str("    undo: what is taken away does not come back\n");
    }
}

fn operation(out: &mut String, entry: &Entry, unread: &str) {
    let _ = write!(out, "{} {}", entry.verdict.sign(), shown(&entry.address));
    if entry.reasons.iter().any(|reason| *reason != Reason::Missing) {
        let _ = write!(out, ": {}", reasons(&entry.reasons));
    }
    out.push('\n');
    if let Some(removal) = &entry.removal {
        match &removal.command {
            Some(removal) => command(out, removal),
            None => out.push_str("    (on this host)\n"),
        }
    }
    if let Some(operation) = &entry.operation {
        done(out, operation, unread);
    }
}

/// What is done for an operation, and what it reads.
fn done(out: &mut String, operation: &Operation, unread: &str) {
    if let Step::Gate(gate) = &operation.step {
        let _ = writeln!(out, "    {}", harmless(&gate.to_string()));
        return;
    }
    match &operation.action {
        Action::Command(run) => command(out, run),
        Action::Process(started) => {
            command(out, started);
            out.push_str("    & on this host, logged\n");
        }
        Action::Stage { name, .. } => {
            let _ = writeln!(out, "    files to ${{stage}}/{}", name.0);
        }
        Action::Resolve(hosts) => {
            let _ = writeln!(out, "    resolves on this host: {}", hosts.join(", "));
        }
    }
    reads(out, operation, unread);
}

/// The lines of an operation below its address, each indented by four.
pub(crate) fn operation_text(operation: &Operation) -> String {
    let mut out = String::new();
    done(&mut out, operation, asks::UNREAD_YET);
    out
}

fn shown(address: &Address) -> String {
    harmless(address.as_str())
}

fn reasons(reasons: &[Reason]) -> String {
    harmless(&reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn command(out: &mut String, command: &Command) {
    let line = argv(&command.argv);
    if line.chars().count() <= ONE_LINE {
        let _ = writeln!(out, "    {line}");
        return;
    }
    let is_option = |arg: &Arg| arg.to_string().starts_with("--");
    let verbs = command.argv.iter().position(is_option).unwrap_or(0);
    let options = command.argv[verbs..].iter().take_while(|arg| is_option(arg)).count();
    let (verbs, rest) = command.argv.split_at(verbs);
    let (options, operands) = rest.split_at(options);
    // What is set to nothing stands together: it is said for the engine's sake, and there is little in it to be read.
    let is_empty = |arg: &Arg| arg.to_string().starts_with("--env=") && arg.to_string().ends_with('=');
    let options = options.chunk_by(|one, next| is_empty(one) && is_empty(next)).map(argv);
    let lines: Vec<String> =
        [argv(verbs)].into_iter().chain(options).chain([argv(operands)]).filter(|line| !line.is_empty()).collect();
    let _ = writeln!(out, "    {}", lines.join(" \\\n      "));
}

/// What a command reads from its standard input: each file with its owner and mode. `unread` is said of content that was not looked at.
fn reads(out: &mut String, operation: &Operation, unread: &str) {
    if let Step::Exec(Exec { stdin: ExecStdin::Text(text), .. }) = &operation.step {
        let shown: String = text.iter().map(|word| Arg::from_word(word).to_string()).collect();
        for line in shown.lines() {
            let _ = writeln!(out, "    < {}", harmless(line));
        }
    }
    let shown = |content: &Digest| match content.is_unread() {
        true => format!(", {unread}"),
        false => format!(", content {content}"),
    };
    let (files, content) = match &operation.step {
        Step::CopyIn(CopyIn { files, tracked: Tracking::Content(digest), .. }) => (files, shown(digest)),
        Step::CopyIn(CopyIn { files, tracked: Tracking::Once, .. }) => (files, ", once, as it is then".to_owned()),
        Step::Stage(Stage { files, content, .. }) => (files, shown(content)),
        _ => return,
    };
    for entry in &files.entries {
        if entry.content == Content::Folder {
            continue;
        }
        let from = match &entry.content {
            Content::Host(path) => format!(" from {path}"),
            Content::Text(_) | Content::Folder => String::new(),
        };
        let owner = match &entry.owner {
            Owner::Id { uid, gid } => format!("{uid}:{gid}"),
            Owner::Name(name) => name.clone(),
        };
        let mode = entry.mode.map_or_else(String::new, |mode| format!(", mode {mode:04o}"));
        let _ = writeln!(out, "    < {}", harmless(&format!("{}{from}, owner {owner}{mode}{content}", entry.path)));
    }
}
