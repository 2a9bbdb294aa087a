//! Who can reach whom, read off a plan: what the SVG shows, and the same as a drawing.

use std::collections::{BTreeSet, HashMap};

use super::drawing::{Colour, Drawing, Group, Line, Node, Style};
use crate::guarantee::{Guarantee, Standing};
use crate::intent::{Container, Membership, MountSource, Network, ObjectName, Reach, Role, Step, Way};
use crate::plan::{BottleSummary, Plan, Verdict};

/// How many bottles that are alike are drawn each by itself; more are drawn once.
const ALIKE: usize = 3;

/// Everything that the picture of a topology shows.
pub(super) struct Scene {
    pub(super) title: String,
    /// Whether an engine was asked.
    pub(super) observed: bool,
    /// The networks that lead out.
    pub(super) egress: Vec<Named>,
    /// Those with a way over a network that leads out first, then those whose proxy is the host's, then those without any.
    pub(super) bottles: Vec<Bottle>,
}

/// A network that leads out.
pub(super) struct Named {
    pub(super) name: String,
    /// `None` where it is the engine's own.
    pub(super) subnet: Option<String>,
}

/// A bottle, or several that are alike.
#[derive(PartialEq, Eq)]
pub(super) struct Bottle {
    pub(super) names: Vec<String>,
    pub(super) image: String,
    /// `None` leaves it to the image.
    pub(super) user: Option<String>,
    pub(super) way: Option<Way>,
    /// The subnet of its internal network, where it has such a network.
    pub(super) internal: Option<Option<String>>,
    pub(super) hosts: Vec<String>,
    pub(super) mounts: Vec<Mount>,
    pub(super) guarantees: Vec<(Guarantee, Standing)>,
    pub(super) required: Vec<Guarantee>,
    /// What is to be done, by verdict; empty where no engine was asked.
    pub(super) changes: Vec<(Verdict, usize)>,
}

/// A folder of the host in a bottle.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// The folder as the manifest has it; `None` for files that bottle itself laid out.
    pub(super) from: Option<String>,
    pub(super) to: String,
}

impl Bottle {
    /// Whether it is a member of a network that leads out, by its sidecar or itself.
    pub(super) fn is_on_egress(&self) -> bool {
        matches!(self.way, Some(Way::Sidecar | Way::Firewall))
    }

    pub(super) fn standing(&self, guarantee: Guarantee) -> Option<&Standing> {
        self.guarantees.iter().find(|(name, _)| *name == guarantee).map(|(_, standing)| standing)
    }

    fn is_like(&self, other: &Self) -> bool {
        self.image == other.image
            && self.user == other.user
            && self.way == other.way
            && self.internal.is_some() == other.internal.is_some()
            && self.hosts == other.hosts
            && self.mounts == other.mounts
            && self.guarantees == other.guarantees
            && self.required == other.required
            && self.changes == other.changes
    }
}

/// The steps of a plan that say who is where.
#[derive(Default)]
struct Steps<'p> {
    agents: HashMap<&'p str, &'p Container>,
    networks: HashMap<&'p ObjectName, &'p Network>,
    memberships: HashMap<&'p ObjectName, Vec<&'p Membership>>,
}

impl<'p> Steps<'p> {
    fn of(plan: &'p Plan) -> Self {
        let mut steps = Self::default();
        for entry in &plan.entries {
            let Some(operation) = &entry.operation else { continue };
            match &operation.step {
                Step::CreateContainer(container) => {
                    if let (Role::Agent, Some(bottle)) = (container.role, entry.address.bottle()) {
                        steps.agents.insert(bottle, container);
                    }
                    steps.memberships.entry(&container.name).or_default().extend(&container.networks);
                }
                Step::Attach(attachment) => {
                    steps.memberships.entry(&attachment.container).or_default().push(&attachment.membership);
                }
                Step::CreateNetwork(network) => {
                    steps.networks.insert(&network.name, network);
                }
                _ => {}
            }
        }
        steps
    }

