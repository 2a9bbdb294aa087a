//! One bottle, or several that are alike.

use super::canvas::{Anchor, Canvas, Mark};
use super::measure::{BODY, Face, HEAD, MONO, NAME, REQUIRED, SMALL, TINY};
use super::{AGENT, CARD, Column, EGRESS, GUARD, HOST, NETWORK, OUTSIDE};
use crate::guarantee::{Guarantee, Rank, Standing};
use crate::intent::Way;
use crate::picture::scene::Bottle;
use crate::plan::Verdict;

/// How many hosts are listed before the rest is counted, and how many lines one may take.
const HOSTS: usize = 8;
const LINES_OF_A_HOST: usize = 10;
/// How many lines of names, of an image and of a path are shown.
const LINES_OF_NAMES: usize = 6;
const LINES_OF_TEXT: usize = 3;
/// The height of a line of a list of guarantees.
const ITEM: u32 = 18;
/// What an agent cannot reach over its network, but for the host and the world.
const CLOSED: [(Guarantee, &str); 4] = [
    (Guarantee::PeersClosed, "other bottles"),
    (Guarantee::DnsClosed, "names outside"),
    (Guarantee::MetadataClosed, "cloud metadata"),
    (Guarantee::Ipv6Closed, "IPv6"),
];
/// What else is promised.
const OTHERS: [Guarantee; 5] = [
    Guarantee::ProxyIsolated,
    Guarantee::EgressInspected,
    Guarantee::AgentUnprivileged,
    Guarantee::SecretsByName,
    Guarantee::KernelOwn,
];

/// A row, laid out.
pub(super) struct Row<'s> {
    pub(super) bottle: &'s Bottle,
    /// Its upper edge.
    pub(super) y: u32,
    title: Vec<String>,
    names: Vec<String>,
    agent: Vec<(Face, String)>,
    hosts: Vec<String>,
    mounts: Vec<Chip>,
    card: Column,
}

/// A folder of the host, as it is shown.
struct Chip {
    lines: Vec<(Face, String)>,
    told: String,
    writable: bool,
}

impl<'s> Row<'s> {
    pub(super) fn new(bottle: &'s Bottle, y: u32) -> Self {
        // A proxy that is a process of the host is in no bottle.
        let card = match bottle.way {
            Some(Way::HostLoopback) => Column { x: CARD.x, width: NETWORK.end() + 10 - CARD.x },
            _ => CARD,
        };
        let inside = card.width - 28;
        let (title, names) = match &bottle.names[..] {
            [name] => (HEAD.wrapped(name, inside), Vec::new()),
            names => {
                let title = format!("{} bottles alike, each with a network of its own", names.len());
                (HEAD.wrapped(&title, inside), listed(names, inside))
            }
        };
        let mut agent = vec![(NAME, "agent".to_owned())];
        let user = bottle.user.as_ref().map_or_else(|| "the image's user".to_owned(), |user| format!("as {user}"));
        agent.extend(fitted(SMALL, &user, AGENT.width - 16));
        agent.extend(fitted(TINY, without_digest(&bottle.image), AGENT.width - 16));
        Self { bottle, y, title, names, agent, hosts: hosts(&bottle.hosts), mounts: chips(bottle), card }
    }

    /// Where its boxes begin.
    fn boxes(&self) -> u32 {
        let title = u32::try_from(self.title.len()).unwrap_or(1) * HEAD.leading();
        let names = u32::try_from(self.names.len()).unwrap_or(0) * MONO.leading();
        self.y + 14 + title + names + if self.bottle.changes.is_empty() { 0 } else { SMALL.leading() }
    }

    fn height_of_boxes(&self) -> u32 {
        let lines: u32 = self.agent.iter().map(|(face, _)| face.leading()).sum();
        (lines + 20).max(66)
    }

    /// The height at which traffic leaves.
    pub(super) fn lane(&self) -> u32 {
        self.boxes() + self.height_of_boxes() / 2
    }

    /// Where the list of hosts ends.
    fn end_of_hosts(&self) -> u32 {
        let lines = u32::try_from(self.hosts.len()).unwrap_or(0);
        self.lane().saturating_sub(20) + (lines * MONO.leading() + 18).max(40)
    }

    /// The height of the line to any other host.
    pub(super) fn elsewhere(&self) -> u32 {
        if self.bottle.way.is_none() { self.lane() } else { (self.end_of_hosts() + 32).max(self.lane() + 52) }
    }

    fn lists(&self) -> u32 {
        self.boxes() + self.height_of_boxes() + 18
    }

    fn is_narrow(&self) -> bool {
        self.card.width < CARD.width
    }

    fn end_of_card(&self) -> u32 {
        let items = if self.is_narrow() { CLOSED.len() + OTHERS.len() } else { CLOSED.len().max(OTHERS.len()) };
        self.lists() + u32::try_from(items).unwrap_or(0) * ITEM + 6
    }

