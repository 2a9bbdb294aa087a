//! How an agent finds its sidecar where no resolver knows it: by an address that is known after the start, put into the hosts file.
//!
//! Not into the agent's variables: they are fixed when its container is made, and a sidecar that is started again has another
//! address. So a sidecar can be made anew, for one more host, without the agent and its work.

use std::collections::HashMap;

use super::{Facts, LowerError, Rewrite, hold};
use crate::address::Address;
use crate::intent::{AddressOf, Graph, Need, Node, ObjectName, OutputRef, Role, Step, Word, hosts_file};

/// A sidecar by the name that its network is to know.
struct Named {
    create: Address,
    container: ObjectName,
    network: ObjectName,
    alias: String,
}

pub(super) fn run(graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    if facts.profile.names {
        return Ok((graph, Vec::new()));
    }
    let mut steps = graph.into_steps();
    let mut named = Vec::new();
    let mut agents: HashMap<String, (Address, ObjectName)> = HashMap::new();
    for (node, _) in &mut steps {
        match &mut node.step {
            Step::Attach(attachment) => {
                if let Some(alias) = attachment.membership.alias.take() {
                    named.push(Named {
                        create: node.address.beside("create"),
                        container: attachment.container.clone(),
                        network: attachment.membership.network.clone(),
                        alias,
                    });
                }
            }
            Step::CreateContainer(container) if container.role == Role::Agent => {
                if let Some(bottle) = node.address.bottle() {
                    agents.insert(bottle.to_owned(), (node.address.clone(), container.name.clone()));
                }
            }
            _ => {}
        }
    }
    let mut changed = Vec::new();
    let mut held = HashMap::new();
    for Named { create, container, network, alias } in named {
        let Some((agent, agent_name)) = create.bottle().and_then(|bottle| agents.get(bottle)) else { continue };
        let (address, hosts) = (create.beside("address"), agent.beside("hosts"));
        let learn = Step::LearnAddress(AddressOf { container, network });
        let needs = vec![(Need::On, create.beside("start")), (Need::After, create.beside("ready"))];
        steps.push((Node { address: address.clone(), step: learn }, needs));
        let output = OutputRef { address: address.clone(), name: AddressOf::IPV4.to_owned() };
        let name = Step::Exec(hosts_file::name(agent_name, &alias, Word::Output(output)));
        let needs = vec![(Need::On, agent.beside("start")), (Need::On, address)];
        steps.push((Node { address: hosts.clone(), step: name }, needs));
        held.insert(agent.clone(), vec![hosts]);
        changed.push(create);
    }
    hold::until(&mut steps, &held);
    let because = "members of a network do not know each other's names: the sidecar's address is learnt once it runs, and put into the \
                   agent's hosts file before the agent's command runs";
    Ok((Graph::rebuild(steps)?, Rewrite::of("names", changed, because).into_iter().collect()))
}
