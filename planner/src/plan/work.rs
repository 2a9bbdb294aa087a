//! The work of a plan: what runs, what is taken away, and what waits for what.

use std::collections::{BTreeSet, HashMap};

use super::{Entry, Plan, Verdict};
use crate::address::Address;
use crate::intent::Step;
use crate::operation::{ObjectKind, Operation, Removal, Removed, provides_image};

/// One thing to do.
#[derive(Clone, Debug)]
pub struct Task<'plan> {
    /// The entry it belongs to.
    pub address: &'plan Address,
    /// What is done.
    pub kind: TaskKind<'plan>,
    /// The tasks that must have succeeded before, by their place in the list.
    pub waits: Vec<usize>,
}

/// What a task does.
#[derive(Clone, Copy, Debug)]
pub enum TaskKind<'plan> {
    /// Runs an operation.
    Run(&'plan Operation),
    /// Takes something away.
    Remove(&'plan Removal),
}
