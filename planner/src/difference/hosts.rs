//! Hosts opened and closed.

use super::bottles::Matched;
use crate::intent::Way;
use crate::manifest::Allowance;
use crate::name::BottleName;
use crate::plan::{BottleSummary, Plan};
use crate::reads::{SecretFlow, secret_flows};

/// Stands for every host, of a bottle that has the host's own network. No allowlist can have it.
pub const EVERYTHING: &str = "*";

/// A host that a bottle may reach and could not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The host, `*.` and a domain, or [`EVERYTHING`].
    pub host: String,
    /// What was listed before and is below a wildcard.
    pub swallows: Vec<String>,
}

/// What a bottle may reach, or no longer may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostChange {
    /// The bottle.
    pub bottle: BottleName,
    /// What is opened.
    pub opened: Vec<Opened>,
    /// What is closed. What a wildcard still lets through is not among it.
    pub closed: Vec<String>,
    /// The secrets that the bottle has: what could be told to a host that is opened.
    pub holds: Vec<String>,
}

/// A bottle whose traffic takes another way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayChange {
    /// The bottle.
    pub bottle: BottleName,
    /// The way that it took; `None` where it had none.
    pub from: Option<Way>,
    /// The way that it takes.
    pub to: Option<Way>,
}

/// Whether an entry of an allowlist lets a host through, or all that another entry does. `*.example.org` allows `example.org` as well.
fn covers(entry: &str, host: &str) -> bool {
    if entry == EVERYTHING {
        return true;
    }
    let host = host.strip_prefix("*.").map_or((host, false), |domain| (domain, true));
    match entry.strip_prefix("*.") {
        Some(domain) => host.0 == domain || host.0.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => !host.1 && host.0 == entry,
    }
}

pub(super) fn between(from: &Plan, to: &Plan, matched: &Matched) -> (Vec<HostChange>, Vec<WayChange>) {
    let flows = secret_flows(to);
    let mut hosts = Vec::new();
    let mut ways = Vec::new();
    let way = |summary: &BottleSummary| summary.way.map(|(way, _)| way);
    for (bottle, before, after) in matched.kept(from, to) {
        hosts.extend(change(bottle, &reach(before), &reach(after), &flows));
        if way(before) != way(after) {
            ways.push(WayChange { bottle: bottle.clone(), from: way(before), to: way(after) });
        }
    }
    for bottle in &matched.added {
        hosts.extend(to.bottles.get(bottle).and_then(|summary| change(bottle, &[], &reach(summary), &flows)));
    }
    for bottle in &matched.removed {
        hosts.extend(from.bottles.get(bottle).and_then(|summary| change(bottle, &reach(summary), &[], &[])));
    }
    hosts.sort_by(|a, b| a.bottle.cmp(&b.bottle));
    (hosts, ways)
}

/// What a bottle may reach. On the host's own network no allowlist is in the way.
fn reach(summary: &BottleSummary) -> Vec<String> {
    if summary.given_up.contains(&Allowance::HostNetwork) {
        return vec![EVERYTHING.to_owned()];
    }
    summary.allow.clone()
}

fn change(bottle: &BottleName, before: &[String], after: &[String], flows: &[SecretFlow]) -> Option<HostChange> {
    let through = |list: &[String], host: &str| list.iter().any(|entry| covers(entry, host));
    let opened: Vec<Opened> = after
        .iter()
        .filter(|host| !through(before, host))
        .map(|host| {
            let swallows = before.iter().filter(|name| *name != host && covers(host, name)).cloned().collect();
            Opened { host: host.clone(), swallows }
        })
        .collect();
    let closed: Vec<String> = before.iter().filter(|host| !through(after, host)).cloned().collect();
    if opened.is_empty() && closed.is_empty() {
        return None;
    }
    let mut holds = Vec::new();
    if !opened.is_empty() {
        let own = flows.iter().filter(|flow| flow.address.bottle() == Some(bottle.as_str()));
        holds = own.map(|flow| flow.secret.to_string()).collect();
        holds.sort();
        holds.dedup();
    }
    Some(HostChange { bottle: bottle.clone(), opened, closed, holds })
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_wildcard_covers_its_domain_and_all_below() {
        for (entry, host, covered) in [
            ("*", "a.example.org", true),
            ("*", "*.example.org", true),
            ("*.example.org", "*", false),
            ("a.example.org", "a.example.org", true),
            ("a.example.org", "b.a.example.org", false),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "example.org", true),
            ("*.example.org", "notexample.org", false),
            ("*.example.org", "*.a.example.org", true),
            ("*.a.example.org", "*.example.org", false),
            ("example.org", "*.example.org", false),
        ] {
            assert_eq!(covers(entry, host), covered, "{entry} {host}");
        }
    }
}
