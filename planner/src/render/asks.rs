//! What a manifest asks of the host: the same text in a plan and in `bottle trust`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::harmless;
use super::text::section;
use crate::plan::Plan;
use crate::trust::{Asks, Grant, Request, changes};

/// The section of a plan; nothing where nothing is asked for or all was agreed to.
pub(super) fn asks(out: &mut String, plan: &Plan) {
    match &plan.asks {
        Asks::Nothing => {}
        Asks::Later(request) => {
            section(out, "asks for trust, which is given on the machine that applies");
            body(out, request, None);
        }
        Asks::Refused { request, before } => {
            section(out, "asks for trust, which was not given: `bottle trust`");
            body(out, request, before.as_ref());
        }
    }
}

/// What is said of content outside the manifest's folder where no machine is looked at.
pub(super) const UNREAD_YET: &str = "content as it is at apply";

/// What a plan says of content that was not looked at.
pub(super) fn unread(plan: &Plan) -> &'static str {
    match &plan.asks {
        Asks::Refused { .. } => "content not read: not trusted",
        Asks::Nothing | Asks::Later(_) => UNREAD_YET,
    }
}

/// A request, with what is new in it and what is gone from it since something else was agreed to.
#[must_use]
pub fn request(request: &Request, before: Option<&Request>) -> String {
    let mut out = String::new();
    body(&mut out, request, before);
    out
}

fn body(out: &mut String, request: &Request, before: Option<&Request>) {
    if let Some(before) = before {
        for change in changes(before, request) {
            let sign = if change.is_new { '+' } else { '-' };
            let (grant, text) = (change.line.grant.word(), harmless(&change.line.text));
            let _ = writeln!(out, "{sign} {} {grant} {text}", change.bottle);
        }
        out.push_str("  in all\n");
    }
    for (bottle, lines) in request.lines() {
        let _ = writeln!(out, "  {bottle}");
        for line in lines.iter().filter(|line| line.grant != Grant::Send) {
            let _ = writeln!(out, "    {} {}", line.grant.word(), harmless(&line.text));
        }
        let hosts: Vec<&str> =
            lines.iter().filter(|line| line.grant == Grant::Send).map(|line| line.text.as_str()).collect();
        let hosts = if hosts.is_empty() { "nobody".to_owned() } else { harmless(&hosts.join(", ")) };
        let _ = writeln!(out, "    {} {hosts}", Grant::Send.word());
    }
    let _ = writeln!(out, "  digest {}", request.digest().whole());
}

/// The key `trust` of the document; none where nothing is asked for or all was agreed to.
pub(super) fn json(asks: &Asks) -> Option<Value> {
    let (request, standing, before) = match asks {
        Asks::Nothing => return None,
        Asks::Later(request) => (request, "later", None),
        Asks::Refused { request, before } => (request, "refused", before.as_ref()),
    };
    let mut value = json!({ "digest": request.digest().whole(), "request": request, "standing": standing });
    if let Some(before) = before {
        let all = changes(before, request);
        let of = |is_new: bool| -> Vec<Value> {
            let these = all.iter().filter(|change| change.is_new == is_new);
            let text = |change: &crate::trust::Change| format!("{} {}", change.line.grant.word(), change.line.text);
            these.map(|change| json!({ "bottle": change.bottle, "text": text(change) })).collect()
        };
        value["gone"] = of(false).into();
        value["new"] = of(true).into();
    }
    Some(value)
}
