//! From a planner's archive to the files that go into a guest.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bottle_planner::intent::{Archive, ArchiveEntry, Content, Owner};
use bottle_planner::source::{FileError, Files as _, Kind, SourcePath};
use rustix::fs::OFlags;

use crate::host_files::HostFiles;

/// The mode of folders and executables that were given none.
const OPEN: u32 = 0o755;
/// The mode of other files that were given none.
const PLAIN: u32 = 0o644;
/// The mode of a link: nothing looks at it.
const LINK: u32 = 0o777;

/// One thing to be written in a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestFile {
    /// Its absolute path in the guest.
    pub path: String,
    /// The number of its user.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// What it is.
    pub body: Body,
}

/// What a [`GuestFile`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A folder.
    Folder,
    /// A file with this text.
    Text(String),
    /// A file with the bytes of a file of the host, read when it is written: see [`open`].
    HostFile(PathBuf),
    /// A symbolic link and the text it holds.
    Link(String),
}

/// Why an archive could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot copy {path}: {why}")]
pub struct ArchiveError {
    /// What could not be copied: a path of the host, or of the guest where the host has no part in it.
    pub path: String,
    /// Why.
    pub why: String,
}

impl ArchiveError {
    fn new(path: impl Into<String>, why: impl ToString) -> Self {
        Self { path: path.into(), why: why.to_string() }
    }
}

/// The files of an archive in the order in which they are written: as it lists them, and of a folder all below it, sorted, parents first.
///
/// `host` says what of the host may be read; `owner` gives the numbers of a user's name in the guest. Links inside a folder stay links;
/// one that the manifest itself names is followed. A mode given to a folder of the host is that of its files; its folders can
/// be entered by those who can read them.
///
/// # Errors
/// When a file is missing or cannot be looked at, is a socket, a pipe or a device, or an owner's number is not known.
pub fn expand(
    archive: &Archive,
    host: &HostFiles,
    owner: &dyn Fn(&str) -> Option<(u32, u32)>,
) -> Result<Vec<GuestFile>, ArchiveError> {
    let mut files = Vec::new();
    for entry in &archive.entries {
        let (uid, gid) = match &entry.owner {
            Owner::Id { uid, gid } => (*uid, *gid),
            Owner::Name(name) => owner(name).ok_or_else(|| {
                ArchiveError::new(&entry.path, format!("the number of the user `{name}` in the guest is not known"))
            })?,
        };
        let mut add = |path: String, mode: u32, body: Body| files.push(GuestFile { path, uid, gid, mode, body });
        match &entry.content {
            Content::Folder => add(entry.path.clone(), entry.mode.unwrap_or(OPEN), Body::Folder),
            Content::Text(text) => add(entry.path.clone(), entry.mode.unwrap_or(PLAIN), Body::Text(text.clone())),
            Content::Host(source) => from_host(host, source, entry, &mut add)?,
        }
    }
    Ok(files)
}

fn from_host(
    host: &HostFiles,
    source: &SourcePath,
    entry: &ArchiveEntry,
    add: &mut dyn FnMut(String, u32, Body),
) -> Result<(), ArchiveError> {
    let at = |path: &SourcePath| {
        let path = path.to_string();
        move |why: FileError| ArchiveError::new(path, why)
    };
    // A link that the manifest names is followed here, once and for all: whoever reads the files follows none.
    let top = host.locate(source).map_err(at(source))?;
    let top = fs::canonicalize(top).map_err(|why| ArchiveError::new(source.as_str(), why))?;
    let kind = host.kind(source).map_err(at(source))?;
    if kind != Kind::Folder {
        return one(&entry.path, source, top, &kind, entry.mode, add);
    }
    one(&entry.path, source, top.clone(), &kind, entry.mode, add)?;
    let guest = entry.path.trim_end_matches('/');
    for found in host.list(source).map_err(at(source))? {
        let path = format!("{guest}/{}", found.path);
        one(&path, &source.join(&found.path), top.join(&found.path), &found.kind, entry.mode, add)?;
    }
    Ok(())
}

/// Adds one thing of the host; `mode` is what the manifest gives to files.
fn one(
    guest: &str,
    shown: &SourcePath,
    on_host: PathBuf,
    kind: &Kind,
    mode: Option<u32>,
    add: &mut dyn FnMut(String, u32, Body),
) -> Result<(), ArchiveError> {
    let guest = guest.to_owned();
    match kind {
        Kind::Folder => add(guest, mode.map_or(OPEN, |mode| mode | (mode & 0o444) >> 2), Body::Folder),
        Kind::File { executable } => {
            add(guest, mode.unwrap_or(if *executable { OPEN } else { PLAIN }), Body::HostFile(on_host));
        }
        Kind::Link(target) => add(guest, LINK, Body::Link(target.clone())),
        Kind::Other => return Err(ArchiveError::new(shown.as_str(), "it is a socket, a pipe or a device")),
        Kind::Unseen { .. } => return Err(ArchiveError::new(shown.as_str(), "it cannot be looked into")),
    }
    Ok(())
}

