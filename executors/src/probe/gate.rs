//! The gate: what a bottle requires, asked from a twin of its agent before that runs.

use std::collections::BTreeSet;
use std::time::Duration;

use bottle_planner::address::Address;
use bottle_planner::intent::Gate;
use bottle_planner::name::BottleName;
use bottle_planner::probe::{
    Ask, Listener, Passage, Replies, Say, Scene, Subject, Vantage, asked_at_gate, pass, replies, script, time_limit,
};
use bottle_planner::profile::Behaviour;

use super::listener::{Listening, secret};
use super::scene::{self, Cast, Given};
use super::seen::{Endpoint, Surroundings};
use super::{Prober, host_addresses};

/// How many addresses of the host are asked about: no route leads to any of them, or one to all.
const HOST_ADDRESSES: usize = 6;

/// A gate, and what there is around it.
pub(crate) struct Before<'a> {
    pub(crate) address: &'a Address,
    pub(crate) gate: &'a Gate,
    pub(crate) behaves: Behaviour,
    pub(crate) surroundings: &'a Surroundings,
    /// The engine's ids of the networks of the agent and its twin.
    pub(crate) networks: &'a [String],
}

/// Runs a script in the twin. Gives what it printed, or why nothing could be asked there, in words for a reason.
pub(crate) type InTwin<'a, E> = &'a dyn Fn(String, Duration) -> Result<Result<String, String>, E>;

/// Why a gate could not be asked.
pub(crate) enum Closed<E> {
    /// The twin.
    Twin(E),
    /// Anything else, in words.
    Other(String),
}

impl Before<'_> {
    /// Asks, and judges.
    pub(crate) fn ask<E>(&self, prober: &dyn Prober, in_twin: InTwin<'_, E>) -> Result<Passage, Closed<E>> {
        let other = |error: &dyn std::fmt::Display| Closed::Other(error.to_string());
        let listening = Listening::open().map_err(|error| other(&error))?;
        let scene = self.scene(prober, &listening).map_err(Closed::Other)?;
        let mut asks = asked_at_gate(&self.gate.asks, &scene);
        // What can take long first, so that it waits side by side.
        asks.sort_by_key(|ask| !is_long(ask, &scene));
        let mut given = Replies::default();
        if !asks.is_empty() {
            let nonce = secret().map_err(|error| other(&error))?;
            let limit = Duration::from_secs(time_limit(asks.len()));
            match in_twin(script(&asks, &nonce), limit).map_err(Closed::Twin)? {
                Ok(printed) => {
                    let own = |ask: &Ask| (Vantage::Agent, ask.clone());
                    given.given = replies(&printed, &asks, &nonce)
                        .into_iter()
                        .map(|(ask, reply)| ((Vantage::Agent, ask), reply))
                        .collect();
                    let heard: BTreeSet<String> = listening.said();
                    let reached = asks.iter().enumerate().filter(|(at, _)| heard.contains(&Say::greeting(&nonce, *at)));
                    given.heard = reached.map(|(_, ask)| own(ask)).collect();
                }
                Err(why) => _ = given.mute.insert(Vantage::Agent, why),
            }
        }
        Ok(pass(&self.gate.asks, &scene, &given))
    }

    fn scene(&self, prober: &dyn Prober, listening: &Listening) -> Result<Scene, String> {
        let gate = self.gate;
        let agent = self.surroundings.made_by(&self.address.beside("create"));
        let mut agent = agent.ok_or_else(|| format!("{} is not there", gate.container))?.clone();
        // What never ran has no place on its networks yet.
        for network in self.networks {
            if agent.networks.iter().all(|endpoint| endpoint.network != *network) {
                agent.networks.push(Endpoint { network: network.clone(), address: None, gateway: None });
            }
        }
        let bottle = BottleName::new(self.address.bottle().unwrap_or_default()).map_err(|error| error.to_string())?;
        let proxy = self.surroundings.made_by(&Address::of(&bottle, "pipelock", "create"));
        let subject = Subject {
            bottle,
            claims: Vec::new(),
            allow: gate.allow.clone(),
            root: gate.user.as_deref().is_none_or(|user| matches!(user.split(':').next(), Some("root" | "0"))),
            secrets: gate.secrets.clone(),
            networks: gate.networks.iter().map(|network| network.0.clone()).collect(),
        };
        let leaks = prober.leaks(&agent, proxy, &gate.secrets).map_err(|error| error.to_string())?;
        let cast = Cast { agent: &agent, proxy };
        let Listening { tcp, udp, token, .. } = listening;
        let mut host = host_addresses::of_this_machine();
        host.truncate(HOST_ADDRESSES);
        let given = Given {
            behaves: self.behaves,
            listener: Listener { tcp: *tcp, udp: *udp, token: token.clone() },
            host: &host,
            leaks,
            quick: true,
            by_helper: false,
        };
        Ok(scene::of(&subject, &cast, self.surroundings, given))
    }
}

/// Whether a question may wait for an answer that does not come.
fn is_long(ask: &Ask, scene: &Scene) -> bool {
    match ask {
        Ask::Tcp { host, .. } => scene.proxy.as_ref().is_none_or(|proxy| proxy.near.to_string() != *host),
        Ask::Udp { .. } | Ask::Lookup { .. } | Ask::Ping(_) => true,
        _ => false,
    }
}
