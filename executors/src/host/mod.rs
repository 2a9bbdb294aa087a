//! What is done on the host itself, whatever the engine: files staged, processes that go on by themselves, names resolved.

pub(crate) mod process;
pub(crate) mod resolve;
pub(crate) mod stage;
mod table;
