//! What others build on: the schemas of what `bottle` reads and writes, the example policy, the workflows of forges.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod matrix;
mod only_json;
mod policy;
#[path = "../said/mod.rs"]
mod said;
mod schemas;
#[path = "../stage/mod.rs"]
mod stage;
mod workflows;

use serde_json::Value;

use crate::said::said;
use crate::stage::Stage;

/// The fixtures.
const FIXTURES: [&str; 5] = ["bare", "family", "full", "sidecar", "team"];

/// A file of `docs/`.
fn document(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The plan of a stage's project on a backend.
fn plan(stage: &Stage, backend: &str) -> Value {
    let mut command = stage.bottle("plan --format json --backend");
    let said = said(command.arg(backend).env("GH_PAT", "x"));
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{backend}: {error}\n{}", said.stderr))
}
