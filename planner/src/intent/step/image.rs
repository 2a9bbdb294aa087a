//! Images to be built.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Archive, ImageName, StageName};
use crate::digest::Digest;
use crate::source::SourcePath;

/// An image to be built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its name; the tag is the digest of what goes in, so that an image of other content is another image.
    pub image: ImageName,
    /// Where its files come from.
    pub context: Context,
    /// `--build-arg`s.
    pub args: BTreeMap<String, String>,
    /// The digest of context, Dockerfile and arguments.
    pub content: Digest,
}

/// A build context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// A folder of the host.
    Folder {
        /// The folder.
        folder: SourcePath,
        /// The Dockerfile, relative to it.
        dockerfile: String,
    },
    /// A base image and a folder of the host laid over it: made as a stream, or in a stage where a backend reads none.
    Baked {
        /// The image below.
        base: ImageName,
        /// What is laid over it.
        files: Archive,
        /// The stage that holds the context; `None` where it is a stream.
        stage: Option<StageName>,
    },
}
