//! How internal networks are kept from leading to the host.

use super::{Facts, LowerError, Rewrite};
use crate::intent::{Graph, Reach, Step};
use crate::profile::GatewayClosing;

pub(super) fn run(mut graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let Some(closing) = facts.profile.gateway_closing else { return Ok((graph, Vec::new())) };
    let mut closed = Vec::new();
    for (address, step) in graph.steps_mut() {
        if let Step::CreateNetwork(network) = step
            && network.reach == Reach::Internal
        {
            network.closing = Some(closing);
            closed.push(address);
        }
    }
    let because = match closing {
        GatewayClosing::Isolated => {
            "an internal network's gateway is the host: gateway_mode_ipv4=isolated leaves it out"
        }
        GatewayClosing::Inhibited => {
            "an internal network's gateway is the host: inhibit_ipv4 leaves its bridge without an address, since this \
             engine does not know gateway_mode_ipv4"
        }
    };
    Ok((graph, Rewrite::of("closing", closed, because).into_iter().collect()))
}
