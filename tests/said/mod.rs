//! The command, run in a project of a test.

use std::process::{Command, Output, Stdio};

use crate::stage::Stage;

impl Stage {
    /// The command, in the manifest's folder, with the words of `line`.
    pub(crate) fn bottle(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bottle"));
        command
            .args(line.split_whitespace())
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.home())
            .env("BOTTLE_STATE", self.state())
            .stdin(Stdio::null());
        for kept in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
    }
}

/// What a command said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `None` when a signal ended it.
    pub(crate) exit: Option<i32>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { stdout: text(output.stdout), stderr: text(output.stderr), exit: output.status.code() }
    }
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    command.output().unwrap().into()
}
