//! Everything right of "plan": observing engines, running plans on them, and remembering what was done.
//!
//! Unlike the planner, this crate touches the machine.

pub mod archive;
pub mod docker;
pub mod engine;
pub mod host_files;
mod process;
pub mod secrets;
mod tar_stream;
