//! Trust: what a manifest may read of the host, besides its own folder, once its owner has said so.
//!
//! Whoever clones a repository has agreed to none of it. So a manifest asks: a [`Request`] is everything that it would read and every host
//! to which that could go. Its digest is what the owner agrees to; another text that asks for the same is the same request.

mod lines;
mod request;
#[cfg(test)]
mod tests;

pub use lines::{Change, Grant, Line, changes};
pub use request::{Asked, HostFile, Key, Request, Typed, Use, Variable};

use serde::{Deserialize, Serialize};

/// How a plan stands to what its manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// Nothing is asked for, or all of it was agreed to.
    #[default]
    Nothing,
    /// The plan asks no machine, so it neither knows who trusts it nor looks at what lies outside: that is as it is at the apply.
    Later(Request),
    /// Not agreed to: what lies outside was not read.
    Refused {
        /// What is asked for.
        request: Request,
        /// What was agreed to before the manifest was changed; `None` when nothing ever was.
        before: Option<Request>,
    },
}

impl Asks {
    /// What of a request stands in a plan that was made without asking a machine.
    #[must_use]
    pub fn later(request: Request) -> Self {
        if request.is_empty() { Self::Nothing } else { Self::Later(request) }
    }
}
