//! The text of a saved plan: one line of JSON, whose last key is a checksum over all that stands before it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::SavedPlan;
use crate::approval::Approval;
use crate::digest::Digest;
use crate::plan::Plan;
use crate::render::harmless;

/// The name of the format: the first key.
pub const SAVED_FORMAT: &str = "bottle.saved-plan";
/// Its version. A reader refuses every other one: what it does not know of a plan it cannot compare.
pub const SAVED_VERSION: u64 = 1;

/// What stands before the checksum, which is [`DIGITS`] long, and after it.
const CHECKSUM: &str = ",\"checksum\":\"";
const END: &str = "\"}\n";
const DIGITS: usize = 64;

/// Why a text cannot be taken for a saved plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum SavedError {
    /// Something else.
    #[error("it is no saved plan")]
    #[diagnostic(code(bottle::saved::foreign), help("`bottle plan --out FILE` writes one"))]
    Foreign,
    /// Another document of ours.
    #[error("it is no saved plan: it names its format `{format}`", format = harmless(.0))]
    #[diagnostic(
        code(bottle::saved::foreign),
        help("`bottle plan --format json` is for programs; `bottle plan --out FILE` writes what can be applied")
    )]
    OtherFormat(String),
    /// Of another version.
    #[error("it is a saved plan of version {0}, and this bottle knows version {SAVED_VERSION}")]
    #[diagnostic(
        code(bottle::saved::version),
        help("apply it with the bottle that saved it, or save the plan again with this one")
    )]
    Version(u64),
    /// Not as it was written.
    #[error("it was cut short or changed since it was saved: {0}")]
    #[diagnostic(
        code(bottle::saved::damaged),
        help(
            "a saved plan is carried out as it was reviewed or not at all: save it again, and have it reviewed again"
        )
    )]
    Damaged(String),
    /// It could not be written.
    #[error("the plan cannot be written down: {0}")]
    #[diagnostic(
        code(bottle::saved::unwritable),
        help("this is a bug of bottle's: please report it with the manifest")
    )]
    Unwritable(String),
}

/// As much of a document as says what it is.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

/// Everything. Its keys stand in this order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'s> {
    format: Cow<'s, str>,
    version: u64,
    approval: Approval,
    manifest: Cow<'s, str>,
    sources: Cow<'s, Digest>,
    observed: Cow<'s, Option<Digest>>,
    plan: Cow<'s, Plan>,
    /// Looked at before this is read, and written after it.
    #[serde(default, skip_serializing, rename = "checksum")]
    _checksum: String,
}

/// The text of a saved plan. The same plan is the same text.
///
/// # Errors
/// When it cannot be said as JSON, which would be a bug.
pub fn write(saved: &SavedPlan) -> Result<String, SavedError> {
    let document = Document {
        format: SAVED_FORMAT.into(),
        version: SAVED_VERSION,
        approval: Approval::of(&saved.plan),
        manifest: saved.manifest.as_str().into(),
        sources: Cow::Borrowed(&saved.sources),
        observed: Cow::Borrowed(&saved.observed),
        plan: Cow::Borrowed(&saved.plan),
        _checksum: String::new(),
    };
    let mut text = serde_json::to_string(&document).map_err(|error| SavedError::Unwritable(error.to_string()))?;
    text.truncate(text.len().saturating_sub(1));
    let checksum = Digest::of(text.as_bytes());
    text.push_str(CHECKSUM);
    text.push_str(checksum.whole());
    text.push_str(END);
    Ok(text)
}

/// Reads a saved plan.
///
/// The checksum finds accidents and edits by hand. It is no signature: whoever can write the file can write another one, so its commands
/// are never run.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(text: &str) -> Result<SavedPlan, SavedError> {
    let damaged = |why: &str| SavedError::Damaged(why.to_owned());
    let head: Head = serde_json::from_str(text).map_err(|error| {
        if is_meant_as_one(text) { SavedError::Damaged(error.to_string()) } else { SavedError::Foreign }
    })?;
    if head.format != SAVED_FORMAT {
        return Err(SavedError::OtherFormat(head.format));
    }
    if head.version != SAVED_VERSION {
        return Err(SavedError::Version(head.version));
    }
    let (before, checksum) = checksummed(text).ok_or_else(|| damaged("its checksum is not at its end"))?;
    if Digest::of(before.as_bytes()).whole() != checksum {
        return Err(damaged("its checksum is that of another text"));
    }
    let document: Document<'_> =
        serde_json::from_str(text).map_err(|error| SavedError::Damaged(harmless(&error.to_string())))?;
    let saved = SavedPlan {
        manifest: document.manifest.into_owned(),
        sources: document.sources.into_owned(),
        observed: document.observed.into_owned(),
        plan: document.plan.into_owned(),
    };
    if Approval::of(&saved.plan) != document.approval {
        return Err(damaged("its approval is that of another plan"));
    }
    if saved.manifest.starts_with('/') {
        return Err(damaged("the manifest's path in it is not relative"));
    }
    Ok(saved)
}

/// Whether a text begins as a saved plan does, whatever became of the rest.
#[must_use]
pub fn is_meant_as_one(text: &str) -> bool {
    text.strip_prefix("{\"format\":\"").is_some_and(|rest| rest.starts_with(SAVED_FORMAT))
}

/// What a checksum is of, and the checksum.
fn checksummed(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix(END)?;
    let (before, checksum) = text.split_at_checked(text.len().checked_sub(DIGITS)?)?;
    Some((before.strip_suffix(CHECKSUM)?, checksum))
}