/// Opens the file behind a [`Body::HostFile`].
///
/// What was a file when it was listed may have been replaced since: a link is not followed, and a pipe is not waited for.
///
/// # Errors
/// When it is gone, is no longer a file, or may not be read.
pub fn open(path: &Path) -> Result<File, ArchiveError> {
    let failed = |why: String| ArchiveError::new(path.display().to_string(), why);
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| failed(error.to_string()))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(failed("it was a file when it was listed and no longer is".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn entry(path: &str, content: Content, owner: Owner, mode: Option<u32>) -> Archive {
        Archive { entries: vec![ArchiveEntry { path: path.to_owned(), content, owner, mode }] }
    }

    fn host(path: &str, mode: Option<u32>) -> Archive {
        entry("/to", Content::Host(SourcePath::new(path)), Owner::ROOT, mode)
    }

    fn shown(files: &[GuestFile]) -> Vec<String> {
        let body = |file: &GuestFile| match &file.body {
            Body::Folder => "folder".to_owned(),
            Body::Text(text) => format!("text {text}"),
            Body::HostFile(path) => format!("file {}", fs::read_to_string(path).unwrap()),
            Body::Link(target) => format!("link {target}"),
        };
        let line = |file: &GuestFile| format!("{:o} {}:{} {} {}", file.mode, file.uid, file.gid, file.path, body(file));
        files.iter().map(line).collect()
    }

    fn scratch() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("top/sub")).unwrap();
        fs::write(root.path().join("top/plain"), "p").unwrap();
        fs::write(root.path().join("top/sub/tool"), "t").unwrap();
        fs::set_permissions(root.path().join("top/sub/tool"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("/etc/hostname", root.path().join("top/sub/link")).unwrap();
        symlink("top", root.path().join("alias")).unwrap();
        root
    }

    fn of(root: &Path) -> HostFiles {
        HostFiles::new(root.to_owned())
    }

    fn nobody(_: &str) -> Option<(u32, u32)> {
        None
    }

    #[test]
    fn a_host_folder_is_walked_sorted_and_keeps_links() {
        let root = scratch();
        let files = expand(&host("top", None), &of(root.path()), &nobody).unwrap();
        let lines = [
            "755 0:0 /to folder",
            "644 0:0 /to/plain file p",
            "755 0:0 /to/sub folder",
            "777 0:0 /to/sub/link link /etc/hostname",
            "755 0:0 /to/sub/tool file t",
        ];
        assert_eq!(shown(&files), lines);
        let through_link = expand(&host("alias", None), &of(root.path()), &nobody).unwrap();
        assert_eq!(shown(&through_link), lines, "a link at the top is followed");
    }

    #[test]
    fn a_given_mode_is_that_of_the_files_and_opens_folders_to_those_who_may_read() {
        let root = scratch();
        let modes = |mode| -> Vec<u32> {
            let files = expand(&host("top", Some(mode)), &of(root.path()), &nobody).unwrap();
            files.iter().map(|file| file.mode).collect()
        };
        assert_eq!(modes(0o600), [0o700, 0o600, 0o700, 0o777, 0o600]);
        assert_eq!(modes(0o640), [0o750, 0o640, 0o750, 0o777, 0o640]);
        let file = expand(&host("top/plain", Some(0o400)), &of(root.path()), &nobody).unwrap();
        assert_eq!(shown(&file), ["400 0:0 /to file p"]);
    }

    #[test]
    fn owners_are_numbers_in_the_guest() {
        let node = |name: &str| (name == "node").then_some((1000, 1001));
        let named = |name: &str| entry("/f", Content::Text("x".to_owned()), Owner::Name(name.to_owned()), None);
        let root = &of(Path::new("/"));
        assert_eq!(shown(&expand(&named("node"), root, &node).unwrap()), ["644 1000:1001 /f text x"]);
        let error = expand(&named("nemo"), root, &node).unwrap_err();
        assert_eq!(error.to_string(), "cannot copy /f: the number of the user `nemo` in the guest is not known");
        let folder = entry("/d", Content::Folder, Owner::Id { uid: 7, gid: 8 }, Some(0o700));
        assert_eq!(shown(&expand(&folder, root, &nobody).unwrap()), ["700 7:8 /d folder"]);
    }

    #[test]
    fn sockets_and_missing_files_are_errors() {
        let root = scratch();
        let _socket = UnixListener::bind(root.path().join("top/socket")).unwrap();
        let error = expand(&host("top", None), &of(root.path()), &nobody).unwrap_err();
        assert_eq!(error.to_string(), "cannot copy top/socket: it is a socket, a pipe or a device");
        let error = expand(&host("none", None), &of(root.path()), &nobody).unwrap_err();
        assert_eq!(error.path, "none");
    }

    #[test]
    fn a_file_that_was_replaced_since_it_was_listed_is_not_read() {
        let root = scratch();
        let path = root.path().join("top/plain");
        assert!(open(&path).is_ok());
        fs::remove_file(&path).unwrap();
        assert!(open(&path).is_err(), "it vanished");
        symlink("/etc/hostname", &path).unwrap();
        assert!(open(&path).is_err(), "it became a link");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(open(&path).is_err(), "it became a folder");
        fs::remove_dir(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert!(open(&path).is_err(), "it became a pipe");
    }
}
