//! The files of a manifest on the real file system.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bottle_planner::source::{Entry, FileError, Files, Kind, SourcePath};

/// A manifest's path on this machine: relative to `root`, absolute, or `~/` below the home.
#[must_use]
pub fn resolve(path: &SourcePath, root: &Path) -> PathBuf {
    let text = path.as_str();
    let below_home = if text == "~" { Some("") } else { text.strip_prefix("~/") };
    match (below_home, std::env::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        _ => root.join(text),
    }
}

/// The files of a manifest, its paths taken relative to a folder.
#[derive(Clone, Debug)]
pub struct HostFiles {
    root: PathBuf,
}

impl HostFiles {
    /// The files of a manifest that lies in `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl Files for HostFiles {
    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError> {
        Ok(kind_of(&fs::metadata(resolve(path, &self.root)).map_err(of_io)?))
    }

    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError> {
        let path = resolve(path, &self.root);
        // Reading a pipe would wait for a writer, and a device may have no end.
        if !fs::metadata(&path).map_err(of_io)?.is_file() {
            return Err(FileError::Unreadable("it is not a file".to_owned()));
        }
        fs::read(path).map_err(of_io)
    }

    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError> {
        let top = resolve(path, &self.root);
        let mut found = Vec::new();
        let mut open = vec![(top, String::new())];
        while let Some((folder, prefix)) = open.pop() {
            let below = |error: io::Error| match prefix.as_str() {
                "" => of_io(error),
                prefix => FileError::Unreadable(format!("{prefix}{error}")),
            };
            for item in fs::read_dir(&folder).map_err(below)? {
                let item = item.map_err(below)?;
                let Ok(name) = item.file_name().into_string() else {
                    let name = item.file_name().to_string_lossy().into_owned();
                    return Err(FileError::Unreadable(format!("the name of {prefix}{name} is not UTF-8")));
                };
                let path = format!("{prefix}{name}");
                let metadata = item.metadata().map_err(|error| FileError::Unreadable(format!("{path}: {error}")))?;
                let kind = if metadata.is_symlink() { link(&item.path(), &path)? } else { kind_of(&metadata) };
                if kind == Kind::Folder {
                    open.push((item.path(), format!("{path}/")));
                }
                found.push(Entry { path, kind });
            }
        }
        // A path sorts behind everything that it begins with, so parents come first.
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }
}

fn of_io(error: io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing,
        _ => FileError::Unreadable(error.to_string()),
    }
}

fn kind_of(metadata: &Metadata) -> Kind {
    if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_file() {
        Kind::File { executable: metadata.permissions().mode() & 0o100 != 0 }
    } else {
        Kind::Other
    }
}

fn link(at: &Path, shown: &str) -> Result<Kind, FileError> {
    let target = fs::read_link(at).map_err(|error| FileError::Unreadable(format!("{shown}: {error}")))?;
    let text = target.into_os_string().into_string();
    text.map(Kind::Link)
        .map_err(|_| FileError::Unreadable(format!("the link {shown} leads to a name that is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn scratch() -> (tempfile::TempDir, HostFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files = HostFiles::new(folder.path().to_owned());
        (folder, files)
    }

    #[test]
    fn a_folder_is_listed_sorted_with_parents_first_and_links_as_links() {
        let (folder, files) = scratch();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("b/deep")).unwrap();
        fs::write(top.join("b/deep/z"), "z").unwrap();
        fs::write(top.join("b.txt"), "x").unwrap();
        fs::write(top.join("a"), "#!").unwrap();
        fs::set_permissions(top.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("b", top.join("to-folder")).unwrap();
        symlink("../outside", top.join("b/dangling")).unwrap();
        let _socket = UnixListener::bind(top.join("socket")).unwrap();
        symlink("top", folder.path().join("alias")).unwrap();

        let file = Kind::File { executable: false };
        let expected: Vec<Entry> = [
            ("a", Kind::File { executable: true }),
            ("b", Kind::Folder),
            ("b.txt", file.clone()),
            ("b/dangling", Kind::Link("../outside".to_owned())),
            ("b/deep", Kind::Folder),
            ("b/deep/z", file),
            ("socket", Kind::Other),
            ("to-folder", Kind::Link("b".to_owned())),
        ]
        .map(|(path, kind)| Entry { path: path.to_owned(), kind })
        .into();
        assert_eq!(files.list(&SourcePath::new("top")).unwrap(), expected);
        assert_eq!(files.list(&SourcePath::new("alias")).unwrap(), expected, "a link at the top is followed");
        assert_eq!(files.kind(&SourcePath::new("alias")).unwrap(), Kind::Folder);
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        let (folder, files) = scratch();
        let of = SourcePath::new;
        assert_eq!(files.kind(&of("none")), Err(FileError::Missing));
        assert_eq!(files.list(&of("none")), Err(FileError::Missing));
        assert_eq!(files.read(&of("none")), Err(FileError::Missing));
        fs::write(folder.path().join("f"), "text").unwrap();
        assert!(matches!(files.list(&of("f")), Err(FileError::Unreadable(_))));
        assert!(matches!(files.read(&of(".")), Err(FileError::Unreadable(_))));
        assert_eq!(files.read(&of("f")).unwrap(), b"text");
        let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
        fs::write(folder.path().join(odd), "").unwrap();
        let Err(FileError::Unreadable(why)) = files.list(&of(".")) else {
            panic!("a name that is not UTF-8 was listed")
        };
        assert!(why.contains("UTF-8"), "{why}");
    }

    #[test]
    fn paths_are_relative_absolute_or_below_the_home() {
        let root = Path::new("/m");
        assert_eq!(resolve(&SourcePath::new("a/b"), root), Path::new("/m/a/b"));
        assert_eq!(resolve(&SourcePath::new("/a/b"), root), Path::new("/a/b"));
        assert_eq!(resolve(&SourcePath::new("~other"), root), Path::new("/m/~other"));
        let home = std::env::home_dir().unwrap();
        assert_eq!(resolve(&SourcePath::new("~/.ssh/id"), root), home.join(".ssh/id"));
    }
}
