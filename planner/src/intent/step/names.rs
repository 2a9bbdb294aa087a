//! Names of objects, images, stages and outputs.

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// The name of a container or network on the engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectName(pub String);

/// An image's `name:tag` or `name@digest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageName(pub String);

impl ImageName {
    /// The name under which Docker lists the image: without its own registry's name, with `latest` where there is no tag, and
    /// without a tag where there is a digest.
    #[must_use]
    pub fn listed(&self) -> String {
        let name = self.0.strip_prefix("docker.io/").unwrap_or(&self.0);
        let name = name.strip_prefix("library/").unwrap_or(name);
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (name, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let tag = name[last..].find(':').map(|colon| last + colon);
        match (digest, tag) {
            (Some(digest), tag) => format!("{}@{digest}", &name[..tag.unwrap_or(name.len())]),
            (None, Some(_)) => name.to_owned(),
            (None, None) => format!("{name}:latest"),
        }
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a folder in which files are staged. It holds the digest of what is in it, so that other content is another folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageName(pub String);

/// An output that an operation will know: `implementer/agent/owners`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutputRef {
    /// The operation that knows it.
    pub address: Address,
    /// Which of its outputs.
    pub name: String,
}
