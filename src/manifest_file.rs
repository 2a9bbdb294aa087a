//! The manifest on this machine: its folder, its bytes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bottle_executors::host_files::HostFiles;
use bottle_executors::trust;
use bottle_planner::manifest::{self, Manifest};
use bottle_planner::name::BottleName;
use bottle_planner::trust::Request;

use crate::exit::Fault;

/// A manifest, and the folder that its paths are relative to.
pub(crate) struct ManifestFile {
    pub(crate) manifest: Manifest,
    /// As much of the host as may be looked at: at first nothing outside the manifest's folder.
    pub(crate) files: HostFiles,
    pub(crate) place: ManifestPlace,
    /// What it asks of the host.
    pub(crate) request: Request,
    bytes: Vec<u8>,
}

/// Where a manifest is.
pub(crate) struct ManifestPlace {
    /// As it was named.
    pub(crate) path: PathBuf,
    /// Its folder, canonical.
    pub(crate) root: PathBuf,
    /// Its own name in that folder.
    pub(crate) file: PathBuf,
}

impl ManifestPlace {
    pub(crate) fn of(path: &Path) -> Result<Self, Fault> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = folder.canonicalize().map_err(|error| Fault::from(Unreadable { path: path.to_owned(), error }))?;
        Ok(Self { path: path.to_owned(), root, file: path.file_name().map_or_else(PathBuf::new, PathBuf::from) })
    }

    /// What records of trust are kept by.
    pub(crate) fn key(&self) -> trust::Manifest<'_> {
        trust::Manifest { root: &self.root, file: &self.file }
    }
}

impl ManifestFile {
    /// Reads and checks a manifest, without a look at anything outside its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let bytes = bytes(path)?;
        let place = ManifestPlace::of(path)?;
        let files = HostFiles::new(place.root.clone());
        let manifest = parse(path, &bytes, &files)?;
        let request = Request::of(&manifest, &files);
        Ok(Self { manifest, files, place, request, bytes })
    }

    /// The same text, checked against more of the host.
    pub(crate) fn seen_with(self, files: HostFiles) -> Result<Self, Fault> {
        let manifest = parse(&self.place.path, &self.bytes, &files)?;
        Ok(Self { manifest, files, ..self })
    }
}

/// The bytes of a manifest. What is wrong with a text is shown with its lines, so a link that came with the folder must not choose which
/// text that is: one that leads out of the folder, or to git's own files, is not followed.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let failed = |error| unreadable(path, error);
    if std::fs::symlink_metadata(path).map_err(failed)?.is_symlink() {
        let (real, place) = (path.canonicalize().map_err(failed)?, ManifestPlace::of(path)?);
        let within = real.strip_prefix(&place.root);
        if !within.is_ok_and(|within| within.components().all(|part| part.as_os_str() != ".git")) {
            return Err(LeadsOut { path: path.to_owned() }.into());
        }
    }
    std::fs::read(path).map_err(failed)
}

/// A manifest that is a link to somewhere else.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the manifest {} is a link to a file that is not the project's", path.display())]
#[diagnostic(
    code(bottle::manifest::link),
    help(
        "whoever made the link would choose what is read and shown; where it is yours, name the file that it leads to"
    )
)]
pub(crate) struct LeadsOut {
    path: PathBuf,
}

fn parse(path: &Path, bytes: &[u8], files: &HostFiles) -> Result<Manifest, Fault> {
    Ok(manifest::parse(&path.display().to_string(), bytes, files)?)
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read the manifest {}: {error}", path.display())]
#[diagnostic(code(bottle::manifest::unreadable), help("run this in the manifest's folder, or name it with `--file`"))]
pub(crate) struct Unreadable {
    path: PathBuf,
    error: std::io::Error,
}

/// A manifest that cannot be read.
pub(crate) fn unreadable(path: &Path, error: std::io::Error) -> Fault {
    Unreadable { path: path.to_owned(), error }.into()
}

/// The bottles named on the command line; `None` is all of them.
pub(crate) fn part(names: &[String]) -> Result<Option<BTreeSet<BottleName>>, Fault> {
    if names.is_empty() {
        return Ok(None);
    }
    let checked = names.iter().map(|name| {
        BottleName::new(name).map_err(|why| {
            Fault::usage(format!("`{}` is no bottle's name: {why}", name.escape_debug()), "see `bottle status`")
        })
    });
    checked.collect::<Result<_, _>>().map(Some)
}
