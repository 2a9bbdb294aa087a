//! A project of a trial's own, on a machine of its own.

use std::ffi::OsString;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::FIREWALL;
use crate::trials::{Folders, wait_until};

/// The double of `container`.
pub(crate) fn double() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(container_double::program).clone()
}

/// The names that the machine knows, and their addresses: those of the documentation (RFC 5737), which are nobody's and count as public.
pub(crate) const NAMES: [(&str, &str); 6] = [
    (LISTED, "203.0.113.7"),
    (UNLISTED, "203.0.113.8"),
    ("new.example.org", "203.0.113.9"),
    ("raw.githubusercontent.com", "203.0.113.10"),
    ("gitea.example.org", "203.0.113.11"),
    ("statsig.anthropic.com", "203.0.113.12"),
];
/// A host that every fixture with a way out lists.
pub(crate) const LISTED: &str = "api.anthropic.com";
/// One that none lists.
pub(crate) const UNLISTED: &str = "other.example.org";

/// Becomes its other words, with an `/etc` of the trial's own.
const WITH_OWN_ETC: [&str; 6] =
    ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc && exec \"$@\"", "the folder"];

/// A project.
pub(crate) struct Project {
    folders: Folders,
    /// Its way out.
    pub(crate) way: &'static str,
}

impl Deref for Project {
    type Target = Folders;

    fn deref(&self) -> &Folders {
        &self.folders
    }
}

