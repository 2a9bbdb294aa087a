//! Processes of the host that go on by themselves: a proxy for a bottle.
//!
//! Each has a record, `<state>/process/<name>.json`, and a log, `<state>/log/<name>.log`. A number alone says nothing, as numbers are
//! used again: a process is the one of a record when it has its number and runs since then, or has its number and a file of
//! our stages among its words. One whose record is lost is found by the latter.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::{Labels, ObservedProcess};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::stage::Stages;
use super::table::{self, Running};
use crate::command::Ready;
use crate::engine::EngineError;
use crate::lock;
use crate::process::Kept;
use crate::said::Given;
use crate::state_dir::StateDir;

/// How long a process that was asked to end is waited for, and how long after it was killed.
const GRACE: Duration = Duration::from_secs(10);
const AFTER_KILL: Duration = Duration::from_secs(5);
/// The same when it is hurried.
const HURRIED_GRACE: Duration = Duration::from_millis(500);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// How much of a log's end an error shows, in bytes.
const LOG_SHOWN: u64 = 4 << 10;

/// The processes of a project.
pub(crate) struct Processes {
    project: ProjectName,
    records: PathBuf,
    logs: PathBuf,
    /// What the words of each of them hold: the folder of our stages, with a slash behind.
    marker: String,
}

/// What was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    name: String,
    pid: i32,
    start: String,
    project: ProjectName,
    address: Address,
    digest: Digest,
}

/// A process that runs, and its record if it has one.
struct Found {
    running: Running,
    name: String,
    record: Option<Record>,
}

impl Processes {
    pub(crate) fn of(dir: &StateDir) -> Self {
        Self {
            project: dir.project().clone(),
            records: dir.path().join("process"),
            logs: dir.path().join("log"),
            marker: format!("{}/", Stages::of(dir).folder().display()),
        }
    }

    /// Those that run, sorted.
    pub(crate) fn observe(&self) -> Result<Vec<ObservedProcess>, EngineError> {
        let mut seen: Vec<ObservedProcess> = self.find()?.into_iter().map(|found| self.observed(found)).collect();
        seen.sort_unstable_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(seen)
    }

    /// Whether one of this name runs.
    pub(crate) fn runs(&self, name: &str) -> Result<bool, EngineError> {
        Ok(self.find()?.iter().any(|found| found.name == name))
    }

    fn observed(&self, found: Found) -> ObservedProcess {
        let Found { running, name, record } = found;
        let (address, digest) = match record {
            Some(record) => (record.address, record.digest),
            None => {
                let bottle = name.split('_').nth(2).unwrap_or("?");
                (Address::recorded(&format!("{bottle}/process/{name}")), Digest::recorded(""))
            }
        };
        ObservedProcess { id: running.id(), name, labels: Labels { project: self.project.clone(), address, digest } }
    }

    fn find(&self) -> Result<Vec<Found>, EngineError> {
        let records = self.records();
        let mut found = Vec::new();
        for running in table::read()? {
            let marked = self.marked(&running);
            let of_record = records.iter().find(|record| {
                record.pid == running.pid && (record.start == running.start || marked.as_deref() == Some(&record.name))
            });
            match (of_record, marked) {
                (Some(record), _) => {
                    found.push(Found { running, name: record.name.clone(), record: Some(record.clone()) });
                }
                (None, Some(name)) => found.push(Found { running, name, record: None }),
                (None, None) => {}
            }
        }
        Ok(found)
    }

    /// The name of the process whose words hold a file of one of our stages. A stage is called after its process and its content.
    fn marked(&self, running: &Running) -> Option<String> {
        let (_, after) = running.command.split_once(&self.marker)?;
        let (stage, _) = after.split_once('/')?;
        let (name, _) = stage.rsplit_once('-')?;
        (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| name.to_owned())
    }

    /// Every record that can be read. One that cannot is as good as lost.
    fn records(&self) -> Vec<Record> {
        let entries = fs::read_dir(&self.records).into_iter().flatten().flatten();
        let read = entries.filter_map(|entry| serde_json::from_slice::<Record>(&fs::read(entry.path()).ok()?).ok());
        read.filter(|record| record.project == self.project).collect()
    }

    fn record_of(&self, name: &str) -> PathBuf {
        self.records.join(format!("{name}.json"))
    }

