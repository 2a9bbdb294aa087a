//! A program that writes down its words before it is the real one.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::Folders;

/// The recording.
pub(crate) struct Recorder {
    bin: PathBuf,
    calls: PathBuf,
    /// The search path without it.
    path: OsString,
}

impl Recorder {
    /// Of some programs, each the one that the project's search path leads to.
    pub(crate) fn new(project: &Folders, programs: &[&str]) -> Self {
        let path = project.env.iter().find(|(name, _)| *name == "PATH").map(|(_, path)| path.clone());
        let path = path.or_else(|| std::env::var_os("PATH")).unwrap();
        let (bin, calls) = (project.scratch().join("recorder"), project.scratch().join("calls"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&calls).unwrap();
        for program in programs {
            let real = std::env::split_paths(&path)
                .map(|folder| folder.join(program))
                .find(|path| path.is_file())
                .expect("the program is in the search path");
            // Each process has a file of its own, each call a line that only ends it. A number may come up again.
            let script = format!(
                "#!/bin/sh\n{{ printf '%s\\0' {program} \"$@\"; printf '\\n\\0'; }} >> '{}'/$$\nexec '{}' \"$@\"\n",
                calls.display(),
                real.display()
            );
            let recording = bin.join(program);
            fs::write(&recording, script).unwrap();
            fs::set_permissions(&recording, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { bin, calls, path }
    }

    /// The search path in which it comes first.
    pub(crate) fn path(&self) -> (&'static str, OsString) {
        let folders = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&self.path));
        ("PATH", std::env::join_paths(folders).unwrap())
    }

    /// The words of all calls so far.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        let mut calls = Vec::new();
        for entry in fs::read_dir(&self.calls).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let mut words = Vec::new();
            for word in text.split_terminator('\0') {
                if word == "\n" { calls.push(std::mem::take(&mut words)) } else { words.push(word.to_owned()) }
            }
        }
        calls
    }
}
