//! Names that a manifest gives and that become parts of engine objects' names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name of a project or a bottle, in bytes.
///
/// `bottle_<project>_<bottle>_pipelock`, 63 bytes at the most, must fit in 63 bytes: the limit of Apple `container` names since 1.2.0 and of a host name.
pub const LONGEST: usize = 23;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Longer than [`LONGEST`].
    #[error("it has {0} bytes, and at most {LONGEST} fit in the names of engine objects")]
    Long(usize),
    /// A character outside the grammar.
    #[error("it has {0:?}; a name is lower-case letters, digits and single dashes between them")]
    Character(char),
    /// A word with a meaning of its own.
    #[error("it is reserved")]
    Reserved,
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(bad) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(NameError::Character(bad));
    }
    if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
        return Err(NameError::Character('-'));
    }
    if text.len() > LONGEST {
        return Err(NameError::Long(text.len()));
    }
    if text == crate::address::Address::SHARED {
        return Err(NameError::Reserved);
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks a name.
            ///
            /// # Errors
            /// Says which rule it breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text.to_owned()))
            }

            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// The project: the label on every object of one manifest.
    ProjectName
);
name!(
    /// One bottle of a project.
    BottleName
);
