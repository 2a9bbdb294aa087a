//! Which runtime an agent's container gets: gVisor where it is asked for or registered.

use super::{Facts, LowerError, Rewrite};
use crate::intent::{Graph, Role, Step};
use crate::manifest::Runtime;
use crate::profile::{Kernel, Known};

/// The name under which gVisor is registered, by its own installer.
const RUNSC: &str = "runsc";

pub(super) fn run(mut graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let mut chosen = Vec::new();
    let mut own = Vec::new();
    for (address, step) in graph.steps_mut() {
        let Step::CreateContainer(container) = step else { continue };
        if container.role != Role::Agent {
            continue;
        }
        if facts.profile.kernel == Kernel::Own {
            if container.asked == Runtime::Runsc {
                own.push(address);
            }
            continue;
        }
        match (container.asked, facts.profile.runsc) {
            (Runtime::Runsc, Known::Seen(false)) => return Err(LowerError::NoRunsc { address }),
            (Runtime::Runsc, _) => container.runtime = Some(RUNSC),
            (Runtime::Auto, Known::Seen(true)) => {
                container.runtime = Some(RUNSC);
                chosen.push(address);
            }
            (Runtime::Auto, _) | (Runtime::Runc, _) => {}
        }
    }
    let rewrites = [
        Rewrite::of("runtime", chosen, "runsc is registered with the engine: the agent gets gVisor's kernel"),
        Rewrite::of(
            "runtime",
            own,
            "runsc is left out: every container of this backend has a kernel of its own already",
        ),
    ];
    Ok((graph, rewrites.into_iter().flatten().collect()))
}
