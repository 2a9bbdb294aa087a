//! The image of pipelock's double: one static program and the switch that lets it dial containers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::rootfs::{ROOT, Rootfs};

/// The switch of the double (see its documentation). pipelock's own image has no such file.
const ALLOW_PRIVATE: &str = "/etc/pipelock-double-allow-private";

pub(crate) fn rootfs() -> Result<Rootfs, String> {
    let mut rootfs = Rootfs::new();
    rootfs.folder("/etc", 0o755, ROOT)?;
    rootfs.file(ALLOW_PRIVATE, 0o644, ROOT, b"")?;
    rootfs.host_file("/pipelock", 0o755, ROOT, &crate::pipelock_program()?)?;
    Ok(rootfs)
}

/// A message of cargo: the one that tells where the program is.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds the double as a static program, in a target folder of its own: the cargo that runs a test holds the lock of the usual one.
pub(crate) fn build() -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()))
        .current_dir(&workspace)
        .args(["rustc", "--quiet", "--locked", "--package", "pipelock-double", "--bin", "pipelock"])
        .args(["--message-format", "json-render-diagnostics", "--target-dir", "target/static"])
        .args(["--", "-C", "target-feature=+crt-static", "-C", "strip=symbols"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|why| format!("cannot run cargo to build the double of pipelock: {why}"))?;
    if !output.status.success() {
        return Err("the double of pipelock does not build: see cargo's own words above".to_owned());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok()?.executable)
        .next_back()
        .ok_or_else(|| "cargo built the double of pipelock and did not say where".to_owned())
}
