//! The graph of intent and the graph of operations, as drawings.

use std::collections::{HashMap, HashSet};

use super::drawing::{Colour, Drawing, Group, Line, Node, Style};
use crate::address::Address;
use crate::intent::{Graph, Need};
use crate::name::ProjectName;
use crate::plan::{Plan, Verdict};

/// What must become true, before any backend has a say. `graph` is what [`compile`](crate::intent::compile) gives.
#[must_use]
pub fn intent(project: &ProjectName, graph: Graph) -> Drawing {
    let nodes = graph.into_ordered().into_iter().map(|(node, needs)| {
        let label = vec![node.address.to_string(), node.step.verb().to_owned()];
        Drawn { address: node.address, label, colour: Colour::Plain, needs }
    });
    drawing(format!("{project}: what must become true"), nodes.collect())
}

/// What is done, and in which order. The colours are verdicts, where an engine was observed.
#[must_use]
pub fn operations(plan: &Plan) -> Drawing {
    let nodes = plan.entries.iter().map(|entry| {
        let verb = entry.operation.as_ref().map_or("remove", |operation| operation.step.verb());
        let colour = if plan.observed { Colour::Verdict(entry.verdict) } else { Colour::Plain };
        let sign = if plan.observed && entry.verdict != Verdict::Keep {
            format!("{} ", entry.verdict.sign())
        } else {
            String::new()
        };
        let needs = entry.operation.as_ref().map(|operation| operation.needs.clone()).unwrap_or_default();
        Drawn {
            address: entry.address.clone(),
            label: vec![format!("{sign}{}", entry.address), verb.to_owned()],
            colour,
            needs,
        }
    });
    drawing(format!("{} on {}: what is done", plan.project, plan.profile), nodes.collect())
}

/// A step or an operation.
struct Drawn {
    address: Address,
    label: Vec<String>,
    colour: Colour,
    needs: Vec<(Need, Address)>,
}

fn drawing(title: String, nodes: Vec<Drawn>) -> Drawing {
    let mut drawing = Drawing { title, ..Drawing::default() };
    let known: HashMap<&Address, &[(Need, Address)]> =
        nodes.iter().map(|node| (&node.address, node.needs.as_slice())).collect();
    for node in &nodes {
        for (need, on) in needed(node, &known) {
            drawing.lines.push(Line {
                from: node.address.to_string(),
                to: on.to_string(),
                label: None,
                style: if need == Need::On { Style::Solid } else { Style::Dotted },
            });
        }
    }
    let mut nodes = nodes;
    nodes.sort_by(|a, b| (a.address.bottle(), &a.address).cmp(&(b.address.bottle(), &b.address)));
    for node in nodes {
        let title = node.address.bottle().unwrap_or(Address::SHARED).to_owned();
        if drawing.groups.last().is_none_or(|group| group.title != title) {
            drawing.groups.push(Group { title, nodes: Vec::new() });
        }
        let drawn = Node { id: node.address.to_string(), label: node.label, colour: node.colour };
        if let Some(group) = drawing.groups.last_mut() {
            group.nodes.push(drawn);
        }
    }
    drawing
}

/// The needs that are drawn: those that are in the picture, without the mere orders that follow from others.
fn needed<'n>(node: &'n Drawn, known: &HashMap<&Address, &'n [(Need, Address)]>) -> Vec<(Need, &'n Address)> {
    let direct = |address: &Address| known.get(address).copied().unwrap_or_default();
    let mut follows: HashSet<&Address> = HashSet::new();
    let mut open: Vec<&Address> = node.needs.iter().flat_map(|(_, on)| direct(on)).map(|(_, on)| on).collect();
    while let Some(address) = open.pop() {
        if follows.insert(address) {
            open.extend(direct(address).iter().map(|(_, on)| on));
        }
    }
    let shown = |(need, on): &&(Need, Address)| known.contains_key(on) && (*need == Need::On || !follows.contains(on));
    node.needs.iter().filter(shown).map(|(need, on)| (*need, on)).collect()
}
