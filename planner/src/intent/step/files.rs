//! Files for a guest: archives, copies, stages.

use serde::{Deserialize, Serialize};

use super::{ObjectName, StageName};
use crate::digest::Digest;
use crate::source::SourcePath;

/// Files to be staged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The folder.
    pub name: StageName,
    /// The folder of the guest that it stands for: paths below it are paths in the stage.
    pub base: String,
    /// The files.
    pub files: Archive,
    /// The digest of their content.
    pub content: Digest,
}

/// The user names whose numbers are needed to copy files as theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owners {
    /// The container whose `/etc/passwd` tells.
    pub container: ObjectName,
    /// The names, sorted.
    pub names: Vec<String>,
}

/// Files to be put into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyIn {
    /// The container.
    pub container: ObjectName,
    /// The folder that they are all in: `/`, or the volume of a container whose root is read-only, where an engine takes nothing else.
    pub into: String,
    /// The files.
    pub files: Archive,
    /// Whether the host's content is part of what the plan compares. A workspace is not: it is the agent's from then on.
    pub tracked: Tracking,
}

/// Whether a later change on the host is copied again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tracking {
    /// Yes; the digest of the content.
    Content(Digest),
    /// No: it is given once, when the container is made.
    Once,
}

/// A set of files with owners and modes, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Folders and files.
    pub entries: Vec<ArchiveEntry>,
}

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// The absolute path in the guest.
    pub path: String,
    /// Where its content comes from.
    pub content: Content,
    /// Its owner.
    pub owner: Owner,
    /// Permission bits; `None` is 0755 for folders and executables, 0644 else.
    pub mode: Option<u32>,
}

/// Where content comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// An empty folder.
    Folder,
    /// The text itself.
    Text(String),
    /// A file or folder of the host, with all below it.
    Host(SourcePath),
}

/// An owner in the guest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// By number.
    Id {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// By name: an output of the container's [`Step::LearnOwners`](super::Step::LearnOwners).
    Name(String),
}

impl Owner {
    /// root.
    pub const ROOT: Self = Self::Id { uid: 0, gid: 0 };
}
