//! Which bottle of one plan is which of the other: by name, or by meaning under another name.

use std::collections::BTreeMap;

use super::naming::{Naming, within};
use crate::digest::Digest;
use crate::guarantee::{Guarantee, Standing};
use crate::intent::{Content, CopyIn, Step, Tracking, Way};
use crate::manifest::Allowance;
use crate::name::BottleName;
use crate::operation::Operation;
use crate::plan::{BottleSummary, Plan};

/// A bottle that is the same under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Its name in the first plan.
    pub from: BottleName,
    /// Its name in the second.
    pub to: BottleName,
    /// How many containers are made under the new name; those of the old one go, with what is in them.
    pub containers: usize,
    /// How many networks.
    pub networks: usize,
}

/// The bottles of two plans.
pub(super) struct Matched {
    pub(super) added: Vec<BottleName>,
    pub(super) removed: Vec<BottleName>,
    pub(super) renamed: Vec<Renamed>,
}

/// What a bottle is apart from its name: all that its operations are made from, and where its guarantees stand.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Meaning<'p> {
    allow: &'p [String],
    way: Option<Way>,
    standings: Vec<(Guarantee, &'static str, &'p str)>,
    requires: Vec<Guarantee>,
    given_up: &'p [Allowance],
    operations: Vec<(&'p str, Vec<String>)>,
}

impl Matched {
    pub(super) fn of(from: &Plan, to: &Plan) -> Self {
        let only = |one: &Plan, other: &Plan| -> Vec<BottleName> {
            one.bottles.keys().filter(|name| !other.bottles.contains_key(*name)).cloned().collect()
        };
        let mut added = only(to, from);
        let mut removed = only(from, to);
        let mut renamed = Vec::new();
        if from.profile == to.profile && !added.is_empty() && !removed.is_empty() {
            let (old, new) = (Naming::of(from), Naming::of(to));
            // Of several that mean the same, the first by name becomes the first by name.
            let mut gone: BTreeMap<Meaning<'_>, Vec<&BottleName>> = BTreeMap::new();
            for name in removed.iter().rev() {
                gone.entry(meaning(from, name, &old)).or_default().push(name);
            }
            for name in &added {
                if let Some(was) = gone.get_mut(&meaning(to, name, &new)).and_then(Vec::pop) {
                    let count = |is: fn(&Step) -> bool| operations(to, name).filter(|made| is(&made.step)).count();
                    renamed.push(Renamed {
                        from: was.clone(),
                        to: name.clone(),
                        containers: count(|step| matches!(step, Step::CreateContainer(_))),
                        networks: count(|step| matches!(step, Step::CreateNetwork(_))),
                    });
                }
            }
        }
        added.retain(|name| !renamed.iter().any(|renamed| renamed.to == *name));
        removed.retain(|name| !renamed.iter().any(|renamed| renamed.from == *name));
        Self { added, removed, renamed }
    }

    /// The bottles of both plans, by the name that they have in both.
    pub(super) fn kept<'p>(
        &self,
        from: &'p Plan,
        to: &'p Plan,
    ) -> impl Iterator<Item = (&'p BottleName, &'p BottleSummary, &'p BottleSummary)> {
        to.bottles.iter().filter_map(|(name, after)| Some((name, from.bottles.get(name)?, after)))
    }

    /// Whether an address is of a bottle that was only renamed.
    pub(super) fn is_renamed(&self, bottle: Option<&str>) -> bool {
        let is = |name: &BottleName| bottle == Some(name.as_str());
        self.renamed.iter().any(|renamed| is(&renamed.from) || is(&renamed.to))
    }
}

fn operations<'p>(plan: &'p Plan, bottle: &BottleName) -> impl Iterator<Item = &'p Operation> {
    let bottle = bottle.as_str().to_owned();
    let operations = plan.entries.iter().filter_map(|entry| entry.operation.as_ref());
    operations.filter(move |operation| operation.address.bottle() == Some(&bottle))
}

fn meaning<'p>(plan: &'p Plan, bottle: &BottleName, naming: &Naming<'_>) -> Meaning<'p> {
    let summary = &plan.bottles[bottle];
    let mut requires = summary.requires.clone();
    requires.sort_unstable();
    let digests = own_digests(plan, bottle);
    let placeless = |key: &str| {
        let key = naming.placeless(bottle.as_str(), key);
        digests.iter().fold(key, |key, digest| key.replace(digest.as_str(), "\u{0}content"))
    };
    let operations = operations(plan, bottle).map(|operation| {
        let lines = naming.lines(operation).into_iter().map(|line| placeless(&line.key));
        let inputs = operation.inputs.iter().flat_map(|input| [&input.name, &input.value]);
        let inputs = inputs.map(|text| placeless(&naming.input(operation, text)));
        let texts = own_texts(&operation.step).into_iter().flat_map(|(_, texts)| texts);
        let texts = texts.map(|text| placeless(&naming.input(operation, text)));
        (within(&operation.address), lines.chain(inputs).chain(texts).collect())
    });
    let mut operations: Vec<(&str, Vec<String>)> = operations.collect();
    operations.sort_unstable();
    let standings = summary.guarantees.iter();
    Meaning {
        allow: &summary.allow,
        way: summary.way.map(|(way, _)| way),
        standings: standings
            .map(|(name, standing): &(_, Standing)| (*name, standing.word(), standing.reason()))
            .collect(),
        requires,
        given_up: &summary.given_up,
        operations,
    }
}

/// The digest and the texts of files that the manifest alone makes: a configuration may hold the bottle's addresses, so it is the text
/// that is compared.
fn own_texts(step: &Step) -> Option<(&Digest, Vec<&str>)> {
    let (files, digest) = match step {
        Step::CopyIn(CopyIn { files, tracked: Tracking::Content(digest), .. }) => (files, digest),
        Step::Stage(stage) => (&stage.files, &stage.content),
        _ => return None,
    };
    let mut texts = Vec::new();
    for entry in &files.entries {
        match &entry.content {
            Content::Text(text) => texts.push(text.as_str()),
            Content::Folder => {}
            Content::Host(_) => return None,
        }
    }
    Some((digest, texts))
}

/// The digests of those texts, as they are shown.
fn own_digests(plan: &Plan, bottle: &BottleName) -> Vec<String> {
    let mut digests = Vec::new();
    for (whole, texts) in operations(plan, bottle).filter_map(|operation| own_texts(&operation.step)) {
        digests.push(whole.short().to_owned());
        digests.extend(texts.iter().map(|text| Digest::of(text.as_bytes()).short().to_owned()));
    }
    digests
}
