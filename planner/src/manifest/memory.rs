//! Files that exist only in a test.

use std::collections::BTreeMap;

use crate::source::{Entry, FileError, Files, Kind, SourcePath};

/// A tree of files and folders. The manifest's folder is `.`; folders stand wherever a path leads through them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(BTreeMap<String, (Kind, Vec<u8>)>);

impl Memory {
    /// Files by path, each with its text. A path that ends in a slash is an empty folder.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut memory = Self::default();
        for (path, text) in files {
            let kind = if path.ends_with('/') { Kind::Folder } else { Kind::File { executable: false } };
            memory.put(path, kind, text.as_bytes());
        }
        memory
    }

    /// Puts something at a path.
    pub(crate) fn put(&mut self, path: &str, kind: Kind, bytes: &[u8]) {
        let path = place(path);
        for (end, _) in path.match_indices('/') {
            self.0.entry(path[..end].to_owned()).or_insert_with(|| (Kind::Folder, Vec::new()));
        }
        self.0.insert(path, (kind, bytes.to_vec()));
    }

    fn get(&self, path: &SourcePath) -> Result<(Kind, Vec<u8>), FileError> {
        match place(path.as_str()) {
            here if here.is_empty() => Ok((Kind::Folder, Vec::new())),
            path => self.0.get(&path).cloned().ok_or(FileError::Missing),
        }
    }
}

fn place(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
    parts.join("/").trim_end_matches('/').to_owned()
}

impl Files for Memory {
    /// No link of these leads anywhere.
    fn link_out(&self, _: &SourcePath) -> Option<String> {
        None
    }

    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError> {
        self.get(path).map(|(kind, _)| kind)
    }

    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError> {
        match self.get(path)? {
            (Kind::File { .. }, bytes) => Ok(bytes),
            _ => Err(FileError::Unreadable("it is not a file".to_owned())),
        }
    }

    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError> {
        if self.kind(path)? != Kind::Folder {
            return Err(FileError::Unreadable("it is not a folder".to_owned()));
        }
        let folder = place(path.as_str());
        let below = |path: &str| match folder.is_empty() {
            true if path.starts_with(['/', '~']) => None,
            true => Some(path.to_owned()),
            false => path.strip_prefix(&folder)?.strip_prefix('/').map(str::to_owned),
        };
        let entries = self.0.iter().filter_map(|(path, (kind, _))| {
            below(path).filter(|path| !path.is_empty()).map(|path| Entry { path, kind: kind.clone() })
        });
        Ok(entries.collect())
    }
}
