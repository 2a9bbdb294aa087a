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

    /// Why it lies outside the manifest's folder by how it is written; `None` for a path below it, which a link may still lead out of.
    ///
    /// A path that leaves the folder and comes back counts as outside: whether it comes back depends on the machine.
    #[must_use]
    pub fn leaves(&self) -> Option<Outside> {
        if self.0.starts_with('/') {
            return Some(Outside::Absolute);
        }
        if self.0 == "~" || self.0.starts_with("~/") {
            return Some(Outside::Home);
        }
        let mut depth = 0_usize;
        for part in self.0.split('/') {
            match part {
                "" | "." => {}
                ".." if depth == 0 => return Some(Outside::Parent),
                ".." => depth -= 1,
                _ => depth += 1,
            }
        }
        None
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

/// Why a path lies outside the manifest's folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Outside {
    /// `..` leads above the folder.
    Parent,
    /// It is absolute.
    Absolute,
    /// It is below the home of whoever runs the command.
    Home,
    /// A symbolic link inside the folder leads out of it.
    Link {
        /// To where: absolute, or relative to the manifest's folder.
        to: String,
    },
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
    /// A file or a folder that cannot be looked into from here: below a submodule, or outside the repository whose revision is read.
    Unseen {
        /// What tells one state of it from another, as far as that is known: a submodule's commit; else empty.
        state: String,
    },
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
    /// It lies outside the manifest's folder, and was not looked at.
    #[error("it lies outside the manifest's folder, which nobody has trusted the manifest with")]
    Unseen,
    /// Anything else that the system said.
    #[error("{0}")]
    Unreadable(String),
}

/// The files of a manifest, as the planner may see them. Implementations resolve a [`SourcePath`] against the manifest's folder.
pub trait Files {
    /// Where a link inside the manifest's folder leads a path that is written as one below that folder, if that is out of it. What
    /// cannot be told counts as leading out. Nothing outside is looked at.
    fn link_out(&self, path: &SourcePath) -> Option<String>;

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

/// Why a path lies outside the manifest's folder; `None` when it does not.
#[must_use]
pub fn outside(files: &dyn Files, path: &SourcePath) -> Option<Outside> {
    path.leaves().or_else(|| files.link_out(path).map(|to| Outside::Link { to }))
}

#[cfg(test)]
mod tests {
    use super::{Outside, SourcePath};

    #[test]
    fn a_path_that_leaves_the_folder_is_outside_even_where_it_comes_back() {
        for inside in [".", "a", "./a/b", "a/..", "a/../b", "a/b/../..", "~a", "a/~/b"] {
            assert_eq!(SourcePath::new(inside).leaves(), None, "{inside}");
        }
        for (path, why) in [
            ("..", Outside::Parent),
            ("../project/a", Outside::Parent),
            ("a/../../b", Outside::Parent),
            ("./..", Outside::Parent),
            ("/", Outside::Absolute),
            ("/a", Outside::Absolute),
            ("~", Outside::Home),
            ("~/.ssh/id", Outside::Home),
        ] {
            assert_eq!(SourcePath::new(path).leaves(), Some(why), "{path}");
        }
    }
}
