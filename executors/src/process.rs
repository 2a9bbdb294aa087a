//! One child process: fed, listened to, and ended when its time is up or when it is hurried.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::engine::Ended;
use crate::lock;

/// How much of what a child says on standard output is kept: its beginning.
const STDOUT_KEPT: usize = 64 << 20;
/// How much of what it says on standard error is kept: its end.
const STDERR_KEPT: usize = 64 << 10;
/// How long a group that was asked to end has before it is killed, and how long pipes that a dead child's own children
/// hold open are listened to.
const GRACE: Duration = Duration::from_millis(1000);
/// How often the wish to hurry is looked at. It delays nothing else: the end of a child wakes us at once.
const HURRY_LOOK: Duration = Duration::from_millis(25);

/// Writes what a child reads.
pub(crate) type Feed = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// A child to be run in a process group of its own, so that a terminal's Ctrl-C does not reach it.
pub(crate) struct Process<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [OsString],
    /// Variables added to the environment that it inherits.
    pub(crate) env: &'a [(&'a str, &'a OsStr)],
    /// What it reads; `None` is nothing.
    pub(crate) feed: Option<Feed>,
    /// How long it may take.
    pub(crate) limit: Duration,
    /// Set when it is to end at once.
    pub(crate) hurry: &'a AtomicBool,
}

/// What became of a child.
pub(crate) struct Finished {
    pub(crate) ended: Ended,
    pub(crate) stdout: Kept,
    pub(crate) stderr: Kept,
    /// Why it could not be given all that it was to read. That it stopped reading is no such reason: its exit code tells.
    pub(crate) starved: Option<io::Error>,
}

/// What was kept of a stream.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more.
    pub(crate) cut: bool,
}

impl Finished {
    /// Whether it did all that was asked.
    pub(crate) fn succeeded(&self) -> bool {
        self.ended == Ended::Exit(0) && self.starved.is_none()
    }
}

