//! A drawing in DOT, the language of Graphviz.

use std::fmt::Write as _;

use super::drawing::{Colour, Drawing, Node, Style};
use crate::render::harmless;

/// The drawing as a digraph. Text of a manifest stands in it as a quoted string alone.
#[must_use]
pub fn dot(drawing: &Drawing) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "digraph {} {{", quoted(&drawing.title));
    let rank = if drawing.sideways { "LR" } else { "TB" };
    let _ = writeln!(out, "  graph [label={}, labelloc=t, rankdir={rank}, compound=true]", quoted(&drawing.title));
    out.push_str("  graph [fontname=\"sans-serif\", fontsize=12, color=\"#8c959f\", style=\"rounded\"]\n");
    out.push_str("  node [fontname=\"sans-serif\", fontsize=11, shape=box, style=\"rounded,filled\"]\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=10, color=\"#57606a\"]\n");
    for group in &drawing.groups {
        let _ = writeln!(out, "\n  subgraph {} {{", quoted(&format!("cluster_{}", group.title)));
        let _ = writeln!(out, "    label={}", quoted(&group.title));
        for node in &group.nodes {
            let _ = writeln!(out, "    {} [label={}{}]", quoted(&node.id), label(node), colours(node.colour));
        }
        out.push_str("  }\n");
    }
    if !drawing.lines.is_empty() {
        out.push('\n');
    }
    for line in &drawing.lines {
        let mut attributes = Vec::new();
        if let Some(label) = &line.label {
            attributes.push(format!("label={}", quoted(label)));
        }
        match line.style {
            Style::Solid => {}
            Style::Dotted => attributes.push("style=dotted".to_owned()),
            Style::Closed => attributes.push("style=dashed, arrowhead=tee".to_owned()),
            Style::Open => attributes.push("color=\"#cf222e\", penwidth=2".to_owned()),
        }
        let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        let _ = writeln!(out, "  {} -> {}{attributes}", quoted(&line.from), quoted(&line.to));
    }
    out.push_str("}\n");
    out
}

fn label(node: &Node) -> String {
    let lines: Vec<String> = node.label.iter().map(|line| escaped(line)).collect();
    format!("\"{}\"", lines.join("\\n"))
}

fn colours(colour: Colour) -> String {
    let (fill, border) = colour.fill_and_border();
    format!(", fillcolor=\"{fill}\", color=\"{border}\"")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A quoted string's inside. Labels know escapes (`\N` is the node's name) and HTML's entities.
fn escaped(text: &str) -> String {
    harmless(text).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