    fn chips(&self) -> u32 {
        self.boxes() + 50
    }

    /// Its lower edge.
    pub(super) fn end(&self) -> u32 {
        let chips: u32 = self.mounts.iter().map(|chip| chip.height() + 8).sum();
        self.end_of_card().max(self.elsewhere() + 26).max(self.chips() + chips)
    }

    pub(super) fn draw(&self, canvas: &mut Canvas) {
        let names = self.bottle.names.join(", ");
        canvas.group(&format!("bottle {names}"), |canvas| self.card(canvas));
        self.lines(canvas);
        self.agent(canvas);
        self.network(canvas);
        self.guard(canvas);
        self.outside(canvas);
        self.mounts(canvas);
        self.to_host(canvas);
        self.guarantees(canvas);
    }

    fn card(&self, canvas: &mut Canvas) {
        let size = (self.card.width, self.end_of_card() - self.y);
        if self.bottle.names.len() > 1 {
            canvas.rect((self.card.x + 8, self.y + 8), size, 10, "card");
            canvas.rect((self.card.x + 4, self.y + 4), size, 10, "card");
        }
        canvas.rect((self.card.x, self.y), size, 10, "card");
        let x = self.card.x + 14;
        let y = canvas.lines((x, self.y + 22), HEAD, Anchor::Start, &self.title);
        let y = canvas.lines((x, y - 2), MONO, Anchor::Start, &self.names);
        if !self.bottle.changes.is_empty() {
            let word = |(verdict, count): &(Verdict, usize)| format!("{count} to {}", verdict.word());
            let counts: Vec<String> = self.bottle.changes.iter().map(word).collect();
            canvas.text((x, y), SMALL, Anchor::Start, &counts.join(", "));
        }
    }

    /// What leaves, from the agent to the world.
    fn lines(&self, canvas: &mut Canvas) {
        let y = self.lane();
        let Some(_) = self.bottle.way else { return };
        canvas.group("may reach", |canvas| {
            canvas.arrow(&[(AGENT.end(), y), (GUARD.x - 2, y)], "flow");
            canvas.arrow(&[(GUARD.end(), y), (OUTSIDE.x + 12, y)], "flow");
        });
    }

    fn agent(&self, canvas: &mut Canvas) {
        let user = self.bottle.user.as_deref().unwrap_or("the image's user");
        let told = format!("agent: {} as {user}", self.bottle.image);
        canvas.group(&told, |canvas| boxed(canvas, AGENT, self.boxes(), self.height_of_boxes(), "agent", &self.agent));
    }

    fn network(&self, canvas: &mut Canvas) {
        let (text, class, told) = match &self.bottle.internal {
            Some(subnet) => {
                let subnet = subnet.as_deref().unwrap_or("one for each");
                let lines = vec![(NAME, "internal".to_owned()), (TINY, subnet.to_owned())];
                (lines, "network", "internal network: its members reach each other and nothing else")
            }
            None if self.bottle.way.is_none() => {
                (vec![(NAME, "no network".to_owned())], "ghost", "the agent's container is on no network")
            }
            None => return,
        };
        let height = 40;
        canvas.group(told, |canvas| boxed(canvas, NETWORK, self.lane() - height / 2, height, class, &text));
    }

    fn guard(&self, canvas: &mut Canvas) {
        let (class, lines, told) = match self.bottle.way {
            None => return,
            Some(Way::Sidecar) => (
                "guard",
                ["pipelock", "a sidecar container", "lets listed hosts pass"],
                "sidecar: a proxy in a container of its own",
            ),
            Some(Way::HostLoopback) => (
                "host",
                ["pipelock", "a process of this host", "lets listed hosts pass"],
                "host-loopback: a proxy on this host, bound to the gateway of the agent's network",
            ),
            Some(Way::Firewall) => (
                "guard",
                ["nftables", "rules in the guest", "by resolved address"],
                "firewall: rules in the agent's own guest, made from the addresses behind the names",
            ),
        };
        let [name, what, does] = lines;
        let lines = [(NAME, name.to_owned()), (SMALL, what.to_owned()), (SMALL, does.to_owned())];
        canvas.group(told, |canvas| boxed(canvas, GUARD, self.boxes(), self.height_of_boxes(), class, &lines));
    }

