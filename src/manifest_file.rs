//! The manifest on this machine: its folder, its bytes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bottle_executors::host_files::HostFiles;
use bottle_planner::manifest::{self, Manifest};
use bottle_planner::name::BottleName;

use crate::exit::Fault;

/// A manifest, and the folder that its paths are relative to.
pub(crate) struct ManifestFile {
    pub(crate) manifest: Manifest,
    pub(crate) files: HostFiles,
    pub(crate) root: PathBuf,
    /// Its own name in that folder.
    pub(crate) name: OsString,
}

impl ManifestFile {
    /// Reads and checks a manifest.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let bytes = std::fs::read(path).map_err(|error| Fault::from(Unreadable { path: path.to_owned(), error }))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = folder.canonicalize().map_err(|error| Fault::from(Unreadable { path: path.to_owned(), error }))?;
        let files = HostFiles::new(root.clone());
        let manifest = manifest::parse(&path.display().to_string(), &bytes, &files)?;
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok(Self { manifest, files, root, name })
    }
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
