//! What the environment says of the machine that is doubled.

use std::env;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// The machine.
pub(crate) struct Settings {
    /// `$CONTAINER_DOUBLE_STATE`: the folder of the state.
    pub(crate) state: PathBuf,
    /// `$CONTAINER_DOUBLE_VERSION`: 1.2.2 or 1.1.0.
    pub(crate) version: String,
    /// `$CONTAINER_DOUBLE_MACOS`: 26 or 15.
    pub(crate) macos: u32,
    /// Whether `$CONTAINER_DOUBLE_ENGINE` is `none`.
    pub(crate) no_engine: bool,
    /// Whether `$CONTAINER_DOUBLE_INTERNAL` is `leaks`: then an internal network lets traffic out, as one report says of 1.2.0.
    pub(crate) internal_leaks: bool,
    /// `$CONTAINER_DOUBLE_NAMES`: what DNS knows, for those whose first network is NAT, as `name=address` apart by commas.
    pub(crate) names: Vec<(String, String)>,
    /// `$CONTAINER_DOUBLE_REGISTRY`: without an engine, the images that can be pulled, apart by commas.
    pub(crate) registry: Vec<String>,
}

impl Settings {
    pub(crate) fn read() -> Result<Self, Failure> {
        let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let state = get("CONTAINER_DOUBLE_STATE")
            .ok_or_else(|| Failure::double("CONTAINER_DOUBLE_STATE must name the folder where it keeps its state"))?;
        let version = get("CONTAINER_DOUBLE_VERSION").unwrap_or_else(|| "1.2.2".to_owned());
        if !["1.2.2", "1.1.0"].contains(&version.as_str()) {
            return Err(Failure::double("CONTAINER_DOUBLE_VERSION must be 1.2.2 or 1.1.0"));
        }
        let macos = match get("CONTAINER_DOUBLE_MACOS").as_deref() {
            None | Some("26") => 26,
            Some("15") => 15,
            Some(_) => return Err(Failure::double("CONTAINER_DOUBLE_MACOS must be 26 or 15")),
        };
        let names = get("CONTAINER_DOUBLE_NAMES").unwrap_or_default();
        let name = |pair: &str| pair.split_once('=').map(|(name, address)| (name.to_owned(), address.to_owned()));
        let registry = get("CONTAINER_DOUBLE_REGISTRY").unwrap_or_default();
        Ok(Self {
            state: PathBuf::from(state),
            version,
            macos,
            no_engine: get("CONTAINER_DOUBLE_ENGINE").as_deref() == Some("none"),
            internal_leaks: get("CONTAINER_DOUBLE_INTERNAL").as_deref() == Some("leaks"),
            names: names.split(',').filter_map(name).collect(),
            registry: registry.split(',').filter(|image| !image.is_empty()).map(str::to_owned).collect(),
        })
    }
}

/// The first digits of a digest.
pub(crate) fn short_digest(text: &str, digits: usize) -> String {
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    digest.chars().take(digits).collect()
}