    fn internal(&self, container: &Container) -> Option<&'p Network> {
        let of = self.memberships.get(&container.name).into_iter().flatten();
        let mut networks = of.filter_map(|membership| self.networks.get(&membership.network).copied());
        networks.find(|network| network.reach == Reach::Internal)
    }

    fn egress(&self) -> Vec<Named> {
        let is_egress = |network: &&&Network| network.reach == Reach::Egress;
        let mut networks: Vec<Named> = self
            .networks
            .values()
            .filter(is_egress)
            .map(|network| Named {
                name: network.name.0.clone(),
                subnet: network.subnet.map(|subnet| subnet.to_string()),
            })
            .collect();
        let own: BTreeSet<&str> = self
            .memberships
            .values()
            .flatten()
            .filter(|membership| membership.own)
            .map(|membership| membership.network.0.as_str())
            .collect();
        networks.extend(own.into_iter().map(|name| Named { name: name.to_owned(), subnet: None }));
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        networks
    }
}

impl Scene {
    pub(super) fn of(plan: &Plan) -> Self {
        let steps = Steps::of(plan);
        let mut changes: HashMap<&str, HashMap<Verdict, usize>> = HashMap::new();
        for entry in plan.entries.iter().filter(|entry| plan.observed && entry.verdict != Verdict::Keep) {
            if let Some(bottle) = entry.address.bottle() {
                *changes.entry(bottle).or_default().entry(entry.verdict).or_default() += 1;
            }
        }
        let mut bottles: Vec<Bottle> = Vec::new();
        for (name, summary) in &plan.bottles {
            let Some(agent) = steps.agents.get(name.as_str()) else { continue };
            let mut changes: Vec<(Verdict, usize)> =
                changes.remove(name.as_str()).unwrap_or_default().into_iter().collect();
            changes.sort_unstable();
            bottles.push(bottle(name.as_str(), summary, agent, &steps, changes));
        }
        Self {
            title: format!("{} on {}", plan.project, plan.profile),
            observed: plan.observed,
            egress: steps.egress(),
            bottles: folded(bottles),
        }
    }
}

fn bottle(
    name: &str,
    summary: &BottleSummary,
    agent: &Container,
    steps: &Steps<'_>,
    changes: Vec<(Verdict, usize)>,
) -> Bottle {
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in &agent.mounts {
        let from = match &mount.from {
            MountSource::Host(path) => Some(path.to_string()),
            MountSource::Stage(_) => None,
        };
        mounts.push(Mount { from, to: mount.to.clone() });
    }
    Bottle {
        names: vec![name.to_owned()],
        image: agent.image.0.clone(),
        user: agent.user.clone(),
        way: summary.way.map(|(way, _)| way),
        internal: steps.internal(agent).map(|network| network.subnet.map(|subnet| subnet.to_string())),
        hosts: summary.allow.clone(),
        mounts,
        guarantees: summary.guarantees.clone(),
        required: summary.requires.clone(),
        changes,
    }
}

/// The bottles of a network that leads out stand together, so that it can be drawn beside them.
fn place(bottle: &Bottle) -> u8 {
    match bottle.way {
        Some(Way::Sidecar | Way::Firewall) => 0,
        Some(Way::HostLoopback) => 1,
        None => 2,
    }
}

/// Bottles that are alike become one where there are many of them.
fn folded(bottles: Vec<Bottle>) -> Vec<Bottle> {
    let mut kinds: Vec<Vec<Bottle>> = Vec::new();
    for bottle in bottles {
        match kinds.iter_mut().find(|kind| kind.first().is_some_and(|first| first.is_like(&bottle))) {
            Some(kind) => kind.push(bottle),
            None => kinds.push(vec![bottle]),
        }
    }
    let mut folded = Vec::new();
    for mut kind in kinds {
        if kind.len() <= ALIKE {
            folded.append(&mut kind);
            continue;
        }
        let names = kind.iter().flat_map(|bottle| bottle.names.clone()).collect();
        // Each has an internal network of its own, so no one subnet is theirs.
        let internal = kind.first().and_then(|first| first.internal.as_ref()).map(|_| None);
        if let Some(first) = kind.into_iter().next() {
            folded.push(Bottle { names, internal, ..first });
        }
    }
    folded.sort_by(|a, b| (place(a), a.names.first()).cmp(&(place(b), b.names.first())));
    folded
}

