//! Folders of files that guests mount or that images are built from: `<state>/stage/<name>`.
//!
//! A stage is there as a whole or not at all. What a killed command left half-made has a name that begins with a dot; it is listed like
//! the others, and no plan declares it, so the next run takes it away.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use bottle_planner::intent::StageName;

use crate::archive::{self, Body, GuestFile};
use crate::state_dir::StateDir;

/// The mode of folders that no entry names: a guest's users must get through.
const PASSABLE: u32 = 0o755;

/// The stages of a project.
pub(crate) struct Stages {
    folder: PathBuf,
}

impl Stages {
    pub(crate) fn of(dir: &StateDir) -> Self {
        Self { folder: dir.path().join("stage") }
    }

    /// The folder in which they all lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a stage lies; `None` when that is no name of one.
    pub(crate) fn path(&self, name: &StageName) -> Option<PathBuf> {
        let mut components = Path::new(&name.0).components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(only)), None) if only == name.0.as_str() => Some(self.folder.join(only)),
            _ => None,
        }
    }

    /// Their names, sorted.
    pub(crate) fn list(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Writes a stage; `files` are those of the guest's folder `base`. One that is there already is left: its name says what is in it.
    pub(crate) fn put(&self, name: &StageName, base: &str, files: &[GuestFile]) -> io::Result<()> {
        let path = self.path(name).ok_or_else(|| io::Error::other(format!("{:?} is no name for a stage", name.0)))?;
        if path.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
        let fresh = tempfile::Builder::new().prefix(&format!(".{}.", name.0)).tempdir_in(&self.folder)?;
        let mut folders = BTreeMap::from([(fresh.path().to_owned(), PASSABLE)]);
        for file in files {
            let shown = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.path));
            let below = below(base, &file.path).map_err(shown)?;
            write(fresh.path(), &below, file, &mut folders).map_err(shown)?;
        }
        // Only now, innermost first: a folder may be closed to its owner too.
        for (folder, mode) in folders.into_iter().rev() {
            fs::set_permissions(folder, Permissions::from_mode(mode))?;
        }
        match fs::rename(fresh.path(), &path) {
            Ok(()) => {
                let _ = fresh.keep();
                Ok(())
            }
            Err(_) if path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes a stage away. That it is gone already is no error.
    pub(crate) fn remove(&self, name: &StageName) -> io::Result<()> {
        let path = self.path(name).ok_or_else(|| io::Error::other(format!("{:?} is no name for a stage", name.0)))?;
        let gone = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
        if name.0.starts_with('.') {
            open_up(&path);
            return gone(fs::remove_dir_all(path));
        }
        // First out of the way, so that nothing half removed is ever taken for a stage.
        let going = self.folder.join(format!(".{}.gone", name.0));
        open_up(&going);
        gone(fs::remove_dir_all(&going))?;
        gone(fs::rename(&path, &going))?;
        open_up(&going);
        gone(fs::remove_dir_all(&going))
    }
}

/// The path of a guest's file as one below `base`, with no step upwards.
fn below(base: &str, path: &str) -> io::Result<PathBuf> {
    let outside = || io::Error::other(format!("it is not in {base}"));
    let below = Path::new(path).strip_prefix(base).map_err(|_| outside())?;
    if below.components().all(|component| matches!(component, Component::Normal(_))) {
        Ok(below.to_owned())
    } else {
        Err(outside())
    }
}

fn write(root: &Path, below: &Path, file: &GuestFile, folders: &mut BTreeMap<PathBuf, u32>) -> io::Result<()> {
    let path = root.join(below);
    if below.as_os_str().is_empty() {
        return match file.body {
            Body::Folder => {
                folders.insert(path, file.mode);
                Ok(())
            }
            _ => Err(io::Error::other("it is the stage itself and no folder")),
        };
    }
    make_folders(root, below.parent().unwrap_or(Path::new("")), folders)?;
    let there = fs::symlink_metadata(&path).ok();
    if let Body::Folder = &file.body {
        if !there.is_some_and(|there| there.is_dir()) {
            DirBuilder::new().mode(0o700).create(&path)?;
        }
        folders.insert(path, file.mode);
        return Ok(());
    }
    // As in a tar stream, what comes later takes the place of what came before.
    if there.is_some() {
        fs::remove_file(&path)?;
    }
    let create = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match &file.body {
        Body::Text(text) => {
            let mut to = create()?;
            to.write_all(text.as_bytes())?;
            to.sync_all()?;
        }
        Body::HostFile(host) => {
            let mut from = archive::open(host).map_err(io::Error::other)?;
            let mut to = create()?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()?;
        }
        Body::Link(target) => return symlink(target, &path),
        Body::Folder => {}
    }
    fs::set_permissions(&path, Permissions::from_mode(file.mode))
}

