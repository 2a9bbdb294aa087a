//! What is drawn, as SVG's elements. Nothing gets into the document but by these, so all text is escaped in one place.

use std::fmt::Write as _;

use super::measure::Face;
use crate::render::harmless;

/// A document in the making.
#[derive(Default)]
pub(super) struct Canvas {
    body: String,
    depth: usize,
}

/// Where a text stands to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A sign that says how something stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A cross: closed.
    Cross,
    /// A tick: it holds.
    Tick,
    /// A wave: it holds but for something.
    Wave,
    /// A question mark: nobody has shown it.
    Question,
    /// A stroke: it does not hold.
    Stroke,
}

impl Canvas {
    fn push(&mut self, element: &str) {
        let _ = writeln!(self.body, "{:width$}{element}", "", width = 2 * (self.depth + 1));
    }

    /// Draws what belongs together, with what a pointer on it is told.
    pub(super) fn group(&mut self, title: &str, draw: impl FnOnce(&mut Self)) {
        self.push(&format!("<g><title>{}</title>", escaped(title)));
        self.depth += 1;
        draw(self);
        self.depth -= 1;
        self.push("</g>");
    }

    pub(super) fn rect(&mut self, (x, y): (u32, u32), (width, height): (u32, u32), radius: u32, class: &str) {
        self.push(&format!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" class="{class}"/>"#
        ));
    }

    pub(super) fn text(&mut self, (x, y): (u32, u32), face: Face, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let class = face.class;
        self.push(&format!(r#"<text x="{x}" y="{y}" class="{class}"{anchor}>{}</text>"#, escaped(text)));
    }

    /// Lines of text below each other; `y` is the first one's base line.
    pub(super) fn lines(&mut self, (x, y): (u32, u32), face: Face, anchor: Anchor, lines: &[String]) -> u32 {
        let mut y = y;
        for line in lines {
            self.text((x, y), face, anchor, line);
            y += face.leading();
        }
        y
    }

    /// Lines through points.
    pub(super) fn path(&mut self, points: &[(u32, u32)], class: &str) {
        let mut d = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{x} {y}", if number == 0 { "M" } else { " L" });
        }
        self.push(&format!(r#"<path d="{d}" class="{class}"/>"#));
    }

    /// A line whose end has an arrow's head. The last part of it is level.
    pub(super) fn arrow(&mut self, points: &[(u32, u32)], class: &str) {
        self.path(points, class);
        let [.., (from, _), (x, y)] = points else { return };
        let back = if from < x { x - 8 } else { x + 8 };
        let (up, down) = (y - 5, y + 5);
        self.push(&format!(r#"<path d="M{back} {up} L{x} {y} L{back} {down}" class="{class} tip"/>"#));
    }

    /// A sign in a circle around a point.
    pub(super) fn mark(&mut self, (x, y): (u32, u32), mark: Mark, class: &str) {
        let d = match mark {
            Mark::Cross => {
                format!("M{} {} L{} {} M{} {} L{} {}", x - 3, y - 3, x + 3, y + 3, x - 3, y + 3, x + 3, y - 3)
            }
            Mark::Tick => format!("M{} {} L{} {} L{} {}", x - 3, y, x - 1, y + 3, x + 3, y - 3),
            Mark::Wave => format!("M{} {} Q{} {} {x} {y} T{} {}", x - 4, y, x - 2, y - 5, x + 4, y),
            Mark::Question => {
                let (top, middle, low) = (y - 4, y - 1, y + 1);
                format!(
                    "M{} {} Q{} {top} {x} {top} Q{} {top} {} {} Q{} {middle} {x} {low} M{x} {} L{x} {}",
                    x - 2,
                    y - 2,
                    x - 2,
                    x + 3,
                    x + 3,
                    y - 2,
                    x + 3,
                    y + 3,
                    y + 4
                )
            }
            Mark::Stroke => format!("M{} {y} L{} {y}", x - 3, x + 3),
        };
        self.push(&format!(r#"<circle cx="{x}" cy="{y}" r="7" class="{class} disc"/>"#));
        self.push(&format!(r#"<path d="{d}" class="sign"/>"#));
    }

    /// The document, of a size.
    pub(super) fn document(self, (width, height): (u32, u32), title: &str, style: &str) -> String {
        let title = escaped(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\">\n  <title>{title}</title>\n  <style>\n{style}  </style>\n  <rect width=\"{width}\" \
             height=\"{height}\" class=\"page\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// Text that can neither be markup nor steer what shows it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