impl Process<'_> {
    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn run(self) -> io::Result<Finished> {
        if self.hurry.load(Ordering::Relaxed) {
            return Ok(Finished {
                ended: Ended::Hurried,
                stdout: Kept::default(),
                stderr: Kept::default(),
                starved: None,
            });
        }
        let mut command = Command::new(self.program);
        command
            .args(self.args)
            .envs(self.env.iter().copied())
            .stdin(if self.feed.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = lock::spawn(&mut command)?;
        let group = Pid::from_child(&child);
        let (sender, events) = mpsc::channel();
        let streams = match Streams::open(&mut child, group, self.feed, &sender) {
            Ok(streams) => streams,
            Err(error) => {
                signal(group, Signal::KILL);
                child.wait()?;
                return Err(error);
            }
        };
        drop(sender);

        let mut watch =
            Watch { group, stopped: None, killed: false, exited: false, deadline: Instant::now() + self.limit };
        let mut open = streams.count;
        let mut starved = None;
        while !(watch.exited && open == 0) {
            let Some(wait) = watch.look(Instant::now(), self.hurry, self.limit) else { break };
            match events.recv_timeout(wait) {
                Ok(Event::Exited) => watch.exited(Instant::now()),
                Ok(Event::Closed) => open -= 1,
                Ok(Event::Fed(result)) => {
                    open -= 1;
                    starved = result.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // Only now: as long as it is not reaped, no other process can have its number.
        let status = if watch.exited { Some(child.wait()?) } else { None };
        let ended = watch.stopped.unwrap_or_else(|| status.map_or(Ended::Signal(9), ended));
        Ok(Finished { ended, stdout: streams.stdout.take(), stderr: streams.stderr.take(), starved })
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}

/// Signals a group. That it is gone already is what was wanted.
fn signal(group: Pid, signal: Signal) {
    let _ = kill_process_group(group, signal);
}

/// When a group is asked to end, and when it is killed.
struct Watch {
    group: Pid,
    stopped: Option<Ended>,
    killed: bool,
    exited: bool,
    deadline: Instant,
}

impl Watch {
    /// Does what is due and says how long to wait for events; `None` when nothing more will come.
    fn look(&mut self, now: Instant, hurry: &AtomicBool, limit: Duration) -> Option<Duration> {
        let running = !self.exited && self.stopped.is_none();
        if running {
            if hurry.load(Ordering::Relaxed) {
                self.stopped = Some(Ended::Hurried);
            } else if now >= self.deadline {
                self.stopped = Some(Ended::TimeLimit(u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)));
            } else {
                return Some(HURRY_LOOK.min(self.deadline - now));
            }
            signal(self.group, Signal::TERM);
            self.deadline = now + GRACE;
        } else if now >= self.deadline {
            if self.killed {
                return None;
            }
            signal(self.group, Signal::KILL);
            self.killed = true;
            self.deadline = now + GRACE;
        }
        Some(self.deadline - now)
    }

    /// The child is gone; what it started may still hold its pipes open, and is given a moment.
    fn exited(&mut self, now: Instant) {
        self.exited = true;
        self.killed = false;
        self.deadline = now + GRACE;
    }
}

enum Event {
    Exited,
    Closed,
    Fed(io::Result<()>),
}

/// The pipes of a child, each served by a thread that nobody joins: one that a stray grandchild keeps busy delays nothing.
struct Streams {
    stdout: Arc<Capture>,
    stderr: Arc<Capture>,
    count: usize,
}

impl Streams {
    fn open(child: &mut Child, pid: Pid, feed: Option<Feed>, events: &Sender<Event>) -> io::Result<Self> {
        let stdout = Arc::new(Capture::new(Keep::Beginning(STDOUT_KEPT)));
        let stderr = Arc::new(Capture::new(Keep::End(STDERR_KEPT)));
        let mut count = 0;
        if let Some(pipe) = child.stdout.take() {
            count += 1;
            listen(pipe, &stdout, events)?;
        }
        if let Some(pipe) = child.stderr.take() {
            count += 1;
            listen(pipe, &stderr, events)?;
        }
        if let (Some(pipe), Some(feed)) = (child.stdin.take(), feed) {
            count += 1;
            serve(events, move || {
                let mut pipe = io::BufWriter::with_capacity(64 << 10, pipe);
                Event::Fed(feed(&mut pipe).and_then(|()| pipe.flush()))
            })?;
        }
        serve(events, move || {
            while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
            Event::Exited
        })?;
        Ok(Self { stdout, stderr, count })
    }
}

fn serve(events: &Sender<Event>, work: impl FnOnce() -> Event + Send + 'static) -> io::Result<()> {
    let events = events.clone();
    thread::Builder::new().spawn(move || {
        // Nobody listens any more once the wait was given up.
        let _ = events.send(work());
    })?;
    Ok(())
}

fn listen(mut pipe: impl Read + Send + 'static, capture: &Arc<Capture>, events: &Sender<Event>) -> io::Result<()> {
    let capture = Arc::clone(capture);
    serve(events, move || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => capture.take_in(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    capture.cut();
                    break;
                }
            }
        }
        Event::Closed
    })
}

#[derive(Clone, Copy)]
enum Keep {
    Beginning(usize),
    End(usize),
}

struct Capture {
    keep: Keep,
    kept: Mutex<Kept>,
}

impl Capture {
    fn new(keep: Keep) -> Self {
        Self { keep, kept: Mutex::default() }
    }

    fn take_in(&self, bytes: &[u8]) {
        let kept = &mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match self.keep {
            Keep::Beginning(limit) => {
                let room = limit - kept.bytes.len();
                kept.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
                kept.cut |= bytes.len() > room;
            }
            Keep::End(limit) => {
                kept.bytes.extend_from_slice(bytes);
                // Twice as much is let in, so that moving what is kept costs each byte once.
                if kept.bytes.len() > 2 * limit {
                    kept.bytes.drain(..kept.bytes.len() - limit);
                    kept.cut = true;
                }
            }
        }
    }

    fn cut(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).cut = true;
    }

    fn take(&self) -> Kept {
        let mut kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        if let Keep::End(limit) = self.keep
            && kept.bytes.len() > limit
        {
            kept.bytes.drain(..kept.bytes.len() - limit);
            kept.cut = true;
        }
        kept
    }
}

#[cfg(test)]
mod tests;
