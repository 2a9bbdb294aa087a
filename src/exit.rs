//! Exit codes. They are part of the interface: scripts and forges branch on them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It is done, or there was nothing to do.
    Done = 0,
    /// The user's error or the engine's.
    Error = 1,
    /// There are changes: only with `--detailed-exitcode`.
    Changes = 2,
    /// A guarantee is weaker than the manifest requires, by its plan or as a gate found it while all else was done; or, in a comparison with `--detailed-exitcode`, than it was.
    Weaker = 3,
    /// What was planned for is no longer what is there.
    Stale = 4,
    /// Another `bottle` is at work on the project.
    Locked = 5,
    /// Stopped half-way by a signal; the next `apply` goes on.
    Stopped = 6,
    /// The manifest asks for what its owner has not agreed to.
    Untrusted = 7,
    /// The command line was wrong.
    Usage = 64,
    /// A bug of ours.
    Bug = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error, and the exit code that goes with it.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) exit: Exit,
    pub(crate) report: miette::Report,
}

impl Fault {
    pub(crate) fn new(exit: Exit, error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        Self { exit, report: miette::Report::new(error) }
    }

    /// Wrong usage that only shows once the command line has been read.
    pub(crate) fn usage(message: String, help: &str) -> Self {
        let report = miette::miette!(code = "bottle::usage", help = help, "{message}");
        Self { exit: Exit::Usage, report }
    }
}

/// Whatever is wrong with a manifest, an engine or a file is the user's to mend.
impl<E: miette::Diagnostic + Send + Sync + 'static> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::new(Exit::Error, error)
    }
}
