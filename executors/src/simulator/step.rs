//! How a step is answered: by changes, or by a refusal in the engine's words.

use bottle_planner::observation::Labels;

use super::state::{Change, State, id};
use crate::engine::{Ended, EngineError, Outcome, SecretError};

/// A step that can be done.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What it changes.
    pub(super) changes: Vec<Change>,
    /// What comes of it.
    pub(super) outcome: Outcome,
}

impl Answer {
    pub(super) fn changes(changes: Vec<Change>) -> Self {
        Self { changes, outcome: Outcome::default() }
    }
}

/// Why a step cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) ended: Ended,
    pub(super) said: String,
}

impl Refusal {
    /// The engine says no.
    pub(super) fn daemon(said: impl std::fmt::Display) -> Self {
        Self { ended: Ended::Exit(1), said: format!("Error response from daemon: {said}") }
    }

    /// Apple's `container` says no.
    pub(super) fn container(said: impl std::fmt::Display) -> Self {
        Self { ended: Ended::Exit(1), said: format!("Error: {said}") }
    }

    /// A program that was run says no.
    pub(super) fn program(said: impl ToString) -> Self {
        Self { ended: Ended::Exit(1), said: said.to_string() }
    }

    /// The engine was not even asked.
    pub(super) fn before(said: impl ToString) -> Self {
        Self { ended: Ended::NotStarted, said: said.to_string() }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self { ended: Ended::Exit(1), said: error.to_string() }
    }
}

impl From<SecretError> for Refusal {
    fn from(error: SecretError) -> Self {
        Self::before(error)
    }
}

/// What a step works on: the engine as it is, and what is to be made.
pub(super) struct Scene<'a> {
    /// The engine.
    pub(super) state: &'a State,
    /// The labels of what the step makes.
    pub(super) labels: Option<Labels>,
}

impl Scene<'_> {
    /// A new id, and the change that uses its number up.
    pub(super) fn new_id(&self, kind: &str) -> (String, Change) {
        let number = self.state.count + 1;
        (id(kind, number), Change::Count(number))
    }
}

/// A moment, later than all before, and the change that uses it up.
pub(super) fn moment(state: &State) -> (String, Change) {
    let number = state.count + 1;
    (format!("1970-01-01T00:00:00.{number:09}Z"), Change::Count(number))
}
