//! Everything right of "plan": observing engines, running plans on them, and remembering what was done.
//!
//! Unlike the planner, this crate touches the machine.

pub mod archive;
pub mod engine;
pub mod host_files;
pub mod simulator;
