//! Manifests of git revisions, with the files that they name, read from git's object store.
//!
//! Only `git` itself is asked, with plumbing that reads objects: nothing is checked out, and no hook, filter or text conversion runs. A bare or a
//! shallow clone will do, as long as it has the revision.

mod files;
mod objects;
mod repository;
mod worktree;

pub use files::GitFiles;
pub use repository::{GitError, Repository, Revision};
pub use worktree::WorktreeFiles;
