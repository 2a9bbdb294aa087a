//! Who can reach whom, as a picture that needs nothing but itself: no script, no font, no other file.
//!
//! A bottle is a row, read from left to right: this host, the agent, its network, what guards it, the network that leads out, the world.
//! What is open is a whole line. What is closed is a broken line that ends at a sign, with the name of the guarantee that closes it.

mod canvas;
mod measure;
mod row;

use canvas::{Anchor, Canvas, Mark};
use measure::{BODY, HEAD, REQUIRED, SMALL, TINY, TITLE};
use row::Row;

use super::scene::Scene;
use crate::plan::Plan;

const STYLE: &str = include_str!("style.css");

/// The margin around everything.
const MARGIN: u32 = 24;
/// The distance from a row to the next.
const GAP: u32 = 18;
/// Where rows begin.
const TOP: u32 = 132;

/// A column: where it begins, and how wide it is.
#[derive(Clone, Copy)]
struct Column {
    x: u32,
    width: u32,
}

impl Column {
    const fn end(self) -> u32 {
        self.x + self.width
    }

    const fn middle(self) -> u32 {
        self.x + self.width / 2
    }

    /// The column that follows after a gap.
    const fn then(self, gap: u32, width: u32) -> Self {
        Self { x: self.end() + gap, width }
    }
}

const HOST: Column = Column { x: MARGIN, width: 156 };
/// The agent's card, and within it the agent, its network and its guard.
const CARD: Column = HOST.then(112, 480);
const AGENT: Column = Column { x: CARD.x + 14, width: 152 };
const NETWORK: Column = AGENT.then(18, 116);
const GUARD: Column = NETWORK.then(24, 142);
const EGRESS: Column = CARD.then(34, 108);
const OUTSIDE: Column = EGRESS.then(46, 244);
const WIDTH: u32 = OUTSIDE.end() + MARGIN;

/// The plan's topology, as an SVG document.
#[must_use]
pub fn svg(plan: &Plan) -> String {
    let scene = Scene::of(plan);
    let mut rows = Vec::new();
    let mut y = TOP;
    for bottle in &scene.bottles {
        let row = Row::new(bottle, y);
        y = row.end() + GAP;
        rows.push(row);
    }
    let bottom = if rows.is_empty() { y + 40 } else { y - GAP };

    let mut canvas = Canvas::default();
    canvas.text((MARGIN, MARGIN + 18), TITLE, Anchor::Start, &scene.title);
    canvas.text((MARGIN, MARGIN + 38), BODY, Anchor::Start, &headline(plan, &scene));
    panel(&mut canvas, HOST, bottom, "this host", "host");
    panel(&mut canvas, OUTSIDE, bottom, "outside", "panel");
    egress(&mut canvas, &scene, &rows);
    for row in &rows {
        row.draw(&mut canvas);
    }
    let end = legend(&mut canvas, bottom + 34);
    canvas.document((WIDTH, end + MARGIN), &format!("{}: who can reach whom", scene.title), STYLE)
}

fn headline(plan: &Plan, scene: &Scene) -> String {
    let bottles = match plan.bottles.len() {
        1 => "1 bottle".to_owned(),
        count => format!("{count} bottles"),
    };
    let asked = if scene.observed { "with what the engine has" } else { "planned without asking an engine" };
    format!("{bottles}: who can reach whom, {asked}")
}

fn panel(canvas: &mut Canvas, column: Column, bottom: u32, title: &str, class: &str) {
    let y = TOP - 42;
    canvas.rect((column.x, y), (column.width, bottom - y), 10, class);
    canvas.text((column.middle(), y + 24), HEAD, Anchor::Middle, title);
}

/// The network that leads out, beside the rows of its members.
fn egress(canvas: &mut Canvas, scene: &Scene, rows: &[Row<'_>]) {
    let members = || rows.iter().filter(|row| row.bottle.is_on_egress());
    let (Some(first), Some(last), [network, more @ ..]) = (members().next(), members().next_back(), &scene.egress[..])
    else {
        return;
    };
    let title = if more.is_empty() { "egress network" } else { "egress networks" };
    let mut told = vec![network.subnet.clone().unwrap_or_else(|| "the engine's own".to_owned())];
    if !more.is_empty() {
        told.push(format!("and {} more", more.len()));
    }
    let names: Vec<&str> = scene.egress.iter().map(|network| network.name.as_str()).collect();
    let y = first.y - 42;
    canvas.group(&format!("{}: {}", title, names.join(", ")), |canvas| {
        canvas.rect((EGRESS.x, y), (EGRESS.width, last.elsewhere() + 18 - y), 10, "network");
        let mut at = y + 18;
        for line in title.split(' ') {
            canvas.text((EGRESS.middle(), at), measure::NAME, Anchor::Middle, line);
            at += 14;
        }
        for line in told {
            canvas.text((EGRESS.middle(), at + 2), TINY, Anchor::Middle, &line);
            at += TINY.leading();
        }
    });
}

/// What the signs say; gives the base line of its last line.
fn legend(canvas: &mut Canvas, y: u32) -> u32 {
    let mut x = MARGIN + 7;
    let mut put = |canvas: &mut Canvas, mark: Mark, class: &str, text: &str| {
        canvas.mark((x, y - 4), mark, class);
        canvas.text((x + 13, y), SMALL, Anchor::Start, text);
        x += 13 + SMALL.width(text) + 22;
    };
    put(canvas, Mark::Cross, "held", "closed, and held");
    put(canvas, Mark::Tick, "held", "held");
    put(canvas, Mark::Wave, "weakened", "weakened");
    put(canvas, Mark::Question, "unproven", "unproven: nobody measured it");
    put(canvas, Mark::Stroke, "broken", "not held");
    canvas.text((x - 7, y), REQUIRED, Anchor::Start, "required");
    y
}
