//! Events: one JSON object a line on standard output.

use std::io::Write as _;

use serde_json::Value;

/// Writes an event. Nobody reading is no reason to stop serving.
pub(crate) fn write(event: &Value) {
    let _ = writeln!(std::io::stdout().lock(), "{event}");
}