impl Project {
    /// A fixture's project with a way out. What it requires is taken out: on this backend it is unproven.
    pub(crate) fn of(fixture: &str, way: &'static str) -> Self {
        let mut folders = Folders::of(fixture);
        let bin = folders.scratch().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(double().unwrap(), bin.join("container")).unwrap();
        symlink(engine_images::pipelock_program().unwrap(), bin.join("pipelock")).unwrap();
        fs::write(bin.join("sw_vers"), "#!/bin/sh\necho 26.1\n").unwrap();
        fs::set_permissions(bin.join("sw_vers"), fs::Permissions::from_mode(0o755)).unwrap();
        let others = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&others))).unwrap();
        let machine = folders.scratch().join("machine");
        folders.env = vec![("PATH", path), ("CONTAINER_DOUBLE_STATE", machine.into())];
        let etc = folders.scratch().join("etc");
        fs::create_dir(&etc).unwrap();
        // The switch of pipelock's double by which it dials private addresses: origins have no others.
        for (file, text) in [("pipelock-double-allow-private", ""), ("nsswitch.conf", "hosts: files\n")] {
            fs::write(etc.join(file), text).unwrap();
        }
        folders.before = WITH_OWN_ETC.map(OsString::from).to_vec();
        folders.before[5] = etc.into();

        let project = Self { folders, way };
        project.knows(&NAMES.map(|(name, address)| (name, address.to_owned())));
        let manifest = project.read("bottle.toml");
        let lines = manifest.lines().filter(|line| !line.starts_with("sandbox = ") && !line.starts_with("via = "));
        let lines = lines.map(|line| match line {
            "[bottle.agent]" | "[bottle.implementer]" | "[defaults]" => format!("{line}\nsandbox = \"vm\""),
            "[bottle.implementer.egress]" | "[defaults.egress]" => format!("{line}\nvia = {way:?}"),
            // Rules are made of addresses, and a wildcard has none.
            line if way == FIREWALL => line.replace("*.github", "raw.github"),
            line => line.to_owned(),
        });
        project.write("bottle.toml", &lines.map(|line| line + "\n").collect::<String>());
        project.without("requires = ");
        project
    }

    /// Takes the lines out of the manifest that begin so.
    pub(crate) fn without(&self, begin: &str) {
        let manifest = self.read("bottle.toml");
        let lines = manifest.lines().filter(|line| !line.starts_with(begin));
        self.write("bottle.toml", &lines.map(|line| line.to_owned() + "\n").collect::<String>());
    }

    /// Lets the machine know names, and no others.
    pub(crate) fn knows(&self, names: &[(&str, String)]) {
        let lines = names.iter().map(|(name, address)| format!("{address} {name}\n"));
        fs::write(self.scratch().join("etc/hosts"), lines.collect::<String>()).unwrap();
    }

    /// The state of the double.
    fn machine(&self) -> PathBuf {
        self.scratch().join("machine")
    }

    /// Where the command keeps what is of this project.
    pub(crate) fn own_state(&self) -> PathBuf {
        self.state().join("container").join(&self.name)
    }

    /// Runs `container` by hand and says how it ended.
    pub(crate) fn attempt(&self, args: &[&str]) -> Output {
        let env = self.env.iter().map(|(name, value)| (name, value));
        Command::new(double().unwrap()).args(args).envs(env).output().unwrap()
    }

    /// The same, with a variable.
    pub(crate) fn attempt_with(&self, args: &[&str], name: &str, value: &str) -> Output {
        let env = self.env.iter().map(|(name, value)| (name, value));
        Command::new(double().unwrap()).args(args).envs(env).env(name, value).output().unwrap()
    }

    /// What `container` prints; it must succeed.
    #[track_caller]
    pub(crate) fn container(&self, args: &[&str]) -> String {
        let output = self.attempt(args);
        assert!(output.status.success(), "container {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Everything that is known of a container.
    #[track_caller]
    pub(crate) fn inspect(&self, name: &str) -> Value {
        let mut found: Value = serde_json::from_str(&self.container(&["inspect", name])).unwrap();
        found[0].take()
    }

    /// Which run of which container: when it was made, and since when it runs.
    #[track_caller]
    pub(crate) fn run_of(&self, name: &str) -> (String, String) {
        let seen = self.inspect(name);
        assert_eq!(seen["status"]["state"], "running", "{name}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&seen["configuration"]["creationDate"]), text(&seen["status"]["startedDate"]))
    }

    /// A container's address on a network.
    #[track_caller]
    pub(crate) fn address(&self, name: &str, network: &str) -> String {
        let seen = self.inspect(name);
        let joined = seen["status"]["networks"].as_array().unwrap();
        let on = joined.iter().find(|joined| joined["network"] == network).expect("it is on the network");
        on["ipv4Address"].as_str().unwrap().split('/').next().unwrap().to_owned()
    }

    /// What a shell in a container prints; it must succeed.
    #[track_caller]
    pub(crate) fn shell(&self, container: &str, user: &str, script: &str) -> String {
        self.container(&["exec", "--user", user, container, "sh", "-c", script])
    }

    /// Whether a shell script succeeds in a container.
    pub(crate) fn succeeds(&self, container: &str, user: &str, script: &str) -> bool {
        self.attempt(&["exec", "--user", user, container, "sh", "-c", script]).status.success()
    }

    /// The environment of the process with the number 1.
    pub(crate) fn environment(&self, container: &str) -> Vec<String> {
        let user = if self.way == FIREWALL { "root" } else { "node" };
        let text = self.container(&["exec", "--user", user, container, "cat", "/proc/1/environ"]);
        text.split('\0').map(str::to_owned).collect()
    }

    /// The commands that run in a container, each as `UID COMMAND`.
    pub(crate) fn processes(&self, container: &str) -> Vec<String> {
        let script = "for p in /proc/[0-9]*; do echo \"$(stat -c %u $p) $(tr '\\0' ' ' <$p/cmdline)\"; done";
        self.shell(container, "root", script).lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// The agent's command runs, or soon will.
    #[track_caller]
    pub(crate) fn runs_its_command(&self, container: &str) {
        wait_until("the command runs", || self.is_released(container));
    }

    /// Whether the agent's command runs, and not what holds it.
    pub(crate) fn is_released(&self, container: &str) -> bool {
        self.processes(container).iter().any(|process| process == "1000 sleep infinity")
    }

    /// The processes of the host that run with a file of this project among their words.
    pub(crate) fn host_processes(&self) -> Vec<(i32, String)> {
        let marker = self.own_state().join("stage").display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            if words.starts_with("pipelock ") && words.contains(&marker) {
                found.push((pid, words));
            }
        }
        found
    }

    /// The one process of the host.
    #[track_caller]
    pub(crate) fn host_process(&self) -> i32 {
        let found = self.host_processes();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].0
    }

    /// What there is of the project on its machine: each as `KIND NAME`.
    pub(crate) fn objects(&self) -> Vec<String> {
        let prefix = format!("bottle_{}_", self.name);
        let mut found = Vec::new();
        for (kind, list) in [
            ("container", &["list", "--all", "--format", "json"][..]),
            ("network", &["network", "list", "--format", "json"]),
            ("volume", &["volume", "list", "--format", "json"]),
            ("image", &["image", "list", "--format", "json"]),
        ] {
            let all: Vec<Value> = serde_json::from_str(&self.container(list)).unwrap();
            for object in all {
                let name = object["configuration"]["name"].as_str().or(object["id"].as_str()).unwrap();
                let is_ours = object["configuration"]["labels"]["bottle.project"] == self.name.as_str();
                if is_ours || name.contains(&prefix) {
                    found.push(format!("{kind} {name}"));
                }
            }
        }
        found.extend(self.host_processes().into_iter().map(|(_, words)| format!("process {words}")));
        for (kind, folder) in [("stage", "stage"), ("record", "process"), ("log", "log")] {
            let entries = fs::read_dir(self.own_state().join(folder)).into_iter().flatten().flatten();
            found.extend(entries.map(|entry| format!("{kind} {}", entry.file_name().display())));
        }
        found.sort_unstable();
        found
    }

    /// Nothing of it is there, on its machine or on the engine below.
    #[track_caller]
    pub(crate) fn is_gone(&self) {
        assert_eq!(self.objects(), Vec::<String>::new(), "left of {}", self.name);
        let name = format!("name=bottle_{}_", self.name);
        let reference = format!("reference=bottle_{}_*", self.name);
        for list in [
            &["ps", "--all", "--quiet", "--filter", &name][..],
            &["network", "ls", "--quiet", "--filter", &name],
            &["image", "ls", "--quiet", "--filter", &reference],
        ] {
            let output = Command::new("docker").args(list).output().unwrap();
            assert!(output.status.success());
            assert_eq!(String::from_utf8_lossy(&output.stdout), "", "left on the engine: docker {list:?}");
        }
    }

    /// Destroys it by the command, after which nothing of it may be there.
    pub(crate) fn finish(self) {
        self.run(&["destroy", "--yes"]).exits(0);
        self.is_gone();
    }
}

/// Sends a signal to a process of the trial's own.
pub(crate) fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// A file's permissions.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

impl Drop for Project {
    /// The machine, and what a trial that failed left running.
    fn drop(&mut self) {
        for (pid, _) in self.host_processes() {
            signal(pid, Signal::KILL);
        }
        if let Err(why) = container_double::clean_up(&self.machine()) {
            eprintln!("{why}");
        }
    }
}
