//! What a plan takes from the host: secrets and files, each with where it goes.

mod files;
mod secrets;

pub use files::{FileRead, FileUse, file_reads};
pub use secrets::{Passage, SecretFlow, secret_flows};
