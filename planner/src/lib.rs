//! Everything left of "execute": a manifest compiles into a graph of intent steps, passes lower it for one backend's
//! profile, and the lowered operations are compared with what an engine has.
//!
//! The crate is pure. It starts no process, opens no socket, reads no clock and no environment, and sees files only
//! through the [`source::Files`] it is handed, so that the same input gives the same plan on any machine.

pub mod address;
pub mod approval;
pub mod difference;
pub mod digest;
pub mod exposure;
mod fixed;
pub mod guarantee;
pub mod intent;
pub mod manifest;
pub mod name;
pub mod observation;
pub mod operation;
pub mod passes;
pub mod picture;
pub mod plan;
pub mod probe;
pub mod profile;
pub mod reads;
pub mod render;
pub mod saved;
pub mod source;
pub mod spelling;
pub mod trust;
