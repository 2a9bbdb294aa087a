//! How a command ends that does not succeed.

use crate::usage::Usage;

/// The end of a command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    /// What goes to stderr. Empty where the exit code is a process's own.
    pub(crate) text: String,
}

impl Failure {
    /// A runtime error: exit code 1.
    pub(crate) fn new(message: impl std::fmt::Display) -> Self {
        Self { exit: 1, text: format!("Error: {message}") }
    }

    /// A word that is refused after parsing: exit code 64.
    pub(crate) fn validation(message: impl std::fmt::Display) -> Self {
        Self { exit: Usage::EXIT, text: format!("Error: {message}") }
    }

    /// The exit code of a process.
    pub(crate) fn process(exit: u8) -> Self {
        Self { exit, text: String::new() }
    }

    /// What the double cannot do, or not as `container` would.
    pub(crate) fn double(message: impl std::fmt::Display) -> Self {
        Self { exit: 70, text: format!("Error: this is a double of `container`, and {message}") }
    }

    /// The service does not run.
    pub(crate) fn down() -> Self {
        Self::new(
            "interrupted: \"XPC connection error: Connection invalid\"\nEnsure container system service has been started with \
             `container system start`.",
        )
    }

    /// The service does not run, as `list` and all that asks for the list says it.
    pub(crate) fn down_in_list() -> Self {
        Self::new(
            "internalError: \"failed to list containers\" (cause: \"interrupted: \"XPC connection error: Connection invalid\"\")\n\
             Ensure container system service has been started with `container system start`.",
        )
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::double(format_args!("a file could not be read or written: {error}"))
    }
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        Self { exit: Usage::EXIT, text: usage.to_string() }
    }
}

/// A command's end: what it prints is printed as it goes.
pub(crate) type Done = Result<(), Failure>;
