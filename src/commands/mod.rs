//! One file for each subcommand.

pub(crate) mod apply;
pub(crate) mod apply_saved;
pub(crate) mod destroy;
pub(crate) mod diff;
pub(crate) mod graph;
pub(crate) mod plan;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod trust;
pub(crate) mod verify;
