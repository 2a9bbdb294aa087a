//! A plan as a file: written so that it can be reviewed, kept and carried elsewhere, and read back with every doubt about it an error.
//!
//! A saved plan is never trusted with commands. Whoever carries it out plans again, from the manifest and the engine, and compares.

mod changes;
mod document;
mod meaning;

pub use changes::{Change, Outcome, changes};
pub use document::{SAVED_FORMAT, SAVED_VERSION, SavedError, is_meant_as_one, read, write};
pub use meaning::{fingerprint, sources};

use crate::approval::Approval;
use crate::digest::Digest;
use crate::plan::{Entry, Plan};

/// A plan, with what it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPlan {
    /// Where the manifest is: relative to the folder of the saved plan, with `/` between the parts.
    pub manifest: String,
    /// The digest of what the manifest and the files that it names mean: [`sources`].
    pub sources: Digest,
    /// The digest of what there was of the project: [`fingerprint`]. `None` where no engine was asked.
    pub observed: Option<Digest>,
    /// The plan.
    pub plan: Plan,
}

impl SavedPlan {
    /// Whether a plan that was made again would do the same: what is declared is, and every operation has the verdict and the reasons that
    /// it had. Texts that only explain may differ.
    #[must_use]
    pub fn is_still(&self, now: &Plan) -> bool {
        let (was, is) = (&self.plan.entries, &now.entries);
        was.len() == is.len()
            && was.iter().zip(is).all(|(was, is)| is_same(was, is))
            && Approval::of(&self.plan) == Approval::of(now)
    }
}

/// Whether two entries are the same to whoever carries them out. What their steps hold beyond that is a matter of the approval.
fn is_same(a: &Entry, b: &Entry) -> bool {
    let done = |entry: &Entry| {
        let operation = entry.operation.as_ref()?;
        Some((operation.digest.clone(), operation.action.clone(), operation.needs.clone(), operation.time_limit))
    };
    (&a.address, a.verdict, &a.reasons, &a.removal) == (&b.address, b.verdict, &b.reasons, &b.removal)
        && done(a) == done(b)
}
