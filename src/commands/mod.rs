//! One file for each subcommand.

pub(crate) mod apply;
pub(crate) mod destroy;
pub(crate) mod plan;
pub(crate) mod status;
pub(crate) mod trust;
