//! What must become true, in no backend's terms: steps, and the graph of their needs.

mod agent;
mod archives;
pub(crate) mod bake;
mod compile;
pub(crate) mod content;
mod graph;
pub(crate) mod hosts_file;
pub(crate) mod pipelock;
mod ssh;
mod steering;
mod step;
mod ways;

pub use compile::{CompileError, Compiled, compile};
pub use graph::{Graph, GraphError, Need, Node};
pub use steering::steers;
pub use step::*;
pub use ways::{Way, Ways};

pub(crate) use compile::open_hosts;
