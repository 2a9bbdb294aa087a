//! What must become true, in no backend's terms: steps, and the graph of their needs.

mod archives;
mod compile;
mod content;
mod graph;
mod pipelock;
mod ssh;
mod step;

pub use compile::{CompileError, Compiled, compile};
pub use graph::{Graph, GraphError, Need, Node};
pub use step::*;
