//! The journal: what was begun and what was done, so that after any end of the process it is known what has to be done again.
//!
//! One JSON object to a line, only ever appended. Four rules: the begin of an operation is durable before the engine is asked;
//! its end is durable before it counts as done; what depends on it waits for both; independent operations share a write. The
//! engine is the truth and this is a cache beside it: losing it costs work, never correctness. No secret is in it: inputs
//! have them by name.

mod disk;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bottle_planner::address::Address;
use bottle_planner::observation::{Done, Observation, WasHeld};

pub use self::disk::{Disk, Memory};
pub use self::record::Record;
use self::record::{Header, Replay, VERSION};

/// The file's name in a project's state folder.
const FILE: &str = "journal.jsonl";

/// A journal shorter than this is not worth compacting, in bytes.
const SMALL: usize = 4096;

/// A journal that can be written. Only who holds the project's lock may have one.
pub struct Journal {
    disk: Box<dyn Disk>,
    path: PathBuf,
    /// Lines that are not durable yet.
    pending: Vec<u8>,
    /// Why no more can be written: after an error nobody knows what the disk holds.
    broken: Option<JournalError>,
}

/// What a journal says.
#[derive(Debug, Default)]
pub struct Known {
    /// The operations that are done.
    pub done: BTreeMap<Address, Done>,
    /// What was held when each bottle was last let go or changed, by the bottle's name.
    pub held: BTreeMap<String, WasHeld>,
    /// Where it could not be read, if so.
    pub damage: Option<Damage>,
}

/// A journal that could not be read to its end. That costs work and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal {path} cannot be read from line {line} on ({why}); what it said from there on is forgotten and will be done again"
)]
pub struct Damage {
    /// The file.
    pub path: String,
    /// The first line that is not one of ours, counted from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Why there is no journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum JournalError {
    /// The file could not be read or written.
    #[error("the journal {path} could not be {done}: {why}")]
    #[diagnostic(
        code(bottle::journal::file),
        help(
            "without it nothing is begun, because a crash would leave no trace; make room or give it a folder that can be written"
        )
    )]
    File {
        /// The file.
        path: String,
        /// `read` or `written`.
        done: &'static str,
        /// The system's words.
        why: String,
    },
    /// A later bottle wrote it.
    #[error("the journal {path} has version {found}, and this bottle knows up to {VERSION}")]
    #[diagnostic(
        code(bottle::journal::newer),
        help("use the bottle that wrote it, or delete the file: then what it knew will be done again")
    )]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
    },
}

impl Journal {
    /// Opens the journal of a state folder for writing, and makes it where there is none. What it says comes along. It is written anew
    /// when it is much longer than what it says, or damaged.
    ///
    /// # Errors
    /// When it cannot be read or written, or is of a later version.
    pub fn open(folder: &Path) -> Result<(Self, Known), JournalError> {
        let path = folder.join(FILE);
        let written = |error: io::Error| JournalError::file(&path, "written", &error);
        let (bytes, known) = load(&path)?;
        let compact = lines_of(&known).map_err(written)?;
        let whole = bytes.ends_with(b"\n") && known.damage.is_none();
        let disk = if whole && bytes.len() <= 2 * compact.len() + SMALL {
            File::options().append(true).open(&path).map_err(written)?
        } else {
            rewrite(folder, &path, &compact).map_err(written)?
        };
        Ok((Self { disk: Box::new(disk), path, pending: Vec::new(), broken: None }, known))
    }

    /// A journal that is kept elsewhere than in a file.
    #[must_use]
    pub fn on(disk: impl Disk + 'static) -> Self {
        let mut journal = Self { disk: Box::new(disk), path: FILE.into(), pending: Vec::new(), broken: None };
        journal.line(&Header { version: VERSION });
        journal
    }

    /// Adds a line to those that the next [`Journal::commit`] makes durable.
    pub fn push(&mut self, record: &Record<'_>) {
        self.line(record);
    }

