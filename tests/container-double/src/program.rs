//! The double as a program that other crates' tests put on the `PATH`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A message of cargo: the one that tells where the program is.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds the command `container`, in a folder that has no other program, and gives its path. For tests of other crates, for which
/// cargo does not build it; in a target folder of its own, since the cargo that runs a test may hold the lock of the usual one.
///
/// # Errors
/// When it does not build, in one line; cargo's own words are on stderr.
pub fn program() -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()))
        .current_dir(&workspace)
        .args(["build", "--quiet", "--locked", "--package", "container-double", "--bin", "container"])
        .args(["--message-format", "json-render-diagnostics", "--target-dir", "target/container-double"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|why| format!("cannot run cargo to build the double of container: {why}"))?;
    if !output.status.success() {
        return Err("the double of container does not build: see cargo's own words above".to_owned());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok()?.executable)
        .next_back()
        .ok_or_else(|| "cargo built the double of container and did not say where".to_owned())
}
