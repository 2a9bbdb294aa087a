//! Everything right of "plan": observing engines, running plans on them, and remembering what was done.
//!
//! Unlike the planner, this crate touches the machine.

pub mod archive;
mod command;
pub mod container;
pub mod crash;
pub mod docker;
pub mod engine;
pub(crate) mod host;
pub mod host_files;
pub mod journal;
mod labels;
pub mod lock;
mod owners;
pub mod probe;
mod process;
mod question;
mod ready;
pub mod revision;
pub mod run;
mod said;
pub mod secrets;
pub mod signals;
pub mod simulator;
pub mod state_dir;
mod tar_stream;
pub mod trust;