    /// Makes durable what was pushed: all of it with one write.
    ///
    /// # Errors
    /// When it could not be written. From then on nothing can: every later call fails as well.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        if self.broken.is_none() && !self.pending.is_empty() {
            match self.disk.append(&self.pending) {
                Ok(()) => self.pending.clear(),
                Err(error) => self.broken = Some(JournalError::file(&self.path, "written", &error)),
            }
        }
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn line(&mut self, line: &impl serde::Serialize) {
        if let Err(error) = append_line(&mut self.pending, line) {
            self.broken = Some(JournalError::file(&self.path, "written", &error));
        }
    }
}

impl JournalError {
    fn file(path: &Path, done: &'static str, error: &io::Error) -> Self {
        Self::File { path: path.display().to_string(), done, why: error.to_string() }
    }
}

/// What the journal of a state folder says: nothing, where there is none. It needs no lock: a line that is being written is left out.
///
/// # Errors
/// When it cannot be read, or is of a later version.
pub fn read(folder: &Path) -> Result<Known, JournalError> {
    load(&folder.join(FILE)).map(|(_, known)| known)
}

/// What the bytes of a journal say.
///
/// # Errors
/// When they are of a later version.
pub fn replay(bytes: &[u8]) -> Result<Known, JournalError> {
    replay_of(Path::new(FILE), bytes)
}

/// Leaves out what was done to containers that are gone.
pub fn prune(done: &mut BTreeMap<Address, Done>, observation: &Observation) {
    let there: HashSet<&str> = observation.containers.iter().map(|container| container.id.as_str()).collect();
    done.retain(|_, done| done.container.as_deref().is_none_or(|id| there.contains(id)));
}

/// Leaves out what was held of agents whose containers are gone.
pub fn prune_held(held: &mut BTreeMap<String, WasHeld>, observation: &Observation) {
    let there: HashSet<&str> = observation.containers.iter().map(|container| container.id.as_str()).collect();
    held.retain(|_, was| there.contains(was.container.as_str()));
}

fn load(path: &Path) -> Result<(Vec<u8>, Known), JournalError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(JournalError::file(path, "read", &error)),
    };
    let known = replay_of(path, &bytes)?;
    Ok((bytes, known))
}

fn replay_of(path: &Path, bytes: &[u8]) -> Result<Known, JournalError> {
    let mut replay = Replay::default();
    let mut damage: Option<Damage> = None;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let read = if index == 0 {
            serde_json::from_slice(line).map(|Header { version }| Line::Version(version))
        } else {
            serde_json::from_slice(line).map(Line::Record)
        };
        match read {
            Ok(Line::Version(found)) if found > VERSION => {
                return Err(JournalError::Newer { path: path.display().to_string(), found });
            }
            Ok(Line::Version(_)) => {}
            Ok(Line::Record(record)) if damage.is_none() => replay.apply(record),
            Ok(Line::Record(record)) => replay.forget(&record),
            // The last write was cut short: nobody has relied on it.
            Err(_) if !line.ends_with(b"\n") => {}
            Err(error) => {
                damage.get_or_insert_with(|| Damage {
                    path: path.display().to_string(),
                    line: index + 1,
                    why: error.to_string(),
                });
            }
        }
    }
    Ok(Known { done: replay.done, held: replay.held, damage })
}

enum Line {
    Version(u32),
    Record(Record<'static>),
}

fn append_line(bytes: &mut Vec<u8>, line: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *bytes, line)?;
    bytes.push(b'\n');
    Ok(())
}

fn lines_of(known: &Known) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    append_line(&mut bytes, &Header { version: VERSION })?;
    for (address, done) in &known.done {
        append_line(&mut bytes, &Record::end(address, done))?;
    }
    for (bottle, was) in &known.held {
        append_line(&mut bytes, &Record::held(bottle, was))?;
    }
    Ok(bytes)
}

/// Puts a new file in the place of the old one: at any moment one of the two is there, whole.
fn rewrite(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    fresh.as_file().sync_all()?;
    let file = fresh.persist(path)?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}
