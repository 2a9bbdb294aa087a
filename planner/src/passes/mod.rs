//! Passes: each rewrites the graph for one fact about the backend and says so. After each, the invariants are checked.

mod attach;
mod closing;
mod egress;
mod files;
mod gates;
mod gateways;
mod given_up;
mod hold;
mod limits;
mod names;
mod runtime;
mod subnets;
mod verify;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

pub use subnets::Occupied;
pub use verify::{Broken, verify};

use crate::address::Address;
use crate::intent::{Graph, GraphError};
use crate::name::ProjectName;
use crate::profile::Profile;

/// What a pass changed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The pass.
    pub pass: String,
    /// The steps that it changed, or took away; sorted.
    pub steps: Vec<Address>,
    /// What it did with them and what fact about the backend made it.
    pub because: String,
}

impl Rewrite {
    /// `None` when no step was touched.
    fn of(pass: &str, mut steps: Vec<Address>, because: impl Into<String>) -> Option<Self> {
        steps.sort_unstable();
        (!steps.is_empty()).then(|| Self { pass: pass.to_owned(), steps, because: because.into() })
    }
}

/// Why a graph could not be lowered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum LowerError {
    /// The pool has no room left.
    #[error("the address pool {pool} has no room for {address}: {wanted} networks were wanted and {placed} fit")]
    #[diagnostic(
        code(bottle::lower::pool),
        help("give a larger or another one: `[network]` `pool = \"10.128.0.0/12\"`")
    )]
    Pool {
        /// The pool.
        pool: Ipv4Net,
        /// The network that found no place.
        address: Address,
        /// How many networks there are.
        wanted: usize,
        /// How many found a place.
        placed: usize,
    },
    /// gVisor was asked for and is not there.
    #[error("{address} asks for `runtime = \"runsc\"`, and the engine has no runtime of that name")]
    #[diagnostic(
        code(bottle::lower::runsc),
        help("register runsc with the engine, or leave `runtime` out to run on the host's kernel")
    )]
    NoRunsc {
        /// The container.
        address: Address,
    },
    /// A backend that makes no networks.
    #[error("{address} needs a network of its own, and {profile} can make none")]
    #[diagnostic(
        code(bottle::lower::networks),
        help("macOS 26 can; on macOS 15 only `egress.via = \"firewall\"` or a bottle without egress is to be had")
    )]
    NoNetworks {
        /// The network.
        address: Address,
        /// The backend.
        profile: String,
    },
    /// Less memory than a virtual machine can be given.
    #[error("{address} is given `memory = \"{memory}\"`, and this backend takes no less than 200 MiB")]
    #[diagnostic(code(bottle::lower::memory), help("write `limits = {{ memory = \"512m\" }}` or more"))]
    Memory {
        /// The container.
        address: Address,
        /// What it is given.
        memory: String,
    },
    /// Something that `unsafe` asks for and the backend does not have.
    #[error("{address} is to have {what} (`unsafe`), which is not to be had on {profile}: {why}")]
    #[diagnostic(code(bottle::lower::given_up), help("leave it out of `unsafe`, or take another backend"))]
    NotToBeHad {
        /// The container.
        address: Address,
        /// What is asked for.
        what: String,
        /// The backend.
        profile: String,
        /// Why.
        why: &'static str,
    },
    /// A pass left something that may not be.
    #[error("after the pass `{pass}`: {broken}")]
    #[diagnostic(code(bottle::lower::invariant), help("this is a bug of bottle's: please report it with the manifest"))]
    Invariant {
        /// The pass.
        pass: &'static str,
        /// What may not be.
        broken: Broken,
    },
    /// A pass left no graph.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Graph(#[from] GraphError),
}

/// Everything that the passes decide by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The project: subnets are spread by its name.
    pub project: &'a ProjectName,
    /// The backend.
    pub profile: &'a Profile,
    /// Where subnets are taken from.
    pub pool: Ipv4Net,
    /// Subnets in use.
    pub occupied: &'a Occupied,
    /// The resolvers that sidecars ask where their network's own answers nothing.
    pub resolvers: &'a [std::net::IpAddr],
}

/// One pass.
type Pass = fn(Graph, &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError>;

/// The passes in order, by name.
const PASSES: &[(&str, Pass)] = &[
    ("given-up", given_up::run),
    ("runtime", runtime::run),
    ("limits", limits::run),
    ("egress", egress::run),
    ("closing", closing::run),
    ("names", names::run),
    ("attach", attach::run),
    ("gates", gates::run),
    ("files", files::run),
    ("subnets", subnets::run),
    ("gateways", gateways::run),
];

/// Lowers a graph for a backend.
///
/// # Errors
/// When the backend cannot do what the manifest asks for, or the pool has no room.
pub fn lower(mut graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let mut rewrites = Vec::new();
    for (name, pass) in PASSES {
        let (lowered, recorded) = pass(graph, facts)?;
        graph = lowered;
        rewrites.extend(recorded);
        verify(&graph).map_err(|broken| LowerError::Invariant { pass: name, broken })?;
    }
    Ok((graph, rewrites))
}
