//! A `docker` that writes down its words before it is the real one.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::project::Project;

/// The recording.
pub(crate) struct Recorder {
    bin: PathBuf,
    calls: PathBuf,
}

impl Recorder {
    pub(crate) fn new(project: &Project) -> Self {
        let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join("docker"))
            .find(|path| path.is_file())
            .expect("`docker` is in the search path");
        let (bin, calls) = (project.scratch().join("bin"), project.scratch().join("calls"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&calls).unwrap();
        let docker = bin.join("docker");
        // Each process has a file of its own, each call a line that only ends it. A number may come up again.
        let script = format!(
            "#!/bin/sh\n{{ printf '%s\\0' docker \"$@\"; printf '\\n\\0'; }} >> '{}'/$$\nexec '{}' \"$@\"\n",
            calls.display(),
            real.display()
        );
        fs::write(&docker, script).unwrap();
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        Self { bin, calls }
    }

    /// The search path in which it comes first.
    pub(crate) fn path(&self) -> (&'static str, OsString) {
        let others = std::env::var_os("PATH").unwrap();
        let folders = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&others));
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
