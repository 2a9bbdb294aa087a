//! A project of a trial's own: a fixture's copy in a temporary folder, and nothing left of it afterwards.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::engine::{docker, inspect_all, lines};

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

/// A project.
pub(crate) struct Project {
    /// Its name.
    pub(crate) name: String,
    folder: tempfile::TempDir,
}

impl Project {
    /// A fixture's project under a name of its own, with images that the engine has.
    pub(crate) fn of(fixture: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let project = Self { name: format!("t{process}-{number}"), folder: tempfile::tempdir().unwrap() };
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
        let pool = format!("10.{}.{}.0/20", 64 + process % 128, number % 16 * 16);
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

    /// The network that all sidecars share.
    pub(crate) fn egress(&self) -> String {
        format!("bottle_{}_shared_egress", self.name)
    }

    /// `bottle`, in the project's folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bottle"));
        command.args(args).current_dir(self.root()).env("BOTTLE_STATE", self.state()).env("HOME", self.home());
        command.env_remove("GH_PAT").env_remove("GITEA_TOKEN").env_remove("BOTTLE_CRASH").stdin(Stdio::null());
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

    /// Starts `bottle` and does not wait for it.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
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

    /// The plan for machines.
    #[track_caller]
    pub(crate) fn plan(&self) -> Value {
        serde_json::from_str(&self.run(&["plan", "--format", "json"]).exits(0).stdout).unwrap()
    }

    /// What the engine has of the project, by label or by name: each as `KIND NAME`. What others made of its images is theirs.
    pub(crate) fn objects(&self) -> Vec<String> {
        let label = format!("label=bottle.project={}", self.name);
        let prefix = format!("bottle_{}_", self.name);
        let mut found = Vec::new();
        let by_label = ["--filter", label.as_str()];
        for (kind, list) in [
            ("container", &["ps", "--all", "--format", "{{.Names}}\t{{.Label \"bottle.address\"}}"][..]),
            ("network", &["network", "ls", "--format", "{{.Name}}"]),
            ("volume", &["volume", "ls", "--format", "{{.Name}}"]),
            ("image", &["image", "ls", "--format", "{{.Repository}}:{{.Tag}}\t{{.ID}}"]),
        ] {
            let ours = lines(&[list, &by_label].concat());
            let named = lines(list).into_iter().filter(|line| line.starts_with(&prefix));
            for line in ours.into_iter().chain(named) {
                let (name, rest) = line.split_once('\t').unwrap_or((&line, ""));
                if kind == "container" && rest.split('/').nth(1) == Some("image") {
                    continue;
                }
                found.push(format!("{kind} {}", if name.contains("<none>") { rest } else { name }));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Destroys it by the command, after which nothing of it may be there.
    pub(crate) fn finish(self) {
        self.run(&["destroy", "--yes"]).exits(0);
        self.is_gone();
        let own = format!("name=bottle-test-{}-", self.name);
        for list in [&["ps", "--all", "--quiet"][..], &["network", "ls", "--quiet"], &["volume", "ls", "--quiet"]] {
            assert_eq!(lines(&[list, &["--filter", &own]].concat()), [""; 0], "the trial left something of its own");
        }
    }

    /// Nothing of it is there.
    #[track_caller]
    pub(crate) fn is_gone(&self) {
        assert_eq!(self.objects(), Vec::<String>::new(), "left of {}", self.name);
    }

    /// Everything of some containers, one call for all.
    pub(crate) fn containers(&self, names: impl IntoIterator<Item = String>) -> Vec<Value> {
        inspect_all("container", &names.into_iter().collect::<Vec<_>>())
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

impl Drop for Project {
    /// What a trial that failed left behind.
    fn drop(&mut self) {
        for object in self.objects() {
            let Some((kind, name)) = object.split_once(' ') else { continue };
            let words: &[&str] = match kind {
                "container" => &["rm", "--force", "--volumes", name],
                "image" => &["image", "rm", "--force", name],
                kind => &[kind, "rm", name],
            };
            let _ = Command::new("docker").args(words).output();
        }
    }
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

/// Removes containers of a project by hand.
pub(crate) fn remove_by_hand(containers: &[String]) {
    let mut words = vec!["rm", "--force"];
    words.extend(containers.iter().map(String::as_str));
    docker(&words);
}
