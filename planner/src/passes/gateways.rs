//! The gateways' addresses, once subnets are decided: always the first of a subnet on `container` (`ReservedVmnetNetwork.swift`).

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::{Facts, LowerError, Rewrite};
use crate::intent::{ExecStdin, Graph, HostProcess, ObjectName, Step, Word};

pub(super) fn run(mut graph: Graph, _: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let gateways: HashMap<ObjectName, Ipv4Addr> = graph
        .nodes()
        .filter_map(|node| match &node.step {
            Step::CreateNetwork(network) => Some((network.name.clone(), network.subnet?.hosts().next()?)),
            _ => None,
        })
        .collect();
    let word = |word: &mut Word| {
        if let Word::Gateway(network) = word
            && let Some(address) = gateways.get(network)
        {
            *word = Word::Text(address.to_string());
        }
    };
    let process = |process: &mut HostProcess| process.address = gateways.get(&process.network).copied();
    for (_, step) in graph.steps_mut() {
        match step {
            Step::Exec(exec) => {
                exec.command.iter_mut().for_each(word);
                if let ExecStdin::Text(text) = &mut exec.stdin {
                    text.iter_mut().for_each(word);
                }
            }
            Step::StartProcess(started) => process(started),
            Step::AwaitProcess(ready) => process(&mut ready.process),
            _ => {}
        }
    }
    Ok((graph, Vec::new()))
}
