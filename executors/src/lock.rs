//! One apply per project and backend at a time.
//!
//! Two file locks, held by the system for as long as a process has the file open. `lock` is the command's alone and says who it is. `in-flight`
//! is inherited by every child: when the command is killed, its children are still changing the engine, and whoever comes
//! next waits for them, so that no half-made state is ever observed. Nothing depends on process ids, which are used again.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bottle_planner::name::ProjectName;
use rustix::io::FdFlags;
use serde::{Deserialize, Serialize};

use crate::state_dir::{StateDir, StateError};

const LOCK: &str = "lock";
const IN_FLIGHT: &str = "in-flight";
/// How often a lock that is held is tried again.
const POLL: Duration = Duration::from_millis(20);
/// How long a command that is just ending, or one that only looks, is put up with.
const GRACE: Duration = Duration::from_millis(200);

/// The files that children inherit. Children are started under its lock: shared by those that inherit them, alone by one that does not.
static INHERITED: RwLock<Vec<Weak<File>>> = RwLock::new(Vec::new());

/// Starts a child that ends with what it was started for: it inherits what marks a project as being worked on.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _guard = INHERITED.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Starts a child that outlives this process and marks nothing as being worked on.
pub(crate) fn spawn_lasting(command: &mut Command) -> io::Result<Child> {
    let mut inherited = INHERITED.write().unwrap_or_else(PoisonError::into_inner);
    inherited.retain(|file| file.strong_count() > 0);
    let files: Vec<Arc<File>> = inherited.iter().filter_map(Weak::upgrade).collect();
    let mark = |flags: FdFlags| files.iter().try_for_each(|file| rustix::io::fcntl_setfd(&**file, flags));
    let child = mark(FdFlags::CLOEXEC).map_err(io::Error::from).and_then(|()| command.spawn());
    // A start that has come back has become its program, or failed to.
    mark(FdFlags::empty())?;
    child
}

