//! What is done on the host itself.

use serde::{Deserialize, Serialize};

use super::{ObjectName, StageName};

/// A program that runs on the host in a bottle's stead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostProcess {
    /// Its name, unique on the host.
    pub name: ObjectName,
    /// The program: found on the `PATH`, or a path.
    pub program: String,
    /// Its configuration, and the file in it.
    pub config: (StageName, String),
    /// The network on whose gateway it listens.
    pub network: ObjectName,
    /// The gateway's address; decided when subnets are.
    pub address: Option<std::net::Ipv4Addr>,
    /// The port.
    pub port: u16,
}

/// How a process of the host proves that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessReadiness {
    /// The process.
    pub process: HostProcess,
    /// How long it may take, in seconds.
    pub within: u32,
}

/// Names to be resolved on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveHosts {
    /// The names, sorted.
    pub hosts: Vec<String>,
}

impl ResolveHosts {
    /// The output with all IPv4 addresses, joined by `, `.
    pub const IPV4: &'static str = "ipv4";
    /// The output with all IPv6 addresses, joined by `, `.
    pub const IPV6: &'static str = "ipv6";
    /// The output with the lines of a hosts file: `ADDRESS NAME`.
    pub const HOSTS_FILE: &'static str = "hosts-file";
}
