//! The Docker Engine that stands for the machine's virtual machines: each "VM" is one container of it.

mod containers;
mod images;
mod networks;
mod relay;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) use containers::Exec;
pub(crate) use images::Described;
pub(crate) use networks::Refused;

use crate::failure::Failure;
use crate::settings::short_digest;
use crate::state;

/// The label of all that a double makes, with the digest of its state's path.
const LABEL: &str = "container-double.state";
/// The label with a container's id.
const LABEL_ID: &str = "container-double.id";

/// An engine, as one double uses it.
pub(crate) struct Engine {
    /// What tells doubles apart that run side by side.
    tag: String,
    /// Where files are kept that are mounted into containers.
    folder: PathBuf,
}

impl Engine {
    pub(crate) fn of(state: &Path) -> Self {
        // The path as it is: through symbolic links it would be another double.
        let folder = fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
        Self { tag: short_digest(&folder.display().to_string(), 12), folder }
    }

    pub(crate) fn answers() -> bool {
        let version = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output();
        version.is_ok_and(|output| output.status.success())
    }

    fn label(&self) -> String {
        format!("{LABEL}={}", self.tag)
    }

    fn container(&self, id: &str) -> String {
        format!("ctd-{}-{id}", self.tag)
    }

    fn network(&self, name: &str) -> String {
        format!("ctd-{}-{name}", self.tag)
    }

    /// The bridge of a network: the kernel takes 15 letters.
    fn bridge(&self, name: &str) -> String {
        format!("ctd{}", short_digest(&self.network(name), 12))
    }

    /// Removes all that this double has made.
    fn clean_up(&self) -> Result<(), String> {
        let filter = format!("label={}", self.label());
        let list = |words: &[&str]| -> Result<Vec<String>, String> {
            let text = said(&[words, &["--filter", &filter]].concat())?;
            Ok(text.split_whitespace().map(str::to_owned).collect())
        };
        let containers = list(&["ps", "--all", "--quiet"])?;
        if !containers.is_empty() {
            said(&with(&["rm", "--force", "--volumes"], &containers))?;
        }
        let networks = list(&["network", "ls", "--quiet"])?;
        if !networks.is_empty() {
            said(&with(&["network", "rm"], &networks))?;
        }
        Ok(())
    }
}

/// Removes what a double with this state has made on the engine (containers, networks, images that it built), and the state. That
/// there is nothing is no error.
///
/// # Errors
/// When the engine or a file is in the way, in one line.
pub fn clean_up(state: &Path) -> Result<(), String> {
    let engine = Engine::of(state);
    if let Some(known) = state::read(state).filter(|known| known.on_engine) {
        engine.clean_up()?;
        for (reference, image) in known.images.iter().filter(|(_, image)| image.built) {
            engine.forget_image(reference, &image.digest);
        }
    }
    match fs::remove_dir_all(state) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", state.display())),
        _ => Ok(()),
    }
}

fn docker(words: &[&str]) -> Result<Output, String> {
    ran(Command::new("docker").args(words))
}

fn ran(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().display().to_string();
    command.stdin(Stdio::null()).output().map_err(|why| format!("cannot run {program}: {why}"))
}

/// Words with names behind them.
fn with<'a>(words: &[&'a str], names: &'a [String]) -> Vec<&'a str> {
    words.iter().copied().chain(names.iter().map(String::as_str)).collect()
}

/// What a call puts out, where it succeeds; otherwise what it complains of.
fn said(words: &[&str]) -> Result<String, String> {
    heard(&docker(words)?)
}

fn heard(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// A call that the double could not do without.
fn must(words: &[&str]) -> Result<String, Failure> {
    said(words).map_err(|why| Failure::double(format_args!("its engine refused: {why}")))
}

/// Gives variables to a `docker` call by name, so that values are in no argv. Those that the call itself would heed go by value.
fn pass_environment(command: &mut Command, variables: &[String]) {
    for variable in variables {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        let heeded = ["PATH", "HOME", "TMPDIR"].contains(&name)
            || ["DOCKER_", "LD_", "XDG_", "GO"].iter().any(|p| name.starts_with(p));
        if heeded {
            command.args(["--env", variable]);
        } else {
            command.args(["--env", name]).env(name, value);
        }
    }
}
