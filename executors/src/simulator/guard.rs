//! Whether what guards an agent stands, at the moment when its own command is let go: for tests.

use bottle_planner::address::Address;
use bottle_planner::intent::{Hold, Membership, Role};

use super::Simulator;
use super::state::{Container, State};

/// An agent's own command was let go by an operation: by the start of a container that is not held, or by a release.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// The operation; shown when the guard is missing.
    #[allow(dead_code, reason = "read by `Debug`")]
    pub(super) address: Address,
    /// What guarded it then; `Err` says what was missing.
    pub(super) guard: Result<Standing, String>,
}

/// What stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Standing {
    /// It has no network.
    NoNetwork,
    /// A sidecar on its internal network.
    Sidecar,
    /// A process of the host on the gateway of its internal network.
    Process,
    /// Rules that were loaded since it was started.
    Rules,
}

impl Simulator {
    /// Notes whether an operation that works on a container lets an agent go, and what guards it.
    pub(super) fn lets_go(&self, state: &State, container: &Container, by: &Address) {
        let is_start = by.as_str().ends_with("/start");
        if container.role != Role::Agent || (is_start && container.hold != Hold::None) {
            return;
        }
        let moment = Moment { address: by.clone(), guard: guard(state, container) };
        self.moments.lock().unwrap().push(moment);
    }
}

fn guard(state: &State, agent: &Container) -> Result<Standing, String> {
    let mut standing = Standing::NoNetwork;
    for joined in agent.networks.iter().filter(|joined| joined.network != super::networks::NO_NETWORK) {
        let internal = state.network_named(&joined.network).is_some_and(|network| network.internal);
        standing = if internal { proxied(state, &joined.network)? } else { ruled(agent, &joined.network)? };
    }
    Ok(standing)
}

fn proxied(state: &State, network: &str) -> Result<Standing, String> {
    let is_on = |container: &Container| container.networks.iter().any(|joined| joined.network == network);
    let sidecar = state.containers.values().find(|container| container.role == Role::Sidecar && is_on(container));
    let process = state.processes.values().find(|process| process.network == network);
    match (sidecar, process) {
        // Without its configuration it would not run.
        (Some(Container { serves: true, .. }), _) => Ok(Standing::Sidecar),
        (Some(sidecar), _) => Err(format!("{} was not seen to serve", sidecar.name)),
        (None, Some(super::Process { serves: true, .. })) => Ok(Standing::Process),
        (None, Some(process)) => Err(format!("{} was not seen to serve", process.name)),
        (None, None) => Err(format!("nothing serves on {network}")),
    }
}

fn ruled(agent: &Container, network: &str) -> Result<Standing, String> {
    if network != Membership::OWN_NETWORK {
        return Err(format!("{network} leads out"));
    }
    let rules = |ran: &&super::Ran| {
        let text = ran.stdin.as_deref().unwrap_or_default();
        ran.command.first().is_some_and(|program| program == "nft")
            && ran.user.as_deref() == Some("root")
            && text.contains("policy drop")
            && Some(ran.since.as_str()) == agent.since()
    };
    match agent.ran.iter().find(rules) {
        Some(_) => Ok(Standing::Rules),
        None => Err(format!("no rules were loaded since {:?}", agent.since())),
    }
}
