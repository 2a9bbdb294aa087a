//! A project of a trial's own: a fixture's copy in a temporary folder, with a home and a place for state.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// How a command ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The exit code must be this one.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A project's folders, and how `bottle` is run in them.
pub(crate) struct Folders {
    /// The project's name.
    pub(crate) name: String,
    /// Variables for every `bottle`.
    pub(crate) env: Vec<(&'static str, OsString)>,
    /// Words before every `bottle`: a program that becomes it.
    pub(crate) before: Vec<OsString>,
    folder: tempfile::TempDir,
}

impl Folders {
    /// A fixture's project under a name of its own, with images that the engine has.
    pub(crate) fn of(fixture: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let folder = tempfile::tempdir().unwrap();
        let project = Self { name: format!("t{process}-{number}"), env: Vec::new(), before: Vec::new(), folder };
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture).join("project");
        copy(&from, &project.root());
        fs::create_dir(project.home()).unwrap();

        let manifest = project.read("bottle.toml");
        let named: Vec<String> = manifest
            .lines()
            .map(|line| match line {
                line if line.starts_with("name = ") => format!("name = {:?}", project.name),
                line if line.starts_with("pool = ") || line == "[network]" => String::new(),
                line => line.replace("node:22-slim", engine_images::GUEST),
            })
            .collect();
        // Projects that are applied at the same moment do not see each other's networks yet.
        let pool = format!("10.{}.{}.0/19", 64 + process % 64, number % 8 * 32);
        let rest =
            format!("[sidecar]\nimage = {{ ref = {:?} }}\n[network]\npool = {pool:?}\n", engine_images::PIPELOCK);
        project.write("bottle.toml", &format!("{}\n\n{rest}", named.join("\n")));
        if project.root().join("Dockerfile").exists() {
            project.edit("Dockerfile", "node:22-slim", engine_images::GUEST);
        }
        project
    }

    /// The folder of the manifest.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The home folder of whoever runs the command.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Where the command keeps its state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A folder for the trial's own files.
    pub(crate) fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// A file of the project.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a text that is in a file.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}:\n{text}");
        self.write(path, &text.replace(from, to));
    }

    /// Adds to the manifest.
    pub(crate) fn declare(&self, toml: &str) {
        self.write("bottle.toml", &format!("{}\n{toml}\n", self.read("bottle.toml")));
    }

    /// The agent's container.
    pub(crate) fn agent(&self, bottle: &str) -> String {
        format!("bottle_{}_{bottle}", self.name)
    }

    /// The sidecar's container.
    pub(crate) fn sidecar(&self, bottle: &str) -> String {
        format!("bottle_{}_{bottle}_pipelock", self.name)
    }

    /// The network of an agent and its sidecar.
    pub(crate) fn internal(&self, bottle: &str) -> String {
        format!("bottle_{}_{bottle}_internal", self.name)
    }

    /// `bottle`, in the project's folder.
    ///
    /// Before an apply, its owner trusts it with whatever it asks for.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        if args.first() == Some(&"apply") {
            let _ = self.command(&["trust", "--yes"]).output();
        }
        let bottle = OsString::from(env!("CARGO_BIN_EXE_bottle"));
        let mut words = self.before.iter().chain([&bottle]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(args)
            .current_dir(self.root())
            .env("BOTTLE_STATE", self.state())
            .env("HOME", self.home());
        command.env_remove("GH_PAT").env_remove("GITEA_TOKEN").env_remove("BOTTLE_CRASH").stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        // The engine is chosen by docker's own configuration, which is in the home folder.
        if let (None, Some(home)) = (std::env::var_os("DOCKER_CONFIG"), std::env::var_os("HOME")) {
            command.env("DOCKER_CONFIG", Path::new(&home).join(".docker"));
        }
        command
    }

    /// Runs `bottle`.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[])
    }

    /// Runs `bottle` with some variables.
    pub(crate) fn run_with(&self, args: &[&str], env: &[(&str, OsString)]) -> Said {
        Said::of(&self.command(args).envs(env.iter().cloned()).output().unwrap())
    }

    /// Applies it. What was done, by address; what was taken away, with `remove:` before it.
    #[track_caller]
    pub(crate) fn apply(&self) -> Vec<String> {
        self.apply_with(&[], &[])
    }

    /// Applies it, or some bottles of it.
    #[track_caller]
    pub(crate) fn apply_with(&self, bottles: &[&str], env: &[(&str, OsString)]) -> Vec<String> {
        let mut args = vec!["apply", "--yes", "--format", "json"];
        args.extend(bottles);
        done(&self.run_with(&args, env).exits(0).stdout)
    }

    /// There is nothing to do, says a plan.
    #[track_caller]
    pub(crate) fn is_as_declared(&self) {
        self.run(&["plan", "--detailed-exitcode"]).exits(0);
        self.run(&["status", "--detailed-exitcode"]).exits(0);
    }

    /// Something drifted, says `status`.
    #[track_caller]
    pub(crate) fn has_drifted(&self) -> String {
        self.run(&["status", "--detailed-exitcode"]).exits(2).stdout
    }
}

/// The addresses of a stream of events that are done.
fn done(events: &str) -> Vec<String> {
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event is JSON"));
    events
        .filter(|event| event["event"] == "done")
        .map(|event| {
            let before = if event["removal"] == true { "remove:" } else { "" };
            format!("{before}{}", event["address"].as_str().unwrap())
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
