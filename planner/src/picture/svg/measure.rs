//! How wide text is at the most, and where it is broken. Which font a reader has is not known, so widths are those of the widest of the
//! common ones (DejaVu Sans), rounded up.

/// A way in which text is set: its class in the style sheet, its size in pixels and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) class: &'static str,
    pub(super) size: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sans,
    Bold,
    Mono,
}

pub(super) const TITLE: Face = Face { class: "title", size: 18, kind: Kind::Bold };
pub(super) const HEAD: Face = Face { class: "head", size: 14, kind: Kind::Bold };
pub(super) const NAME: Face = Face { class: "name", size: 12, kind: Kind::Bold };
pub(super) const BODY: Face = Face { class: "body", size: 12, kind: Kind::Sans };
pub(super) const SMALL: Face = Face { class: "small", size: 11, kind: Kind::Sans };
pub(super) const MONO: Face = Face { class: "mono", size: 11, kind: Kind::Mono };
pub(super) const TINY: Face = Face { class: "tiny", size: 10, kind: Kind::Mono };
/// The same, of what a manifest requires.
pub(super) const REQUIRED: Face = Face { class: "tiny required", size: 10, kind: Kind::Mono };

impl Face {
    /// The distance from one line to the next.
    pub(super) fn leading(self) -> u32 {
        self.size + 4
    }

    /// How wide a text is at the most, in pixels.
    pub(super) fn width(self, text: &str) -> u32 {
        let thousandths: u32 = text.chars().map(|c| self.thousandths(c)).sum();
        (thousandths * self.size).div_ceil(1000)
    }

    /// The advance of a character, in thousandths of the size.
    fn thousandths(self, c: char) -> u32 {
        if !c.is_ascii() {
            return if matches!(c, '…' | '·' | '→') { 1000 } else { 1100 };
        }
        match self.kind {
            Kind::Mono => 610,
            Kind::Sans => sans(c),
            Kind::Bold => sans(c) + 80,
        }
    }

    /// The text in lines that fit, broken behind what joins words where that can be.
    pub(super) fn wrapped(self, text: &str, width: u32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        // The byte behind the last place in the line where it may be broken.
        let mut joint = 0;
        for c in text.chars() {
            if !line.is_empty() && self.width(&line) + self.width(c.encode_utf8(&mut [0; 4])) > width {
                let rest = if joint > 0 { line.split_off(joint) } else { String::new() };
                lines.push(std::mem::replace(&mut line, rest).trim_end().to_owned());
                joint = 0;
            }
            line.push(c);
            if matches!(c, ' ' | '/' | '.' | '-' | ',' | ':' | '@' | '_') {
                joint = line.len();
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// As [`wrapped`](Self::wrapped), in so many lines at the most; what does not fit is told by `…`.
    pub(super) fn folded(self, text: &str, width: u32, most: usize) -> Vec<String> {
        // Of a text of any length, no more is looked at than could be shown.
        let could: String = text.chars().take(most * width as usize).collect();
        let mut lines = self.wrapped(&could, width);
        let cut = lines.len() > most || could.len() < text.len();
        lines.truncate(most);
        if let (true, Some(last)) = (cut, lines.last_mut()) {
            while !last.is_empty() && self.width(last) + self.width("…") > width {
                last.pop();
            }
            last.push('…');
        }
        lines
    }
}

fn sans(c: char) -> u32 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 345,
        ' ' | '.' | ',' | ':' | ';' | '!' | '/' | '\\' | '(' | ')' | '[' | ']' | 'I' | '-' | 'f' | 't' => 410,
        'r' | '"' | '{' | '}' | 's' | 'c' | 'z' => 560,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1010,
        'A'..='Z' | '#' | '&' | '<' | '>' | '=' | '+' | '~' | '^' => 840,
        _ => 645,
    }
}

#[cfg(test)]
mod tests {
    use super::{MONO, SMALL};

    #[test]
    fn lines_fit_and_nothing_is_lost() {
        for text in [
            "a.very.long.name.of.a.host.example.com",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "漢字漢字漢字漢字漢字",
            "a b",
        ] {
            for width in [40, 90, 200] {
                let lines = MONO.wrapped(text, width);
                assert!(lines.iter().all(|line| MONO.width(line) <= width), "{lines:?}");
                assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
            }
        }
    }

    #[test]
    fn what_is_left_out_is_told() {
        let lines = SMALL.folded(&"word ".repeat(1000), 100, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines[2].ends_with('…') && SMALL.width(&lines[2]) <= 100, "{lines:?}");
        assert_eq!(SMALL.folded("word", 100, 3), ["word"]);
    }
}
