//! The files of an archive, found on the host.

use std::path::{Path, PathBuf};

use bottle_planner::intent::{Archive, Content, Owner};
use bottle_planner::source::SourcePath;

/// One file for a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestFile {
    /// Its absolute path in the guest.
    pub path: String,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// What it is.
    pub body: Body,
}

/// What a file for a guest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A folder.
    Folder,
    /// A file with this text.
    Text(String),
    /// A file of the host, read when it is needed.
    HostFile(PathBuf),
    /// A symbolic link that holds this text.
    Link(String),
}

/// Why the files of an archive could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct ArchiveError {
    /// The file, as the manifest wrote it.
    pub path: String,
    /// Why.
    pub why: String,
}

/// The files of an archive, in its order. `owner` knows the numbers of a user name.
///
/// # Errors
/// When a file is missing or an owner is not known.
pub fn expand(
    archive: &Archive,
    root: &Path,
    owner: &dyn Fn(&str) -> Option<(u32, u32)>,
) -> Result<Vec<GuestFile>, ArchiveError> {
    let mut files = Vec::new();
    for entry in &archive.entries {
        let fail = |why: String| ArchiveError { path: entry.path.clone(), why };
        let (uid, gid) = match &entry.owner {
            Owner::Id { uid, gid } => (*uid, *gid),
            Owner::Name(name) => owner(name).ok_or_else(|| fail(format!("the user {name} is not known")))?,
        };
        let body = match &entry.content {
            Content::Folder => Body::Folder,
            Content::Text(text) => Body::Text(text.clone()),
            Content::Host(path) => {
                let path = resolve(path, root);
                if !path.is_file() {
                    return Err(fail("it is no file".to_owned()));
                }
                Body::HostFile(path)
            }
        };
        let mode = entry.mode.unwrap_or(if body == Body::Folder { 0o755 } else { 0o644 });
        files.push(GuestFile { path: entry.path.clone(), uid, gid, mode, body });
    }
    Ok(files)
}

/// Where a path of the manifest is on this machine.
#[must_use]
pub fn resolve(path: &SourcePath, root: &Path) -> PathBuf {
    match (path.as_str().strip_prefix("~/"), std::env::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        _ => root.join(path.as_str()),
    }
}
