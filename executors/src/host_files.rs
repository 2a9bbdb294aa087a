//! The files of a manifest on the real file system.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bottle_planner::exposure::{Exposure, SOCKETS};
use bottle_planner::source::{Entry, FileError, Files, Kind, Outside, SourcePath, outside};
use bottle_planner::trust::Request;

/// The files of a manifest, its paths taken relative to its folder. What lies outside that folder is seen only where it was granted.
#[derive(Clone, Debug)]
pub struct HostFiles {
    root: PathBuf,
    granted: BTreeSet<(SourcePath, Outside)>,
    /// Whether somebody else decides what may be looked at.
    unbounded: bool,
}

/// How many links are followed on the way to one file, as in Linux.
const LINKS: usize = 40;

impl HostFiles {
    /// The files of a manifest that lies in `root`, and nothing outside of it. `root` is canonical.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root, granted: BTreeSet::new(), unbounded: false }
    }

    /// The same, with what an owner agreed to.
    pub(crate) fn granted(root: PathBuf, request: &Request) -> Self {
        let granted = request.paths().map(|(path, outside)| (path.clone(), outside.clone())).collect();
        Self { root, granted, unbounded: false }
    }

    /// All that a path may lead to, for who looks first whether it may be looked at.
    pub(crate) fn unbounded(root: PathBuf) -> Self {
        Self { root, granted: BTreeSet::new(), unbounded: true }
    }

    /// The manifest's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path is on this machine, if it may be looked at.
    ///
    /// Links may be put in the way between this look and the use of the path; whoever can do that writes to the manifest's folder.
    ///
    /// # Errors
    /// [`FileError::Unseen`] for what lies outside and was not granted, or that leads elsewhere than where it led when it was.
    pub fn locate(&self, path: &SourcePath) -> Result<PathBuf, FileError> {
        if self.unbounded || outside(self, path).is_none() || self.granted.iter().any(|grant| self.covers(grant, path))
        {
            return Ok(resolve(path, &self.root));
        }
        Err(FileError::Unseen)
    }

    /// Whether a grant still means what it meant, and a path is that of the grant or one below it.
    fn covers(&self, (granted, why): &(SourcePath, Outside), path: &SourcePath) -> bool {
        let below = path.as_str().strip_prefix(granted.as_str());
        let plain = |rest: &str| rest.starts_with('/') && !rest.split('/').any(|part| part == "..");
        if !below.is_some_and(|rest| rest.is_empty() || plain(rest)) || outside(self, granted).as_ref() != Some(why) {
            return false;
        }
        let left_by = match why {
            Outside::Link { to } => self.root.join(to),
            Outside::Parent | Outside::Absolute | Outside::Home => resolve(granted, &self.root),
        };
        !self.passes_a_link_of_the_folder(&left_by)
    }

    /// Whether a path outside leads back into the manifest's folder and through a link there, which belongs to the repository.
    fn passes_a_link_of_the_folder(&self, path: &Path) -> bool {
        let mut at = PathBuf::from("/");
        let mut todo: Vec<OsString> = path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_bytes() {
                b"" | b"." => {}
                b"/" => at = PathBuf::from("/"),
                b".." => {
                    at.pop();
                }
                _ => {
                    let here = at.join(&part);
                    match fs::read_link(&here) {
                        Ok(_) if at.starts_with(&self.root) || links == LINKS => return true,
                        Ok(target) => {
                            links += 1;
                            todo.extend(target.components().rev().map(|part| part.as_os_str().to_owned()));
                        }
                        Err(_) => at = here,
                    }
                }
            }
        }
        false
    }
}

/// A manifest's path on this machine: relative to `root`, absolute, or `~/` below the home.
pub(crate) fn resolve(path: &SourcePath, root: &Path) -> PathBuf {
    let text = path.as_str();
    let below_home = if text == "~" { Some("") } else { text.strip_prefix("~/") };
    match (below_home, std::env::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        _ => root.join(text),
    }
}

