//! Stable addresses: the name of a step or operation across plans, journals and labels.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::BottleName;

/// Where a step belongs: `implementer/pipelock/attach:egress`.
///
/// The first part is the bottle, or [`Address::SHARED`] for what all bottles of a project use. An address depends on the manifest's
/// names alone, never on order or on an engine, so that a plan of tomorrow can be held against one of today.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(Arc<str>);

impl Address {
    /// The first part of addresses that belong to no single bottle. No bottle may have this name.
    pub const SHARED: &'static str = "shared";

    /// An address of a bottle's own: `<bottle>/<object>/<step>`.
    #[must_use]
    pub fn of(bottle: &BottleName, object: &str, step: &str) -> Self {
        Self(format!("{bottle}/{object}/{step}").into())
    }

    /// An address of the project's: `shared/<object>/<step>`.
    #[must_use]
    pub fn shared(object: &str, step: &str) -> Self {
        Self(format!("{}/{object}/{step}", Self::SHARED).into())
    }

    /// The address of another step of the same object.
    #[must_use]
    pub fn beside(&self, step: &str) -> Self {
        let end = self.0.match_indices('/').nth(1).map_or(self.0.len(), |(end, _)| end);
        Self(format!("{}/{step}", &self.0[..end]).into())
    }

    /// An address as it was read from a label or a journal. It is a key to look up, and proves nothing.
    #[must_use]
    pub fn recorded(text: &str) -> Self {
        Self(text.into())
    }

    /// The bottle it belongs to, or `None` for what is shared.
    #[must_use]
    pub fn bottle(&self) -> Option<&str> {
        self.0.split('/').next().filter(|first| *first != Self::SHARED)
    }

    /// The object it is a step of: the second part.
    #[must_use]
    pub fn object(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
