//! The files of a manifest on the real file system.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bottle_planner::exposure::{Exposure, SOCKETS};
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

    fn exposure(&self, path: &SourcePath) -> Option<Exposure> {
        let named = resolve(path, &self.root);
        let home = std::env::home_dir();
        let variable = |name| std::env::var(name).ok();
        let mut sockets: Vec<PathBuf> = SOCKETS.iter().map(PathBuf::from).collect();
        sockets.extend(
            ["DOCKER_HOST", "CONTAINER_HOST"]
                .into_iter()
                .filter_map(variable)
                .filter_map(|host| host.strip_prefix("unix://").map(PathBuf::from)),
        );
        sockets.extend(home.iter().flat_map(|home| HOMES_SOCKETS.iter().map(|socket| home.join(socket))));
        exposure(&named, home.as_deref(), &sockets)
    }
}

/// Where engines of one user put their sockets, below the home.
const HOMES_SOCKETS: [&str; 4] =
    [".docker/run/docker.sock", ".colima/default/docker.sock", ".rd/docker.sock", ".orbstack/run/docker.sock"];
/// What engines call their sockets.
const SOCKET_NAMES: [&str; 5] = ["docker.sock", "containerd.sock", "podman.sock", "crio.sock", "buildkitd.sock"];

/// What a folder gives away: by its name, and by where its links lead.
fn exposure(named: &Path, home: Option<&Path>, sockets: &[PathBuf]) -> Option<Exposure> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = real(named);
    if let Some(name) = SOCKET_NAMES.iter().find(|name| is_socket(&folder.join(name))) {
        return Some(Exposure::EngineSocket(text(&folder.join(name))));
    }
    let mut all: Vec<String> = sockets.iter().map(|socket| text(socket)).collect();
    all.extend(sockets.iter().map(|socket| text(&real(socket))));
    let by_links = Exposure::of(&text(&folder), home.map(|home| text(&real(home))).as_deref(), &all);
    by_links.or_else(|| Exposure::of(&text(named), home.map(text).as_deref(), &all))
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
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
    fn links_do_not_hide_what_a_folder_gives_away() {
        let (folder, _) = scratch();
        let top = fs::canonicalize(folder.path()).unwrap();
        let home = top.join("people/me");
        fs::create_dir_all(home.join("work/deep")).unwrap();
        fs::create_dir_all(top.join("engine")).unwrap();
        let engine = UnixListener::bind(top.join("engine/docker.sock"));
        symlink(&home, home.join("work/home")).unwrap();
        symlink("/etc", home.join("work/system")).unwrap();
        symlink("/", home.join("work/all")).unwrap();
        symlink(top.join("engine"), home.join("work/engine")).unwrap();
        let of = |path: &str| exposure(&home.join(path), Some(&home), &[]);
        assert_eq!(of("work"), None);
        assert_eq!(of("work/deep"), None);
        assert_eq!(of(""), Some(Exposure::Home));
        assert_eq!(of("work/.."), Some(Exposure::Home));
        assert_eq!(of("work/home"), Some(Exposure::Home));
        assert_eq!(of("work/home/work"), None);
        assert_eq!(of(".."), Some(Exposure::AboveHome));
        assert_eq!(of("work/system"), Some(Exposure::System("/etc")));
        assert_eq!(of("work/all"), Some(Exposure::Root));
        assert!(matches!(of("work/engine"), Some(Exposure::EngineSocket(_))));
        drop(engine);
        fs::remove_file(top.join("engine/docker.sock")).unwrap();
        assert_eq!(of("work/engine"), None);
        // An engine whose socket lies elsewhere, as its client is told.
        let elsewhere = home.join("work/deep/run/my.sock");
        assert!(matches!(exposure(&home.join("work"), Some(&home), &[elsewhere]), Some(Exposure::EngineSocket(_))));
        // The manifest's folder itself.
        let files = HostFiles::new(PathBuf::from("/"));
        assert_eq!(files.exposure(&SourcePath::new(".")), Some(Exposure::Root));
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
