//! Passes.

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// What a pass changed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The pass.
    pub pass: &'static str,
    /// The steps that it changed, or took away; sorted.
    pub steps: Vec<Address>,
    /// What it did with them and what fact about the backend made it.
    pub because: String,
}
