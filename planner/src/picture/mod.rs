//! Pictures of a plan: the graph of what must become true, the graph of what is done, and who can reach whom.
//!
//! All of them are text, and the same plan gives the same bytes anywhere.

mod dot;
mod drawing;
mod graphs;
mod mermaid;
mod scene;
mod svg;

pub use dot::dot;
pub use drawing::Drawing;
pub use graphs::{intent, operations};
pub use mermaid::mermaid;
pub use scene::topology;
pub use svg::svg;
