//! What a gate asks before an agent runs, and what it makes of the answers.

use super::judge::{Replies, seen};
use super::outcome::probes;
use super::scene::Scene;
use super::{Ask, How, Probe, Verdict};
use crate::guarantee::Guarantee;

/// Whether quick probes can refute a guarantee.
#[must_use]
pub fn is_asked_at_gate(guarantee: Guarantee) -> bool {
    Probe::all().any(|probe| is_of(probe, &[guarantee]))
}

fn is_of(probe: &Probe, asks: &[Guarantee]) -> bool {
    probe.quick && !probe.is_limit() && probe.guarantees.iter().any(|guarantee| asks.contains(guarantee))
}

/// The probes of a gate: the quick ones of what is asked for.
pub fn at_gate(asks: &[Guarantee], scene: &Scene) -> impl Iterator<Item = &'static Probe> {
    probes(true, scene).filter(|probe| is_of(probe, asks))
}

/// What a gate asks in the twin of an agent, each once. There are no controls: a gate acts on what is broken, and that needs none.
#[must_use]
pub fn asked_at_gate(asks: &[Guarantee], scene: &Scene) -> Vec<Ask> {
    let mut all: Vec<Ask> =
        at_gate(asks, scene).flat_map(|probe| probe.attempts(scene)).map(|attempt| attempt.ask).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What a gate found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// What is broken, in words: the probe, the guarantees, the question, and what was seen. An agent must not run where there is any.
    pub broken: Vec<String>,
    /// What could not be told, in words.
    pub untold: Vec<String>,
}

/// What a gate makes of the answers.
#[must_use]
pub fn pass(asks: &[Guarantee], scene: &Scene, replies: &Replies) -> Passage {
    let mut passage = Passage::default();
    for probe in at_gate(asks, scene) {
        let (broken, untold) = match probe.how {
            How::Engine(of) => sorted([of(scene)]),
            _ => sorted(probe.attempts(scene).iter().map(|attempt| seen(attempt, scene, replies))),
        };
        if !broken.is_empty() {
            let of: Vec<&str> = probe
                .guarantees
                .iter()
                .filter(|guarantee| asks.contains(guarantee))
                .map(|guarantee| guarantee.name())
                .collect();
            let (name, question) = (probe.name, probe.question);
            passage.broken.push(format!("{name}, of {}: {question} No: {}", of.join(" and "), broken.join("; ")));
        }
        if !untold.is_empty() {
            passage.untold.push(format!("{}: {}", probe.name, untold.join("; ")));
        }
    }
    passage
}

fn sorted(verdicts: impl IntoIterator<Item = Verdict>) -> (Vec<String>, Vec<String>) {
    let (mut broken, mut untold) = (Vec::new(), Vec::new());
    for verdict in verdicts {
        match verdict {
            Verdict::Held => {}
            Verdict::Broken(what) => broken.push(what),
            Verdict::Unknown(why) => untold.push(why),
        }
    }
    broken.dedup();
    untold.dedup();
    (broken, untold)
}
