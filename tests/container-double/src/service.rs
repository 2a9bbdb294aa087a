//! One command's hold on the state, brought up to date with the engine.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::SystemTime;

use ipnet::Ipv4Net;

use crate::engine::{Engine, Refused};
use crate::failure::Failure;
use crate::settings::{Settings, short_digest};
use crate::state::{Container, DEFAULT_NETWORK, Held, Network, State};

/// The state and what it is about. The lock is held until this is dropped.
pub(crate) struct Service<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) held: Held,
    pub(crate) engine: Option<Engine>,
}

impl<'a> Service<'a> {
    pub(crate) fn open(settings: &'a Settings) -> Result<Self, Failure> {
        let mut held = Held::take(&settings.state, || new(settings))?;
        let engine = held.state.on_engine.then(|| Engine::of(&settings.state));
        if let Some(engine) = engine.as_ref().filter(|_| held.state.containers.values().any(|each| each.running)) {
            let running = engine.running()?;
            let ended: Vec<String> = held
                .state
                .containers
                .values()
                .filter(|each| each.running && !running.contains(&each.id))
                .map(|each| each.id.clone())
                .collect();
            for id in ended {
                settle(&mut held.state, Some(engine), &id)?;
            }
        }
        held.save()?;
        Ok(Self { settings, held, engine })
    }

    pub(crate) fn state(&mut self) -> &mut State {
        &mut self.held.state
    }

    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.held.save()
    }

    /// Notes that a container has stopped.
    pub(crate) fn settle(&mut self, id: &str) -> Result<(), Failure> {
        settle(&mut self.held.state, self.engine.as_ref(), id)?;
        self.save()
    }

    /// Without an engine: the folder that is a container's file system.
    pub(crate) fn root(&self, id: &str) -> PathBuf {
        self.settings.state.join("roots").join(id)
    }

    /// Takes a container away, as it is.
    pub(crate) fn remove(&mut self, id: &str) -> Result<(), Failure> {
        remove(&mut self.held.state, self.engine.as_ref(), id)?;
        let _ = std::fs::remove_dir_all(self.root(id));
        self.save()
    }

    /// Gives a container new addresses, and its networks the host's address.
    pub(crate) fn prepare(&mut self, id: &str) -> Result<Container, Failure> {
        let state = &mut self.held.state;
        let taken: Vec<(String, Ipv4Addr)> = state
            .containers
            .values()
            .flat_map(|each| &each.networks)
            .filter_map(|attachment| Some((attachment.network.clone(), attachment.address?)))
            .collect();
        let Some(container) = state.containers.get_mut(id) else { return Err(missing(id)) };
        for attachment in &mut container.networks {
            let Some(network) = state.networks.get_mut(&attachment.network) else {
                return Err(Failure::new(format_args!("network {} not found", attachment.network)));
            };
            let free = |address: &Ipv4Addr| !taken.contains(&(attachment.network.clone(), *address));
            attachment.address = Some(next_address(network, free)?);
        }
        let container = container.clone();
        self.make_networks(container.networks.iter().map(|attachment| attachment.network.as_str()))?;
        if let Some(engine) = &self.engine {
            engine.prepare(&container, &self.held.state.networks, &self.settings.names)?;
        }
        Ok(container)
    }

    /// Makes what the engine does not have yet of networks.
    pub(crate) fn make_networks<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Result<(), Failure> {
        let Some(engine) = &self.engine else { return Ok(()) };
        for name in names {
            let Some(network) = self.held.state.networks.get_mut(name).filter(|network| !network.on_engine) else {
                continue;
            };
            for attempt in 1.. {
                match engine.make_network(name, network, self.settings.internal_leaks) {
                    Ok(()) => break,
                    Err(Refused::Overlap(_)) if !network.explicit && attempt < 100 => {
                        network.subnet = range(&format!("{} {name} {attempt}", self.settings.state.display()));
                    }
                    Err(Refused::Overlap(why) | Refused::Other(why)) => {
                        return Err(Failure::new(format_args!(
                            "internalError: \"failed to create network\" (cause: \"{why}\")"
                        )));
                    }
                }
            }
            network.on_engine = true;
        }
        self.save()
    }

    /// A range for a network that asks for none.
    pub(crate) fn free_range(&self, name: &str) -> Ipv4Net {
        if self.engine.is_some() {
            return range(&format!("{} {name}", self.settings.state.display()));
        }
        let taken: Vec<Ipv4Net> = self.held.state.networks.values().map(|network| network.subnet).collect();
        let mut ranges = (65..=255).map(|third| class_c(192, 168, third));
        ranges.find(|range| !taken.contains(range)).unwrap_or(class_c(192, 168, 64))
    }
}

