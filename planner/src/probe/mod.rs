//! Probes: what a plan claims of a bottle, asked of the live one.
//!
//! The catalog is [`Probe::all`]. Each probe names its row of the matrix and the guarantees that it speaks of. What it asks, and from where,
//! follows from the [`Scene`]; [`judge`] makes a verdict of the replies. Nothing here runs anything: an executor asks.
//!
//! A probe that finds a closed door is only as good as its control: the same question, where it must be answered. Without it the verdict
//! is [`Verdict::Unknown`], since on a machine without any network every door looks closed.

mod ask;
mod attempt;
mod direct;
mod dns;
mod gate;
mod judge;
mod lifecycle;
mod outcome;
mod posture;
mod proxy;
mod report;
mod scene;
mod script;
mod subject;
mod surroundings;

pub use ask::{Ask, Say};
pub use attempt::{Attempt, Control, Vantage, Wants};
pub use gate::{Passage, asked_at_gate, at_gate, is_asked_at_gate, pass};
pub use judge::{Judged, Replies, judge};
pub use outcome::{Finding, Found, Verification, Verified, is_claimed, probes};
pub use report::{VERIFICATION_FORMAT, VERIFICATION_VERSION};
pub use scene::{Joined, Listener, Neighbour, Posture, Proxy, Scene};
pub use script::{Reply, replies, script, time_limit};
pub use subject::{PROXY_NAME, PROXY_PORT, Subject};

use serde::Serialize;

use crate::guarantee::Guarantee;

/// A question about a bottle.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its name: the row of the matrix, and what of it. `C2.gateway`.
    pub name: &'static str,
    /// The guarantees that it speaks of; those of a limit hold but for what it lets through.
    pub guarantees: &'static [Guarantee],
    /// The question.
    pub question: &'static str,
    /// Whether it is one of the few that are asked where time counts.
    pub quick: bool,
    /// Whether a bottle can be asked it at all.
    pub applies: fn(&Scene) -> bool,
    /// Whether a guarantee is not proven without it. What may stay unknown can still refute.
    pub needed: bool,
    /// How it is asked.
    pub how: How,
}

/// How a probe is asked.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// Of the engine: what it says of the containers.
    Engine(fn(&Scene) -> Verdict),
    /// In the bottle, with controls elsewhere.
    Guest(fn(&Scene) -> Vec<Attempt>),
    /// In the bottle, of its files and processes: a helper beside it does not see those.
    Inside(fn(&Scene) -> Vec<Attempt>),
    /// In the bottle; what comes of it is a limit of what is claimed, and no verdict.
    Limit(fn(&Scene) -> Vec<Attempt>),
    /// Not at all: what is let through by design.
    Stated(fn(&Scene) -> String),
}

/// What a probe says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "kebab-case")]
pub enum Verdict {
    /// What is claimed is so.
    Held,
    /// It is not so: what was seen.
    Broken(String),
    /// It could not be told: why.
    Unknown(String),
}

impl Verdict {
    /// The word that tables show.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken(_) => "broken",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The reason, where there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Held => None,
            Self::Broken(reason) | Self::Unknown(reason) => Some(reason),
        }
    }
}

impl Probe {
    /// Every probe, in the order of the matrix.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [direct::PROBES, dns::PROBES, surroundings::PROBES, proxy::PROBES, lifecycle::PROBES, posture::PROBES]
            .into_iter()
            .flatten()
    }

    /// The row of the matrix: `C2`.
    #[must_use]
    pub fn row(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// What it asks in a guest.
    #[must_use]
    pub fn attempts(&self, scene: &Scene) -> Vec<Attempt> {
        match self.how {
            How::Engine(_) | How::Stated(_) => Vec::new(),
            How::Guest(attempts) | How::Inside(attempts) | How::Limit(attempts) => attempts(scene),
        }
    }

    /// Whether it is a limit: what is let through by design.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self.how, How::Limit(_) | How::Stated(_))
    }

    /// Who is asked, in one word.
    #[must_use]
    pub fn asked(&self) -> &'static str {
        match self.how {
            How::Engine(_) => "engine",
            How::Stated(_) => "nobody",
            How::Guest(_) | How::Inside(_) | How::Limit(_) => "bottle",
        }
    }
}

/// Whether a bottle is on a network.
fn on_a_network(scene: &Scene) -> bool {
    scene.has_network()
}

/// Whether it is on none.
fn on_no_network(scene: &Scene) -> bool {
    !scene.has_network()
}

fn has_proxy(scene: &Scene) -> bool {
    scene.proxy.is_some()
}

fn always(_: &Scene) -> bool {
    true
}

#[cfg(test)]
mod tests;