/// Who can reach whom, as a drawing for DOT and Mermaid.
#[must_use]
pub fn topology(plan: &Plan) -> Drawing {
    let scene = Scene::of(plan);
    let mut drawing =
        Drawing { title: format!("{}: who can reach whom", scene.title), sideways: true, ..Drawing::default() };
    let mut here = vec![node("host", vec!["this host".to_owned()], Colour::Host)];
    let mut outside = vec![node("elsewhere", vec!["any other host".to_owned()], Colour::Outside)];
    for bottle in &scene.bottles {
        draw(&mut drawing, bottle, &scene, &mut here, &mut outside);
    }
    if !scene.egress.is_empty() {
        let label = scene.egress.iter().map(|network| match &network.subnet {
            Some(subnet) => format!("{}, {subnet}", network.name),
            None => format!("{}, the engine's own", network.name),
        });
        let nodes = vec![node("egress", label.collect(), Colour::Network)];
        drawing.groups.push(Group { title: "egress network".to_owned(), nodes });
    }
    drawing.groups.insert(0, Group { title: "host".to_owned(), nodes: here });
    drawing.groups.push(Group { title: "outside".to_owned(), nodes: outside });
    drawing
}

fn node(id: &str, label: Vec<String>, colour: Colour) -> Node {
    Node { id: id.to_owned(), label, colour }
}

fn line(from: &str, to: &str, label: Option<String>, style: Style) -> Line {
    Line { from: from.to_owned(), to: to.to_owned(), label, style }
}

/// A line for what a guarantee keeps closed: whole and heavy where it does not.
fn guarded(bottle: &Bottle, guarantee: Guarantee, from: &str, to: &str) -> Option<Line> {
    let standing = bottle.standing(guarantee)?;
    let style = if matches!(standing, Standing::NotHeld(_)) { Style::Open } else { Style::Closed };
    let label = if standing.meets() { guarantee.to_string() } else { format!("{guarantee} {}", standing.word()) };
    Some(line(from, to, Some(label), style))
}

fn draw(drawing: &mut Drawing, bottle: &Bottle, scene: &Scene, here: &mut Vec<Node>, outside: &mut Vec<Node>) {
    let Some(first) = bottle.names.first() else { return };
    let at = |what: &str| format!("{first}/{what}");
    let (agent, network, guard, hosts) = (at("agent"), at("internal"), at("guard"), at("hosts"));
    let title = match bottle.names.len() {
        1 => first.clone(),
        many => format!("{many} bottles alike: {}", bottle.names.join(", ")),
    };
    let mut label = vec!["agent".to_owned(), bottle.image.clone()];
    label.extend(bottle.user.iter().map(|user| format!("as {user}")));
    let mut nodes = vec![node(&agent, label, Colour::Agent)];
    let mut last = agent.clone();
    if let Some(subnet) = &bottle.internal {
        let label = ["internal network".to_owned()].into_iter().chain(subnet.clone());
        nodes.push(node(&network, label.collect(), Colour::Network));
        drawing.lines.push(line(&agent, &network, None, Style::Solid));
        last.clone_from(&network);
    }
    match bottle.way {
        Some(Way::Sidecar) => nodes.push(node(&guard, vec!["sidecar".to_owned()], Colour::Guard)),
        Some(Way::Firewall) => nodes.push(node(&guard, vec!["rules in the guest".to_owned()], Colour::Guard)),
        Some(Way::HostLoopback) => {
            here.push(node(&guard, vec![format!("proxy of {first}"), "process of this host".to_owned()], Colour::Host));
        }
        None => {}
    }
    if bottle.way.is_some() {
        drawing.lines.push(line(&last, &guard, None, Style::Solid));
        last.clone_from(&guard);
        outside.push(node(&hosts, bottle.hosts.clone(), Colour::Outside));
        if bottle.is_on_egress() && !scene.egress.is_empty() {
            drawing.lines.push(line(&last, "egress", None, Style::Solid));
            drawing.lines.push(line("egress", &hosts, Some(format!("for {first}")), Style::Solid));
        } else {
            drawing.lines.push(line(&last, &hosts, None, Style::Solid));
        }
    }
    for (number, mount) in bottle.mounts.iter().enumerate() {
        let id = at(&format!("mount:{number}"));
        let from = mount.from.clone().unwrap_or_else(|| "staged files".to_owned());
        here.push(node(&id, vec![from, format!("is {}", mount.to)], Colour::Host));
        let label = if mount.from.is_some() { "mounted, writable" } else { "mounted, read-only" };
        drawing.lines.push(line(&id, &agent, Some(label.to_owned()), Style::Solid));
    }
    drawing.lines.extend(guarded(bottle, Guarantee::HostClosed, &agent, "host"));
    drawing.lines.extend(guarded(bottle, Guarantee::EgressAllowlisted, &last, "elsewhere"));
    drawing.groups.push(Group { title, nodes });
}
