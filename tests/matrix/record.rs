//! What runs say for the table of docs/security.md: lines of JSON in the file that `BOTTLE_MATRIX` names. Without it nothing is written.

use std::io::Write as _;

use serde_json::json;

/// Whose row it is.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    /// A bottle's.
    Bottle,
    /// That of the same agent and proxy as somebody writes them in a compose file.
    Compose,
}

/// Writes what a row came to on the engine that runs.
pub(crate) fn record(whose: Whose, row: &str, verdict: &str, reason: &str) {
    let Some(path) = std::env::var_os("BOTTLE_MATRIX") else { return };
    let of = match whose {
        Whose::Bottle => "bottle",
        Whose::Compose => "compose",
    };
    let line = json!({ "of": of, "row": row, "verdict": verdict, "reason": reason });
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    // One write: trials run side by side.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
