//! `copy`: between the host and the container's own file system, without what is mounted over it.
//!
//! A symbolic link with an absolute target on the way leads to the virtual machine's root in 1.2.2; here that would be the root of this machine,
//! so it is refused. Into a read-only root nothing is copied: what 1.2.2 does is not known. As it is not of `SRC/.`, which is
//! refused too.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::path::{Component, Path, PathBuf, absolute};

use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::Service;

/// What a file gets that was not there before, whatever it was on the host.
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;
/// What is kept of the mode of what is in a folder.
const KEPT: u32 = 0o777;

enum Place<'a> {
    Host(&'a str),
    Guest(&'a str, &'a str),
}

fn place(word: &str) -> Result<Place<'_>, Failure> {
    match word.split(':').collect::<Vec<_>>().as_slice() {
        [path] if !path.is_empty() && *path != "-" => Ok(Place::Host(path)),
        [id, path] if !id.is_empty() && path.starts_with('/') => Ok(Place::Guest(id, path)),
        _ => Err(Failure::new(format_args!("invalid path given: {word}"))),
    }
}

pub(super) fn copy(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let (source, destination) = (&parsed.arguments[0], &parsed.arguments[1]);
    if Path::new(source).components().next_back() == Some(Component::CurDir) || source.ends_with("/.") {
        return Err(Failure::double("what `cp SRC/.` does is not known"));
    }
    let (source, destination) = (place(source)?, place(destination)?);
    let id = match (&source, &destination) {
        (Place::Guest(id, _), Place::Host(_)) | (Place::Host(_), Place::Guest(id, _)) => *id,
        _ => return Err(Failure::new(format_args!("invalid path given: {}", parsed.arguments[1]))),
    };
    let container = service.state().containers.get(id);
    let container = container.ok_or_else(|| Failure::new(format_args!("container with ID {id} not found")))?;
    if !container.running {
        return Err(Failure::new(format_args!("container {id} is not running")));
    }
    let read_only = container.read_only;
    let root = match &service.engine {
        Some(engine) => engine.root(id)?,
        None => service.root(id),
    };
    drop(service);
    match (source, destination) {
        (Place::Host(from), Place::Guest(_, to)) => {
            if read_only {
                return Err(Failure::new("internalError: \"failed to copy\" (cause: \"Read-only file system\")"));
            }
            let base = copy_in(Path::new(from), &root, to)?;
            println!("{id}:{to}{}", if to.ends_with('/') { base } else { String::new() });
        }
        (Place::Guest(_, from), Place::Host(to)) => println!("{}", copy_out(&root, from, to)?.display()),
        _ => {}
    }
    Ok(())
}

/// A path of the guest under the root, its links followed as long as they stay inside.
fn under(root: &Path, path: &str) -> Result<PathBuf, Failure> {
    let mut to_go: Vec<String> =
        path.split('/').rev().filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect();
    let mut place = root.to_owned();
    let mut links = 0;
    while let Some(part) = to_go.pop() {
        if part == ".." {
            if place != root {
                place.pop();
            }
            continue;
        }
        place.push(&part);
        let Ok(target) = fs::read_link(&place) else { continue };
        links += 1;
        if target.is_absolute() || links > 40 {
            return Err(Failure::double(format_args!(
                "`{path}` leads through the absolute link {}, which 1.2.2 follows outside of the container",
                target.display()
            )));
        }
        place.pop();
        let parts = target
            .to_string_lossy()
            .split('/')
            .rev()
            .filter(|part| !part.is_empty() && *part != ".")
            .map(str::to_owned)
            .collect::<Vec<_>>();
        to_go.extend(parts);
    }
    Ok(place)
}

/// Gives back the name that was copied.
fn copy_in(from: &Path, root: &Path, to: &str) -> Result<String, Failure> {
    let found =
        fs::metadata(from).map_err(|_| Failure::new(format_args!("path '{}' does not exist", from.display())))?;
    let from = absolute(from)?;
    let base = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut target = under(root, to)?;
    if target.is_dir() {
        target = under(root, &format!("{to}/{base}"))?;
    } else if found.is_file() && to.ends_with('/') {
        return Err(Failure::new(format_args!("destination directory does not exist: {to}")));
    }
    if found.is_dir() && target.is_file() {
        return Err(Failure::new(format_args!("cannot copy directory over existing file: {to}")));
    }
    make_parents(root, &target)?;
    if found.is_dir() {
        folder(&from, &target, &from)?;
    } else {
        let new = !target.exists();
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&target)?;
        io::copy(&mut File::open(&from)?, &mut file)?;
        if new {
            fs::set_permissions(&target, Permissions::from_mode(FILE_MODE))?;
            own(&target, 0, 0)?;
        }
    }
    Ok(base)
}

fn make_parents(root: &Path, target: &Path) -> io::Result<()> {
    let Some(parent) = target.parent().filter(|parent| *parent != root && !parent.exists()) else { return Ok(()) };
    make_parents(root, parent)?;
    fs::create_dir(parent)?;
    fs::set_permissions(parent, Permissions::from_mode(FOLDER_MODE))?;
    own(parent, 0, 0)
}

/// What is in a folder keeps its mode and the host's owner. Links that lead out of it are left out.
fn folder(from: &Path, to: &Path, top: &Path) -> io::Result<()> {
    if !to.is_dir() {
        fs::create_dir(to)?;
    }
    keep(from, to)?;
    for entry in fs::read_dir(from)? {
        let (source, target) = (entry?.path(), PathBuf::new());
        let target = target.join(to).join(source.file_name().unwrap_or_default());
        let found = fs::symlink_metadata(&source)?;
        if found.is_symlink() {
            let link = fs::read_link(&source)?;
            if stays_in(&source, &link, top) {
                let _ = fs::remove_file(&target);
                symlink(link, &target)?;
                keep_owner(&source, &target)?;
            }
        } else if found.is_dir() {
            folder(&source, &target, top)?;
        } else if found.is_file() {
            let _ = fs::remove_file(&target);
            fs::copy(&source, &target)?;
            keep(&source, &target)?;
        }
    }
    Ok(())
}

fn stays_in(link: &Path, target: &Path, top: &Path) -> bool {
    let Ok(inside) = link.strip_prefix(top) else { return false };
    let mut depth = inside.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::ParentDir if depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

fn keep(from: &Path, to: &Path) -> io::Result<()> {
    fs::set_permissions(to, Permissions::from_mode(fs::metadata(from)?.mode() & KEPT))?;
    keep_owner(from, to)
}

fn keep_owner(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    lchown(to, Some(found.uid()), Some(found.gid()))
}

/// Without an engine the double need not be root: then files are whose they are.
fn own(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    if rustix::process::geteuid().is_root() { chown(path, Some(uid), Some(gid)) } else { Ok(()) }
}

/// Gives back the final path on the host.
fn copy_out(root: &Path, from: &str, to: &str) -> Result<PathBuf, Failure> {
    let source = under(root, from)?;
    let found = fs::metadata(&source).map_err(|_| Failure::new(format_args!("path '{from}' does not exist")))?;
    let mut target = absolute(to)?;
    if target.is_dir() {
        target.push(Path::new(from).file_name().unwrap_or_default());
    } else if found.is_file() && to.ends_with('/') {
        return Err(Failure::new(format_args!("destination directory does not exist: {to}")));
    }
    if found.is_dir() && target.is_file() {
        return Err(Failure::new(format_args!("cannot copy directory over existing file: {to}")));
    }
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if found.is_dir() {
        folder(&source, &target, &source)?;
    } else {
        fs::copy(&source, &target)?;
    }
    Ok(target)
}
