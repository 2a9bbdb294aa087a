//! A picture in no tool's language: nodes in groups, and lines between them.

use crate::plan::Verdict;

/// What DOT and Mermaid are written from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// What it shows.
    pub(super) title: String,
    /// The groups in order, each with its nodes in order.
    pub(super) groups: Vec<Group>,
    /// The lines, in order.
    pub(super) lines: Vec<Line>,
    /// Whether it reads from left to right, and not from top to bottom.
    pub(super) sideways: bool,
}

/// Nodes that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) nodes: Vec<Node>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Its name: unique in the drawing, and the same in the drawing of another plan.
    pub(super) id: String,
    /// What it says, line by line.
    pub(super) label: Vec<String>,
    pub(super) colour: Colour,
}

/// What a node's colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// Nothing.
    Plain,
    /// What a plan does with it.
    Verdict(Verdict),
    /// It is the agent's.
    Agent,
    /// It guards an agent.
    Guard,
    /// A network.
    Network,
    /// It is this machine's.
    Host,
    /// It is the world's.
    Outside,
}

impl Colour {
    /// All of them.
    pub(super) const ALL: [Self; 11] = [
        Self::Plain,
        Self::Verdict(Verdict::Create),
        Self::Verdict(Verdict::Replace),
        Self::Verdict(Verdict::Update),
        Self::Verdict(Verdict::Keep),
        Self::Verdict(Verdict::Delete),
        Self::Agent,
        Self::Guard,
        Self::Network,
        Self::Host,
        Self::Outside,
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Verdict(verdict) => verdict.word(),
            Self::Agent => "agent",
            Self::Guard => "guard",
            Self::Network => "network",
            Self::Host => "host",
            Self::Outside => "outside",
        }
    }

    /// The fill and the border. Both are legible on white and on black, with dark text.
    pub(super) fn fill_and_border(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain | Self::Network | Self::Verdict(Verdict::Keep) => ("#f6f8fa", "#6e7781"),
            Self::Verdict(Verdict::Create) => ("#dafbe1", "#1a7f37"),
            Self::Verdict(Verdict::Replace) => ("#ffe2cc", "#bc4c00"),
            Self::Verdict(Verdict::Update) => ("#fff8c5", "#9a6700"),
            Self::Verdict(Verdict::Delete) => ("#ffebe9", "#cf222e"),
            Self::Agent => ("#ddf4ff", "#0969da"),
            Self::Guard => ("#fbefff", "#8250df"),
            Self::Host => ("#fff3d6", "#9a6700"),
            Self::Outside => ("#eaeef2", "#424a53"),
        }
    }
}

/// A line from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) label: Option<String>,
    pub(super) style: Style,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Whole, with an arrow: it is built upon the other, or it reaches the other.
    Solid,
    /// Dotted, with an arrow: it only comes after the other.
    Dotted,
    /// Ended by a cross: it does not reach the other.
    Closed,
    /// Whole and heavy, with an arrow: it reaches the other and should not.
    Open,
}
