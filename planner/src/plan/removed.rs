//! What goes: objects that are no longer declared, and everything of a project that is destroyed.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::seen::Seen;
use super::{Entry, Reason, Verdict};
use crate::address::Address;
use crate::intent::{ImageName, ObjectName};
use crate::name::BottleName;
use crate::observation::ObservedContainer;
use crate::operation::{ObjectKind, Removal, Removed, makes};
use crate::spelling;

/// The removal of something, spelled.
pub(super) fn removal(what: Removed, seen: &Seen<'_>) -> Removal {
    let command = spelling::removal(&what, seen.behaves());
    Removal { what, command, after: Vec::new() }
}

/// The removal of an object that was observed under a name.
pub(super) fn object(kind: ObjectKind, name: &str, seen: &Seen<'_>) -> Option<Removal> {
    let id = match kind {
        ObjectKind::Container => seen.container(&ObjectName(name.to_owned()))?.id.clone(),
        ObjectKind::Network => seen.network(&ObjectName(name.to_owned()))?.id.clone(),
        ObjectKind::Image => seen.built(&ImageName(name.to_owned()))?.id.clone(),
        ObjectKind::Volume | ObjectKind::Stage => name.to_owned(),
        ObjectKind::Process => seen.process(name)?.id.clone(),
    };
    Some(removal(Removed::Object { kind, name: name.to_owned(), id }, seen))
}

/// What was observed and none of the entries makes, as entries of their own: containers, networks, images, volumes.
///
/// Of a part of a project, only what belongs to the bottles that are named.
pub(super) fn undeclared(
    entries: &[Entry],
    seen: &Seen<'_>,
    part: Option<&BTreeSet<BottleName>>,
    reason: &Reason,
) -> Vec<Entry> {
    let declared: HashSet<(ObjectKind, &str)> =
        entries.iter().filter_map(|entry| makes(&entry.operation.as_ref()?.step)).collect();
    let named: Option<HashSet<&str>> = part.map(|part| part.iter().map(BottleName::as_str).collect());
    let in_part = |address: &Address| {
        named.as_ref().is_none_or(|named| address.bottle().is_some_and(|bottle| named.contains(bottle)))
    };
    let all = seen.all();
    let goes: HashSet<&str> = entries.iter().filter_map(|entry| container_that_goes(entry)).collect();
    let stays = |container: &&ObservedContainer| {
        let name = container.name.as_str();
        let kept = declared.contains(&(ObjectKind::Container, name)) && !goes.contains(name);
        kept || !in_part(&container.labels.address)
    };
    let used: HashSet<&str> =
        all.containers.iter().filter(stays).map(|container| container.image_id.as_str()).collect();
    let mut gone = Vec::new();
    let mut add = |kind: ObjectKind, name: &str, id: &str, address: &Address| {
        if in_part(address) && !declared.contains(&(kind, name)) {
            gone.push(Entry {
                address: address.clone(),
                verdict: Verdict::Delete,
                reasons: vec![reason.clone()],
                operation: None,
                removal: Some(removal(Removed::Object { kind, name: name.to_owned(), id: id.to_owned() }, seen)),
            });
        }
    };
    for process in &all.processes {
        add(ObjectKind::Process, &process.name, &process.id, &process.labels.address);
    }
    for container in &all.containers {
        add(ObjectKind::Container, &container.name, &container.id, &container.labels.address);
    }
    for network in &all.networks {
        add(ObjectKind::Network, &network.name, &network.id, &network.labels.address);
    }
    for image in &all.images {
        // An image whose name was taken away still has its id; a name that somebody else gave it is theirs. While a container that
        // stays was made from it, it stays too.
        if image.names.is_empty() && !used.contains(image.id.as_str()) {
            add(ObjectKind::Image, &image.id, &image.id, &image.labels.address);
        }
        for name in image.names.iter().filter(|name| name.starts_with(&format!("bottle_{}_", image.labels.project))) {
            add(ObjectKind::Image, name, &image.id, &image.labels.address);
        }
    }
    for stage in &all.stages {
        add(ObjectKind::Stage, stage, stage, &stage_address(stage));
    }
    if part.is_none() {
        for volume in seen.orphaned_volumes() {
            add(ObjectKind::Volume, volume, volume, &Address::shared("volume", volume));
        }
    }
    distinct(&mut gone, entries);
    // Bottle by bottle, and what they shared when they are gone.
    gone.sort_by(|a, b| {
        (a.address.bottle().is_none(), a.address.bottle()).cmp(&(b.address.bottle().is_none(), b.address.bottle()))
    });
    gone
}

