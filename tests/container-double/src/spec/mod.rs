//! What the options of `run`, `create` and `exec` mean.

pub(crate) mod environment;
pub(crate) mod labels;
pub(crate) mod mounts;
pub(crate) mod names;
pub(crate) mod networks;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod resources;
