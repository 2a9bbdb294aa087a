//! One attempt of a probe: what is asked, what must come of it, and the control.

use std::net::{IpAddr, Ipv4Addr};

use super::Verdict;
use super::ask::{Ask, Say};
use super::scene::Scene;

/// From where something is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vantage {
    /// In the bottle, as its agent.
    Agent,
    /// In a container of our own on the egress network.
    Egress,
    /// In a container of our own that shares the network of this one, by the engine's id.
    Beside(String),
}

/// One thing that is tried.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What the agent asks.
    pub ask: Ask,
    /// What must come of it.
    pub wants: Wants,
    /// Where it must succeed.
    pub control: Control,
    /// Whether the probe cannot hold without this. What is not necessary may stay unknown, as long as something held.
    pub necessary: bool,
}

/// What must come of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Wants {
    /// That our own listener is not reached.
    NoListener,
    /// That nobody answers: a mere connection or refusal is too much.
    NoAnswer,
    /// That there is no connection; a refusal is none.
    NoConnection,
    /// That a name has no address.
    NoName,
    /// That no resolver says anything of an outside name: that nobody has it is something, too.
    NoResolver,
    /// That the proxy refuses. With `true`, that it hangs up will do.
    Refusal(bool),
    /// What its text says.
    Reading(fn(&str, &Scene) -> Verdict),
}

/// What shows that an attempt could have succeeded.
#[derive(Clone, Debug)]
pub enum Control {
    /// The same, from elsewhere.
    From(Vantage),
    /// Something like it.
    Like(Vantage, Ask, Shows),
    /// None: what is read is what there is.
    Evident,
}

/// How it is seen that a control succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Our listener answered.
    Listener,
    /// Anything came back, a refusal too.
    Anybody,
    /// There was an answer.
    Answer,
    /// A resolver said something, be it that nobody has the name.
    Resolver,
    /// The proxy did not refuse.
    LetThrough,
}

impl Attempt {
    pub(super) fn necessary(mut self) -> Self {
        self.necessary = true;
        self
    }

    /// Our listener at an address of the host, which a container on the egress network reaches.
    pub(super) fn listener_tcp(address: Ipv4Addr, scene: &Scene) -> Self {
        let ask = to_listener(IpAddr::V4(address), scene);
        Self { ask, wants: Wants::NoListener, control: Control::From(Vantage::Egress), necessary: false }
    }

    /// The same by a datagram.
    pub(super) fn listener_udp(address: Ipv4Addr, scene: &Scene) -> Self {
        let ask = Ask::Udp { host: address.to_string(), port: scene.listener.udp, say: Say::Greeting };
        Self { ask, wants: Wants::NoListener, control: Control::From(Vantage::Egress), necessary: false }
    }

    /// An address that is neither ours nor anybody's of the project, over TCP.
    pub(super) fn outside(host: &str, port: u16) -> Self {
        let ask = Ask::Tcp { host: host.to_owned(), port, say: Say::Bytes(b"\r\n".to_vec()) };
        Self { ask, wants: Wants::NoAnswer, control: Control::From(Vantage::Egress), necessary: false }
    }

    /// Something that is read.
    pub(super) fn reading(ask: Ask, verdict: fn(&str, &Scene) -> Verdict) -> Self {
        Self { ask, wants: Wants::Reading(verdict), control: Control::Evident, necessary: true }
    }

    /// The same with another control.
    pub(super) fn shown_by(mut self, control: Control) -> Self {
        self.control = control;
        self
    }
}

/// A connection to our listener at an address.
pub(super) fn to_listener(address: IpAddr, scene: &Scene) -> Ask {
    Ask::Tcp { host: address.to_string(), port: scene.listener.tcp, say: Say::Greeting }
}

/// That our listener is there and can be reached by who may: from the egress network, at the host's address there.
pub(super) fn listener_is_up(scene: &Scene) -> Control {
    like_at_the_gateway(scene, |gateway| to_listener(IpAddr::V4(gateway), scene))
}

/// The same for datagrams.
pub(super) fn listener_hears(scene: &Scene) -> Control {
    like_at_the_gateway(scene, |gateway| Attempt::listener_udp(gateway, scene).ask)
}

fn like_at_the_gateway(scene: &Scene, ask: impl FnOnce(Ipv4Addr) -> Ask) -> Control {
    match scene.gateway {
        Some(gateway) => Control::Like(Vantage::Egress, ask(gateway), Shows::Listener),
        // No egress network: the attempt itself, from nowhere. It cannot succeed, so nothing is shown.
        None => Control::From(Vantage::Egress),
    }
}
