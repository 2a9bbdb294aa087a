//! Everything right of "plan": observing engines, running plans on them, and remembering what was done.
//!
//! Unlike the planner, this crate touches the machine.

pub mod archive;
pub mod crash;
pub mod docker;
pub mod engine;
pub mod host_files;
pub mod journal;
pub mod lock;
mod process;
pub mod run;
pub mod secrets;
pub mod signals;
pub mod simulator;
pub mod state_dir;
mod tar_stream;
