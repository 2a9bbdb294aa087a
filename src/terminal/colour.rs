//! Colour for a plan: each line by the sign in its first column.

use anstyle::{AnsiColor, Style};

/// The plan with colour codes; the stream that it is written to takes them out where they are not wanted.
pub(crate) fn plan(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let style = match line.as_bytes() {
            [b'+', b' ', ..] => AnsiColor::Green.on_default(),
            [b'-', b' ', ..] => AnsiColor::Red.on_default(),
            [b'!', b' ', ..] => AnsiColor::Red.on_default().bold(),
            [b'~', b' ', ..] => AnsiColor::Yellow.on_default(),
            [b' ', ..] | [b'\n'] => Style::new(),
            _ if number == 0 => Style::new().bold(),
            _ => Style::new().bold(),
        };
        let line = line.trim_end_matches('\n');
        out.push_str(&format!("{style}{line}{style:#}\n"));
    }
    out
}
