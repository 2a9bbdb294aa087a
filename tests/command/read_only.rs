//! A command that only looks changes nothing: not the engine, not the project, not the state.
//!
//! The engines here are doubles, first on the `PATH`. They answer what was recorded to the verbs that only look; at any other they leave a mark
//! and kill who asked.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::said::{Said, said};
use crate::stage::Stage;

const FIXTURES: [&str; 5] = ["bare", "family", "full", "sidecar", "team"];

/// Commands that only look. One that is new goes here.
const LOOKS: [&str; 23] = [
    "plan",
    "plan --backend docker",
    "plan --backend docker --format json",
    "plan --backend docker --format markdown",
    "plan --backend docker --detailed-exitcode",
    "plan --backend docker --why",
    "plan --backend docker --undo",
    "diff bottle.toml bottle.toml --format json",
    "trust --show",
    "schema",
    "plan --offline",
    "plan --backend docker@20.10",
    "plan --backend docker --backend container",
    "plan --backend container",
    "plan --backend simulator",
    "status --backend docker",
    "status --backend docker --format json",
    "status --backend container",
    "status --backend simulator",
    "graph",
    "graph --of operations --live --backend docker",
    "graph --of intent --format mermaid",
    "graph --live --backend container",
];

/// Docker, with a container of the project and a network that nobody declares, so that there is something to change.
const DOCKER: &str = r#"#!/bin/sh
project=$(sed -n 's/^name = "\([^"]*\)".*/\1/p' bottle.toml | head -n 1)
labels() { printf '{"bottle.project":"%s","bottle.address":"gone/%s/create","bottle.digest":"0"}' "$project" "$1"; }
case "$1 $2" in
  "version "*) echo '{"Client":{"Version":"20.10.24","ApiVersion":"1.41","Os":"linux"},"Server":{"Version":"20.10.24","ApiVersion":"1.41"}}' ;;
  "info "*) echo '{"runc":{"path":"runc"}}' ;;
  "ps "*) case "$*" in
      *.Names*) printf '["c1","bottle_%s_gone","%s","gone/agent/create"]\n' "$project" "$project" ;;
      *) echo '"c1"' ;;
    esac ;;
  "container inspect") printf '{"id":"c1","name":"/bottle_%s_gone","labels":%s,"image":"sha256:1","status":"running","running":true,"since":"2026-01-02T03:04:05Z","exit":0,"networks":{"bottle_%s_gone_internal":{}},"mounts":[]}\n' "$project" "$(labels agent)" "$project" ;;
  "network ls") case "$*" in *.Label*) ;; *) echo '"n1"' ;; esac ;;
  "network inspect") printf '{"id":"n1","name":"bottle_%s_gone_internal","labels":%s,"subnets":[]}\n' "$project" "$(labels internal)" ;;
  "image ls" | "image inspect" | "volume ls" | "volume inspect") ;;
  *) echo "$*" >>"$MARK"; kill -9 "$PPID"; exit 97 ;;
esac
"#;

/// Apple's `container`, with nothing.
const CONTAINER: &str = r#"#!/bin/sh
case "$1 $2" in
  "system status") echo '{"status":"running"}' ;;
  "system version") echo '[{"appName":"container","version":"1.2.0","commit":"a"},{"appName":"container-apiserver","version":"1.2.0","commit":"a"}]' ;;
  "list "* | "ls "* | "inspect "* | "network list" | "network ls" | "network inspect" | "image list" | "image ls" | "image inspect" | "volume list" | "volume ls") echo '[]' ;;
  *) echo "$*" >>"$MARK"; kill -9 "$PPID"; exit 97 ;;
esac
"#;

/// The doubles, in a folder that goes first on the `PATH`.
struct Doubles {
    folder: tempfile::TempDir,
}

impl Doubles {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in [("docker", DOCKER), ("container", CONTAINER), ("sw_vers", "#!/bin/sh\necho 26.1\n")] {
            let path = folder.path().join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    fn mark(&self) -> PathBuf {
        self.folder.path().join("mark")
    }

    /// The verbs that were asked of an engine and change something.
    fn tripped(&self) -> Option<String> {
        fs::read_to_string(self.mark()).ok()
    }

    fn run(&self, stage: &Stage, line: &str) -> Said {
        let path = std::env::var("PATH").unwrap();
        let mut command = stage.bottle(line);
        command.env("PATH", format!("{}:{path}", self.folder.path().display())).env("MARK", self.mark());
        said(command.env("GH_PAT", "x").env("DOCKER_HOST", "unix:///nowhere"))
    }
}

/// Every file below a folder, with its content, its permissions and when it was written.
fn content(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, std::time::SystemTime)> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(entries) = fs::read_dir(&path) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let bytes = if metadata.is_dir() { Vec::new() } else { fs::read(&path).unwrap_or_default() };
            if metadata.is_dir() {
                open.push(path.clone());
            }
            all.insert(path, (bytes, metadata.permissions().mode(), metadata.modified().unwrap()));
        }
    }
    all
}

#[test]
fn what_only_looks_changes_nothing() {
    let doubles = Doubles::new();
    for fixture in FIXTURES {
        let stage = Stage::of(fixture);
        let folders = [stage.project(), stage.state(), stage.home()];
        let before = folders.each_ref().map(|folder| content(folder));
        assert!(!stage.state().exists());
        for line in LOOKS {
            let said = doubles.run(&stage, line);
            assert_eq!(doubles.tripped(), None, "{fixture}: {line}");
            // `full` and others require what a backend may not give; that is an answer too.
            assert!(matches!(said.exit, Some(0 | 2 | 3)) || fixture == "full", "{fixture}: {line}\n{said:?}");
            assert!(said.exit.is_some(), "{fixture}: {line}\n{said:?}");
            let after = folders.each_ref().map(|folder| content(folder));
            assert!(before == after && !stage.state().exists(), "{fixture}: {line} wrote a file");
        }
        // What was looked at has work to do, and the doubles were asked.
        let plan = doubles.run(&stage, "plan --backend docker");
        assert!(plan.stdout.contains("- gone/agent/create"), "{fixture}: {plan:?}");
    }
}

#[test]
fn what_has_been_applied_is_left_alone_too() {
    let doubles = Doubles::new();
    let stage = Stage::of("sidecar");
    stage.done("apply --yes");
    let before = content(&stage.state());
    assert!(!before.is_empty());
    for line in LOOKS {
        doubles.run(&stage, line);
        assert!(before == content(&stage.state()), "{line} wrote to the state");
    }
    assert_eq!(doubles.tripped(), None);
}

/// The trap springs: what is no look is seen, and does not survive it.
#[test]
fn what_changes_something_is_caught() {
    for (line, verb) in [
        ("apply --yes --backend docker", "network create"),
        ("destroy --yes --backend docker", "rm"),
        ("apply --yes --backend container", "network create"),
    ] {
        let doubles = Doubles::new();
        let stage = Stage::of("sidecar");
        if line.contains("container") {
            stage.edit("requires = [\"egress.allowlisted\", \"proxy.isolated\", \"dns.closed\"]\n", "");
        }
        let said = doubles.run(&stage, line);
        assert_eq!(said.exit, None, "{line}: {said:?}");
        let tripped = doubles.tripped().unwrap_or_default();
        assert!(tripped.contains(verb) || tripped.contains("pull"), "{line}: {tripped:?}");
    }
}
