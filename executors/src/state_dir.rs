//! Where bottle keeps what it knows of a project: `<base>/<backend>/<project>/`, for nobody else to read.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bottle_planner::name::ProjectName;
use bottle_planner::profile::Backend;

const ORIGIN: &str = "origin";

/// What of the environment decides where state is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment<'a> {
    /// `$BOTTLE_STATE`: the base itself.
    pub bottle_state: Option<&'a OsStr>,
    /// `$XDG_STATE_HOME`: the base is `bottle` in it.
    pub xdg_state_home: Option<&'a OsStr>,
    /// `$HOME`: the base is `.local/state/bottle` in it.
    pub home: Option<&'a OsStr>,
}

/// Why there is no place or no way to keep state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum StateError {
    /// A relative path would make what is known depend on where the command was called.
    #[error("BOTTLE_STATE is {0:?}, which is not absolute")]
    #[diagnostic(code(bottle::state::relative), help("give the whole path, from `/` on"))]
    Relative(PathBuf),
    /// Nothing in the environment says where.
    #[error("there is no place for bottle's state: neither BOTTLE_STATE nor XDG_STATE_HOME nor HOME is set")]
    #[diagnostic(code(bottle::state::nowhere), help("set BOTTLE_STATE to a folder that is kept between runs"))]
    Nowhere,
    /// A file or folder could not be read or written.
    #[error("{path} could not be {done}: {why}")]
    #[diagnostic(
        code(bottle::state::file),
        help("bottle keeps its state there: the folder must be yours and writable")
    )]
    File {
        /// The file or folder.
        path: String,
        /// `made`, `read` or `written`.
        done: &'static str,
        /// The system's words.
        why: String,
    },
}

impl StateError {
    pub(crate) fn file(path: &Path, done: &'static str, error: &io::Error) -> Self {
        Self::File { path: path.display().to_string(), done, why: error.to_string() }
    }
}

/// The folder under which all state is kept.
///
/// # Errors
/// When the environment names none, or a relative one.
pub fn base(environment: Environment<'_>) -> Result<PathBuf, StateError> {
    let set = |value: Option<&OsStr>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification has relative paths ignored.
    let absolute = |value| set(value).filter(|path| path.is_absolute());
    if let Some(path) = set(environment.bottle_state) {
        return if path.is_absolute() { Ok(path) } else { Err(StateError::Relative(path)) };
    }
    if let Some(path) = absolute(environment.xdg_state_home) {
        return Ok(path.join("bottle"));
    }
    absolute(environment.home).map(|home| home.join(".local/state/bottle")).ok_or(StateError::Nowhere)
}

/// The state folder of one project on one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
    project: ProjectName,
}

impl StateDir {
    /// The folder's place. It need not be there.
    #[must_use]
    pub fn of(base: &Path, backend: Backend, project: &ProjectName) -> Self {
        Self { path: base.join(backend.to_string()).join(project.as_str()), project: project.clone() }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// Makes the folder where it is missing, and closes it to all others.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn make(&self) -> Result<(), StateError> {
        let made = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
            if fs::metadata(&self.path)?.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(&self.path, Permissions::from_mode(0o700))?;
            }
            Ok(())
        };
        made().map_err(|error| StateError::file(&self.path, "made", &error))
    }

    /// The folder of the manifest that was last applied as this project: absolute. `None` when none was.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn origin(&self) -> Result<Option<PathBuf>, StateError> {
        let path = self.path.join(ORIGIN);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(OsString::from_vec(bytes).into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::file(&path, "read", &error)),
        }
    }

    /// Records the folder of the manifest that is applied. The state folder must be there.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn set_origin(&self, folder: &Path) -> Result<(), StateError> {
        let path = self.path.join(ORIGIN);
        let written = || {
            let mut fresh = tempfile::NamedTempFile::new_in(&self.path)?;
            fresh.write_all(folder.as_os_str().as_bytes())?;
            fresh.as_file().sync_all()?;
            fresh.persist(&path)?;
            Ok(())
        };
        written().map_err(|error: io::Error| StateError::file(&path, "written", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(bottle: &'a str, xdg: &'a str, home: &'a str) -> Environment<'a> {
        Environment {
            bottle_state: Some(OsStr::new(bottle)),
            xdg_state_home: Some(OsStr::new(xdg)),
            home: Some(OsStr::new(home)),
        }
    }

    #[test]
    fn the_nearest_variable_decides() {
        assert_eq!(base(environment("/b", "/x", "/h")), Ok("/b".into()));
        assert_eq!(base(environment("", "/x", "/h")), Ok("/x/bottle".into()));
        assert_eq!(base(environment("", "x", "/h")), Ok("/h/.local/state/bottle".into()));
        assert_eq!(base(environment("", "", "")), Err(StateError::Nowhere));
        assert_eq!(base(Environment::default()), Err(StateError::Nowhere));
        assert_eq!(base(environment("b", "/x", "/h")), Err(StateError::Relative("b".into())));
    }

    fn state_dir(base: &Path) -> StateDir {
        StateDir::of(base, Backend::Docker, &ProjectName::new("acme").unwrap())
    }

    #[test]
    fn the_folder_is_closed_to_others_even_when_it_was_open() {
        let base = tempfile::tempdir().unwrap();
        let dir = state_dir(base.path());
        assert_eq!(dir.path(), base.path().join("docker/acme"));
        let mode = || fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777;
        dir.make().unwrap();
        assert_eq!(mode(), 0o700);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        dir.make().unwrap();
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn the_origin_is_kept_byte_for_byte() {
        let base = tempfile::tempdir().unwrap();
        let dir = state_dir(base.path());
        dir.make().unwrap();
        assert_eq!(dir.origin(), Ok(None));
        for folder in [Path::new("/home/a/work"), Path::new(OsStr::from_bytes(b"/odd\xff\nname "))] {
            dir.set_origin(folder).unwrap();
            assert_eq!(dir.origin().unwrap().as_deref(), Some(folder));
        }
        assert_eq!(fs::metadata(dir.path().join(ORIGIN)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
