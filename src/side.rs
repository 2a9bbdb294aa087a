//! What `bottle diff` compares: each side is named on the command line and becomes a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bottle_executors::host_files::HostFiles;
use bottle_executors::revision::{GitFiles, Repository, WorktreeFiles};
use bottle_planner::manifest::{self, Manifest};
use bottle_planner::name::BottleName;
use bottle_planner::plan::{Plan, Target, build};
use bottle_planner::source::{FileError, Files, SourcePath};

use crate::backend::select;
use crate::commands::plan::fault;
use crate::exit::Fault;
use crate::manifest_file::{self, ManifestFile, unreadable};
use crate::{saved_plan, trust};

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// A manifest on this machine.
    Manifest(PathBuf),
    /// A saved plan.
    Saved(PathBuf),
    /// A manifest of a git revision.
    Revision {
        /// The folder whose repository it is.
        folder: PathBuf,
        /// The revision.
        revision: String,
        /// The manifest, relative to the root of the repository; with `./` or `../` in front, to the folder.
        path: String,
    },
}

/// A side that was read.
pub(crate) enum Opened {
    /// A manifest with the files that it names.
    Declared { manifest: Box<Manifest>, files: Box<dyn Files> },
    /// A plan already.
    Planned(Box<Plan>),
}

impl Side {
    /// What a word of the command line names: a file where there is one, else `REV:PATH`.
    pub(crate) fn named(text: &str) -> Self {
        match text.split_once(':') {
            Some((revision, path)) if !Path::new(text).exists() => {
                Self::Revision { folder: PathBuf::from("."), revision: revision.to_owned(), path: path.to_owned() }
            }
            _ if saved_plan::is_at(Path::new(text)) => Self::Saved(PathBuf::from(text)),
            _ => Self::Manifest(PathBuf::from(text)),
        }
    }

    pub(crate) fn is_revision(&self) -> bool {
        matches!(self, Self::Revision { .. })
    }

    /// Reads and checks the manifest. Beside a revision, a working tree shows only what a commit could have.
    pub(crate) fn open(&self, beside_revision: bool) -> Result<Opened, Fault> {
        match self {
            Self::Manifest(path) => on_host(path, beside_revision),
            Self::Saved(path) => Ok(Opened::Planned(Box::new(saved_plan::read(path)?.plan))),
            Self::Revision { folder, revision, path } => {
                let opened = of_revision(folder, revision, path)?;
                opened.ok_or_else(|| NotInRevision { revision: revision.clone(), path: path.clone() }.into())
            }
        }
    }

    /// The same; `None` where the revision has no such manifest.
    pub(crate) fn open_if_there(&self) -> Result<Option<Opened>, Fault> {
        match self {
            Self::Revision { folder, revision, path } => of_revision(folder, revision, path),
            Self::Manifest(_) | Self::Saved(_) => self.open(true).map(Some),
        }
    }
}

impl Opened {
    /// A manifest as plans for this machine see it: with what its owner agreed to.
    pub(crate) fn as_planned(path: &Path) -> Result<Self, Fault> {
        let (file, _) = trust::look(ManifestFile::read(path)?)?;
        Ok(Self::Declared { manifest: Box::new(file.manifest), files: Box::new(file.files) })
    }

    /// Whether it has a bottle.
    pub(crate) fn has(&self, bottle: &BottleName) -> bool {
        match self {
            Self::Declared { manifest, .. } => manifest.bottles.contains_key(bottle),
            Self::Planned(plan) => plan.bottles.contains_key(bottle),
        }
    }

    /// The backend of a plan that there is already: what the other side is best planned for.
    pub(crate) fn backend(&self) -> Option<String> {
        match self {
            Self::Declared { .. } => None,
            Self::Planned(plan) => Some(plan.profile.to_string()),
        }
    }

    /// The plan for a backend that is not asked. A saved plan is of the backend that it was made for.
    pub(crate) fn plan(&self, backend: Option<&str>, part: Option<&BTreeSet<BottleName>>) -> Result<Plan, Fault> {
        let (manifest, files) = match self {
            Self::Declared { manifest, files } => (manifest, files),
            Self::Planned(plan) => return Ok(plan.as_ref().clone()),
        };
        let selected = select(backend, Some(manifest), true)?;
        let target = Target { profile: &selected.profile, chosen: &selected.chosen, observation: None, part };
        build(manifest, files.as_ref(), target).map_err(fault)
    }
}

/// The plan of a project that there is not: what another one is held against, all of which is new then.
pub(crate) fn nothing_before(plan: &Plan) -> Plan {
    Plan {
        entries: Vec::new(),
        rewrites: Vec::new(),
        bottles: BTreeMap::new(),
        secrets: BTreeMap::new(),
        ..plan.clone()
    }
}

fn on_host(path: &Path, beside_revision: bool) -> Result<Opened, Fault> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let root = folder.canonicalize().map_err(|error| unreadable(path, error))?;
    let tracked = if beside_revision { WorktreeFiles::new(&root)? } else { None };
    let bytes = match (&tracked, path.file_name()) {
        (Some(files), Some(name)) => {
            files.manifest(Path::new(name)).map_err(|why| unreadable(path, std::io::Error::other(why.to_string())))?
        }
        _ => manifest_file::bytes(path)?,
    };
    let files: Box<dyn Files> = match tracked {
        Some(files) => Box::new(files),
        None => Box::new(HostFiles::new(root)),
    };
    let manifest = manifest::parse(&path.display().to_string(), &bytes, files.as_ref())?;
    Ok(Opened::Declared { manifest: Box::new(manifest), files })
}

fn of_revision(folder: &Path, revision: &str, path: &str) -> Result<Option<Opened>, Fault> {
    let repository = Repository::of(folder)?;
    let commit = repository.revision(revision)?;
    let is_relative = path.starts_with("./") || path.starts_with("../");
    let prefix = if is_relative { repository.prefix()? } else { String::new() };
    let whole = format!("{prefix}{path}");
    let (folder, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
    let files = GitFiles::new(&commit, folder)?;
    let bytes = match files.read(&SourcePath::new(name)) {
        Ok(bytes) => bytes,
        Err(FileError::Missing) => return Ok(None),
        Err(why) => {
            return Err(UnreadableRevision { revision: revision.to_owned(), path: path.to_owned(), why }.into());
        }
    };
    let manifest = manifest::parse(&format!("{revision}:{path}"), &bytes, &files)?;
    Ok(Some(Opened::Declared { manifest: Box::new(manifest), files: Box::new(files) }))
}

/// A revision without the manifest.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("revision `{}` has no file `{}`", revision.escape_debug(), path.escape_debug())]
#[diagnostic(
    code(bottle::diff::not_in_revision),
    help("paths are relative to the root of the repository; with `./` in front, to this folder: `main:./bottle.toml`")
)]
struct NotInRevision {
    revision: String,
    path: String,
}

/// A manifest that a revision has, and that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read `{}` of revision `{}`: {why}", path.escape_debug(), revision.escape_debug())]
#[diagnostic(code(bottle::diff::unreadable), help("name the manifest itself: `main:bottle.toml`"))]
struct UnreadableRevision {
    revision: String,
    path: String,
    why: FileError,
}
