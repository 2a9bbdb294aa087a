//! The Docker Engine, by its command line.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// An engine that answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Engine {
    /// Its version, such as `28.5.2`.
    pub version: String,
    /// Its architecture in Go's words, such as `amd64`.
    pub arch: String,
}

/// The engine that `docker` talks to.
///
/// # Errors
/// When none answers: in one line, fit for a test that is skipped.
pub fn engine() -> Result<Engine, String> {
    let output = Command::new("docker")
        .args(["version", "--format", "{{json .Server}}"])
        .output()
        .map_err(|why| format!("no Docker Engine: cannot run `docker`: {why}"))?;
    if !output.status.success() {
        return Err(format!("no Docker Engine: {}", first_line(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|why| format!("no Docker Engine: `docker version` said {why}"))
}

/// An image that the engine has.
pub(crate) struct Known {
    pub(crate) id: String,
    /// The value of the label that was asked for; empty when it has none.
    pub(crate) label: String,
}

/// An image and one of its labels, if the engine has it.
pub(crate) fn known(image: &str, label: &str) -> Option<Known> {
    let format = format!("{{{{.Id}}}} {{{{index .Config.Labels {label:?}}}}}");
    let output = Command::new("docker").args(["image", "inspect", "--format", &format, image]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let (id, label) = text.trim_end_matches('\n').split_once(' ')?;
    Some(Known { id: id.to_owned(), label: label.to_owned() })
}

/// Removes an image that no name leads to any more. One that a container still uses stays.
pub(crate) fn forget(id: &str) {
    let _ = Command::new("docker").args(["image", "rm", id]).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Makes an image of a root file system and `Dockerfile` instructions.
pub(crate) fn import<'a>(image: &str, changes: impl Iterator<Item = &'a str>, tar: Vec<u8>) -> Result<(), String> {
    let failed = |why: String| format!("cannot import {image}: {why}");
    let mut child = Command::new("docker")
        .arg("import")
        .args(changes.flat_map(|change| ["--change", change]))
        .args(["-", image])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|why| failed(why.to_string()))?;
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(&tar));
    let output = child.wait_with_output().map_err(|why| failed(why.to_string()))?;
    if !output.status.success() {
        return Err(failed(first_line(&output.stderr)));
    }
    written.transpose().map(drop).map_err(|why| failed(why.to_string()))
}

fn first_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().next().unwrap_or("it said nothing").to_owned()
}
