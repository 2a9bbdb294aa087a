//! The engine, looked at and changed by hand: by the `docker` command.

use std::process::{Command, Output};

use serde_json::Value;

/// Runs `docker` and says how it ended.
pub(crate) fn attempt(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("`docker` runs")
}

/// What `docker` prints; it must succeed.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = attempt(args);
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The lines that `docker` prints, each with something on it.
pub(crate) fn lines(args: &[&str]) -> Vec<String> {
    docker(args).lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

/// Everything that the engine knows of objects of a kind.
pub(crate) fn inspect_all(kind: &str, names: &[String]) -> Vec<Value> {
    let mut args = vec![kind, "inspect"];
    args.extend(names.iter().map(String::as_str));
    serde_json::from_str(&docker(&args)).expect("an inspection is JSON")
}

/// Everything that the engine knows of an object.
pub(crate) fn inspect(kind: &str, name: &str) -> Value {
    inspect_all(kind, &[name.to_owned()]).remove(0)
}

/// Whether there is such an object.
pub(crate) fn exists(kind: &str, name: &str) -> bool {
    attempt(&[kind, "inspect", name]).status.success()
}

/// Which run of which container: its id, and since when it runs.
pub(crate) fn run_of(container: &str) -> (String, String) {
    let text =
        docker(&["container", "inspect", "--format", "{{.Id}} {{.State.StartedAt}} {{.State.Running}}", container]);
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(words[2], "true", "{container} does not run");
    (words[0].to_owned(), words[1].to_owned())
}

/// What a shell in a container prints; it must succeed.
pub(crate) fn shell(container: &str, user: &str, script: &str) -> String {
    docker(&["exec", "--user", user, container, "sh", "-c", script])
}

/// Whether a shell script succeeds in a container.
pub(crate) fn succeeds(container: &str, user: &str, script: &str) -> bool {
    attempt(&["exec", "--user", user, container, "sh", "-c", script]).status.success()
}

/// The environment of the process with the number 1.
pub(crate) fn environment(container: &str, user: &str) -> Vec<String> {
    let output = attempt(&["exec", "--user", user, container, "cat", "/proc/1/environ"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).split('\0').map(str::to_owned).collect()
}

/// An object of the test's own, forced away when it is dropped.
pub(crate) struct Own {
    remove: Vec<String>,
}

impl Own {
    /// A container, made by `docker` with these words.
    pub(crate) fn container(name: &str, words: &[&str]) -> Self {
        let own = Self { remove: ["rm", "--force", "--volumes", name].map(str::to_owned).to_vec() };
        docker(words);
        own
    }

    /// A network.
    pub(crate) fn network(name: &str, options: &[&str]) -> Self {
        let own = Self { remove: ["network", "rm", name].map(str::to_owned).to_vec() };
        let mut words = vec!["network", "create"];
        words.extend(options);
        words.push(name);
        docker(&words);
        own
    }

    /// A volume.
    pub(crate) fn volume(name: &str) -> Self {
        let own = Self { remove: ["volume", "rm", "--force", name].map(str::to_owned).to_vec() };
        docker(&["volume", "create", name]);
        own
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let words: Vec<&str> = self.remove.iter().map(String::as_str).collect();
        if let ["network", _, name] = words[..] {
            // Its members would keep it.
            let members =
                attempt(&["network", "inspect", "--format", "{{range $id, $_ := .Containers}}{{$id}} {{end}}", name]);
            for member in String::from_utf8_lossy(&members.stdout).split_whitespace() {
                attempt(&["network", "disconnect", "--force", name, member]);
            }
        }
        attempt(&words);
    }
}
