//! Networks: bridges of the engine. An internal one is Docker's `--internal`, which leaves the host reachable at the gateway, as vmnet's
//! host mode does.

use std::process::Command;

use super::{Engine, must, ran, said};
use crate::failure::Failure;
use crate::state::Network;

/// Why a network could not be made.
pub(crate) enum Refused {
    /// Another has the range.
    Overlap(String),
    Other(String),
}

impl Engine {
    pub(crate) fn make_network(&self, name: &str, network: &Network) -> Result<(), Refused> {
        let (gateway, subnet) = (network.gateway().to_string(), network.subnet.to_string());
        let bridge = format!("com.docker.network.bridge.name={}", self.bridge(name));
        let (label, full) = (self.label(), self.network(name));
        let mut words = vec!["network", "create", "--driver", "bridge", "--label", &label, "--opt", &bridge];
        words.extend(["--subnet", &subnet, "--gateway", &gateway]);
        if network.internal {
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
        let verb = if there { "add" } else { "del" };
        let output = ran(Command::new("ip").args(["address", verb, &address, "dev", &self.bridge(name)]));
        let why = match output {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(why) => why,
        };
        // It is as it should be.
        if why.contains("File exists") || why.contains("Cannot assign requested address") {
            return Ok(());
        }
        Err(Failure::double(format_args!("it could not {verb} the host's address {address} (it must be root): {why}")))
    }
}