pub(crate) fn missing(id: &str) -> Failure {
    Failure::new(format_args!("get failed: container {id} not found"))
}

/// The time, to the second.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn new(settings: &Settings) -> State {
    let on_engine = !settings.no_engine && Engine::answers();
    // vmnet's own range where nothing real is in the way of it.
    let subnet = if on_engine { range(&settings.state.display().to_string()) } else { class_c(192, 168, 64) };
    let default = Network {
        created: now(),
        internal: false,
        labels: BTreeMap::new(),
        options: BTreeMap::new(),
        plugin: "container-network-vmnet".to_owned(),
        subnet,
        explicit: false,
        subnet_v6: None,
        last: 1,
        on_engine: false,
    };
    State {
        up: true,
        on_engine,
        containers: BTreeMap::new(),
        networks: [(DEFAULT_NETWORK.to_owned(), default)].into(),
        images: BTreeMap::new(),
        volumes: BTreeMap::new(),
        builder: false,
    }
}

/// A range of 256 addresses that depends on a text only, of 16384: the engine says whether another has it.
fn range(text: &str) -> Ipv4Net {
    let digest = u16::from_str_radix(&short_digest(text, 4), 16).unwrap_or_default();
    let [high, low] = digest.to_be_bytes();
    class_c(10, 128 + high % 64, low)
}

fn class_c(first: u8, second: u8, third: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(first, second, third, 0), 24)
}

/// The next address behind the last one given out, around the range: none is the same at two starts. The builder has the 254th.
fn next_address(network: &mut Network, free: impl Fn(&Ipv4Addr) -> bool) -> Result<Ipv4Addr, Failure> {
    let count = u8::try_from(network.subnet.hosts().count().min(253)).unwrap_or(253);
    for _ in 0..count {
        network.last = if network.last >= count { 2 } else { network.last + 1 };
        let address = network.subnet.hosts().nth(usize::from(network.last) - 1);
        if let Some(address) = address.filter(&free) {
            return Ok(address);
        }
    }
    Err(Failure::new("no more addresses available"))
}

fn settle(state: &mut State, engine: Option<&Engine>, id: &str) -> Result<(), Failure> {
    let Some(container) = state.containers.get_mut(id) else { return Ok(()) };
    container.running = false;
    for attachment in &mut container.networks {
        attachment.address = None;
    }
    let networks: Vec<String> = container.networks.iter().map(|attachment| attachment.network.clone()).collect();
    let remove_it = container.remove;
    if let Some(engine) = engine {
        for name in networks {
            let used = state.containers.values().any(|each| each.running && each.is_on(&name));
            if let Some(network) = state.networks.get(&name).filter(|network| network.on_engine && !used) {
                engine.gateway(&name, network, false)?;
            }
        }
    }
    if remove_it { remove(state, engine, id) } else { Ok(()) }
}

fn remove(state: &mut State, engine: Option<&Engine>, id: &str) -> Result<(), Failure> {
    let was_running = state.containers.get(id).is_some_and(|container| container.running);
    if let Some(engine) = engine {
        engine.remove(id)?;
    }
    if was_running {
        if let Some(container) = state.containers.get_mut(id) {
            container.remove = false;
        }
        settle(state, engine, id)?;
    }
    state.containers.remove(id);
    Ok(())
}

impl Container {
    pub(crate) fn is_on(&self, network: &str) -> bool {
        self.networks.iter().any(|attachment| attachment.network == network)
    }
}