    fn outside(&self, canvas: &mut Canvas) {
        let column = Column { x: OUTSIDE.x + 14, width: OUTSIDE.width - 28 };
        let y = self.lane().saturating_sub(20);
        if self.bottle.way.is_some() {
            canvas.group(&format!("may reach: {}", self.bottle.hosts.join(", ")), |canvas| {
                canvas.rect((column.x, y), (column.width, self.end_of_hosts() - y), 8, "outside");
                let height = u32::try_from(self.hosts.len()).unwrap_or(0) * MONO.leading();
                let first = y + (self.end_of_hosts() - y - height) / 2 + 11;
                canvas.lines((column.x + 12, first), MONO, Anchor::Start, &self.hosts);
            });
        }
        let Some(standing) = self.bottle.standing(Guarantee::EgressAllowlisted) else { return };
        let y = self.elsewhere();
        let from = if self.bottle.way.is_some() { GUARD.end() } else { NETWORK.end() };
        let told = told(Guarantee::EgressAllowlisted, standing);
        canvas.group(&told, |canvas| {
            let word = if self.bottle.way.is_some() { "any other host" } else { "any host" };
            let lines = [(BODY, word.to_owned()), self.named(Guarantee::EgressAllowlisted)];
            boxed(canvas, column, y - 20, 40, "ghost", &lines);
            let start = if self.bottle.way.is_some() {
                let (leaves, bend) = (self.lane() + 20, CARD.end() + 14);
                vec![(from, leaves), (bend, leaves), (bend, y)]
            } else {
                vec![(from, y)]
            };
            let points = |end: u32| [start.clone(), vec![(end, y)]].concat();
            if standing.rank() == Rank::NotHeld {
                canvas.arrow(&points(column.x - 2), "leak");
            } else {
                canvas.path(&points(column.x - 2), "shut");
            }
            let (mark, class) = closing(standing);
            canvas.mark(((EGRESS.end() + OUTSIDE.x) / 2, y), mark, class);
        });
    }

    fn to_host(&self, canvas: &mut Canvas) {
        let Some(standing) = self.bottle.standing(Guarantee::HostClosed) else { return };
        let y = self.boxes() + 20;
        canvas.group(&told(Guarantee::HostClosed, standing), |canvas| {
            let points = [(AGENT.x, y), (HOST.end() + 2, y)];
            if standing.rank() == Rank::NotHeld {
                canvas.arrow(&points, "leak");
            } else {
                canvas.path(&points, "shut");
            }
            let middle = (HOST.end() + CARD.x) / 2;
            let (mark, class) = closing(standing);
            canvas.mark((middle, y), mark, class);
            let (face, name) = self.named(Guarantee::HostClosed);
            canvas.text((middle, y - 13), face, Anchor::Middle, &name);
        });
    }

    fn mounts(&self, canvas: &mut Canvas) {
        let mut y = self.chips();
        let count = u32::try_from(self.mounts.len()).unwrap_or(0);
        let bottom = self.boxes() + self.height_of_boxes();
        for (number, chip) in self.mounts.iter().enumerate() {
            let column = Column { x: HOST.x + 12, width: HOST.width - 24 };
            let middle = y + chip.height() / 2;
            // Where it reaches the agent: below the line to the host, above the box's end.
            let number = u32::try_from(number).unwrap_or(0);
            let target = bottom - 14 - (count - 1 - number) * 10;
            let bend = HOST.end() + 18 + number * 12;
            canvas.group(&chip.told, |canvas| {
                let points = [(column.end(), middle), (bend, middle), (bend, target), (AGENT.x - 2, target)];
                canvas.arrow(&points, "mount");
                boxed(canvas, column, y, chip.height(), "outside", &chip.lines);
                if number == 0 {
                    let word = if chip.writable { "mounted" } else { "read-only" };
                    canvas.text((CARD.x - 5, target - 5), SMALL, Anchor::End, word);
                }
            });
            y += chip.height() + 8;
        }
    }

    /// The name of a guarantee, heavier where the manifest requires it.
    fn named(&self, guarantee: Guarantee) -> (Face, String) {
        let face = if self.bottle.required.contains(&guarantee) { REQUIRED } else { TINY };
        (face, guarantee.to_string())
    }

    /// What the agent cannot reach, as a tree that hangs from it, and the other guarantees.
    fn guarantees(&self, canvas: &mut Canvas) {
        let x = AGENT.x + 16;
        let first = self.lists() + 8;
        let mut y = first;
        let known = |guarantee| self.bottle.standing(guarantee).map(|standing| (guarantee, standing));
        for (guarantee, what) in CLOSED {
            let Some((_, standing)) = known(guarantee) else { continue };
            canvas.group(&told(guarantee, standing), |canvas| {
                let top = if y == first { self.boxes() + self.height_of_boxes() } else { y - ITEM };
                let is_open = standing.rank() == Rank::NotHeld;
                canvas.path(&[(x, top), (x, y), (x + 16, y)], if is_open { "leak" } else { "trunk" });
                let (mark, class) = closing(standing);
                canvas.mark((x + 22, y), mark, class);
                canvas.text((x + 36, y + 4), SMALL, Anchor::Start, what);
                let (face, name) = self.named(guarantee);
                canvas.text((x + 36 + 96, y + 4), face, Anchor::Start, &name);
            });
            y += ITEM;
        }
        let (x, mut y) = if self.is_narrow() { (x + 22, y) } else { (GUARD.x - 10, first) };
        for (guarantee, standing) in OTHERS.into_iter().filter_map(known) {
            canvas.group(&told(guarantee, standing), |canvas| {
                let (mark, class) = standing_mark(standing);
                canvas.mark((x, y), mark, class);
                let (face, name) = self.named(guarantee);
                canvas.text((x + 14, y + 4), face, Anchor::Start, &name);
            });
            y += ITEM;
        }
    }
}

