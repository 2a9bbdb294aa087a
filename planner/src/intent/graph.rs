//! The graph of steps: petgraph below, addresses above.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::Step;
use crate::address::Address;

/// A step and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its address.
    pub address: Address,
    /// The step.
    pub step: Step,
}

/// What an edge means. It goes from the step that needs to the step that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The other must be done first; when it is done anew, this one still stands.
    After,
    /// This one is built upon the other: when the other is made anew, so is this one.
    On,
}

/// Why a graph could not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum GraphError {
    /// Two steps of one address.
    #[error("two steps have the address {0}")]
    #[diagnostic(code(bottle::graph::duplicate))]
    Duplicate(Address),
    /// A need for a step that is not there.
    #[error("{0} needs {1}, which is not in the graph")]
    #[diagnostic(code(bottle::graph::dangling))]
    Dangling(Address, Address),
    /// Steps that wait for each other.
    #[error("{0} would wait for itself")]
    #[diagnostic(code(bottle::graph::cycle))]
    Cycle(Address),
}

/// An acyclic graph of steps.
///
/// A step can only be added with needs that are already there, so a cycle and a dangling need cannot be written down;
/// passes that rewire use [`Graph::rebuild`], which checks both.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    graph: DiGraph<Node, Need>,
    index: HashMap<Address, NodeIndex>,
}

impl Graph {
    /// Adds a step whose needs are already in the graph.
    ///
    /// # Errors
    /// When the address is taken or a need is not there.
    pub fn add(
        &mut self,
        address: Address,
        step: Step,
        needs: impl IntoIterator<Item = (Need, Address)>,
    ) -> Result<(), GraphError> {
        if self.index.contains_key(&address) {
            return Err(GraphError::Duplicate(address));
        }
        let mut edges = Vec::new();
        for (need, on) in needs {
            let Some(&target) = self.index.get(&on) else { return Err(GraphError::Dangling(address, on)) };
            edges.push((need, target));
        }
        let node = self.graph.add_node(Node { address: address.clone(), step });
        for (need, target) in edges {
            self.graph.update_edge(node, target, need);
        }
        self.index.insert(address, node);
        Ok(())
    }

    /// A graph from steps in any order.
    ///
    /// # Errors
    /// When an address stands twice, a need is not there, or steps wait for each other.
    pub fn rebuild(steps: Vec<(Node, Vec<(Need, Address)>)>) -> Result<Self, GraphError> {
        let mut built = Self::default();
        let mut wanted = Vec::with_capacity(steps.len());
        for (node, needs) in steps {
            let address = node.address.clone();
            let at = built.graph.add_node(node);
            if built.index.insert(address.clone(), at).is_some() {
                return Err(GraphError::Duplicate(address));
            }
            wanted.push((at, address, needs));
        }
        for (at, address, needs) in wanted {
            for (need, on) in needs {
                let Some(&target) = built.index.get(&on) else { return Err(GraphError::Dangling(address, on)) };
                built.graph.update_edge(at, target, need);
            }
        }
        match petgraph::algo::toposort(&built.graph, None) {
            Ok(_) => Ok(built),
            Err(cycle) => Err(GraphError::Cycle(built.graph[cycle.node_id()].address.clone())),
        }
    }

    /// Takes the graph apart into what [`Graph::rebuild`] takes.
    #[must_use]
    pub fn into_steps(self) -> Vec<(Node, Vec<(Need, Address)>)> {
        let needs: Vec<Vec<(Need, Address)>> = self
            .graph
            .node_indices()
            .map(|at| {
                self.graph
                    .edges_directed(at, Direction::Outgoing)
                    .map(|edge| (*edge.weight(), self.graph[edge.target()].address.clone()))
                    .collect()
            })
            .collect();
        self.graph.into_nodes_edges().0.into_iter().map(|node| node.weight).zip(needs).collect()
    }

    /// The steps, in the order in which they were added.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.graph.node_weights()
    }

    /// The steps, each to be changed in place. Needs and addresses stay.
    pub fn steps_mut(&mut self) -> impl Iterator<Item = (Address, &mut Step)> {
        self.graph.node_weights_mut().map(|node| (node.address.clone(), &mut node.step))
    }

    /// A step by address.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Step> {
        self.index.get(address).map(|&at| &self.graph[at].step)
    }

    /// The steps, in the order in which they were added, each with what it needs directly.
    pub fn with_needs(&self) -> impl Iterator<Item = (&Node, impl Iterator<Item = (Need, &Node)> + Clone)> {
        self.graph.node_indices().map(|at| {
            let edges = self.graph.edges_directed(at, Direction::Outgoing);
            (&self.graph[at], edges.map(|edge| (*edge.weight(), &self.graph[edge.target()])))
        })
    }

    /// What a step needs directly.
    pub fn needs(&self, address: &Address) -> impl Iterator<Item = (Need, &Address)> {
        self.index.get(address).into_iter().flat_map(|&at| {
            let edges = self.graph.edges_directed(at, Direction::Outgoing);
            edges.map(|edge| (*edge.weight(), &self.graph[edge.target()].address))
        })
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    /// The steps, needs first; among those that could stand anywhere, by address. Linear but for the heap.
    #[must_use]
    pub fn into_ordered(self) -> Vec<(Node, Vec<(Need, Address)>)> {
        let order = self.order();
        let mut steps: Vec<Option<_>> = self.into_steps().into_iter().map(Some).collect();
        let mut ordered: Vec<_> = order.into_iter().filter_map(|at| steps[at.index()].take()).collect();
        for (_, needs) in &mut ordered {
            needs.sort_unstable_by(|(_, a), (_, b)| a.cmp(b));
        }
        ordered
    }

    fn order(&self) -> Vec<NodeIndex> {
        use std::cmp::Reverse;
        use std::collections::BinaryHeap;

        let mut open: Vec<usize> =
            self.graph.node_indices().map(|at| self.graph.edges_directed(at, Direction::Outgoing).count()).collect();
        let mut ready: BinaryHeap<Reverse<(&Address, NodeIndex)>> = self
            .graph
            .node_indices()
            .filter(|at| open[at.index()] == 0)
            .map(|at| Reverse((&self.graph[at].address, at)))
            .collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse((_, at))) = ready.pop() {
            order.push(at);
            for by in self.graph.neighbors_directed(at, Direction::Incoming) {
                open[by.index()] -= 1;
                if open[by.index()] == 0 {
                    ready.push(Reverse((&self.graph[by].address, by)));
                }
            }
        }
        order
    }
}
