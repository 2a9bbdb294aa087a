//! The engine's own words, made fit to be shown: no secret, and nothing that a terminal would act on.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::SecretValue;
use crate::process::Kept;

/// How much of them is shown, in bytes: the end, where the error is.
const SHOWN: usize = 8 << 10;
/// What stands in a secret's place.
const HIDDEN: &[u8] = b"***";
/// Lines of a secret up to this length are not looked for: they are in every text.
const SHORT_LINE: usize = 3;

/// What is shown instead of a command's words, where nobody knows what must not be in them.
pub(crate) const UNSPOKEN: &str =
    "what it said is not shown, since the container's secrets could not be looked up to be taken out of it";

/// Every secret that was handed on, so that no later command's words show it: one that was given to a container when it was made may be
/// said by a command that runs in it.
#[derive(Default)]
pub(crate) struct Given(Mutex<Vec<Arc<SecretValue>>>);

impl Given {
    /// Remembers a secret that is about to be handed on.
    pub(crate) fn give(&self, value: SecretValue) -> Arc<SecretValue> {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = given.iter().find(|known| known.reveal() == value.reveal()) {
            return Arc::clone(known);
        }
        let value = Arc::new(value);
        given.push(Arc::clone(&value));
        value
    }

    /// Remembers the values of some of a container's variables, `NAME=VALUE` each: this run need not have handed them on, and they are as old
    /// as the container.
    pub(crate) fn take_in(&self, names: &[String], variables: &[String]) {
        for (name, value) in variables.iter().filter_map(|variable| variable.split_once('=')) {
            if names.iter().any(|hidden| hidden == name) {
                self.give(SecretValue::new(value.as_bytes().to_vec()));
            }
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<SecretValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a child said, without any of them.
    pub(crate) fn said(&self, kept: &Kept) -> String {
        said(kept, &self.all())
    }
}

/// What a child said, without the secrets.
pub(crate) fn said(kept: &Kept, secrets: &[Arc<SecretValue>]) -> String {
    let mut bytes = kept.bytes.as_slice();
    if kept.cut {
        // Where it was cut there may be half a secret.
        let longest = secrets.iter().map(|secret| secret.reveal().len()).max().unwrap_or(0);
        bytes = bytes.get(longest..).unwrap_or_default();
    }
    let text = harmless(&without(bytes, secrets));
    let text = text.trim();
    let earliest = text.len().saturating_sub(SHOWN);
    let start = (earliest..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    if start == 0 { text.to_owned() } else { format!("[...]{}", &text[start..]) }
}

/// Every secret, and every line of one, replaced.
fn without(bytes: &[u8], secrets: &[Arc<SecretValue>]) -> Vec<u8> {
    let mut needles: Vec<&[u8]> = Vec::new();
    for secret in secrets {
        let value = secret.reveal();
        needles.extend([value, value.trim_ascii()]);
        needles
            .extend(value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| line.len() > SHORT_LINE));
    }
    needles.retain(|needle| !needle.is_empty());
    // The longest first: one secret may hold another.
    needles.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    needles.dedup();

    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if let Some(needle) = needles.iter().find(|needle| rest.starts_with(needle)) {
            clean.extend_from_slice(HIDDEN);
            rest = &rest[needle.len()..];
        } else {
            clean.push(*first);
            rest = after;
        }
    }
    clean
}

/// Text without escape sequences, and with a mark for any other character that would not be seen as what it is.
pub(crate) fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let mut clean = String::with_capacity(text.len());
    for character in anstream::adapter::strip_str(&text).to_string().chars() {
        match character {
            '\n' | '\t' => clean.push(character),
            // Controls, and the marks that reorder text.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => clean.push('\u{fffd}'),
            _ if character.is_control() => clean.push('\u{fffd}'),
            _ => clean.push(character),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Vec<Arc<SecretValue>> {
        values.iter().map(|value| Arc::new(SecretValue::new(value.as_bytes().to_vec()))).collect()
    }

    fn hidden(text: &str, values: &[&str]) -> String {
        said(&Kept { bytes: text.as_bytes().to_vec(), cut: false }, &secrets(values))
    }

    #[test]
    fn no_secret_and_no_line_of_one_is_shown() {
        assert_eq!(hidden("bad token abc123!", &["abc123"]), "bad token ***!");
        assert_eq!(hidden("abc abcdef", &["abc", "abcdef"]), "*** ***");
        let key = "-----BEGIN-----\nAAAA\nBB\r\n-----END-----\n";
        assert_eq!(hidden("cannot load AAAA from BB: -----END-----", &[key]), "cannot load *** from BB: ***");
        assert_eq!(hidden("token abc", &["abc\n"]), "token ***");
        assert_eq!(hidden("as it was", &[""]), "as it was");
    }

    #[test]
    fn a_secret_is_remembered_once() {
        let given = Given::default();
        for value in ["one", "one", "two"] {
            given.give(SecretValue::new(value.as_bytes().to_vec()));
        }
        assert_eq!(given.all().len(), 2);
    }

    #[test]
    fn half_a_secret_at_the_cut_is_not_shown() {
        let kept = Kept { bytes: b"ret-token and the error".to_vec(), cut: true };
        let shown = said(&kept, &secrets(&["secret-token"]));
        assert!(!shown.contains("ret-token") && shown.ends_with("the error"), "{shown}");
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_is_shown() {
        assert_eq!(
            hidden("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}a\u{8}b\u{9b}c", &[]).replace('\u{fffd}', ""),
            "red abc"
        );
        assert_eq!(hidden("one\r\ntwo\rthree\n\n", &[]), "one\ntwo\nthree");
        assert!(!hidden("evil\u{202e}txt", &[]).contains('\u{202e}'));
        assert_eq!(said(&Kept { bytes: vec![b'a', 0xff, b'b'], cut: false }, &[]), "a\u{fffd}b");
    }

    #[test]
    fn of_much_the_end_is_shown() {
        let shown = hidden(&format!("{}the error", "é".repeat(SHOWN)), &[]);
        assert!(shown.starts_with("[...]é") && shown.ends_with("the error") && shown.len() <= SHOWN + 5);
    }
}
