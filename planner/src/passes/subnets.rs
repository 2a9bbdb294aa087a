//! Which addresses a network gets: small subnets of the manifest's pool, where an engine's own pools end at 29 networks.
//!
//! A network that is there keeps its subnet. A new one starts looking where its address hashes to, not behind its
//! neighbour, so that a bottle more or less in the manifest leaves the other lines of a plan as they are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{Facts, LowerError, Rewrite};
use crate::address::Address;
use crate::digest::Hasher;
use crate::intent::{Graph, Reach, Step};

/// Subnets in use.
#[derive(Clone, Debug, Default)]
pub struct Occupied {
    /// Those of this project's networks, by the address of what made them.
    pub ours: BTreeMap<Address, Ipv4Net>,
    /// All others.
    pub foreign: Vec<Ipv4Net>,
}

/// The prefix of an internal network: eight addresses, of which gateway, sidecar and agent use three.
const INTERNAL_PREFIX: u8 = 29;
/// The longest prefix of an egress network. It does not follow the number of bottles closely, since another subnet is another
/// network, and another network means other sidecars.
const EGRESS_PREFIX: u8 = 22;

/// A grid over the pool: places are /29s, counted from its start.
struct Grid {
    pool: Ipv4Net,
    start: u32,
    places: u64,
    taken: HashSet<u64>,
    foreign: Vec<(u64, u64)>,
}

impl Grid {
    fn new(pool: Ipv4Net, foreign: &[Ipv4Net]) -> Self {
        let start = u32::from(pool.network());
        let places = 1u64 << INTERNAL_PREFIX.saturating_sub(pool.prefix_len());
        let mut grid = Self { pool, start, places, taken: HashSet::new(), foreign: Vec::new() };
        let mut ranges: Vec<(u64, u64)> = foreign
            .iter()
            .filter(|net| net.contains(&pool) || pool.contains(*net))
            .map(|net| grid.range(net))
            .collect();
        ranges.sort_unstable();
        // Merged, so that a place can be looked up by the last range that begins at or before it.
        for (from, to) in ranges {
            match grid.foreign.last_mut() {
                Some((_, end)) if from <= *end => *end = (*end).max(to),
                _ => grid.foreign.push((from, to)),
            }
        }
        grid
    }

    /// The places that a subnet touches: from, and the first behind it.
    fn range(&self, net: &Ipv4Net) -> (u64, u64) {
        let clamp = |address: u32| u64::from(address.saturating_sub(self.start)) >> (32 - INTERNAL_PREFIX);
        let from = clamp(u32::from(net.network()));
        let to = clamp(u32::from(net.broadcast())) + 1;
        (from.min(self.places), to.min(self.places))
    }

    fn free(&self, from: u64, width: u64) -> bool {
        let to = from + width;
        if to > self.places || (from..to).any(|place| self.taken.contains(&place)) {
            return false;
        }
        let after = self.foreign.partition_point(|(start, _)| *start < to);
        after == 0 || self.foreign[after - 1].1 <= from
    }

    fn take(&mut self, from: u64, width: u64) {
        self.taken.extend(from..from + width);
    }

    /// Takes the first free run of `width` places, aligned to it, from where a hash points.
    fn place(&mut self, hash: u64, width: u64) -> Option<u64> {
        let runs = self.places / width;
        if runs == 0 {
            return None;
        }
        let first = hash % runs;
        let from = (0..runs).map(|step| (first + step) % runs * width).find(|from| self.free(*from, width))?;
        self.take(from, width);
        Some(from)
    }

    fn subnet(&self, from: u64, prefix: u8) -> Option<Ipv4Net> {
        let offset = u32::try_from(from << (32 - INTERNAL_PREFIX)).ok()?;
        let subnet = Ipv4Net::new(Ipv4Addr::from(self.start.checked_add(offset)?), prefix).ok()?;
        self.pool.contains(&subnet).then_some(subnet)
    }
}

/// The prefix of an egress network: a quarter of a small pool at most, and never fewer addresses than members.
fn egress_prefix(pool: Ipv4Net, members: u32) -> u8 {
    let wanted = EGRESS_PREFIX.max(pool.prefix_len() + 2).min(INTERNAL_PREFIX);
    // Network and broadcast address are nobody's.
    let needed = 32 - u8::try_from((members + 2).next_power_of_two().trailing_zeros()).unwrap_or(32);
    wanted.min(needed).max(pool.prefix_len())
}

pub(super) fn run(mut graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let mut wanted: Vec<(u8, Address)> = graph
        .nodes()
        .filter_map(|node| match &node.step {
            Step::CreateNetwork(network) => Some((
                match network.reach {
                    Reach::Internal => INTERNAL_PREFIX.min(facts.profile.longest_prefix),
                    Reach::Egress => egress_prefix(facts.pool, network.members),
                },
                node.address.clone(),
            )),
            _ => None,
        })
        .collect();
    // The large ones first, or the small ones would leave them no aligned room.
    wanted.sort_unstable();

    let mut grid = Grid::new(facts.pool, &facts.occupied.foreign);
    let mut chosen: HashMap<Address, Ipv4Net> = HashMap::new();
    let mut stepped_aside = Vec::new();
    for (prefix, address) in &wanted {
        if let Some(net) = facts.occupied.ours.get(address)
            && net.prefix_len() == *prefix
            && facts.pool.contains(net)
        {
            let (from, to) = grid.range(net);
            if grid.free(from, to - from) {
                grid.take(from, to - from);
                chosen.insert(address.clone(), *net);
            }
        }
    }
    // A network of ours that goes is still there when a new one is made.
    for (address, net) in &facts.occupied.ours {
        if !chosen.contains_key(address) && facts.pool.contains(net) {
            let (from, to) = grid.range(net);
            grid.take(from, to - from);
        }
    }
    for (prefix, address) in &wanted {
        if chosen.contains_key(address) {
            continue;
        }
        let width = 1u64 << (INTERNAL_PREFIX - prefix);
        let mut hasher = Hasher::default();
        hasher.field(facts.project.as_str()).field(address.as_str());
        let hash = u64::from_str_radix(hasher.finish().short(), 16).unwrap_or_default();
        let first = hash % (grid.places / width).max(1) * width;
        let placed = grid.place(hash, width).and_then(|from| Some((from, grid.subnet(from, *prefix)?)));
        let Some((from, subnet)) = placed else {
            return Err(LowerError::Pool {
                pool: facts.pool,
                address: address.clone(),
                wanted: wanted.len(),
                placed: chosen.len(),
            });
        };
        if from != first && !facts.occupied.foreign.is_empty() {
            stepped_aside.push(address.clone());
        }
        chosen.insert(address.clone(), subnet);
    }
    for (address, step) in graph.steps_mut() {
        if let Step::CreateNetwork(network) = step {
            network.subnet = chosen.remove(&address);
        }
    }
    let because = "the subnet that its name would give is in use: the next free one of the pool";
    Ok((graph, Rewrite::of("subnets", stepped_aside, because).into_iter().collect()))
}
