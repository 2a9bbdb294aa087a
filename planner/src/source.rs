//! Files that a manifest names, and the only way in which the planner sees them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exposure::Exposure;

/// A path on the host as the manifest wrote it: relative to the manifest's folder, absolute, or below the home (`~/...`).
///
/// Plans show it as written, so that they hold no path of the machine that made them; the executor resolves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourcePath(String);

impl SourcePath {
    /// Takes a path as written, without a trailing slash.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let trimmed = text.trim_end_matches('/');
        Self(if trimmed.is_empty() { text.to_owned() } else { trimmed.to_owned() })
    }

    /// The path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A path below this one.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    /// The last part.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for SourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, and whether its owner may execute it.
    File {
        /// The owner's execute bit.
        executable: bool,
    },
    /// A folder.
    Folder,
    /// A symbolic link and the text it holds.
    Link(String),
    /// A socket, device or pipe.
    Other,
}

/// One thing below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path relative to the folder that was listed, with `/` between the parts.
    pub path: String,
    /// What it is. Links below the folder are not followed.
    pub kind: Kind,
}

/// Why a file could not be seen, in words that follow "cannot read PATH: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing stands there.
    #[error("there is no such file or folder")]
    Missing,
    /// Anything else that the system said.
    #[error("{0}")]
    Unreadable(String),
}

/// The files of a manifest, as the planner may see them. Implementations resolve a [`SourcePath`] against the manifest's folder.
pub trait Files {
    /// What stands at a path, links followed.
    ///
    /// # Errors
    /// When nothing stands there or it cannot be looked at.
    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError>;

    /// The whole content of a file.
    ///
    /// # Errors
    /// When it is not a file or cannot be read.
    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError>;

    /// Everything below a folder, sorted by path, parents before what they hold.
    ///
    /// # Errors
    /// When it is not a folder or something below it cannot be listed.
    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError>;

    /// What a folder of the host would give away if a guest could write to it; `None` when it may be mounted.
    ///
    /// Where the machine can be asked, links are followed and its homes and engines are known. By itself this knows the path's text alone.
    fn exposure(&self, path: &SourcePath) -> Option<Exposure> {
        Exposure::by_name(path.as_str())
    }
}