/// Who has a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The command: `bottle apply`.
    pub command: String,
    /// Since when, in UTC.
    pub since: String,
    /// The machine.
    pub host: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` (pid {} on {}, since {})", self.command, self.pid, self.host, self.since)
    }
}

/// Why a project could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum LockError {
    /// Another command has it.
    #[error("another {} has project {project}", who(holder.as_deref()))]
    #[diagnostic(code(bottle::lock::held), help("wait until it has ended; two at once would undo each other's work"))]
    Held {
        /// The project.
        project: ProjectName,
        /// Who; `None` while they are still writing that down.
        holder: Option<Box<Holder>>,
    },
    /// A command was killed, and what it started has not ended.
    #[error("{} was killed, and after {waited} s what it started is still at work on project {project}", who(holder.as_deref()))]
    #[diagnostic(
        code(bottle::lock::in_flight),
        help("find who has {in_flight} open (`fuser {in_flight}`), and end it if it will not end by itself")
    )]
    InFlight {
        /// The project.
        project: ProjectName,
        /// Who was killed.
        holder: Option<Box<Holder>>,
        /// How long was waited, in seconds.
        waited: u64,
        /// The file that it has open.
        in_flight: String,
    },
    /// The lock itself could not be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    State(#[from] StateError),
}

fn who(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "bottle command".to_owned(), Holder::to_string)
}

/// A project, held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    lock: File,
    in_flight: Arc<File>,
}

impl Lock {
    /// Takes a project for a command such as `bottle apply`. Its folder must be there.
    ///
    /// Where a command was killed and its children are still at work, `waiting` is told once whose, and they are waited for as long as `patience`
    /// allows.
    ///
    /// # Errors
    /// When another command has it, or such children do not end, or the files cannot be had.
    pub fn acquire(
        dir: &StateDir,
        command: &str,
        patience: Duration,
        waiting: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, LockError> {
        let path = dir.path().join(LOCK);
        let lock = open(&path)?;
        let project = dir.project().clone();
        if !wait_for(&lock, &path, GRACE)? {
            return Err(LockError::Held { project, holder: written_in(&lock).map(Box::new) });
        }

        let former = written_in(&lock);
        let written = |error| StateError::file(&path, "written", &error);
        sign(&lock, Some(&Holder::this_process(command))).map_err(written)?;

        let in_flight_path = dir.path().join(IN_FLIGHT);
        let in_flight = open(&in_flight_path)?;
        if !wait_for(&in_flight, &in_flight_path, Duration::ZERO)? {
            waiting(former.as_ref());
            if !wait_for(&in_flight, &in_flight_path, patience)? {
                sign(&lock, former.as_ref()).map_err(written)?;
                let in_flight = in_flight_path.display().to_string();
                return Err(LockError::InFlight {
                    project,
                    holder: former.map(Box::new),
                    waited: patience.as_secs(),
                    in_flight,
                });
            }
        }

        let lock = Self { lock, in_flight: Arc::new(in_flight) };
        let mut inherited = INHERITED.write().unwrap_or_else(PoisonError::into_inner);
        inherited.push(Arc::downgrade(&lock.in_flight));
        rustix::io::fcntl_setfd(&*lock.in_flight, FdFlags::empty())
            .map_err(|error| StateError::file(&in_flight_path, "handed to children", &error.into()))?;
        Ok(lock)
    }
}

impl Holder {
    fn this_process(command: &str) -> Self {
        Self {
            pid: std::process::id(),
            command: command.to_owned(),
            since: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        }
    }
}

fn sign(mut lock: &File, holder: Option<&Holder>) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    holder.map_or(Ok(()), |holder| lock.write_all(&serde_json::to_vec(holder)?))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Unlocking, unlike closing, also takes the lock from children that live on; if it fails, closing does the rest.
        let _ = self.in_flight.unlock();
        let _ = sign(&self.lock, None);
        let _ = self.lock.unlock();
    }
}

/// Who has a project now, if anyone has.
///
/// # Errors
/// When the lock cannot be read.
pub fn holder(dir: &StateDir) -> Result<Option<Holder>, StateError> {
    let path = dir.path().join(LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StateError::file(&path, "read", &error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(written_in(&file)),
        Err(TryLockError::Error(error)) => Err(StateError::file(&path, "read", &error)),
    }
}

fn open(path: &Path) -> Result<File, StateError> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| StateError::file(path, "written", &error))
}

/// Whether the lock could be had in time.
fn wait_for(file: &File, path: &Path, patience: Duration) -> Result<bool, StateError> {
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(StateError::file(path, "locked", &error)),
        }
    }
}

fn written_in(mut file: &File) -> Option<Holder> {
    let mut text = Vec::new();
    file.rewind().ok()?;
    file.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use bottle_planner::profile::Backend;

    use super::*;

    const FOLDER: &str = "BOTTLE_TEST_LOCK_FOLDER";
    const LONG: Duration = Duration::from_secs(60);

    fn state_dir(base: &Path) -> StateDir {
        let dir = StateDir::of(base, Backend::Docker, &ProjectName::new("acme").unwrap());
        dir.make().unwrap();
        dir
    }

    fn acquire(dir: &StateDir, patience: Duration) -> Result<Lock, LockError> {
        Lock::acquire(dir, "bottle destroy", patience, &mut |_| ())
    }

    /// Another process that has the lock and a child. Both live until they are killed or their input ends.
    fn other(base: &Path) -> Child {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lock::tests::as_another_process", "--nocapture", "--ignored"])
            .env(FOLDER, base)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("has it")), "it never had the lock");
        child
    }

    #[test]
    #[ignore = "the other process of the tests below"]
    fn as_another_process() {
        let Some(base) = std::env::var_os(FOLDER) else { return };
        let lock = Lock::acquire(&state_dir(Path::new(&base)), "bottle apply", Duration::ZERO, &mut |_| ()).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::inherit()).stdout(Stdio::null()).spawn().unwrap();
        println!("has it");
        child.wait().unwrap();
        drop(lock);
    }

    #[test]
    fn a_second_one_is_told_who_has_it() {
        let base = tempfile::tempdir().unwrap();
        let dir = state_dir(base.path());
        let mut other = other(base.path());
        let error = acquire(&dir, Duration::ZERO).unwrap_err();
        let LockError::Held { holder: Some(held), .. } = &error else { panic!("{error:?}") };
        assert_eq!((held.pid, held.command.as_str()), (other.id(), "bottle apply"));
        let text = error.to_string();
        assert!(text.starts_with(&format!("another `bottle apply` (pid {} on ", other.id())), "{text}");
        assert!(text.ends_with("has project acme"), "{text}");
        assert_eq!(holder(&dir).unwrap().as_ref(), Some(&**held));
        drop(other.stdin.take());
        other.wait().unwrap();
        assert_eq!(holder(&dir), Ok(None));
        acquire(&dir, Duration::ZERO).unwrap();
    }

    #[test]
    fn the_children_of_a_killed_one_are_waited_for() {
        let base = tempfile::tempdir().unwrap();
        let dir = state_dir(base.path());
        let mut other = other(base.path());
        let input = other.stdin.take();
        other.kill().unwrap();
        other.wait().unwrap();

        let error = acquire(&dir, Duration::ZERO).unwrap_err();
        assert!(
            matches!(&error, LockError::InFlight { holder: Some(holder), .. } if holder.pid == other.id()),
            "{error:?}"
        );
        assert_eq!(holder(&dir), Ok(None));

        let mut told = Vec::new();
        let mut input = Some(input);
        let lock = Lock::acquire(&dir, "bottle apply", LONG, &mut |holder| {
            told.push(holder.map(|holder| holder.pid));
            drop(input.take());
        });
        lock.unwrap();
        assert_eq!(told, [Some(other.id())]);
    }

    #[test]
    fn a_child_that_outlives_an_orderly_end_keeps_nothing() {
        let base = tempfile::tempdir().unwrap();
        let dir = state_dir(base.path());
        let lock = acquire(&dir, Duration::ZERO).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        drop(lock);
        acquire(&dir, Duration::ZERO).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn what_a_dead_process_left_is_no_obstacle() {
        let base = tempfile::tempdir().unwrap();
        let dir = state_dir(base.path());
        std::fs::write(dir.path().join(LOCK), r#"{"pid":1,"command":"bottle apply","since":"","host":""}"#).unwrap();
        std::fs::write(dir.path().join(IN_FLIGHT), "").unwrap();
        assert_eq!(holder(&dir), Ok(None));
        acquire(&dir, Duration::ZERO).unwrap();
    }
}
