//! Which way out each bottle takes: the one that its manifest names, else the first whose guarantees meet what it requires.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::guarantee::{Guarantee, Standing};
use crate::intent::{Way, Ways, open_hosts};
use crate::manifest::{Bottle, Manifest, Via};
use crate::name::BottleName;
use crate::profile::{Behaviour, Profile};

/// Why a bottle takes its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayReason {
    /// `egress.via` says so.
    Named,
    /// The backend has no other.
    Only,
    /// It requires nothing that the first one does not give.
    First,
    /// The ones before it do not give what the bottle requires.
    FirstThatMeets,
}

impl fmt::Display for WayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named in the manifest",
            Self::Only => "the only way of this backend",
            Self::First => "the first that gives what is required",
            Self::FirstThatMeets => "the first that gives what is required; those before it do not",
        })
    }
}

/// The ways of all bottles that have one.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) ways: Ways,
    pub(super) reasons: BTreeMap<BottleName, (Way, WayReason)>,
}

/// What each way would give a bottle that none of them satisfies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What is required, in the order of all tables.
    pub requires: Vec<Guarantee>,
    /// The ways, each with the standing of what is required, or with why it is not to be had.
    pub rows: Vec<(Way, Row)>,
}

/// What a way would give of what is required, or why it is not to be had.
pub type Row = Result<Vec<(Guarantee, Standing)>, &'static str>;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (way, standings) in &self.rows {
            write!(f, "\n  {way}")?;
            match standings {
                Err(why) => write!(f, "\n    not to be had: {why}")?,
                Ok(standings) => {
                    for (guarantee, standing) in standings {
                        write!(f, "\n    {guarantee:<18} {:<8} {}", standing.word(), standing.reason())?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The standings of all bottles, should they take these ways.
pub(super) type Standings = BTreeMap<BottleName, Vec<(Guarantee, Standing)>>;

/// Chooses. `standings` lowers the manifest for some ways; it is asked once for each way at the most.
pub(super) fn choose(
    manifest: &Manifest,
    profile: &Profile,
    mut standings: impl FnMut(&Ways) -> Result<Standings, PlanError>,
) -> Result<Choice, PlanError> {
    let mut choice = Choice::default();
    let mut open: Vec<&Bottle> = Vec::new();
    for bottle in manifest.bottles.values().filter(|bottle| !open_hosts(bottle).is_empty()) {
        let named = match bottle.egress.via {
            Some(Via::Sidecar) => Some(Way::Sidecar),
            Some(Via::HostLoopback) => Some(Way::HostLoopback),
            Some(Via::Firewall) => Some(Way::Firewall),
            Some(Via::None) | None => None,
        };
        match named {
            Some(way) => match not_to_be_had(way, bottle, profile) {
                None => choice.take(bottle, way, WayReason::Named),
                Some(why) => {
                    return Err(PlanError::Way {
                        bottle: bottle.name.clone(),
                        via: way,
                        backend: profile.to_string(),
                        why,
                    });
                }
            },
            None if profile.behaves == Behaviour::Docker => choice.take(bottle, Way::Sidecar, WayReason::Only),
            None => open.push(bottle),
        }
    }
    let mut rows: BTreeMap<&BottleName, Vec<(Way, Row)>> = BTreeMap::new();
    for way in Way::ALL {
        if open.is_empty() {
            break;
        }
        let (to_be_had, others): (Vec<&Bottle>, Vec<&Bottle>) =
            open.iter().partition(|bottle| not_to_be_had(*way, bottle, profile).is_none());
        for bottle in others {
            let why = not_to_be_had(*way, bottle, profile).unwrap_or_default();
            rows.entry(&bottle.name).or_default().push((*way, Err(why)));
        }
        let mut ways = choice.ways.clone();
        // The bottles that cannot take it are lowered too, and looked away from: the last way asks nothing of a backend but a network that leads out.
        open.iter().for_each(|bottle| ways.set(bottle.name.clone(), Way::Firewall));
        to_be_had.iter().for_each(|bottle| ways.set(bottle.name.clone(), *way));
        if to_be_had.is_empty() {
            continue;
        }
        let given = if to_be_had.iter().all(|bottle| bottle.requires.is_empty()) {
            Standings::new()
        } else {
            standings(&ways)?
        };
        for bottle in to_be_had {
            let all = given.get(&bottle.name).map(Vec::as_slice).unwrap_or_default();
            let required: Vec<(Guarantee, Standing)> =
                all.iter().filter(|(name, _)| bottle.requires.contains(name)).cloned().collect();
            if required.iter().all(|(_, standing)| standing.meets()) {
                let first = !rows.contains_key(&bottle.name);
                choice.take(bottle, *way, if first { WayReason::First } else { WayReason::FirstThatMeets });
            } else {
                rows.entry(&bottle.name).or_default().push((*way, Ok(required)));
            }
        }
        open.retain(|bottle| !choice.reasons.contains_key(&bottle.name));
    }
    match open.first() {
        None => Ok(choice),
        Some(bottle) => Err(PlanError::NoWay {
            bottle: bottle.name.clone(),
            backend: profile.to_string(),
            table: Table { requires: bottle.requires.clone(), rows: rows.remove(&bottle.name).unwrap_or_default() },
        }),
    }
}

impl Choice {
    fn take(&mut self, bottle: &Bottle, way: Way, reason: WayReason) {
        self.ways.set(bottle.name.clone(), way);
        self.reasons.insert(bottle.name.clone(), (way, reason));
    }
}

/// Why a bottle cannot take a way on a backend.
fn not_to_be_had(way: Way, bottle: &Bottle, profile: &Profile) -> Option<&'static str> {
    match way {
        Way::Sidecar if !profile.networks => Some("it needs an internal network, and this macOS makes none"),
        Way::Sidecar => None,
        Way::HostLoopback | Way::Firewall if profile.behaves == Behaviour::Docker => {
            Some("docker has one way out, a sidecar")
        }
        Way::HostLoopback if !profile.networks => Some("it needs an internal network, and this macOS makes none"),
        Way::HostLoopback => None,
        Way::Firewall if bottle.user.is_none() => {
            Some("root waits for the rules and then becomes the agent's user, and the manifest names no `user`")
        }
        Way::Firewall if open_hosts(bottle).iter().any(|host| host.starts_with("*.")) => {
            Some("it is made of addresses, and a wildcard has none")
        }
        Way::Firewall => None,
    }
}
