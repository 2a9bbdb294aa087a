//! The manifest: TOML text in, [`Manifest`] out, every error with its place in the text.
//!
//! Each table is read once, key by key, into a layer, with whatever is wrong in it on its own. Layers are then laid over one
//! another (`[defaults]`, what `extends` names, the bottle), and what only shows in the whole is checked there. Nothing stops at
//! the first error.

mod allowance;
mod egress;
mod env;
mod error;
mod exec;
mod given_up;
mod guest;
mod hosts;
mod image;
mod keys;
mod layer;
mod limits;
#[cfg(test)]
pub(crate) mod memory;
mod merge;
mod model;
mod parse;
mod places;
mod project;
mod punycode;
mod read;
mod schema;
mod sources;
mod ssh;
#[cfg(test)]
mod tests;

pub use allowance::Allowance;
pub(crate) use allowance::CAPABILITIES;
pub use error::{Code, ManifestError, ManifestErrors};
pub use model::*;
pub use parse::{LONGEST, parse};
pub use schema::schema;