/// Makes the folders on the way; a link on it is followed by none.
fn make_folders(root: &Path, below: &Path, folders: &mut BTreeMap<PathBuf, u32>) -> io::Result<()> {
    let mut path = root.to_owned();
    for component in below.components() {
        path.push(component);
        match fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Err(io::Error::other(format!("{} is in its way", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().mode(0o700).create(&path)?;
                folders.insert(path.clone(), PASSABLE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lets the owner into folders that are closed to everyone, so that they can be taken away. What fails here fails there.
fn open_up(path: &Path) {
    let Ok(there) = fs::symlink_metadata(path) else { return };
    if !there.is_dir() {
        return;
    }
    if there.permissions().mode() & 0o700 != 0o700 {
        let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

#[cfg(test)]
mod tests {
    use bottle_planner::name::ProjectName;
    use bottle_planner::profile::Backend;

    use super::*;

    fn stages(base: &Path) -> Stages {
        let dir = StateDir::of(base, Backend::Container, &ProjectName::new("acme").unwrap());
        dir.make().unwrap();
        Stages::of(&dir)
    }

    fn name(name: &str) -> StageName {
        StageName(name.to_owned())
    }

    fn file(path: &str, mode: u32, body: Body) -> GuestFile {
        GuestFile { path: path.to_owned(), uid: 1000, gid: 1000, mode, body }
    }

    fn text(path: &str, text: &str) -> GuestFile {
        file(path, 0o644, Body::Text(text.to_owned()))
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_lie_where_they_are_in_their_folder() {
        let base = tempfile::tempdir().unwrap();
        let stages = stages(base.path());
        let host = base.path().join("host");
        fs::write(&host, "of the host").unwrap();
        let files = [
            file("/etc/pipelock", 0o750, Body::Folder),
            text("/etc/pipelock/pipelock.yaml", "one: 1\n"),
            file("/etc/pipelock/deep/er/tool", 0o755, Body::HostFile(host)),
            file("/etc/pipelock/link", 0o777, Body::Link("/nowhere".to_owned())),
            text("/etc/pipelock/pipelock.yaml", "one: 2\n"),
            file("/etc/pipelock/closed", 0o555, Body::Folder),
            text("/etc/pipelock/closed/in", "in"),
        ];
        stages.put(&name("one"), "/etc/pipelock", &files).unwrap();
        assert_eq!(stages.list().unwrap(), ["one"]);
        assert_eq!(mode(stages.folder()), 0o700);
        let path = stages.path(&name("one")).unwrap();
        assert_eq!(path, base.path().join("container/acme/stage/one"));
        assert_eq!(mode(&path), 0o750);
        assert_eq!(fs::read_to_string(path.join("pipelock.yaml")).unwrap(), "one: 2\n");
        assert_eq!(mode(&path.join("pipelock.yaml")), 0o644);
        assert_eq!((mode(&path.join("deep/er")), mode(&path.join("deep/er/tool"))), (0o755, 0o755));
        assert_eq!(fs::read_to_string(path.join("deep/er/tool")).unwrap(), "of the host");
        assert_eq!(fs::read_link(path.join("link")).unwrap(), Path::new("/nowhere"));
        assert_eq!(mode(&path.join("closed")), 0o555);

        stages.put(&name("one"), "/", &[text("/other", "")]).unwrap();
        assert!(!path.join("other").exists());
        stages.remove(&name("one")).unwrap();
        stages.remove(&name("one")).unwrap();
        assert!(stages.list().unwrap().is_empty());
    }

    #[test]
    fn what_fails_half_way_leaves_nothing() {
        let base = tempfile::tempdir().unwrap();
        let stages = stages(base.path());
        let missing = file("/b", 0o644, Body::HostFile("/nowhere/at/all".into()));
        let error = stages.put(&name("one"), "/", &[text("/a", ""), missing]).unwrap_err().to_string();
        assert!(error.starts_with("/b: ") && error.contains("/nowhere/at/all"), "{error}");
        assert!(stages.list().unwrap().is_empty());
    }

    #[test]
    fn what_a_killed_command_left_is_listed_and_can_be_taken_away() {
        let base = tempfile::tempdir().unwrap();
        let stages = stages(base.path());
        stages.put(&name("one"), "/", &[text("/a", "")]).unwrap();
        fs::create_dir(stages.folder().join(".one.x1")).unwrap();
        assert_eq!(stages.list().unwrap(), [".one.x1", "one"]);
        stages.remove(&name(".one.x1")).unwrap();
        assert_eq!(stages.list().unwrap(), ["one"]);
    }

    #[test]
    fn nothing_is_written_or_removed_outside() {
        let base = tempfile::tempdir().unwrap();
        let stages = stages(base.path());
        let outside = base.path().join("outside");
        fs::create_dir(&outside).unwrap();
        let link = file("/a", 0o777, Body::Link(outside.display().to_string()));
        for files in [vec![text("/a/../../x", "")], vec![link, text("/a/x", "")]] {
            assert!(stages.put(&name("one"), "/", &files).is_err());
        }
        assert!(stages.put(&name("one"), "/etc", &[text("/var/x", "")]).is_err());
        for wrong in ["", ".", "..", "../acme", "a/b", "/tmp"] {
            assert!(stages.put(&name(wrong), "/", &[]).is_err(), "{wrong:?}");
            assert!(stages.remove(&name(wrong)).is_err(), "{wrong:?}");
        }
        assert!(outside.read_dir().unwrap().next().is_none());
    }
}
