//! Networks: bridges of the engine. An internal one is Docker's `--internal`, which leaves the host reachable at the gateway, as vmnet's
//! host mode does.

use std::process::Command;

use super::{Engine, heard, must, ran, said};
use crate::failure::Failure;
use crate::state::Network;

/// Why a network could not be made.
pub(crate) enum Refused {
    /// Another has the range.
    Overlap(String),
    Other(String),
}

impl Engine {
    pub(crate) fn make_network(&self, name: &str, network: &Network, leaks: bool) -> Result<(), Refused> {
        let (gateway, subnet) = (network.gateway().to_string(), network.subnet.to_string());
        let bridge = format!("com.docker.network.bridge.name={}", self.bridge(name));
        let (label, full) = (self.label(), self.network(name));
        let mut words = vec!["network", "create", "--driver", "bridge", "--label", &label, "--opt", &bridge];
        words.extend(["--subnet", &subnet, "--gateway", &gateway]);
        if network.internal && !leaks {
            words.push("--internal");
        }
        words.push(&full);
        said(&words)
            .map_err(|why| if why.contains("overlap") { Refused::Overlap(why) } else { Refused::Other(why) })?;
        self.gateway(name, network, false).map_err(|failure| Refused::Other(failure.text))
    }

    pub(crate) fn remove_network(&self, name: &str) -> Result<(), Failure> {
        must(&["network", "rm", &self.network(name)]).map(drop)
    }

    /// Gives the host its address on a network, or takes it: vmnet's bridge is there only while something is attached.
    pub(crate) fn gateway(&self, name: &str, network: &Network, there: bool) -> Result<(), Failure> {
        let address = format!("{}/{}", network.gateway(), network.subnet.prefix_len());
        let bridge = self.bridge(name);
        let ip = |words: &[&str]| ran(Command::new("ip").args(words)).and_then(|output| heard(&output));
        let shown = ip(&["-oneline", "-4", "address", "show", "dev", &bridge]);
        let is_there = shown.map(|text| text.split_whitespace().any(|word| word == address));
        let verb = match is_there {
            Ok(is_there) if is_there == there => return Ok(()),
            Ok(true) => "delete",
            _ => "add",
        };
        ip(&["address", verb, &address, "dev", &bridge]).map(drop).map_err(|why| {
            Failure::double(format_args!("it could not {verb} the host's address {address} (it must be root): {why}"))
        })
    }
}
