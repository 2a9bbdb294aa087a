//! What probing a project came to.

use serde::Serialize;

use super::judge::{Judged, Replies, judge};
use super::scene::Scene;
use super::{Probe, Verdict};
use crate::guarantee::{Guarantee, Standing};
use crate::name::{BottleName, ProjectName};

/// What probing a project came to.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The project.
    pub project: ProjectName,
    /// The backend and its version.
    pub profile: String,
    /// Whether only the quick probes were asked.
    pub quick: bool,
    /// Its bottles, by name.
    pub bottles: Vec<Verified>,
}

/// What probing a bottle came to.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The bottle.
    pub bottle: BottleName,
    /// Every guarantee: what the plan claims, and what was found.
    pub guarantees: Vec<(Guarantee, Standing, Found)>,
    /// Every probe that was asked.
    pub findings: Vec<Finding>,
    /// What is let through by design.
    pub limits: Vec<Finding>,
}

/// What was found of a guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "found", content = "because", rename_all = "kebab-case")]
pub enum Found {
    /// All its probes held, each with its control.
    Proven,
    /// Probes were broken: these.
    Refuted(Vec<String>),
    /// It was not told: why, by probe.
    Unknown(Vec<String>),
}

impl Found {
    /// The word that tables show.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Refuted(_) => "refuted",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// What a probe said.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which.
    pub probe: &'static Probe,
    /// What it said.
    pub judged: Judged,
}

impl Verified {
    /// Judges what was answered, for the probes that apply.
    #[must_use]
    pub fn judge(
        bottle: &BottleName,
        claims: &[(Guarantee, Standing)],
        quick: bool,
        scene: &Scene,
        replies: &Replies,
    ) -> Self {
        let found = probes(quick, scene).map(|probe| {
            let mut judged = judge(probe, scene, replies);
            if probe.name == "C6.neighbours" && scene.further_neighbours > 0 {
                judged.notes.push(format!("{} more were not asked about", scene.further_neighbours));
            }
            Finding { probe, judged }
        });
        let (limits, findings): (Vec<Finding>, Vec<Finding>) = found.partition(|finding| finding.probe.is_limit());
        let guarantees = claims
            .iter()
            .map(|(guarantee, claim)| (*guarantee, claim.clone(), of_guarantee(*guarantee, &findings)))
            .collect();
        Self { bottle: bottle.clone(), guarantees, findings, limits }
    }

    /// A bottle that could not be asked anything.
    #[must_use]
    pub fn mute(bottle: &BottleName, claims: &[(Guarantee, Standing)], why: &str) -> Self {
        let unknown = Found::Unknown(vec![why.to_owned()]);
        let guarantees = claims.iter().map(|(guarantee, claim)| (*guarantee, claim.clone(), unknown.clone())).collect();
        Self { bottle: bottle.clone(), guarantees, findings: Vec::new(), limits: Vec::new() }
    }

    /// The limits of a guarantee at which something is let through, by name.
    pub fn limits_of(&self, guarantee: Guarantee) -> impl Iterator<Item = &'static str> {
        let of_it = move |limit: &&Finding| limit.judged.limits && limit.probe.guarantees.contains(&guarantee);
        self.limits.iter().filter(of_it).map(|limit| limit.probe.name)
    }

    /// The guarantees that the plan claims and that were refuted.
    pub fn refuted(&self) -> impl Iterator<Item = (Guarantee, &Standing, &[String])> {
        self.guarantees.iter().filter_map(|(guarantee, claim, found)| match found {
            Found::Refuted(by) if is_claimed(claim) => Some((*guarantee, claim, by.as_slice())),
            _ => None,
        })
    }
}

impl Verification {
    /// Whether something that the plan claims was refuted.
    #[must_use]
    pub fn is_refuted(&self) -> bool {
        self.bottles.iter().any(|bottle| bottle.refuted().next().is_some())
    }

    /// How many claims were proven, refuted, and left unknown, over all bottles.
    #[must_use]
    pub fn count(&self) -> (usize, usize, usize) {
        let mut count = (0, 0, 0);
        let claims =
            self.bottles.iter().flat_map(|bottle| &bottle.guarantees).filter(|(_, claim, _)| is_claimed(claim));
        for (_, _, found) in claims {
            match found {
                Found::Proven => count.0 += 1,
                Found::Refuted(_) => count.1 += 1,
                Found::Unknown(_) => count.2 += 1,
            }
        }
        count
    }
}

/// Whether a plan claims something: that it holds, or that it does but for what it names.
#[must_use]
pub fn is_claimed(claim: &Standing) -> bool {
    matches!(claim, Standing::Held(_) | Standing::Weakened(_))
}

/// The probes that a bottle is asked.
pub fn probes(quick: bool, scene: &Scene) -> impl Iterator<Item = &'static Probe> {
    Probe::all().filter(move |probe| (!quick || probe.quick) && (probe.applies)(scene))
}

fn of_guarantee(guarantee: Guarantee, findings: &[Finding]) -> Found {
    let of_it: Vec<&Finding> =
        findings.iter().filter(|finding| finding.probe.guarantees.contains(&guarantee)).collect();
    let named =
        |finding: &Finding| format!("{}: {}", finding.probe.name, finding.judged.verdict.reason().unwrap_or_default());
    let broken: Vec<String> = of_it
        .iter()
        .filter(|finding| matches!(finding.judged.verdict, Verdict::Broken(_)))
        .map(|finding| named(finding))
        .collect();
    if !broken.is_empty() {
        return Found::Refuted(broken);
    }
    let needed = || of_it.iter().filter(|finding| finding.probe.needed);
    let unknown: Vec<String> = needed()
        .filter(|finding| matches!(finding.judged.verdict, Verdict::Unknown(_)))
        .map(|finding| named(finding))
        .collect();
    if needed().next().is_none() {
        Found::Unknown(vec!["no probe asks of it".to_owned()])
    } else if unknown.is_empty() {
        Found::Proven
    } else {
        Found::Unknown(unknown)
    }
}
