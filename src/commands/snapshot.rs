//! `bottle plan --snapshot` and `bottle plan --check`: plans that stand beside the manifest, under version control.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bottle_planner::plan::BackendReason;
use bottle_planner::profile::Profile;
use bottle_planner::render;

use super::plan::{unasked, unmet};
use crate::arguments;
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::ManifestFile;
use crate::terminal;

pub(crate) fn run(arguments: &arguments::Plan) -> Result<Exit, Fault> {
    let file = ManifestFile::read(&arguments.manifest.file)?;
    let beside = Beside::of(&arguments.manifest.file, &file)?;
    let profiles = if !arguments.backend.is_empty() {
        named(&arguments.backend)?
    } else {
        let there = beside.there()?;
        match (there.is_empty(), arguments.check) {
            (false, _) => there,
            (true, true) => return Err(NothingToCheck { stem: beside.stem }.into()),
            (true, false) => vec![select(None, Some(&file.manifest), true)?.profile],
        }
    };
    // All of them are made before the first is written.
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for profile in profiles {
        let plan = unasked(&file, &profile, &BackendReason::Named, None)?;
        if unmet(&plan) {
            return Ok(Exit::Weaker);
        }
        texts.insert(beside.path(&profile), render::snapshot(&plan));
    }
    if arguments.check { check(&texts) } else { write(&texts) }
}

fn named(backends: &[String]) -> Result<Vec<Profile>, Fault> {
    let profiles = backends.iter().map(|named| Profile::named(named));
    profiles.collect::<Result<_, _>>().map_err(|error| Fault::new(Exit::Usage, error))
}

/// Where the snapshots of a manifest stand.
struct Beside {
    folder: PathBuf,
    /// `bottle` of `bottle.toml`.
    stem: String,
}

impl Beside {
    fn of(manifest: &Path, file: &ManifestFile) -> Result<Self, Fault> {
        match manifest.file_stem().and_then(OsStr::to_str) {
            Some(stem) => Ok(Self { folder: file.place.root.clone(), stem: stem.to_owned() }),
            None => Err(Fault::usage("the manifest's name is not UTF-8".to_owned(), "rename it")),
        }
    }

    fn path(&self, profile: &Profile) -> PathBuf {
        self.folder.join(format!("{}.{}.plan", self.stem, profile.to_string().replace('/', "-")))
    }

    /// The profiles of the snapshots that are there.
    fn there(&self) -> Result<Vec<Profile>, Fault> {
        let unreadable = |error| Fault::from(SnapshotError { what: "read", path: self.folder.clone(), error });
        let mut found = Vec::new();
        for item in fs::read_dir(&self.folder).map_err(unreadable)? {
            let name = item.map_err(unreadable)?.file_name();
            let between = name
                .to_str()
                .and_then(|name| name.strip_prefix(self.stem.as_str())?.strip_prefix('.')?.strip_suffix(".plan"));
            let Some(between) = between else { continue };
            let named = match between.strip_suffix("-macos15") {
                Some(name) => format!("{name}/macos15"),
                None => between.to_owned(),
            };
            // A name that is not how a snapshot of that profile is called is not a snapshot's.
            let profile = Profile::named(&named).ok().filter(|profile| self.path(profile).ends_with(&name));
            if let Some(profile) = profile
                && is_snapshot(&self.path(&profile))? == Some(true)
            {
                found.push(profile);
            }
        }
        found.sort_by_key(ToString::to_string);
        Ok(found)
    }
}

/// Whether a file was written as a snapshot; `None` where there is none. A link or a folder is no snapshot.
fn is_snapshot(path: &Path) -> Result<Option<bool>, Fault> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SnapshotError { what: "read", path: path.to_owned(), error }.into()),
        Ok(metadata) if !metadata.is_file() => Ok(Some(false)),
        Ok(_) => {
            let bytes = fs::read(path).map_err(|error| SnapshotError { what: "read", path: path.to_owned(), error })?;
            Ok(Some(bytes.starts_with(render::SNAPSHOT_MARK.as_bytes())))
        }
    }
}

fn check(texts: &BTreeMap<PathBuf, String>) -> Result<Exit, Fault> {
    let mut exit = Exit::Done;
    for (path, text) in texts {
        let name = shown(path);
        match is_snapshot(path)? {
            None => {
                terminal::note(&format!("error: {name} is not there"));
                exit = Exit::Error;
            }
            Some(false) => return Err(NoSnapshot { path: path.clone() }.into()),
            Some(true) => {
                let there =
                    fs::read(path).map_err(|error| SnapshotError { what: "read", path: path.clone(), error })?;
                if there == text.as_bytes() {
                    terminal::note(&format!("{name} is what would be planned"));
                } else {
                    terminal::signed(&render::snapshot_difference(&name, &String::from_utf8_lossy(&there), text));
                    terminal::note(&format!("error: {name} is not what would be planned"));
                    exit = Exit::Error;
                }
            }
        }
    }
    if exit == Exit::Error {
        terminal::note("`bottle plan --snapshot` writes them anew; the difference belongs into the review");
    }
    Ok(exit)
}

fn write(texts: &BTreeMap<PathBuf, String>) -> Result<Exit, Fault> {
    let mut changed = Vec::new();
    for (path, text) in texts {
        match is_snapshot(path)? {
            Some(false) => return Err(NoSnapshot { path: path.clone() }.into()),
            Some(true) if fs::read(path).is_ok_and(|there| there == text.as_bytes()) => {}
            Some(true) | None => changed.push((path, text)),
        }
    }
    for (path, text) in &changed {
        written(path, text).map_err(|error| SnapshotError { what: "write", path: (*path).clone(), error })?;
        terminal::note(&format!("wrote {}", shown(path)));
    }
    if changed.is_empty() {
        terminal::note("the snapshots are what would be planned");
    }
    Ok(Exit::Done)
}

/// Whole or not at all: written beside its place, and then put there.
fn written(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // As any file that a program makes: what others may do with it, the umask says.
    let mode = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".bottle-plan").permissions(mode).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn shown(path: &Path) -> String {
    render::harmless(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// No snapshots.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("there is no snapshot beside the manifest")]
#[diagnostic(
    code(bottle::snapshot::none),
    help("write one, `bottle plan --snapshot`, and commit it: {stem}.BACKEND@VERSION.plan")
)]
struct NothingToCheck {
    stem: String,
}

/// Something else has the name of a snapshot.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} is no snapshot of a plan", path.display())]
#[diagnostic(
    code(bottle::snapshot::foreign),
    help(
        "nothing was written: a file that bottle did not write is never overwritten; move it, or name another backend"
    )
)]
struct NoSnapshot {
    path: PathBuf,
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot {what} {}: {error}", path.display())]
#[diagnostic(code(bottle::snapshot::file), help("snapshots stand in the manifest's folder; mend its permissions"))]
struct SnapshotError {
    what: &'static str,
    path: PathBuf,
    error: io::Error,
}