    fn log_of(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// Starts a process, records it and gives the id that it is observed with. Whatever runs under its name is ended before.
    ///
    /// Killed in between, it leaves a process without a record, which is found by its words.
    pub(crate) fn start(
        &self,
        name: &str,
        (address, digest): (&Address, &Digest),
        ready: &Ready,
        given: &Given,
        hurry: &AtomicBool,
    ) -> Result<String, String> {
        if name.is_empty() || name.starts_with('.') || name.contains('/') {
            return Err(format!("{name:?} is no name for a process"));
        }
        for found in self.find().map_err(|error| error.to_string())? {
            if found.name == name {
                self.end(&found.running, hurry)?;
            }
        }
        let program = ready.program();
        let log = self.open_log(name).map_err(|error| format!("{}: {error}", self.log_of(name).display()))?;
        let mut command = Command::new(program);
        command
            .args(ready.arguments())
            // It reads what agents send: none of the host's secrets need be in reach.
            .env_clear()
            .envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(ready.env())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|error| error.to_string())?)
            .stderr(log)
            .current_dir("/")
            .process_group(0);
        let child = lock::spawn_lasting(&mut command).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!(
                "`{}` is not on this machine; install it, or choose another way out by `via` in the bottle's `egress`",
                program.display()
            ),
            _ => format!("{}: {error}", program.display()),
        })?;
        let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
        reap(child);
        let recorded = self.record(name, pid, (address, digest), given);
        if recorded.is_err()
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        recorded
    }

    fn record(
        &self,
        name: &str,
        pid: i32,
        (address, digest): (&Address, &Digest),
        given: &Given,
    ) -> Result<String, String> {
        let running = table::read().map_err(|error| error.to_string())?.into_iter().find(|found| found.pid == pid);
        let Some(running) = running else {
            return Err(ended_at_once(name, &given.said(&self.log(name))));
        };
        let id = running.id();
        let record = Record {
            name: name.to_owned(),
            pid,
            start: running.start,
            project: self.project.clone(),
            address: address.clone(),
            digest: Digest::recorded(digest.short()),
        };
        let written = || {
            make_folder(&self.records)?;
            let mut fresh = tempfile::NamedTempFile::new_in(&self.records)?;
            fresh.write_all(&serde_json::to_vec(&record)?)?;
            fresh.as_file().sync_all()?;
            fresh.persist(self.record_of(name))?;
            Ok(id)
        };
        written().map_err(|error: io::Error| format!("{}: {error}", self.record_of(name).display()))
    }

    /// Takes a process away by the id it was observed with. That it is gone already is no error.
    pub(crate) fn remove(&self, name: &str, id: &str, hurry: &AtomicBool) -> Result<(), String> {
        let found = self.find().map_err(|error| error.to_string())?;
        if let Some(found) = found.iter().find(|found| found.running.id() == id) {
            self.end(&found.running, hurry)?;
        }
        let another = found.iter().any(|found| found.name == name && found.running.id() != id);
        if !another {
            for path in [self.record_of(name), self.log_of(name)] {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(format!("{}: {error}", path.display()));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Asks a process to end, and kills it when it does not.
    fn end(&self, running: &Running, hurry: &AtomicBool) -> Result<(), String> {
        let Some(pid) = Pid::from_raw(running.pid) else { return Ok(()) };
        for (signal, grace) in [(Signal::TERM, GRACE), (Signal::KILL, AFTER_KILL)] {
            // It leads a group of its own, with whatever it has started.
            match kill_process_group(pid, signal) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(format!("process {}: {error}", running.pid)),
            }
            let began = Instant::now();
            loop {
                let runs = table::read().map_err(|error| error.to_string())?;
                if !runs.iter().any(|other| other.pid == running.pid && other.command == running.command) {
                    return Ok(());
                }
                let grace = if hurry.load(Ordering::Relaxed) { HURRIED_GRACE } else { grace };
                if began.elapsed() >= grace {
                    break;
                }
                thread::sleep(PAUSE);
            }
        }
        Err(format!("process {} did not end, though it was killed", running.pid))
    }

    fn open_log(&self, name: &str) -> io::Result<File> {
        make_folder(&self.logs)?;
        OpenOptions::new().append(true).create(true).mode(0o600).open(self.log_of(name))
    }

    /// The end of a log.
    pub(crate) fn log(&self, name: &str) -> Kept {
        let read = || {
            let mut file = File::open(self.log_of(name))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LOG_SHOWN)))?;
            let mut bytes = Vec::new();
            file.take(LOG_SHOWN).read_to_end(&mut bytes)?;
            Ok(Kept { bytes, cut: length > LOG_SHOWN })
        };
        read().unwrap_or_else(|_: io::Error| Kept::default())
    }
}

fn ended_at_once(name: &str, log: &str) -> String {
    let said = if log.is_empty() { String::new() } else { format!("; its log ends with:\n{log}") };
    format!("{name} ended as soon as it was started{said}")
}

/// Lets the system forget a child that ends while this command still runs.
fn reap(mut child: std::process::Child) {
    let waiting = thread::Builder::new().spawn(move || drop(child.wait()));
    // Without a thread it is listed as ended until this command ends, and that is known as not running.
    drop(waiting);
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests;
