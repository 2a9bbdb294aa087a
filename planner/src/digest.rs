//! Content digests: SHA-256, shown by their first twelve hex digits.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What [`Digest::unread`] shows. It is not hexadecimal, and an image's tag can hold it.
const UNREAD: &str = "not-read";
/// How many hex digits a whole digest has.
pub const DIGITS: usize = 64;

/// A digest of something's content, as lower-case hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.field(bytes);
        hasher.finish()
    }

    /// A digest as it was read from a label or a journal.
    #[must_use]
    pub fn recorded(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A digest of which somebody gave all digits, as [`Digest::whole`] shows them; `None` for any other text.
    #[must_use]
    pub fn of_whole(text: &str) -> Option<Self> {
        let is_whole = text.len() == DIGITS && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        is_whole.then(|| Self::recorded(text))
    }

    /// Stands for the digest of content that was not looked at. It is no digest of anything, so what has it is never as declared.
    #[must_use]
    pub fn unread() -> Self {
        Self(UNREAD.to_owned())
    }

    /// Whether the content was not looked at.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.0 == UNREAD
    }

    /// All of its digits.
    #[must_use]
    pub fn whole(&self) -> &str {
        &self.0
    }

    /// The first twelve digits: what plans, labels and image tags show.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.short())
    }
}

/// A digest in the making. Every field is preceded by its length, so that no two sequences of fields run together.
#[derive(Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes in one field.
    pub fn field(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The digest of all the fields.
    #[must_use]
    pub fn finish(self) -> Digest {
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        Digest(self.0.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }
}
