//! Everything right of "plan": observing engines, running plans on them, and remembering what was done.
//!
//! Unlike the planner, this crate touches the machine.

pub mod crash;
pub mod engine;
pub mod journal;
pub mod lock;
pub mod run;
pub mod signals;
pub mod state_dir;
