//! For machines.

use serde_json::{Value, json};

use crate::probe::outcome::is_claimed;
use crate::probe::{Finding, Found, Verification, Verified};
use crate::render::harmless_json;

/// The name of the format.
pub const VERIFICATION_FORMAT: &str = "bottle.verification";
/// Its version: a reader refuses one it does not know.
pub const VERIFICATION_VERSION: u32 = 1;

pub(super) fn json(verification: &Verification) -> String {
    let (proven, refuted, unknown) = verification.count();
    let document = json!({
        "format": VERIFICATION_FORMAT,
        "version": VERIFICATION_VERSION,
        "project": verification.project,
        "profile": verification.profile,
        "quick": verification.quick,
        "claims": { "proven": proven, "refuted": refuted, "unknown": unknown },
        "bottles": verification.bottles.iter().map(of_bottle).collect::<Vec<_>>(),
    });
    harmless_json(&format!("{document}\n")).into_owned()
}

fn of_bottle(bottle: &Verified) -> Value {
    let guarantees: Vec<Value> = bottle
        .guarantees
        .iter()
        .map(|(guarantee, claim, found)| {
            let because: &[String] = match found {
                Found::Proven => &[],
                Found::Refuted(by) | Found::Unknown(by) => by,
            };
            json!({
                "name": guarantee,
                "claimed": is_claimed(claim),
                "standing": claim.word(),
                "found": found.word(),
                "because": because,
                "but_for": bottle.limits_of(*guarantee).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "name": bottle.bottle,
        "guarantees": guarantees,
        "probes": bottle.findings.iter().map(of_finding).collect::<Vec<_>>(),
        "limits": bottle.limits.iter().map(of_limit).collect::<Vec<_>>(),
    })
}

fn of_finding(finding: &Finding) -> Value {
    json!({
        "name": finding.probe.name,
        "row": finding.probe.row(),
        "guarantees": finding.probe.guarantees,
        "question": finding.probe.question,
        "asked": finding.probe.asked(),
        "needed": finding.probe.needed,
        "verdict": finding.judged.verdict.word(),
        "reason": finding.judged.verdict.reason(),
        "notes": finding.judged.notes,
    })
}

fn of_limit(limit: &Finding) -> Value {
    json!({
        "name": limit.probe.name,
        "row": limit.probe.row(),
        "question": limit.probe.question,
        "asked": limit.probe.asked(),
        "guarantees": limit.probe.guarantees,
        "let_through": limit.judged.limits,
        "notes": limit.judged.notes,
    })
}
