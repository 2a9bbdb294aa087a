//! What reviewers see of a change: of manifests, of git revisions, of snapshots.
//!
//! To write the golden files anew: `UPDATE_GOLDEN=1 cargo test --test changes`.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod comment;
mod revisions;
#[path = "../said/mod.rs"]
mod said;
mod shown;
mod snapshots;
#[path = "../stage/mod.rs"]
mod stage;
