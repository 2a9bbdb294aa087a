//! Saved plans as files of this machine.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use bottle_planner::saved::{self, SavedError, SavedPlan};
use miette::Diagnostic as _;

use crate::arguments;
use crate::exit::Fault;

/// Something about the file of a saved plan.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum FileError {
    /// It cannot be read.
    #[error("cannot read the saved plan {}: {error}", path.display())]
    #[diagnostic(code(bottle::saved::unreadable), help("nothing was changed; `bottle plan --out FILE` saves a plan"))]
    Unreadable { path: PathBuf, error: io::Error },
    /// It is none, or not as it was.
    #[error("{}: {error}", path.display())]
    #[diagnostic(code(bottle::saved), help("nothing was changed; {help}"))]
    Refused { path: PathBuf, error: SavedError, help: String },
    /// It is a plan for people.
    #[error("{} is a snapshot for review, and no saved plan", path.display())]
    #[diagnostic(
        code(bottle::saved::snapshot),
        help("`bottle plan --check` compares it; `bottle plan --out FILE` saves a plan that can be applied")
    )]
    Snapshot { path: PathBuf },
    /// Something else lies there.
    #[error("{} is there, and it is no saved plan", path.display())]
    #[diagnostic(code(bottle::saved::taken), help("only a saved plan is written over: give another name with `--out`"))]
    Taken { path: PathBuf },
    /// It cannot be written.
    #[error("cannot save the plan as {}: {error}", path.display())]
    #[diagnostic(code(bottle::saved::unwritable), help("the folder must be there and writable"))]
    Unwritable { path: PathBuf, error: io::Error },
    /// The manifest cannot be named in it.
    #[error("the way from {} to the manifest is no UTF-8", path.display())]
    #[diagnostic(code(bottle::saved::path), help("save the plan next to the manifest, or rename the folder"))]
    Path { path: PathBuf },
}

/// The saved plan that a command line of `apply` names, if it does. No bottle's name has a `.` or a `/` in it.
pub(crate) fn named(arguments: &arguments::Apply) -> Result<Option<PathBuf>, Fault> {
    if let Some(path) = &arguments.plan {
        return Ok(Some(path.clone()));
    }
    match &arguments.bottles[..] {
        [only] if is_a_path(only) => Ok(Some(only.into())),
        words if words.iter().any(|word| is_a_path(word)) => Err(Fault::usage(
            "a saved plan is applied by itself: which bottles it deals with was said when it was saved".to_owned(),
            "`bottle apply FILE`, or `bottle apply BOTTLE..`",
        )),
        _ => Ok(None),
    }
}

fn is_a_path(word: &str) -> bool {
    word.contains(['.', '/'])
}

/// A path as a word that `apply` takes for a saved plan.
pub(crate) fn word(path: &Path) -> String {
    let shown = path.display().to_string();
    let path = if is_a_path(&shown) { shown } else { format!("./{shown}") };
    bottle_planner::render::shell(&path)
}

/// Reads a saved plan.
pub(crate) fn read(path: &Path) -> Result<SavedPlan, Fault> {
    let bytes = fs::read(path).map_err(|error| Fault::from(FileError::Unreadable { path: path.to_owned(), error }))?;
    if is_snapshot(&bytes) {
        return Err(FileError::Snapshot { path: path.to_owned() }.into());
    }
    let read = match std::str::from_utf8(&bytes) {
        Ok(text) => saved::read(text),
        Err(_) if is_meant_as_one(&bytes) => Err(SavedError::Damaged("it is not all text".to_owned())),
        Err(_) => Err(SavedError::Foreign),
    };
    read.map_err(|error| {
        let help = error.help().map_or_else(String::new, |help| help.to_string());
        FileError::Refused { path: path.to_owned(), error, help }.into()
    })
}

/// Whether the file at a path is meant as a plan, to be applied or for review.
pub(crate) fn is_at(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| is_meant_as_one(&bytes) || is_snapshot(&bytes))
}

fn is_snapshot(bytes: &[u8]) -> bool {
    bytes.starts_with(bottle_planner::render::SNAPSHOT_MARK.as_bytes())
}

fn is_meant_as_one(bytes: &[u8]) -> bool {
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    saved::is_meant_as_one(text)
}

/// The way from the folder of a saved plan to the manifest.
pub(crate) fn from(out: &Path, manifest: &Path) -> Result<String, Fault> {
    let unwritable = |error| Fault::from(FileError::Unwritable { path: out.to_owned(), error });
    let folder = folder_of(out).canonicalize().map_err(unwritable)?;
    let shared = folder.components().zip(manifest.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(manifest.components().skip(shared)).collect();
    way.into_os_string().into_string().map_err(|_| FileError::Path { path: out.to_owned() }.into())
}

/// The folder in which a path lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a saved plan: all of it or nothing, and over nothing but another one.
pub(crate) fn write(path: &Path, plan: &SavedPlan) -> Result<(), Fault> {
    let text = saved::write(plan)?;
    let unwritable = |error| Fault::from(FileError::Unwritable { path: path.to_owned(), error });
    let taken = || Fault::from(FileError::Taken { path: path.to_owned() });
    let replaces = match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() && is_meant_as_one(&fs::read(path).map_err(unwritable)?) => true,
        Ok(_) => return Err(taken()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(unwritable(error)),
    };
    // It is for others to read: the user's umask decides.
    let mut fresh = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))
        .map_err(unwritable)?;
    fresh.write_all(text.as_bytes()).and_then(|()| fresh.as_file().sync_all()).map_err(unwritable)?;
    let persisted = if replaces { fresh.persist(path) } else { fresh.persist_noclobber(path) };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(taken()),
        Err(error) => Err(unwritable(error.error)),
    }
}
