//! Files in memory.

use std::collections::BTreeMap;

use bottle_planner::source::{Entry, FileError, Files, Kind, SourcePath};

/// Text files by path; their folders exist because they do.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(BTreeMap<String, String>);

impl MemoryFiles {
    /// These files, by path and text.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect())
    }

    /// Another text for a file, or a new file.
    pub fn write(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), text.to_owned());
    }

    /// What lies below a folder: path relative to it, and whether it is a folder itself.
    fn below(&self, folder: &str) -> BTreeMap<String, Kind> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut found = BTreeMap::new();
        for path in self.0.keys() {
            let Some(rest) = path.strip_prefix(&prefix) else { continue };
            for (end, _) in rest.match_indices('/') {
                found.insert(rest[..end].to_owned(), Kind::Folder);
            }
            found.insert(rest.to_owned(), Kind::File { executable: false });
        }
        found
    }
}

fn normal(path: &SourcePath) -> String {
    let parts = path.as_str().split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

impl Files for MemoryFiles {
    /// There are no links.
    fn link_out(&self, _: &SourcePath) -> Option<String> {
        None
    }

    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError> {
        let path = normal(path);
        if self.0.contains_key(&path) {
            return Ok(Kind::File { executable: false });
        }
        if self.below(&path).is_empty() { Err(FileError::Missing) } else { Ok(Kind::Folder) }
    }

    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError> {
        self.0.get(&normal(path)).map(|text| text.clone().into_bytes()).ok_or(FileError::Missing)
    }

    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError> {
        Ok(self.below(&normal(path)).into_iter().map(|(path, kind)| Entry { path, kind }).collect())
    }
}
