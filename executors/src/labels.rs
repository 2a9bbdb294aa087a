//! The labels by which objects of an engine are ours.

use std::collections::BTreeMap;

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Labels;
use bottle_planner::operation::{LABEL_ADDRESS, LABEL_DIGEST, LABEL_PROJECT, ObjectKind};

/// The labels of an object, as engines answer.
pub(crate) type LabelMap = Option<BTreeMap<String, String>>;

/// Whether an address is that of an image. A container or an image that somebody made from one of our images inherits its labels,
/// and is not ours.
pub(crate) fn is_of_an_image(address: &str) -> bool {
    address.split('/').nth(1) == Some("image")
}

/// What the labels of an object of the project say; `None` when it is of no project or of another.
///
/// With the project's label it is ours to destroy, whatever the others say: an address that is missing or that could not be shown
/// becomes one that no bottle has, a missing digest becomes one that nothing has.
pub(crate) fn labels(map: LabelMap, project: &ProjectName, kind: ObjectKind, name: &str) -> Option<Labels> {
    let map = map?;
    if map.get(LABEL_PROJECT).map(String::as_str) != Some(project.as_str()) {
        return None;
    }
    let address = match map.get(LABEL_ADDRESS) {
        Some(address) if !address.is_empty() && !address.chars().any(char::is_control) => Address::recorded(address),
        _ => Address::recorded(&format!("?/{kind}/{name}")),
    };
    let digest = Digest::recorded(map.get(LABEL_DIGEST).map_or("", String::as_str));
    Some(Labels { project: project.clone(), address, digest })
}
