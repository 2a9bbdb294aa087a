//! The scheduler on an engine that only remembers what it was asked.

mod behaviour;
mod double;
mod properties;
