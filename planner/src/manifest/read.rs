//! Reading values with their places: types, unknown keys, missing keys, words to choose from.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use super::error::{Code, ManifestError, shown};
use super::keys::{self, Key, Keys};
use crate::source::{FileError, Files, Kind, SourcePath};

/// Bytes of the manifest.
pub(super) type Span = Range<usize>;
/// A value with its place.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// How many suggestions are looked for among the bottles: each costs a walk over all of them.
const SUGGESTIONS: usize = 64;

/// Takes values apart and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) seen: HashMap<SourcePath, Result<Kind, FileError>>,
    pub(super) errors: Vec<ManifestError>,
    suggestions: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self { files, seen: HashMap::new(), errors: Vec::new(), suggestions: SUGGESTIONS }
    }

    pub(super) fn report(&mut self, error: ManifestError) {
        self.errors.push(error);
    }

    /// The known keys of a table. Each unknown one is an error.
    pub(super) fn entries<'v, 'i>(
        &mut self,
        keys: &Keys,
        table: &'v DeTable<'i>,
    ) -> Vec<(&'static Key, &'v Spanned<DeString<'i>>, &'v Value<'i>)> {
        let mut entries = Vec::with_capacity(table.len());
        for (name, value) in table {
            match keys.get(name.get_ref()) {
                Some(key) => entries.push((key, name, value)),
                None if keys.place == keys::BOTTLE.place && self.refused_word(name, value) => {}
                None => self.unknown_key(keys, name),
            }
        }
        entries
    }

    fn unknown_key(&mut self, keys: &Keys, name: &Spanned<DeString<'_>>) {
        let text = name.get_ref().as_ref();
        let names = || keys.keys.iter().map(|key| key.name);
        let instead = if let Some(nearest) = nearest(text, names()) {
            format!("did you mean `{nearest}`?")
        } else if let Some(table) = keys::ALL.iter().find(|table| table.get(text).is_some()) {
            format!("`{text}` is a key of {}, not of {}", table.place, keys.place)
        } else {
            format!("the keys of {} are {}", keys.place, listed(names()))
        };
        self.report(
            ManifestError::at(Code::UnknownKey, name.span(), format!("{} has no key `{}`", keys.place, shown(text)))
                .label("not a known key")
                .help(format!("it would change nothing, so it is refused rather than ignored; {instead}")),
        );
    }

    /// Reports that a table lacks a key.
    pub(super) fn missing_key(&mut self, keys: &Keys, name: &str, table: Span) {
        let example = keys.get(name).map_or("", |key| key.example);
        self.report(
            ManifestError::at(Code::MissingKey, table, format!("{} needs `{name}`", keys.place))
                .label(format!("`{name}` is missing here"))
                .help(format!("there is no value that fits everyone; add `{example}`")),
        );
    }

    /// Which of two keys a table has. Having both or neither is an error.
    pub(super) fn either(
        &mut self,
        keys: &Keys,
        names: [&'static str; 2],
        table: &DeTable<'_>,
        span: Span,
    ) -> Option<&'static str> {
        let [first, second] = names;
        match (table.get_key_value(first), table.get_key_value(second)) {
            (Some(_), None) => return Some(first),
            (None, Some(_)) => return Some(second),
            (Some((a, _)), Some((b, _))) => {
                let (a, b) = if a.span().start <= b.span().start { (a.span(), b.span()) } else { (b.span(), a.span()) };
                self.report(
                    ManifestError::at(Code::Conflict, b, format!("{} has both `{first}` and `{second}`", keys.place))
                        .label("the second")
                        .and(a, "the first")
                        .help("only one of them can be meant; leave the other out"),
                );
            }
            (None, None) => {
                let example = |name| keys.get(name).map_or("", |key| key.example);
                self.report(
                    ManifestError::at(Code::MissingKey, span, format!("{} needs `{first}` or `{second}`", keys.place))
                        .label("neither is here")
                        .help(format!("add `{}` or `{}`", example(first), example(second))),
                );
            }
        }
        None
    }

    /// Reports a value of another type than the key takes.
    pub(super) fn wrong_type(&mut self, key: &Key, value: &Value<'_>, wanted: &str) {
        self.report(
            ManifestError::at(
                Code::WrongType,
                value.span(),
                format!("`{}` must be {wanted}, not {}", key.name, type_of(value)),
            )
            .label(format!("expected {wanted}"))
            .help(format!("write `{}`", key.example)),
        );
    }

    pub(super) fn table<'v, 'i>(&mut self, key: &Key, value: &'v Value<'i>) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, value, "a table");
        }
        table
    }

    /// The tables of `[[...]]`.
    pub(super) fn tables<'v, 'i>(&mut self, key: &Key, value: &'v Value<'i>) -> Vec<(&'v DeTable<'i>, Span)> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "an array of tables");
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(array.len());
        for item in array.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push((table, item.span())),
                None => self.wrong_type(key, item, "an array of tables"),
            }
        }
        tables
    }

    pub(super) fn string<'v>(&mut self, key: &Key, value: &'v Value<'_>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a string");
        }
        text
    }

    pub(super) fn boolean(&mut self, key: &Key, value: &Value<'_>) -> Option<bool> {
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            self.wrong_type(key, value, "`true` or `false`");
        }
        truth
    }

    /// An array of strings. One that is not a string is an error, and the others are still read.
    pub(super) fn strings<'v>(&mut self, key: &Key, value: &'v Value<'_>) -> Option<Vec<(&'v str, Span)>> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "an array of strings");
            return None;
        };
        let mut strings = Vec::with_capacity(array.len());
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => strings.push((text, item.span())),
                None => self.wrong_type(key, item, "an array of strings"),
            }
        }
        Some(strings)
    }

    /// A whole number that fits the type.
    pub(super) fn integer(&mut self, key: &Key, value: &Value<'_>) -> Option<i64> {
        match value.get_ref().as_integer() {
            Some(number) => {
                Some(number_of(number).unwrap_or(if number.as_str().starts_with('-') { i64::MIN } else { i64::MAX }))
            }
            None => {
                self.wrong_type(key, value, "a whole number");
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, key: &Key, value: &Value<'_>, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(key, value)?;
        self.word(key.name, text, value.span(), words)
    }

    /// One of some words, already taken out of its value.
    pub(super) fn word<T: Copy>(&mut self, what: &str, text: &str, span: Span, words: &[(&str, T)]) -> Option<T> {
        if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*chosen);
        }
        let names = || words.iter().map(|(word, _)| *word);
        let choices = listed(names());
        let instead = match nearest(text, names()) {
            Some(word) => format!("did you mean `{word}`? The choices are {choices}"),
            None => format!("the choices are {choices}"),
        };
        self.report(
            ManifestError::at(Code::Choice, span, format!("`{what}` cannot be `{}`", shown(text)))
                .label("not one of the choices")
                .help(instead),
        );
        None
    }

    /// The nearest among many names, as long as not too many were asked for.
    pub(super) fn nearest_of_many<'n>(&mut self, text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        self.suggestions = self.suggestions.checked_sub(1)?;
        nearest(text, names)
    }
}

/// The number as it was written, if it fits.
fn number_of(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The type of a value, with its article.
pub(super) fn type_of(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The name that somebody who wrote `text` most likely meant.
fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Longer texts are no misspelling of anything, and the comparison is quadratic.
    if text.len() > 64 {
        return None;
    }
    let lower = text.to_lowercase().replace('-', "_");
    names
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.replace('-', "_")), name))
        .filter(|(distance, name)| *distance <= (name.len().max(text.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Words in a row: `a`, `b` and `c`.
fn listed<'n>(words: impl Iterator<Item = &'n str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
