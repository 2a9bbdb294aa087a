//! Verdicts and their reasons: typed values, worded in one place.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is done for the first time.
    Create,
    /// What it made is taken away and made anew.
    Replace,
    /// It is done again on what is there.
    Update,
    /// It is as it should be.
    Keep,
    /// What it made is taken away.
    Delete,
}

impl Verdict {
    /// The sign in column 0 of a plan: forges colour `+`, `-` and `!` in a diff block.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Replace => '!',
            Self::Update => '~',
            Self::Keep => ' ',
            Self::Delete => '-',
        }
    }

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Update => "update",
            Self::Keep => "keep",
            Self::Delete => "delete",
        }
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// It is there and as declared.
    AsDeclared,
    /// The engine does not have it.
    Missing,
    /// An input is another one than before.
    Changed {
        /// Which.
        input: String,
        /// What it was; `None` when it was not there.
        from: Option<String>,
        /// What it is; `None` when it is gone.
        to: Option<String>,
    },
    /// Its digest is another one, and the journal that knew the inputs is not here.
    ChangedUnrecorded,
    /// What it is built on is made anew.
    NeedRemade {
        /// That.
        need: Address,
    },
    /// What it is done after was done again, and its effect ended with that.
    NeedRedone {
        /// That.
        need: Address,
    },
    /// Its container does not run.
    NotRunning {
        /// How it ended; `None` when it never started.
        exit: Option<i64>,
    },
    /// Its container or process was started again since, which ended what had been done to it.
    Restarted,
    /// No journal says that it was done.
    Unrecorded,
    /// What it found may have changed since.
    Refreshed,
    /// What it tells is needed by another operation.
    Asked {
        /// That.
        by: Address,
    },
    /// Its container was taken out of a network by hand.
    Detached {
        /// The network.
        network: String,
    },
    /// Its container was put into a network by hand.
    Attached {
        /// The network.
        network: String,
    },
    /// A file that was put into it is no longer declared, and taking it away could take the agent's work with it.
    Left {
        /// The file in the guest.
        path: String,
    },
    /// The manifest no longer declares it.
    Undeclared,
    /// Everything of the project is to go.
    Destroyed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsDeclared => f.write_str("as declared"),
            Self::Missing => f.write_str("not there"),
            Self::Changed { input, from: Some(from), to: Some(to) } => write!(f, "{input}: {from} -> {to}"),
            Self::Changed { input, from: None, to: Some(to) } => write!(f, "{input}: new, {to}"),
            Self::Changed { input, from: Some(from), to: None } => write!(f, "{input}: gone, was {from}"),
            Self::Changed { input, from: None, to: None } => write!(f, "{input}: changed"),
            Self::ChangedUnrecorded => {
                f.write_str("changed since it was made; the journal that knew from what is not here")
            }
            Self::NeedRemade { need } => write!(f, "built on {need}, which is made anew"),
            Self::NeedRedone { need } => write!(f, "follows {need}, which is done again"),
            Self::NotRunning { exit: Some(exit) } => write!(f, "stopped with exit code {exit}"),
            Self::NotRunning { exit: None } => f.write_str("never started"),
            Self::Restarted => f.write_str("what it works on was started again since"),
            Self::Unrecorded => f.write_str("no journal says that it was done"),
            Self::Refreshed => f.write_str("asked anew each time, since the answer may be another one"),
            Self::Asked { by } => write!(f, "its answer is needed by {by}"),
            Self::Detached { network } => write!(f, "taken out of network {network} by hand"),
            Self::Attached { network } => write!(f, "put into network {network} by hand"),
            Self::Left { path } => write!(f, "holds {path}, which is no longer declared"),
            Self::Undeclared => f.write_str("no longer declared"),
            Self::Destroyed => f.write_str("destroyed with its project"),
        }
    }
}
