//! What `container` answers, in the shapes of 1.0 and later. What is not needed is not read.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::Deserialize;

use super::ContainerEngine;
use crate::engine::EngineError;
use crate::labels::LabelMap;

/// A container, as `list` and `inspect` answer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawContainer {
    /// Its name.
    pub(super) id: String,
    pub(super) configuration: RawConfiguration,
    pub(super) status: RawStatus,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawConfiguration {
    pub(super) image: Option<RawReference>,
    #[serde(default)]
    pub(super) labels: LabelMap,
    #[serde(default)]
    pub(super) networks: Vec<RawJoined>,
    #[serde(default)]
    pub(super) mounts: Vec<RawMount>,
    #[serde(default)]
    creation_date: String,
    #[serde(default)]
    pub(super) init_process: RawProcess,
}

/// What a container runs. It is not printed: secrets are among its variables.
#[derive(Clone, Default, Deserialize)]
pub(super) struct RawProcess {
    #[serde(default)]
    pub(super) environment: Vec<String>,
}

impl std::fmt::Debug for RawProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawProcess(hidden)")
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawReference {
    pub(super) descriptor: RawDescriptor,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawDescriptor {
    pub(super) digest: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawJoined {
    pub(super) network: String,
}

/// A mount; its kind is the only key of `type`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawMount {
    #[serde(rename = "type")]
    kind: BTreeMap<String, serde_json::Value>,
}

impl RawMount {
    /// The name of the volume, when it is one.
    pub(super) fn volume(&self) -> Option<&str> {
        self.kind.get("volume")?.get("name")?.as_str()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawStatus {
    pub(super) state: String,
    #[serde(rename = "startedDate")]
    pub(super) started: Option<String>,
    /// Empty unless it runs.
    #[serde(default)]
    pub(super) networks: Vec<RawAddress>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAddress {
    pub(super) network: String,
    /// With its prefix: `192.168.66.3/24`.
    pub(super) ipv4_address: Option<String>,
}

impl RawContainer {
    pub(super) fn runs(&self) -> bool {
        self.status.state == "running"
    }

    /// Whether it is on its way down: neither to be started nor to be taken away.
    pub(super) fn stops(&self) -> bool {
        self.status.state == "stopping"
    }

    /// Name and time of making: what no later container of the name has.
    pub(super) fn identity(&self) -> String {
        format!("{}@{}", self.id, self.configuration.creation_date)
    }

    /// Its address on a network, without the prefix.
    pub(super) fn address(&self, network: &str) -> Option<&str> {
        let joined = self.status.networks.iter().find(|joined| joined.network == network)?;
        let address = joined.ipv4_address.as_deref()?;
        Some(address.split_once('/').map_or(address, |(address, _)| address))
    }
}

/// A network.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawNetwork {
    /// Its name.
    pub(super) id: String,
    pub(super) configuration: RawLabelled,
    pub(super) status: Option<RawSubnet>,
}

/// A configuration of which only the labels are read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawLabelled {
    #[serde(default)]
    pub(super) labels: LabelMap,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSubnet {
    pub(super) ipv4_subnet: Option<Ipv4Net>,
}

impl RawNetwork {
    pub(super) fn subnet(&self) -> Option<Ipv4Net> {
        self.status.as_ref()?.ipv4_subnet.map(|subnet| subnet.trunc())
    }
}

/// A name of an image. An image with two names is there twice.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawImage {
    /// The digest, in hex.
    pub(super) id: String,
    pub(super) configuration: RawNamed,
    #[serde(default)]
    pub(super) variants: Vec<RawVariant>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawNamed {
    pub(super) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawVariant {
    config: Option<RawImageConfig>,
}

#[derive(Clone, Debug, Deserialize)]
struct RawImageConfig {
    config: Option<RawImageLabels>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawImageLabels {
    #[serde(default)]
    labels: LabelMap,
}

impl RawImage {
    /// The labels of the first variant that has any.
    pub(super) fn labels(&self) -> LabelMap {
        self.variants.iter().find_map(|variant| variant.config.as_ref()?.config.as_ref()?.labels.clone())
    }
}

/// A digest without the name of its function, as ids are.
pub(super) fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// A volume.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RawVolume {
    /// Its name.
    pub(super) id: String,
    pub(super) configuration: RawLabelled,
}

impl ContainerEngine {
    /// All containers, in the order of their names: the engine's has none.
    pub(super) fn list(&self) -> Result<Vec<RawContainer>, EngineError> {
        let mut list: Vec<RawContainer> = self.asked().ask(&["list", "--all", "--format", "json"])?.json()?;
        list.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(list)
    }

    /// One container, which has to be there.
    pub(super) fn inspect(&self, name: &str) -> Result<RawContainer, EngineError> {
        let answer = self.asked().ask(&["inspect", name])?;
        let found: Vec<RawContainer> = answer.json()?;
        let wanted = found.into_iter().find(|container| container.id == name);
        wanted.ok_or_else(|| answer.not_understood(format!("{name} is not in it")))
    }

    pub(super) fn list_networks(&self) -> Result<Vec<RawNetwork>, EngineError> {
        // On macOS 15 there is no such command, and one network.
        if self.macos()? == bottle_planner::profile::Macos::Fifteen {
            return Ok(Vec::new());
        }
        self.asked().ask(&["network", "list", "--format", "json"])?.json()
    }

    pub(super) fn list_images(&self) -> Result<Vec<RawImage>, EngineError> {
        self.asked().ask(&["image", "list", "--format", "json"])?.json()
    }

    /// Images with their configurations. None of them is asked about when there are none.
    pub(super) fn inspect_images(&self, names: &[&str]) -> Result<Vec<RawImage>, EngineError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.asked().ask(&[&["image", "inspect"], names].concat())?.json()
    }

    pub(super) fn list_volumes(&self) -> Result<Vec<RawVolume>, EngineError> {
        self.asked().ask(&["volume", "list", "--format", "json"])?.json()
    }
}
