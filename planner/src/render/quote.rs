//! Words that stay words, and text that cannot drive a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character changes how what stands around it is shown, or is not shown itself: controls, marks that turn text around, what
/// Unicode calls ignorable by default (`DerivedCoreProperties.txt`), the ends of lines that are none, and what is no character.
pub(crate) fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'
                ..='\u{180f}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
        || matches!(c, '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text with every deceiving character written out as `\u{..}`.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if deceives(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A JSON document with every deceiving character written as JSON's `\u....`, by which it says the same. Line feeds stay: they stand between
/// values. What JSON itself forbids to stand bare is not looked for.
#[must_use]
pub fn harmless_json(document: &str) -> Cow<'_, str> {
    let written_out = |c: char| c != '\n' && deceives(c);
    if !document.contains(written_out) {
        return Cow::Borrowed(document);
    }
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        if written_out(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A word as a POSIX shell would read it back: bare where it can be, quoted where it must. Deceiving characters are written out, in
/// the `$'..'` form that bash, zsh and POSIX 2024 know.
#[must_use]
pub fn shell(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        return word.to_owned();
    }
    if !word.chars().any(deceives) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut quoted = String::from("$'");
    for c in word.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\'' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if deceives(c) && u32::from(c) < 0x80 => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if deceives(c) => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{harmless, harmless_json, shell};

    #[test]
    fn words_are_bare_where_they_can_be() {
        for (word, shown) in [
            ("--label=a.b=c", "--label=a.b=c"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm -rf /)", "'$(rm -rf /)'"),
            ("a\nb", r"$'a\nb'"),
            ("\u{1b}[31m", r"$'\x1b[31m'"),
            ("\u{202e}x", r"$'\U0000202ex'"),
        ] {
            assert_eq!(shell(word), shown);
        }
    }

    #[test]
    fn what_would_drive_a_terminal_is_written_out() {
        assert_eq!(harmless("a\u{1b}]0;x\u{7}b\u{202e}"), r"a\u{1b}]0;x\u{7}b\u{202e}");
        assert_eq!(harmless("grün ok"), "grün ok");
        assert_eq!(harmless("a\u{3164}b\u{fe0f}\u{e0101}"), r"a\u{3164}b\u{fe0f}\u{e0101}");
    }

    #[test]
    fn a_document_says_the_same_and_steers_nothing() {
        let said = "a\u{9b}31m\u{7f}\u{202e}\u{e0041}\u{1b}\n\u{feff}grün";
        let document = serde_json::to_string_pretty(&[said]).unwrap();
        let shown = harmless_json(&document);
        assert!(!shown.contains(|c| c != '\n' && super::deceives(c)), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [said]);
    }
}
