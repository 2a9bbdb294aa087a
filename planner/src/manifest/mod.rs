//! The manifest: TOML text in, [`Manifest`] out, every error with its place in the text.

mod model;

pub use model::*;
