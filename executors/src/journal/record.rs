//! What a journal's lines say, and what they come to when they are read again.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::guarantee::Guarantee;
use bottle_planner::observation::{Done, WasHeld};
use bottle_planner::operation::Input;
use serde::{Deserialize, Serialize};

/// The version of the lines.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    /// [`VERSION`] of who wrote it.
    pub(super) version: u32,
}

/// One line after the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record<'a> {
    /// An operation is about to be asked for: from here on nothing is known of what it does, until its end.
    Begin {
        /// The operation.
        address: Cow<'a, Address>,
        /// Its digest.
        digest: Cow<'a, Digest>,
    },
    /// An operation was done: the engine has answered so.
    End {
        /// The operation.
        address: Cow<'a, Address>,
        /// Its digest.
        digest: Cow<'a, Digest>,
        /// What it was made from; secrets are in it by name only.
        inputs: Cow<'a, [Input]>,
        /// The engine's id of the container it worked on or made.
        container: Option<Cow<'a, str>>,
        /// Since when that container ran.
        since: Option<Cow<'a, str>>,
    },
    /// An operation or a removal failed.
    Failed {
        /// The operation.
        address: Cow<'a, Address>,
    },
    /// Something is about to be taken away, and with it what was known of it.
    Removing {
        /// The operation that made it.
        address: Cow<'a, Address>,
        /// The engine's id, when it is a container: what was done to it goes too.
        container: Option<Cow<'a, str>>,
    },
    /// It is gone.
    Removed {
        /// The operation that made it.
        address: Cow<'a, Address>,
    },
    /// A bottle was let go or changed, with these guarantees held.
    Held {
        /// The bottle.
        bottle: Cow<'a, str>,
        /// The engine's id of the agent's container.
        container: Cow<'a, str>,
        /// The guarantees.
        guarantees: Cow<'a, [Guarantee]>,
    },
}

impl<'a> Record<'a> {
    /// The end of an operation.
    #[must_use]
    pub fn end(address: &'a Address, done: &'a Done) -> Self {
        Self::End {
            address: Cow::Borrowed(address),
            digest: Cow::Borrowed(&done.digest),
            inputs: Cow::Borrowed(&done.inputs),
            container: done.container.as_deref().map(Cow::Borrowed),
            since: done.since.as_deref().map(Cow::Borrowed),
        }
    }
}

impl<'a> Record<'a> {
    /// What is held of a bottle.
    #[must_use]
    pub fn held(bottle: &'a str, was: &'a WasHeld) -> Self {
        Self::Held {
            bottle: Cow::Borrowed(bottle),
            container: Cow::Borrowed(&was.container),
            guarantees: Cow::Borrowed(&was.guarantees),
        }
    }
}

/// What the lines read so far come to.
#[derive(Default)]
pub(super) struct Replay {
    pub(super) done: BTreeMap<Address, Done>,
    pub(super) held: BTreeMap<String, WasHeld>,
    /// The addresses ever done to a container; some may have been done to another one since.
    of_container: HashMap<String, Vec<Address>>,
}

impl Replay {
    /// Takes in one line.
    pub(super) fn apply(&mut self, record: Record<'_>) {
        match record {
            Record::End { address, digest, inputs, container, since } => {
                let address = address.into_owned();
                let container = container.map(Cow::into_owned);
                if let Some(id) = &container {
                    self.of_container.entry(id.clone()).or_default().push(address.clone());
                }
                let since = since.map(Cow::into_owned);
                let (digest, inputs) = (digest.into_owned(), inputs.into_owned());
                self.done.insert(address, Done { digest, inputs, container, since });
            }
            Record::Held { bottle, container, guarantees } => {
                let was = WasHeld { container: container.into_owned(), guarantees: guarantees.into_owned() };
                self.held.insert(bottle.into_owned(), was);
            }
            taking => self.forget(&taking),
        }
    }

    /// Takes in one line after a place that could not be read. Such a line may rest on what stood there, so it takes knowledge
    /// away and never adds any.
    pub(super) fn forget(&mut self, record: &Record<'_>) {
        match record {
            Record::Begin { address, .. }
            | Record::End { address, .. }
            | Record::Failed { address }
            | Record::Removed { address } => {
                self.done.remove(address.as_ref());
            }
            Record::Held { bottle, .. } => {
                self.held.remove(bottle.as_ref());
            }
            Record::Removing { address, container } => {
                self.done.remove(address.as_ref());
                self.held.retain(|_, was| container.as_deref() != Some(was.container.as_str()));
                let of_container = container.as_deref().and_then(|id| self.of_container.remove_entry(id));
                if let Some((id, addresses)) = of_container {
                    for address in addresses {
                        if self.done.get(&address).is_some_and(|done| done.container.as_ref() == Some(&id)) {
                            self.done.remove(&address);
                        }
                    }
                }
            }
        }
    }
}
