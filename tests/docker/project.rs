//! A project of a trial's own on the engine, and nothing left of it afterwards.

use std::ops::Deref;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::engine::{docker, inspect_all, lines};
use crate::trials::Folders;

/// A project.
pub(crate) struct Project(Folders);

impl Deref for Project {
    type Target = Folders;

    fn deref(&self) -> &Folders {
        &self.0
    }
}

impl Project {
    /// A fixture's project.
    pub(crate) fn of(fixture: &str) -> Self {
        Self(Folders::of(fixture))
    }

    /// Starts `bottle` and does not wait for it.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The plan for machines.
    #[track_caller]
    pub(crate) fn plan(&self) -> Value {
        serde_json::from_str(&self.run(&["plan", "--format", "json"]).exits(0).stdout).unwrap()
    }

    /// The network that all sidecars share.
    pub(crate) fn egress(&self) -> String {
        format!("bottle_{}_shared_egress", self.name)
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

/// Removes containers of a project by hand.
pub(crate) fn remove_by_hand(containers: &[String]) {
    let mut words = vec!["rm", "--force"];
    words.extend(containers.iter().map(String::as_str));
    docker(&words);
}