impl Files for HostFiles {
    fn link_out(&self, path: &SourcePath) -> Option<String> {
        let mut at: Vec<String> = Vec::new();
        let mut todo: Vec<String> = path.as_str().split('/').rev().map(str::to_owned).collect();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => {
                    if at.pop().is_none() {
                        return Some(joined("..", &todo));
                    }
                }
                _ => {
                    let here = at.iter().fold(self.root.clone(), |path, part| path.join(part)).join(&part);
                    match fs::read_link(&here) {
                        Ok(target) => {
                            links += 1;
                            let text = target.to_str().filter(|_| links <= LINKS);
                            let Some(text) = text else { return Some(joined(&target.to_string_lossy(), &todo)) };
                            if text.starts_with('/') {
                                return Some(joined(text, &todo));
                            }
                            todo.extend(text.split('/').rev().map(str::to_owned));
                        }
                        // No link, or nothing at all, or a folder into which nobody is let: then nothing below it can be opened either.
                        Err(error) if is_no_link(&error) => at.push(part),
                        Err(_) => return Some(path.to_string()),
                    }
                }
            }
        }
        None
    }

    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError> {
        Ok(kind_of(&fs::metadata(self.locate(path)?).map_err(of_io)?))
    }

    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError> {
        let path = self.locate(path)?;
        // Reading a pipe would wait for a writer, and a device may have no end.
        if !fs::metadata(&path).map_err(of_io)?.is_file() {
            return Err(FileError::Unreadable("it is not a file".to_owned()));
        }
        fs::read(path).map_err(of_io)
    }

    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError> {
        let top = self.locate(path)?;
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

/// A path and what was still to come behind it.
fn joined(first: &str, todo: &[String]) -> String {
    let rest = todo.iter().rev().map(String::as_str).filter(|part| !matches!(*part, "" | "."));
    [first.trim_end_matches('/')].into_iter().chain(rest).collect::<Vec<_>>().join("/")
}

fn is_no_link(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), InvalidInput | NotFound | NotADirectory | PermissionDenied)
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
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use bottle_planner::trust::{HostFile, Use};

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

    #[test]
    fn links_of_the_folder_lead_out_of_it_by_any_way() {
        let (folder, files) = scratch();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/f"), "").unwrap();
        for (link, target) in [
            ("in", "a"),
            ("a/up", ".."),
            ("a/out", "../../x"),
            ("far", "a/b/../../../y/z"),
            ("absolute", "/etc"),
            ("chain", "in/out"),
            ("dangling", "a/none"),
            ("back", "../there/f"),
            ("loop", "loop"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        let out = |path: &str| files.link_out(&SourcePath::new(path));
        for inside in [".", "a/f", "in/f", "in/up/a/f", "dangling", "none/of/it", "a/b/../f", "a/f/below"] {
            assert_eq!(out(inside), None, "{inside}");
        }
        for (path, to) in [
            ("a/out", "../x"),
            ("in/out/deep/er", "../x/deep/er"),
            ("chain", "../x"),
            ("far", "../y/z"),
            ("absolute/passwd", "/etc/passwd"),
            ("back", "../there/f"),
            ("in/up/..", ".."),
        ] {
            assert_eq!(out(path).as_deref(), Some(to), "{path}");
        }
        assert!(out("loop").is_some(), "what cannot be told counts as outside");
        assert_eq!(files.read(&SourcePath::new("in/f")).unwrap(), b"");
    }

    /// A folder with a manifest, and a folder beside it.
    fn beside() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("project");
        for (path, text) in [("project/own", "own"), ("beside/secret", "secret"), ("beside/other", "other")] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (folder, root)
    }

    fn granting(root: &Path, path: &str) -> HostFiles {
        let path = SourcePath::new(path);
        let outside = outside(&HostFiles::new(root.to_owned()), &path).unwrap();
        let file = HostFile { path, outside, used: Use::Prompt };
        HostFiles::granted(root.to_owned(), &Request { shared: [file].into(), ..Request::default() })
    }

    #[test]
    fn nothing_outside_is_looked_at_but_what_was_granted() {
        let (_folder, root) = beside();
        symlink("../beside", root.join("link")).unwrap();
        let absolute = root.join("own").display().to_string();
        let closed = HostFiles::new(root.clone());
        for path in ["../beside/secret", "../beside/none", "link/secret", "link", "~/x", "/etc/passwd", &absolute] {
            let path = SourcePath::new(path);
            assert_eq!(closed.kind(&path), Err(FileError::Unseen), "{path}");
            assert_eq!(closed.read(&path), Err(FileError::Unseen), "{path}");
            assert_eq!(closed.list(&path), Err(FileError::Unseen), "{path}");
        }
        assert_eq!(closed.read(&SourcePath::new("own")).unwrap(), b"own");

        let read = |files: &HostFiles, path: &str| files.read(&SourcePath::new(path));
        let one = granting(&root, "../beside/secret");
        assert_eq!(read(&one, "../beside/secret").unwrap(), b"secret");
        for path in ["../beside/other", "../beside/secret/../other", "../beside/../beside/secret", "link/secret"] {
            assert_eq!(read(&one, path), Err(FileError::Unseen), "{path}");
        }
        let all = granting(&root, "../beside");
        assert_eq!(read(&all, "../beside/other").unwrap(), b"other");
        assert_eq!(read(&all, "../beside/../project/own"), Err(FileError::Unseen));
        assert_eq!(read(&granting(&root, &absolute), &absolute).unwrap(), b"own");
    }

    #[test]
    fn a_grant_ends_where_the_repository_turns_the_way() {
        let (_folder, root) = beside();
        let link = root.join("link");
        let point = |target: &str| {
            let _ = fs::remove_file(&link);
            symlink(target, &link).unwrap();
        };
        point("../beside/secret");
        let through = granting(&root, "link");
        let read = |files: &HostFiles, path: &str| files.read(&SourcePath::new(path));
        assert_eq!(read(&through, "link").unwrap(), b"secret");
        point("../beside/other");
        assert_eq!(read(&through, "link"), Err(FileError::Unseen));

        // By a way that leaves the folder as it is written, and comes back to a link in it.
        point("../beside/secret");
        let back = granting(&root, "../project/link");
        assert_eq!(read(&back, "../project/link"), Err(FileError::Unseen));
        fs::remove_file(&link).unwrap();
        fs::write(&link, "plain").unwrap();
        assert_eq!(read(&back, "../project/link").unwrap(), b"plain");
    }
}
