//! The state on disk: a log of changes, one line for all changes of one operation.
//!
//! Appending keeps the cost of a run linear, where writing the whole state after every operation would be quadratic. A line counts
//! once it ends: a crash leaves at most one that does not, and it is dropped. Lines are handed to the system before an operation
//! is answered, so that killing the process loses nothing; they are not forced to the disk, since an engine that lost
//! something in a power cut is one that the next `apply` mends.
//!
//! Processes share the file: each holds its lock for the time of one operation, and first reads what others have added.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::state::{Change, State};
use crate::engine::EngineError;

/// The first line: what the file is, and in which form.
#[derive(Serialize, Deserialize)]
struct Header {
    bottle_simulator: u32,
}

/// The form that this program reads and writes.
const FORM: u32 = 1;
/// What is wrong with a file that was never a log.
const NOT_OURS: &str = "it is not a simulator's; give another path, or remove it";
/// How many changes a log may have beyond twice the objects it tells of.
const SLACK: usize = 1000;

/// What a file is locked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// To look.
    Read,
    /// To change something.
    Write,
}

/// The log of one process.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    /// How many bytes have been read or written.
    offset: u64,
    /// How many changes these are.
    changes: usize,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None, offset: 0, changes: 0 }
    }

    /// Locks the file, made if it is not there and something is to be written, and takes in what others have added since.
    pub(super) fn lock(&mut self, state: &mut State, access: Access) -> Result<(), EngineError> {
        let result = self.lock_current(state, access);
        if result.is_err() {
            // Half of a log may have been taken in.
            self.forget(state);
        }
        result
    }

    /// Lets others at the file.
    pub(super) fn unlock(&mut self) {
        if let Some(file) = &self.file
            && file.unlock().is_err()
        {
            // Closing unlocks too.
            self.file = None;
        }
    }

    /// Adds a line, which is whole or not there. The lock must be held.
    pub(super) fn append(&mut self, changes: &[Change]) -> Result<(), EngineError> {
        let mut line = Vec::new();
        if self.offset == 0 {
            write_line(&mut line, &Header { bottle_simulator: FORM }).map_err(|error| self.failed(error))?;
        }
        write_line(&mut line, changes).map_err(|error| self.failed(error))?;
        let Some(file) = &mut self.file else { return Err(self.failed("it is not open")) };
        let written = file.seek(SeekFrom::Start(self.offset)).and_then(|_| file.write_all(&line));
        if let Err(error) = written {
            // A line without its end is dropped by whoever comes next, should this fail too.
            let _ = file.set_len(self.offset);
            return Err(self.failed(error));
        }
        self.offset += line.len() as u64;
        self.changes += changes.len();
        Ok(())
    }

    /// Writes the log anew when most of it is history. The lock must be held.
    pub(super) fn compact(&mut self, state: &State) -> Result<(), EngineError> {
        if self.changes <= 2 * state.objects() + SLACK {
            return Ok(());
        }
        let needed = state.changes();
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let write = || -> io::Result<(File, u64)> {
            let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
            let mut text = Vec::new();
            write_line(&mut text, &Header { bottle_simulator: FORM })?;
            for change in needed.chunks(1) {
                write_line(&mut text, change)?;
            }
            fresh.write_all(&text)?;
            fresh.as_file().sync_all()?;
            // Locked before it has the name, so that nobody adds to it before this process knows its length.
            fresh.as_file().lock()?;
            let file = fresh.persist(&self.path).map_err(|error| error.error)?;
            Ok((file, text.len() as u64))
        };
        let (file, length) = write().map_err(|error| self.failed(error))?;
        // Those who wait for the old file's lock see by its number that it is no longer the one, and open this one.
        self.file = Some(file);
        self.offset = length;
        self.changes = needed.len();
        Ok(())
    }

    fn lock_current(&mut self, state: &mut State, access: Access) -> Result<(), EngineError> {
        loop {
            if !self.is_current() {
                self.forget(state);
                self.file = self.open(access).map_err(|error| self.failed(error))?;
            }
            let Some(file) = &self.file else { return Ok(()) };
            file.lock().map_err(|error| self.failed(error))?;
            // While this waited, another process may have written the log anew.
            if self.is_current() {
                return self.catch_up(state);
            }
        }
    }

    /// The file; nothing when it is not there and is only to be read: an engine that has nothing.
    fn open(&self, access: Access) -> io::Result<Option<File>> {
        let write = access == Access::Write;
        if let (true, Some(folder)) = (write, self.path.parent()) {
            fs::create_dir_all(folder)?;
        }
        match OpenOptions::new().read(true).write(true).create(write).truncate(false).mode(0o600).open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if !write && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the open file is the one that has the name.
    fn is_current(&self) -> bool {
        let Some(file) = &self.file else { return false };
        match (file.metadata(), fs::metadata(&self.path)) {
            (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
            _ => false,
        }
    }

    fn forget(&mut self, state: &mut State) {
        self.file = None;
        self.offset = 0;
        self.changes = 0;
        *state = State::new(state.behaves);
    }

    fn catch_up(&mut self, state: &mut State) -> Result<(), EngineError> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        let length = file.metadata().map_err(|error| self.failed(error))?.len();
        if length < self.offset {
            return Err(self.failed("it became shorter while it was in use"));
        }
        if length == self.offset {
            return Ok(());
        }
        let mut text = Vec::new();
        let read = file.seek(SeekFrom::Start(self.offset)).and_then(|_| file.read_to_end(&mut text));
        read.map_err(|error| self.failed(error))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in text[..whole].split_inclusive(|byte| *byte == b'\n') {
            if self.offset == 0 {
                let header: Header = serde_json::from_slice(line).map_err(|_| self.failed(NOT_OURS))?;
                if header.bottle_simulator != FORM {
                    let form = header.bottle_simulator;
                    return Err(self.failed(format!("it has form {form}, and this program knows form {FORM}")));
                }
            } else {
                let changes: Vec<Change> = serde_json::from_slice(line)
                    .map_err(|error| self.failed(format!("the line at byte {} is damaged: {error}", self.offset)))?;
                self.changes += changes.len();
                for change in changes {
                    state.apply(change);
                }
            }
            self.offset += line.len() as u64;
        }
        self.drop_torn(file, &text[whole..])
    }

    /// Cuts off a line that a crash left without its end.
    fn drop_torn(&self, file: &File, torn: &[u8]) -> Result<(), EngineError> {
        let mut header = Vec::new();
        write_line(&mut header, &Header { bottle_simulator: FORM }).map_err(|error| self.failed(error))?;
        // Of a file that does not begin as ours do, nothing is cut off.
        if self.offset == 0 && !header.starts_with(torn) {
            return Err(self.failed(NOT_OURS));
        }
        if torn.is_empty() { Ok(()) } else { file.set_len(self.offset).map_err(|error| self.failed(error)) }
    }

    fn failed(&self, why: impl ToString) -> EngineError {
        EngineError::State { path: self.path.display().to_string(), why: why.to_string() }
    }
}

fn write_line(to: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    serde_json::to_writer(&mut *to, value)?;
    to.push(b'\n');
    Ok(())
}
