//! Colour for a plan: each line by the sign in its first column.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

/// Writes the plan with colour codes; the stream takes them out where they are not wanted.
pub(super) fn plan(text: &str, to: &mut impl Write) -> io::Result<()> {
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
        writeln!(to, "{style}{line}{style:#}")?;
    }
    Ok(())
}
