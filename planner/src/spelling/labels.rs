//! The labels by which an object is known as ours; every engine takes them in the same words, at the same place.

use crate::address::Address;
use crate::digest::Digest;
use crate::intent::Step;
use crate::name::ProjectName;
use crate::operation::{Arg, LABEL_ADDRESS, LABEL_DIGEST, LABEL_PROJECT};

/// Where in an argv the labels of what a step makes belong: behind its verb. `None` where it makes nothing that takes labels.
pub(super) fn at(step: &Step) -> Option<usize> {
    match step {
        Step::BuildImage(_) | Step::CreateContainer(_) | Step::Gate(_) => Some(2),
        Step::CreateNetwork(_) => Some(3),
        _ => None,
    }
}

/// The labels of what an operation makes.
pub(super) fn of(project: &ProjectName, address: &Address, digest: &Digest) -> Vec<Arg> {
    let pairs = [(LABEL_PROJECT, project.as_str()), (LABEL_ADDRESS, address.as_str()), (LABEL_DIGEST, digest.short())];
    pairs.iter().map(|(key, value)| Arg::from(format!("--label={key}={value}"))).collect()
}
