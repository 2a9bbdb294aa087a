//! The files of a manifest in a working tree, as far as they could stand in a commit.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bottle_planner::source::{Entry, FileError, Files, Kind, SourcePath};

use super::repository::{GitError, Repository};
use crate::host_files::{HostFiles, resolve};

/// The files of a manifest that lies in a working tree, for holding them against a commit's.
///
/// A folder has what git tracks or would track, since a commit has nothing else: no `.git`, nothing that is ignored. What is outside of the
/// repository, or in a submodule, cannot be looked into, as in [`GitFiles`](super::GitFiles).
#[derive(Debug)]
pub struct WorktreeFiles {
    host: HostFiles,
    root: PathBuf,
    top: PathBuf,
    /// Paths below the top; of a submodule or a repository within, its commit.
    known: BTreeMap<String, Option<String>>,
    odd: Vec<Vec<u8>>,
}

impl WorktreeFiles {
    /// The files of a manifest that lies in `root`; `None` where that is in no working tree.
    ///
    /// # Errors
    /// When git fails.
    pub fn new(root: &Path) -> Result<Option<Self>, GitError> {
        let repository = match Repository::of(root) {
            Err(GitError::Repository { .. }) => return Ok(None),
            repository => repository?,
        };
        let Some(top) = repository.top()? else { return Ok(None) };
        let at_top = Repository::of(&top)?;
        let (mut known, mut odd) = (BTreeMap::new(), Vec::new());
        let mut take = |path: &[u8], commit: Option<String>| match std::str::from_utf8(path) {
            Ok(path) => drop(known.insert(path.to_owned(), commit)),
            Err(_) => odd.push(path.to_vec()),
        };
        let tracked = at_top.ask(&["ls-files", "-z", "--stage"])?;
        for record in tracked.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            let Some(tab) = record.iter().position(|byte| *byte == b'\t') else { continue };
            let head = String::from_utf8_lossy(&record[..tab]);
            let mut words = head.split(' ');
            let commit = (words.next() == Some("160000")).then(|| words.next().unwrap_or_default().to_owned());
            take(&record[tab + 1..], commit);
        }
        let others = at_top.ask(&["ls-files", "-z", "--others", "--exclude-standard"])?;
        for path in others.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
            // With a slash at its end, it is a repository within.
            match path.strip_suffix(b"/") {
                Some(path) => take(path, Some(String::new())),
                None => take(path, None),
            }
        }
        let top = top.canonicalize().map_err(|error| GitError::Failed(error.to_string()))?;
        Ok(Some(Self { host: HostFiles::unbounded(root.to_owned()), root: root.to_owned(), top, known, odd }))
    }

    /// The text of the manifest itself. It may be a link to what git tracks or would track, and to nothing else: what is wrong with
    /// a text is shown with its lines.
    ///
    /// # Errors
    /// When it cannot be read, or leads elsewhere.
    pub fn manifest(&self, name: &Path) -> Result<Vec<u8>, FileError> {
        let at = self.root.join(name);
        let unreadable = |error: std::io::Error| FileError::Unreadable(error.to_string());
        let real = at.canonicalize().map_err(unreadable)?;
        if fs::symlink_metadata(&at).map_err(unreadable)?.is_symlink() {
            let below = real.strip_prefix(&self.top).ok().and_then(Path::to_str);
            if below.is_none_or(|below| self.known.get(below) != Some(&None)) {
                return Err(FileError::Unreadable("it is a link to what is not in the repository".to_owned()));
            }
        }
        fs::read(real).map_err(unreadable)
    }

    /// The path below the top, or what stands for what cannot be looked into.
    fn find(&self, path: &SourcePath) -> Result<Result<String, Kind>, FileError> {
        let text = path.as_str();
        let unseen = |state: &str| Ok(Err(Kind::Unseen { state: state.to_owned() }));
        if text.starts_with('/') || text == "~" || text.starts_with("~/") {
            return unseen("");
        }
        let real = match resolve(path, &self.root).canonicalize() {
            Ok(real) => real,
            // Says what is missing or in the way.
            Err(error) => return Err(self.host.kind(path).err().unwrap_or(FileError::Unreadable(error.to_string()))),
        };
        let Ok(below) = real.strip_prefix(&self.top) else { return unseen("") };
        let Some(below) = below.to_str() else {
            return Err(FileError::Unreadable("its name is not UTF-8".to_owned()));
        };
        let above = below.match_indices('/').map(|(end, _)| &below[..end]);
        match above.chain([below]).find_map(|part| self.known.get(part)?.as_ref()) {
            Some(commit) => unseen(commit),
            None => Ok(Ok(below.to_owned())),
        }
    }
}

impl Files for WorktreeFiles {
    /// Nobody's trust is asked for to compare: what is outside of the repository is not looked into.
    fn link_out(&self, _: &SourcePath) -> Option<String> {
        None
    }

    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError> {
        match self.find(path)? {
            Ok(_) => self.host.kind(path),
            Err(unseen) => Ok(unseen),
        }
    }

    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError> {
        match self.find(path)? {
            Ok(_) => self.host.read(path),
            Err(_) => Ok(Vec::new()),
        }
    }

    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError> {
        let Ok(folder) = self.find(path)? else { return Ok(Vec::new()) };
        if self.host.kind(path)? != Kind::Folder {
            return Err(FileError::Unreadable("it is not a folder".to_owned()));
        }
        let prefix = if folder.is_empty() { folder } else { format!("{folder}/") };
        if let Some(odd) = self.odd.iter().find(|odd| odd.starts_with(prefix.as_bytes())) {
            let name = String::from_utf8_lossy(&odd[prefix.len()..]).into_owned();
            return Err(FileError::Unreadable(format!("the name of {name} is not UTF-8")));
        }
        let mut found = BTreeMap::new();
        let below = self.known.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        for (path, commit) in below {
            let kind = match commit {
                Some(commit) => Some(Kind::Unseen { state: commit.clone() }),
                None => kind_of(&self.top.join(path), path)?,
            };
            // What is tracked and was taken away is not there.
            let Some(kind) = kind else { continue };
            let path = &path[prefix.len()..];
            for (end, _) in path.match_indices('/') {
                found.insert(path[..end].to_owned(), Kind::Folder);
            }
            found.insert(path.to_owned(), kind);
        }
        Ok(found.into_iter().map(|(path, kind)| Entry { path, kind }).collect())
    }
}

fn kind_of(at: &Path, shown: &str) -> Result<Option<Kind>, FileError> {
    let unreadable = |error: std::io::Error| FileError::Unreadable(format!("{shown}: {error}"));
    let metadata = match fs::symlink_metadata(at) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    Ok(Some(if metadata.is_symlink() {
        let target = fs::read_link(at).map_err(unreadable)?.into_os_string().into_string();
        Kind::Link(
            target.map_err(|_| FileError::Unreadable(format!("the link {shown} leads to a name that is not UTF-8")))?,
        )
    } else if metadata.is_file() {
        Kind::File { executable: metadata.permissions().mode() & 0o100 != 0 }
    } else if metadata.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    }))
}
