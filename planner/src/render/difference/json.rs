//! The difference for machines. Its shape is written down in `docs/plan-schema.md`.

use serde_json::{Value, json};

use crate::difference::{Difference, Line, LineSign, Shift, Side};
use crate::guarantee::Standing;
use crate::operation::ObjectKind;
use crate::render::harmless_json;
use crate::render::json::{flow_as_json, secret_by_name, standing_word};

/// The name of the format: the first key of every document.
pub const DIFFERENCE_FORMAT: &str = "bottle.difference";
/// The version of the format. A reader refuses one that it does not know; new keys do not change it.
pub const DIFFERENCE_VERSION: u32 = 1;

/// The whole difference, as one JSON document that ends with a newline.
#[must_use]
pub fn difference_json(difference: &Difference) -> String {
    let shifts = |shifts: &[Shift]| -> Vec<Value> { shifts.iter().map(shift).collect() };
    let document = json!({
        "format": DIFFERENCE_FORMAT,
        "version": DIFFERENCE_VERSION,
        "differs": !difference.is_empty(),
        "weaker": difference.is_weaker(),
        "from": side(&difference.from),
        "to": side(&difference.to),
        "guarantees": {
            "lost": shifts(&difference.lost),
            "gained": shifts(&difference.gained),
            "restated": shifts(&difference.restated),
        },
        "unmet": difference.unmet.iter().map(|unmet| json!({
            "bottle": unmet.bottle,
            "guarantee": unmet.guarantee,
            "standing": standing(&unmet.standing),
        })).collect::<Vec<_>>(),
        "requirements": difference.requirements.iter().map(|change| json!({
            "bottle": change.bottle,
            "guarantee": change.guarantee,
            "required": change.required,
        })).collect::<Vec<_>>(),
        "unsafe": difference.allowances.iter().map(|change| json!({
            "bottle": change.bottle,
            "allow": change.allowance.to_string(),
            "loses": change.allowance.loses(),
            "allowed": change.allowed,
        })).collect::<Vec<_>>(),
        "bottles": {
            "added": difference.added,
            "removed": difference.removed,
            "renamed": difference.renamed.iter().map(|renamed| json!({
                "from": renamed.from,
                "to": renamed.to,
                "containers": renamed.containers,
                "networks": renamed.networks,
            })).collect::<Vec<_>>(),
        },
        "hosts": difference.hosts.iter().map(|change| json!({
            "bottle": change.bottle,
            "opened": change.opened.iter().map(|opened| json!({
                "host": opened.host,
                "swallows": opened.swallows,
            })).collect::<Vec<_>>(),
            "closed": change.closed,
            "holds": change.holds,
        })).collect::<Vec<_>>(),
        "ways": difference.ways.iter().map(|change| json!({
            "bottle": change.bottle,
            "from": change.from,
            "to": change.to,
        })).collect::<Vec<_>>(),
        "secrets": difference.secrets.iter().map(|change| {
            let mut value = flow_as_json(&change.flow);
            value["secret"] = secret_by_name(&change.flow.secret);
            value["read"] = change.read.into();
            value
        }).collect::<Vec<_>>(),
        "files": difference.files.iter().map(|change| json!({
            "path": change.file.path,
            "bottle": change.file.bottle,
            "used": change.file.used.to_string(),
            "read": change.read,
        })).collect::<Vec<_>>(),
        "became": difference.became.iter().map(|change| json!({
            "bottle": change.bottle,
            "sidecar": change.sidecar,
            "what": change.aspect.word(),
            "from": change.from,
            "to": change.to,
        })).collect::<Vec<_>>(),
        "remade": difference.remade.iter().map(|remade| json!({
            "address": remade.address,
            "object": kind(remade.kind),
            "agent": remade.is_agent,
            "because": remade.because,
        })).collect::<Vec<_>>(),
        "operations": difference.operations.iter().map(|change| json!({
            "address": change.address,
            "alike": change.alike,
            "change": match change.only {
                None => "changed",
                Some(LineSign::Added) => "added",
                Some(LineSign::Removed) => "removed",
            },
            "lines": change.lines.iter().map(line).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    harmless_json(&format!("{document:#}\n")).into_owned()
}

fn side(side: &Side) -> Value {
    json!({
        "project": side.project,
        "profile": side.profile,
        "bottles": side.bottles,
        "operations": side.operations,
    })
}

fn standing(standing: &Standing) -> Value {
    json!({ "standing": standing_word(standing), "reason": standing.reason() })
}

fn shift(shift: &Shift) -> Value {
    json!({
        "bottle": shift.bottle,
        "guarantee": shift.guarantee,
        "from": standing(&shift.from),
        "to": standing(&shift.to),
        "required": shift.required,
    })
}

fn line(line: &Line) -> Value {
    json!({ "sign": line.sign.sign().to_string(), "text": line.text.trim_start() })
}

fn kind(kind: ObjectKind) -> String {
    kind.to_string()
}