fn container_that_goes(entry: &Entry) -> Option<&str> {
    match &entry.removal.as_ref()?.what {
        Removed::Object { kind: ObjectKind::Container, name, .. } => Some(name),
        _ => None,
    }
}

/// The address of a stage that is no longer declared: its name, `bottle_PROJECT_BOTTLE_...`, says whose it is.
fn stage_address(name: &str) -> Address {
    Address::recorded(&format!("{}/stage/{name}", name.split('_').nth(2).unwrap_or("?")))
}

/// Labels can say the same address twice: by hand, or by two names of one image. Each entry still needs one of its own.
fn distinct(gone: &mut [Entry], entries: &[Entry]) {
    let mut used: HashSet<Address> = entries.iter().map(|entry| entry.address.clone()).collect();
    for entry in gone {
        if !used.insert(entry.address.clone())
            && let Some(Removal { what: Removed::Object { kind, name, .. }, .. }) = &entry.removal
        {
            entry.address = Address::recorded(&format!("{}:{kind}:{name}", entry.address));
            used.insert(entry.address.clone());
        }
    }
}

/// Fills in what each removal waits for: a network for its members, an image for the containers made from it.
pub(super) fn order(entries: &mut [Entry], seen: &Seen<'_>) {
    let mut members: HashMap<&str, Vec<Address>> = HashMap::new();
    let mut users: HashMap<&str, Vec<Address>> = HashMap::new();
    // What may still read a stage of its bottle.
    let mut readers: HashMap<String, Vec<Address>> = HashMap::new();
    for entry in entries.iter() {
        match entry.removal.as_ref().map(|removal| &removal.what) {
            Some(Removed::Object { kind: ObjectKind::Container, name, .. }) => {
                if let Some(container) = seen.container(&ObjectName(name.clone())) {
                    for network in &container.networks {
                        members.entry(network).or_default().push(entry.address.clone());
                    }
                    users.entry(&container.image_id).or_default().push(entry.address.clone());
                }
                in_bottle(entry, &mut readers);
            }
            Some(Removed::Object { kind: ObjectKind::Process, .. }) => in_bottle(entry, &mut readers),
            Some(Removed::Membership { container, network, .. }) => {
                let seen = seen.container(&ObjectName(container.clone()));
                let network = seen.and_then(|container| container.networks.iter().find(|name| *name == network));
                if let Some(network) = network {
                    members.entry(network).or_default().push(entry.address.clone());
                }
            }
            _ => {}
        }
    }
    // An image laid over another keeps that one alive: those of the bottles go before those that they share.
    let derived: Vec<(Address, bool)> = entries
        .iter()
        .filter(|entry| entry.address.bottle().is_some())
        .filter_map(|entry| match &entry.removal.as_ref()?.what {
            what @ Removed::Object { kind: ObjectKind::Image, .. } => {
                Some((entry.address.clone(), what.is_unnamed_image()))
            }
            _ => None,
        })
        .collect();
    for entry in entries.iter_mut() {
        let shared = entry.address.bottle().is_none();
        // What makes room for a build cannot wait for what itself waits for all builds.
        let for_a_build = entry.operation.is_some();
        let Some(removal) = &mut entry.removal else { continue };
        if let Removed::Object { kind, name, id } = &removal.what {
            removal.after = match kind {
                ObjectKind::Network => members.get(name.as_str()).cloned().unwrap_or_default(),
                ObjectKind::Image => {
                    let mut after = users.get(id.as_str()).cloned().unwrap_or_default();
                    let first = derived.iter().filter(|(_, unnamed)| shared && !(*unnamed && for_a_build));
                    after.extend(first.map(|(address, _)| address.clone()));
                    after
                }
                ObjectKind::Stage => {
                    let bottle = stage_address(name);
                    bottle.bottle().and_then(|bottle| readers.get(bottle)).cloned().unwrap_or_default()
                }
                ObjectKind::Container | ObjectKind::Volume | ObjectKind::Process => Vec::new(),
            };
        }
    }
}

fn in_bottle(entry: &Entry, removals: &mut HashMap<String, Vec<Address>>) {
    if let Some(bottle) = entry.address.bottle() {
        removals.entry(bottle.to_owned()).or_default().push(entry.address.clone());
    }
}
