//! What is wrong with a manifest: every error at once, each with its place.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::render::deceives;

/// How many errors are shown; the others are counted.
const SHOWN: usize = 50;
/// How much of a value a message repeats, in characters.
const QUOTED: usize = 60;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The kind of an error, stable across versions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The last part of the code that is shown: `unknown-key`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

codes! {
    /// Nothing in the file.
    Empty = "empty",
    /// More text, or more of everything once merged, than a manifest may hold.
    TooLarge = "too-large",
    /// Not UTF-8.
    NotUtf8 = "not-utf-8",
    /// Not TOML.
    Syntax = "syntax",
    /// A version that this program does not read.
    Version = "version",
    /// A key that no table of this kind has.
    UnknownKey = "unknown-key",
    /// A required key that is not there.
    MissingKey = "missing-key",
    /// A value of another type than the key takes.
    WrongType = "wrong-type",
    /// Keys that cannot stand together.
    Conflict = "conflict",
    /// A word that is not among the choices.
    Choice = "choice",
    /// A name of a project or a bottle outside the grammar.
    Name = "name",
    /// `extends` names no bottle.
    ExtendsUnknown = "extends-unknown",
    /// `extends` leads back to where it began.
    ExtendsCycle = "extends-cycle",
    /// `extends` goes on for too long.
    ExtendsDepth = "extends-depth",
    /// A path of the host that cannot be one.
    Path = "path",
    /// A file or folder that is not there.
    FileMissing = "file-missing",
    /// A file or folder that cannot be looked at.
    FileUnreadable = "file-unreadable",
    /// A file where a folder is needed, or the reverse.
    FileKind = "file-kind",
    /// A place in the guest where nothing may be put.
    Destination = "destination",
    /// Two things at the same place in the guest.
    DestinationTaken = "destination-taken",
    /// A user or an owner outside the grammar.
    User = "user",
    /// A home that cannot be told.
    Home = "home",
    /// Permission bits outside the grammar.
    Mode = "mode",
    /// A skill's name.
    Skill = "skill",
    /// An image reference or a build argument outside the grammar.
    Image = "image",
    /// The name of an environment variable.
    EnvName = "env-name",
    /// An environment variable that belongs to bottle.
    EnvReserved = "env-reserved",
    /// A value that an environment cannot hold.
    EnvValue = "env-value",
    /// A host that opens too much or matches nothing.
    Host = "host",
    /// Something of an SSH key's table.
    Ssh = "ssh",
    /// A command that cannot be run.
    Command = "command",
    /// A limit outside its grammar or range.
    Limit = "limit",
    /// An address pool that is none.
    Pool = "pool",
    /// `sidecar.resolvers`.
    Resolver = "resolver",
    /// A wall of a bottle taken away without saying what that loses.
    Unsafe = "unsafe",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bottle::manifest::{}", self.name())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ManifestError {
    code: Code,
    message: String,
    help: String,
    label: String,
    span: Option<Range<usize>>,
    other: Option<(Range<usize>, String)>,
}

impl ManifestError {
    /// An error about the bytes of a span.
    pub(super) fn at(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::whole(code, message) }
    }

    /// An error about the file as a whole.
    pub(super) fn whole(code: Code, message: impl Into<String>) -> Self {
        let (help, label) = (String::new(), "here".to_owned());
        Self { code, message: message.into(), help, label, span: None, other: None }
    }

    /// What stands under the underlined text.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Why it matters and what to write instead.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// A second place that has to do with it.
    pub(super) fn and(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.other = Some((span, label.into()));
        self
    }

    /// Its kind.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Its bytes in the manifest; `None` when it is about the file as a whole.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    fn order(&self) -> impl Ord {
        let bounds = |span: &Range<usize>| (span.start, span.end);
        (self.span.as_ref().map(bounds), self.code, self.other.as_ref().map(|(span, _)| bounds(span)), &self.message)
    }
}

impl Diagnostic for ManifestError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        let first = LabeledSpan::new_primary_with_span(Some(self.label.clone()), span);
        let second = self.other.clone().map(|(span, label)| LabeledSpan::new_with_span(Some(label), span));
        Some(Box::new(std::iter::once(first).chain(second)))
    }
}

/// Everything that is wrong with one manifest, in the order of the text.
#[derive(Clone, Debug)]
pub struct ManifestErrors {
    source: NamedSource<String>,
    errors: Vec<ManifestError>,
    hidden: usize,
}

impl ManifestErrors {
    /// Sorts the errors by place and keeps those that are shown.
    pub(super) fn new(name: &str, text: &str, mut errors: Vec<ManifestError>) -> Self {
        errors.sort_by(|a, b| a.order().cmp(&b.order()));
        // What is wrong in a layer is found again in every bottle that it lies under, at other paths where homes differ.
        errors.dedup_by(|a, b| {
            a.span.is_some()
                && (&a.span, a.code) == (&b.span, b.code)
                && (a.message == b.message || (a.other.is_some() && a.other == b.other))
        });
        let hidden = errors.len().saturating_sub(SHOWN);
        errors.truncate(SHOWN);
        Self { source: NamedSource::new(shown(name), printable(text)), errors, hidden }
    }

    /// The errors that are shown: at most fifty.
    #[must_use]
    pub fn errors(&self) -> &[ManifestError] {
        &self.errors
    }

    /// How many there are beyond those.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }
}

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.len() + self.hidden {
            1 => write!(f, "{} has an error", self.source.name()),
            count => write!(f, "{} has {count} errors", self.source.name()),
        }
    }
}

impl std::error::Error for ManifestErrors {}

impl Diagnostic for ManifestErrors {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (self.hidden > 0).then(|| Box::new(format!("and {} more", self.hidden)) as Box<dyn fmt::Display>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.errors.iter().map(|error| error as &dyn Diagnostic)))
    }
}

/// A value as a message repeats it: in one line, not too long, and with nothing that a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == QUOTED {
            out.push('…');
            break;
        }
        if deceives(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The text as excerpts show it: the same bytes to a character, with nothing that a terminal would obey.
fn printable(text: &str) -> String {
    let mut next = text.chars().skip(1);
    text.chars()
        .map(|c| match (c, next.next()) {
            // A carriage return alone would have the rest of its line written over it.
            ('\r', Some('\n')) => ' ',
            other => other.0,
        })
        .map(|c| match c {
            '\n' | '\t' => c,
            c if !deceives(c) => c,
            c => match c.len_utf8() {
                1 => '?',
                2 => '¿',
                3 => char::REPLACEMENT_CHARACTER,
                _ => '🛇',
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{printable, shown};

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        let text = "a\u{1b}[31mb\u{9b}c\u{202e}d\n\té\u{e0041}";
        assert_eq!(printable(text).len(), text.len());
        assert_eq!(printable(text), "a?[31mb¿c\u{fffd}d\n\té🛇");
        assert_eq!(printable("a\r\nb\rc\r"), "a \nb?c?");
        assert_eq!(shown("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 61);
    }
}
