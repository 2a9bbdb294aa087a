//! A drawing in Mermaid, which forges draw where they show Markdown.

use std::fmt::Write as _;

use super::drawing::{Colour, Drawing, Style};
use crate::render::harmless;

/// The drawing as a flowchart.
#[must_use]
pub fn mermaid(drawing: &Drawing) -> String {
    let mut out = format!("---\ntitle: \"{}\"\n---\n", yaml(&drawing.title));
    let _ = writeln!(out, "flowchart {}", if drawing.sideways { "LR" } else { "TB" });
    let mut used = Vec::new();
    for group in &drawing.groups {
        let _ = writeln!(out, "  subgraph {}[\"{}\"]", id("g", &group.title), text(&group.title));
        for node in &group.nodes {
            let label: Vec<String> = node.label.iter().map(|line| text(line)).collect();
            let class = node.colour.name();
            let _ = writeln!(out, "    {}[\"{}\"]:::{class}", id("n", &node.id), label.join("<br/>"));
            if !used.contains(&node.colour) {
                used.push(node.colour);
            }
        }
        out.push_str("  end\n");
    }
    let mut open = Vec::new();
    for (number, line) in drawing.lines.iter().enumerate() {
        let arrow = match line.style {
            Style::Solid => "-->",
            Style::Dotted => "-.->",
            Style::Closed => "--x",
            Style::Open => {
                open.push(number.to_string());
                "==>"
            }
        };
        let label = line.label.as_ref().map_or_else(String::new, |label| format!("|\"{}\"|", text(label)));
        let _ = writeln!(out, "  {} {arrow}{label} {}", id("n", &line.from), id("n", &line.to));
    }
    for colour in Colour::ALL.iter().filter(|colour| used.contains(colour)) {
        let (fill, border) = colour.fill_and_border();
        let _ = writeln!(out, "  classDef {} fill:{fill},stroke:{border},color:#1f2328", colour.name());
    }
    if !open.is_empty() {
        let _ = writeln!(out, "  linkStyle {} stroke:#cf222e", open.join(","));
    }
    out
}

/// The inside of one of YAML's quoted strings.
fn yaml(text: &str) -> String {
    harmless(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// An id that Mermaid takes: letters and digits, all else as `_` and its number. Two names never give the same.
fn id(prefix: &str, name: &str) -> String {
    let mut id = format!("{prefix}_");
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else {
            let _ = write!(id, "_{:x}_", u32::from(c));
        }
    }
    id
}

/// Text inside of quotes. What could end them or mean something in Mermaid, Markdown or HTML is written as `#NUMBER;`, which is Mermaid's
/// own way.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in harmless(text).chars() {
        if c.is_alphanumeric() || " -_./:,=+*()".contains(c) {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
