//! The plan for machines. Its shape is written down in `docs/plan-schema.md`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::intent::Secret;
use crate::operation::{Action, Arg, Command, Input, Operation, Part, Stdin};
use crate::plan::{BackendReason, Entry, Plan, Reason};

/// The name of the format: the first key of every document.
pub const PLAN_FORMAT: &str = "bottle.plan";
/// The version of the format. A reader refuses one that it does not know; new keys do not change it.
pub const PLAN_VERSION: u32 = 1;

/// The whole plan, as one JSON document that ends with a newline.
#[must_use]
pub fn json(plan: &Plan) -> String {
    let document = json!({
        "format": PLAN_FORMAT,
        "version": PLAN_VERSION,
        "project": plan.project,
        "profile": plan.profile.to_string(),
        "backend": plan.profile.backend,
        "chosen": chosen(&plan.chosen),
        "observed": plan.observed,
        "bottles": plan.bottles.iter().map(|(name, bottle)| json!({
            "name": name,
            "allow": bottle.allow,
            "way": bottle.way.map(|(way, reason)| json!({ "name": way, "because": reason })),
            "requires": bottle.requires,
            "guarantees": bottle.guarantees.iter().map(|(guarantee, standing)| json!({
                "name": guarantee,
                "standing": standing.word().replace(' ', "-"),
                "reason": standing.reason(),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "secrets": plan.secrets.iter().map(|(secret, readers)| json!({
            "secret": secret_by_name(secret),
            "readers": readers,
        })).collect::<Vec<_>>(),
        "rewrites": plan.rewrites,
        "entries": plan.entries.iter().map(entry).collect::<Vec<_>>(),
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn chosen(reason: &BackendReason) -> Value {
    match reason {
        BackendReason::Named => json!({ "by": "named" }),
        BackendReason::Sandbox(sandbox) => json!({ "by": "sandbox", "sandbox": sandbox }),
        BackendReason::Found => json!({ "by": "found" }),
        BackendReason::Default => json!({ "by": "default" }),
    }
}

fn secret_by_name(secret: &Secret) -> Value {
    match secret {
        Secret::HostEnv(name) => json!({ "from": "env", "name": name }),
        Secret::Ask(prompt) => json!({ "from": "ask", "prompt": prompt }),
        Secret::File(path) => json!({ "from": "file", "path": path }),
    }
}

#[derive(Serialize)]
struct JsonReason<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    text: String,
}

fn entry(entry: &Entry) -> Value {
    let reasons: Vec<JsonReason<'_>> =
        entry.reasons.iter().map(|reason| JsonReason { reason, text: reason.to_string() }).collect();
    let mut value = json!({ "address": entry.address, "verdict": entry.verdict, "reasons": reasons });
    if let Some(operation) = &entry.operation {
        value["operation"] = self::operation(operation);
    }
    if let Some(removal) = &entry.removal {
        value["removal"] = json!({ "command": removal.command.as_ref().map(command), "after": removal.after });
    }
    value
}

fn operation(operation: &Operation) -> Value {
    let inputs: Vec<&Input> = operation.inputs.iter().collect();
    json!({
        "step": operation.step.verb(),
        "digest": operation.digest.short(),
        "inputs": inputs,
        "needs": operation.needs.iter().map(|(_, need)| need).collect::<Vec<_>>(),
        "time_limit_seconds": operation.time_limit,
        "action": action(&operation.action),
    })
}

fn action(action: &Action) -> Value {
    match action {
        Action::Command(run) => json!({ "command": command(run) }),
        Action::Process(started) => json!({ "process": command(started) }),
        Action::Stage { name, files, base } => json!({ "stage": {
            "name": name,
            "base": base,
            "files": files.entries.iter().map(|entry| &entry.path).collect::<Vec<_>>(),
        } }),
        Action::Resolve(hosts) => json!({ "resolve": hosts }),
    }
}

fn command(command: &Command) -> Value {
    let mut value = json!({ "argv": command.argv.iter().map(arg).collect::<Vec<_>>() });
    match &command.stdin {
        Stdin::Nothing => {}
        Stdin::Archive { files, base } => {
            value["stdin"] =
                json!({ "base": base, "archive": files.entries.iter().map(|entry| &entry.path).collect::<Vec<_>>() });
        }
        Stdin::Text(parts) => value["stdin"] = json!({ "text": parts }),
        Stdin::Secret(secret) => value["stdin"] = json!({ "secret": secret_by_name(secret) }),
    }
    if !command.env.is_empty() {
        let env = command.env.iter();
        value["env"] = env.map(|(name, secret)| json!({ "name": name, "secret": secret_by_name(secret) })).collect();
    }
    value
}

/// A word of plain text is a string; one with other parts is an array of them.
fn arg(arg: &Arg) -> Value {
    match &arg.0[..] {
        [Part::Literal(text)] => json!(text),
        parts => json!(parts),
    }
}
