//! What is read from the host and was not, and the other way round.

use std::collections::BTreeSet;

use super::bottles::Matched;
use crate::plan::Plan;
use crate::reads::{FileRead, SecretFlow, file_reads, secret_flows};

/// A secret that gets somewhere, or no longer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretChange {
    /// Its way.
    pub flow: SecretFlow,
    /// Whether it is the second plan that reads it.
    pub read: bool,
}

/// A file or folder of the host that is read or mounted, or no longer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The path and what for.
    pub file: FileRead,
    /// Whether it is the second plan that does.
    pub read: bool,
}

pub(super) fn between(from: &Plan, to: &Plan, matched: &Matched) -> (Vec<SecretChange>, Vec<FileChange>) {
    let flows = |plan: &Plan| -> Vec<SecretFlow> {
        let flows = secret_flows(plan).into_iter();
        flows.filter(|flow| !matched.is_renamed(flow.address.bottle())).collect()
    };
    let (before, after) = (flows(from), flows(to));
    // By which hosts it may reach is told of the hosts, not of each secret again.
    let same = |a: &SecretFlow, b: &SecretFlow| a.secret == b.secret && a.into == b.into && a.passage == b.passage;
    let only = |one: &[SecretFlow], other: &[SecretFlow], read| -> Vec<SecretChange> {
        let new = one.iter().filter(|flow| !other.iter().any(|known| same(flow, known)));
        new.map(|flow| SecretChange { flow: flow.clone(), read }).collect()
    };
    let mut secrets = only(&after, &before, true);
    secrets.extend(only(&before, &after, false));

    let files = |plan: &Plan| -> BTreeSet<FileRead> {
        file_reads(plan).into_iter().filter(|read| !matched.is_renamed(read.bottle.as_deref())).collect()
    };
    let (before, after) = (files(from), files(to));
    let only = |one: &BTreeSet<FileRead>, other: &BTreeSet<FileRead>, read| -> Vec<FileChange> {
        one.difference(other).map(|file| FileChange { file: file.clone(), read }).collect()
    };
    let mut changed = only(&after, &before, true);
    changed.extend(only(&before, &after, false));
    (secrets, changed)
}
