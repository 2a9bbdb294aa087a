//! Networks, and who is a member of them.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::ObjectName;
use crate::profile::GatewayClosing;

/// Where a network leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Its members reach each other and nothing else.
    Internal,
    /// Its members reach the world and not each other.
    Egress,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its name.
    pub name: ObjectName,
    /// Where it leads.
    pub reach: Reach,
    /// How many addresses its members and its gateway need.
    pub members: u32,
    /// Its addresses; decided by a pass.
    pub subnet: Option<Ipv4Net>,
    /// How its gateway is closed; decided by a pass, for internal networks only.
    pub closing: Option<GatewayClosing>,
}

/// One network that a container joins when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The network.
    pub network: ObjectName,
    /// A name that its other members can use.
    pub alias: Option<String>,
    /// Whether its default route goes there.
    pub default_route: bool,
    /// Whether the network is the engine's own, made by no step. It leads out.
    pub own: bool,
}

impl Membership {
    /// The network that `container` has of its own (`NetworkDelete.swift` calls it built in).
    pub const OWN_NETWORK: &'static str = "default";

    /// The same membership of the engine's own network.
    #[must_use]
    pub fn on_own_network(self) -> Self {
        Self { network: ObjectName(Self::OWN_NETWORK.to_owned()), own: true, ..self }
    }
}

/// A container is to be a member of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The container.
    pub container: ObjectName,
    /// How it is a member.
    pub membership: Membership,
}
