//! The gate: what a bottle requires is asked for, before its agent's command may run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ImageName, ObjectName};
use crate::fixed::{self, Fixed};
use crate::guarantee::Guarantee;
use crate::manifest::Allowance;

/// Probes of what a bottle requires, from a twin of its agent: a container of the same image, networks and rights, that is made for this
/// and gone afterwards. The agent's own container stays as it was declared, and nothing of it has run by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The agent's container.
    pub container: ObjectName,
    /// The twin.
    pub twin: ObjectName,
    /// What must not be broken: those that the manifest requires and that quick probes speak of.
    pub asks: Vec<Guarantee>,
    /// The hosts that the agent may reach.
    pub allow: Vec<String>,
    /// The variables of the agent that hold secrets.
    pub secrets: Vec<String>,
    /// The image of both.
    pub image: ImageName,
    /// The user of both; `None` leaves it to the image.
    pub user: Option<String>,
    /// The runtime of both; `None` is the engine's own. Decided by a pass.
    #[serde(deserialize_with = "fixed::of_runtime")]
    pub runtime: Option<Fixed>,
    /// The networks of both; filled by a pass.
    pub networks: Vec<ObjectName>,
    /// The walls that the manifest takes away from both; filled by a pass.
    pub given_up: Vec<Allowance>,
    /// Whether outside names are kept from being resolved for both.
    pub dns_closed: bool,
}

impl Gate {
    /// The end of the gate's address.
    pub(crate) const STEP: &str = "gate";

    /// What is asked for, as a list.
    #[must_use]
    pub fn asked(&self) -> String {
        self.asks.iter().map(Guarantee::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from a twin of its container: is {} broken?", self.asked())
    }
}
