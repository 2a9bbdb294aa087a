//! Words that the planner itself writes: a document with others was written by somebody else, and is refused.

use serde::de::{Deserialize, Deserializer, Error};

/// A word of a closed list. Under a name of its own, since serde would otherwise want to borrow it from the document for ever.
pub(crate) type Fixed = &'static str;

/// The capabilities that passes and ways give to a container.
const CAPABILITIES: [Fixed; 4] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_ADMIN"];
/// The runtimes that a pass chooses.
const RUNTIMES: [Fixed; 1] = ["runsc"];
/// The values of `sandbox`.
const SANDBOXES: [Fixed; 2] = ["shared-kernel", "vm"];

fn one_of<E: Error>(list: &'static [Fixed], word: &str) -> Result<Fixed, E> {
    let known = list.iter().find(|known| **known == word).copied();
    known.ok_or_else(|| E::unknown_variant(word, list))
}

/// A container's capabilities.
pub(crate) fn of_capabilities<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Fixed>, D::Error> {
    let words = Vec::<String>::deserialize(from)?;
    words.iter().map(|word| one_of(&CAPABILITIES, word)).collect()
}

/// A capability that a manifest asks for.
pub(crate) fn of_capability<'de, D: Deserializer<'de>>(from: D) -> Result<Fixed, D::Error> {
    one_of(crate::manifest::CAPABILITIES, &String::deserialize(from)?)
}

/// A container's runtime.
pub(crate) fn of_runtime<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Fixed>, D::Error> {
    let word = Option::<String>::deserialize(from)?;
    word.map(|word| one_of(&RUNTIMES, &word)).transpose()
}

/// A `sandbox`.
pub(crate) fn of_sandbox<'de, D: Deserializer<'de>>(from: D) -> Result<Fixed, D::Error> {
    one_of(&SANDBOXES, &String::deserialize(from)?)
}
