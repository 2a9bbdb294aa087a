//! What must become true, in no backend's terms: steps, and the graph of their needs.

mod graph;
mod step;

pub use graph::{Graph, GraphError, Need, Node};
pub use step::*;