impl Chip {
    fn height(&self) -> u32 {
        self.lines.iter().map(|(face, _)| face.leading()).sum::<u32>() + 12
    }
}

fn told(guarantee: Guarantee, standing: &Standing) -> String {
    format!("{guarantee} {}: {}", standing.word(), standing.reason())
}

/// The sign of something that a guarantee closes.
fn closing(standing: &Standing) -> (Mark, &'static str) {
    match standing.rank() {
        Rank::Held => (Mark::Cross, "held"),
        _ => standing_mark(standing),
    }
}

fn standing_mark(standing: &Standing) -> (Mark, &'static str) {
    match standing.rank() {
        Rank::Held => (Mark::Tick, "held"),
        Rank::Weakened => (Mark::Wave, "weakened"),
        Rank::Unproven => (Mark::Question, "unproven"),
        Rank::NotHeld => (Mark::Stroke, "broken"),
    }
}

/// A box with lines of text in its middle.
fn boxed(canvas: &mut Canvas, column: Column, y: u32, height: u32, class: &str, lines: &[(Face, String)]) {
    canvas.rect((column.x, y), (column.width, height), 8, class);
    let text: u32 = lines.iter().map(|(face, _)| face.leading()).sum();
    let mut at = y + height.saturating_sub(text) / 2;
    for (face, line) in lines {
        canvas.text((column.middle(), at + face.size), *face, Anchor::Middle, line);
        at += face.leading();
    }
}

fn fitted(face: Face, text: &str, width: u32) -> impl Iterator<Item = (Face, String)> + use<> {
    face.folded(text, width, LINES_OF_TEXT).into_iter().map(move |line| (face, line))
}

/// An image without its digest, which says nothing to a reader.
fn without_digest(image: &str) -> &str {
    image.split('@').next().unwrap_or(image)
}

/// Names in lines, none of them broken; what does not fit is counted.
fn listed(names: &[String], width: u32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (number, name) in names.iter().enumerate() {
        let left = names.len() - number;
        let word = if left > 1 { format!("{name}, ") } else { name.clone() };
        let room = if lines.len() == LINES_OF_NAMES { MONO.width("+ 999999 more") } else { 0 };
        if let Some(line) = lines.last_mut().filter(|line| MONO.width(line) + MONO.width(&word) + room <= width) {
            line.push_str(&word);
        } else if lines.len() < LINES_OF_NAMES {
            lines.push(word);
        } else {
            if let Some(line) = lines.last_mut() {
                line.push_str(&format!("+ {left} more"));
            }
            break;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

fn hosts(hosts: &[String]) -> Vec<String> {
    let width = OUTSIDE.width - 28 - 24;
    let shown = if hosts.len() > HOSTS { HOSTS - 1 } else { hosts.len() };
    let mut lines: Vec<String> =
        hosts.iter().take(shown).flat_map(|host| MONO.folded(host, width, LINES_OF_A_HOST)).collect();
    if shown < hosts.len() {
        lines.push(format!("+ {} more", hosts.len() - shown));
    }
    lines
}

/// The folders that the manifest mounts each by itself, what bottle laid out as one.
fn chips(bottle: &Bottle) -> Vec<Chip> {
    let width = HOST.width - 24 - 16;
    let mut chips = Vec::new();
    let mut staged = Vec::new();
    for mount in &bottle.mounts {
        let Some(from) = &mount.from else {
            staged.push(mount.to.as_str());
            continue;
        };
        let shown = if from == "." { ". (the project)" } else { from };
        let lines = fitted(MONO, shown, width).chain(fitted(TINY, &format!("as {}", mount.to), width));
        let told = format!("the host's {from} is the bottle's {}, and the agent may write there", mount.to);
        chips.push(Chip { lines: lines.collect(), told, writable: true });
    }
    if !staged.is_empty() {
        let lines = fitted(SMALL, "staged files", width).chain(fitted(TINY, "read-only", width));
        let told = format!("files that bottle laid out, read-only: {}", staged.join(", "));
        chips.push(Chip { lines: lines.collect(), told, writable: false });
    }
    chips
}
