//! The plan for machines. Its shape is written down in `docs/plan-schema.md`.
//!
//! Keys stand in alphabetical order. Entries are made as they are written: a long plan's document is many times the plan.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{asks, harmless_json};
use crate::address::Address;
use crate::approval::Approval;
use crate::guarantee::{Capability, Guarantee, Standing};
use crate::intent::{ArchiveEntry, Need, Secret, StageName};
use crate::manifest::Allowance;
use crate::name::{BottleName, ProjectName};
use crate::operation::{Action, Arg, Command, Input, Operation, Part, Stdin};
use crate::plan::{BackendReason, BottleSummary, Entry, Plan, Reason, Verdict};
use crate::profile::Backend;
use crate::reads::{Passage, SecretFlow, secret_flows};

/// The name of the format: the first key of every document.
pub const PLAN_FORMAT: &str = "bottle.plan";
/// The version of the format. A reader refuses one that it does not know; new keys do not change it.
pub const PLAN_VERSION: u32 = 1;

/// The whole plan, as one JSON document that ends with a newline.
#[must_use]
pub fn json(plan: &Plan) -> String {
    let mut text = Vec::new();
    // Neither memory nor these values can fail.
    let _ = write_json(plan, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Writes what [`json()`] gives.
///
/// # Errors
/// When it cannot be written.
pub fn write_json(plan: &Plan, mut to: impl io::Write) -> io::Result<()> {
    let document = Document {
        approval: Approval::of(plan),
        backend: plan.profile.backend,
        bottles: plan.bottles.iter().map(bottle).collect(),
        chosen: chosen(&plan.chosen),
        entries: Each(&plan.entries, entry),
        format: PLAN_FORMAT,
        observed: plan.observed,
        profile: plan.profile.to_string(),
        project: &plan.project,
        rewrites: json!(plan.rewrites),
        secrets: secrets(plan),
        trust: asks::json(&plan.asks),
        version: PLAN_VERSION,
    };
    serde_json::to_writer_pretty(Harmless(&mut to), &document)?;
    to.write_all(b"\n")
}

/// Writes a document so that it steers no terminal and deceives no reader. Texts come in whole.
struct Harmless<W>(W);

impl<W: io::Write> io::Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.0.write_all(harmless_json(text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A sequence whose elements are made when they are written.
struct Each<'p, T, V>(&'p [T], fn(&'p T) -> V);

impl<T, V: Serialize> Serialize for Each<'_, T, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

#[derive(Serialize)]
struct Document<'p> {
    approval: Approval,
    backend: Backend,
    bottles: Vec<JsonBottle<'p>>,
    chosen: Value,
    entries: Each<'p, Entry, JsonEntry<'p>>,
    format: &'static str,
    observed: bool,
    profile: String,
    project: &'p ProjectName,
    rewrites: Value,
    secrets: Vec<JsonRead<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<Value>,
    version: u32,
}

fn chosen(reason: &BackendReason) -> Value {
    match reason {
        BackendReason::Named => json!({ "by": "named" }),
        BackendReason::Sandbox(sandbox) => json!({ "by": "sandbox", "sandbox": sandbox }),
        BackendReason::Found => json!({ "by": "found" }),
        BackendReason::Default => json!({ "by": "default" }),
    }
}

#[derive(Serialize)]
struct JsonBottle<'p> {
    allow: &'p [String],
    guarantees: Each<'p, (Guarantee, Standing), JsonStanding<'p>>,
    lost: &'p [Guarantee],
    name: &'p BottleName,
    requires: &'p [Guarantee],
    #[serde(rename = "unsafe")]
    given_up: Each<'p, Allowance, Value>,
    way: Option<Value>,
}

fn bottle<'p>((name, bottle): (&'p BottleName, &'p BottleSummary)) -> JsonBottle<'p> {
    let guarantees = Each(&bottle.guarantees[..], standing as fn(_) -> _);
    let way = bottle.way.map(|(way, because)| json!({ "because": because, "name": way }));
    let given_up = Each(&bottle.given_up[..], allowance as fn(_) -> _);
    JsonBottle { allow: &bottle.allow, guarantees, lost: &bottle.lost, name, requires: &bottle.requires, given_up, way }
}

/// What `unsafe` asks for, and what that loses.
fn allowance(allowance: &Allowance) -> Value {
    json!({ "allow": allowance.to_string(), "loses": allowance.loses() })
}

#[derive(Serialize)]
struct JsonStanding<'p> {
    evidence: JsonEvidence<'p>,
    name: Guarantee,
    reason: &'p str,
    standing: String,
}

fn standing((name, standing): &(Guarantee, Standing)) -> JsonStanding<'_> {
    let evidence = standing.evidence();
    JsonStanding {
        evidence: JsonEvidence { capability: evidence.capability.map(capability), operations: &evidence.operations },
        name: *name,
        reason: standing.reason(),
        standing: standing_word(standing),
    }
}

/// What a standing rests on.
#[derive(Serialize)]
struct JsonEvidence<'p> {
    capability: Option<JsonCapability>,
    operations: &'p [Address],
}

#[derive(Serialize)]
struct JsonCapability {
    name: &'static str,
    value: &'static str,
}

fn capability(capability: Capability) -> JsonCapability {
    JsonCapability { name: capability.name(), value: capability.value() }
}

/// The word of a standing as a key: `not-held`.
pub(super) fn standing_word(standing: &Standing) -> String {
    standing.word().replace(' ', "-")
}

/// A secret, who reads it, and where it goes.
#[derive(Serialize)]
struct JsonRead<'p> {
    flows: Vec<Value>,
    readers: &'p [Address],
    secret: Value,
}

fn secrets(plan: &Plan) -> Vec<JsonRead<'_>> {
    let flows = secret_flows(plan);
    let read = |(secret, readers): (&Secret, _)| JsonRead {
        flows: flows.iter().filter(|flow| flow.secret == *secret).map(flow_as_json).collect(),
        readers,
        secret: secret_by_name(secret),
    };
    plan.secrets.iter().map(|(secret, readers)| read((secret, readers.as_slice()))).collect()
}

/// The way of a secret, without its name.
pub(super) fn flow_as_json(flow: &SecretFlow) -> Value {
    let (by, variable) = match &flow.passage {
        Passage::Environment { variable } => ("environment", Some(variable)),
        Passage::Command { variable } => ("command", Some(variable)),
        Passage::SshAgent => ("ssh-agent", None),
        Passage::Stdin => ("stdin", None),
    };
    let mut value = json!({ "by": by, "into": flow.into, "may_reach": flow.may_reach, "reader": flow.address });
    if let Some(variable) = variable {
        value["variable"] = variable.as_str().into();
    }
    value
}

pub(super) fn secret_by_name(secret: &Secret) -> Value {
    match secret {
        Secret::HostEnv(name) => json!({ "from": "env", "name": name }),
        Secret::Ask(prompt) => json!({ "from": "ask", "prompt": prompt }),
        Secret::File(path) => json!({ "from": "file", "path": path }),
    }
}

#[derive(Serialize)]
struct JsonEntry<'p> {
    address: &'p Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<JsonOperation<'p>>,
    reasons: Each<'p, Reason, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removal: Option<JsonRemoval<'p>>,
    verdict: Verdict,
}

#[derive(Serialize)]
struct JsonRemoval<'p> {
    after: &'p [Address],
    command: Option<JsonCommand<'p>>,
}

fn entry(entry: &Entry) -> JsonEntry<'_> {
    let removal = entry.removal.as_ref();
    JsonEntry {
        address: &entry.address,
        operation: entry.operation.as_ref().map(operation),
        reasons: Each(&entry.reasons, reason),
        removal: removal
            .map(|removal| JsonRemoval { after: &removal.after, command: removal.command.as_ref().map(command) }),
        verdict: entry.verdict,
    }
}

/// A reason's own keys, and the same in words.
fn reason(reason: &Reason) -> Value {
    let mut value = json!(reason);
    value["text"] = reason.to_string().into();
    value
}

/// What is done: exactly one of these keys is there.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum JsonAction<'p> {
    Command(JsonCommand<'p>),
    Process(JsonCommand<'p>),
    Resolve(&'p [String]),
    Stage { base: &'p str, files: Each<'p, ArchiveEntry, &'p str>, name: &'p StageName },
}

fn action(action: &Action) -> JsonAction<'_> {
    match action {
        Action::Command(run) => JsonAction::Command(command(run)),
        Action::Process(started) => JsonAction::Process(command(started)),
        Action::Resolve(hosts) => JsonAction::Resolve(hosts),
        Action::Stage { name, files, base } => JsonAction::Stage { base, files: Each(&files.entries, path), name },
    }
}

#[derive(Serialize)]
struct JsonOperation<'p> {
    #[serde(flatten)]
    action: JsonAction<'p>,
    digest: &'p str,
    inputs: &'p [Input],
    needs: Each<'p, (Need, Address), &'p Address>,
    step: &'static str,
    time_limit_seconds: u32,
}

fn operation(operation: &Operation) -> JsonOperation<'_> {
    JsonOperation {
        action: action(&operation.action),
        digest: operation.digest.short(),
        inputs: &operation.inputs,
        needs: Each(&operation.needs, |(_, need)| need),
        step: operation.step.verb(),
        time_limit_seconds: operation.time_limit,
    }
}

#[derive(Serialize)]
struct JsonCommand<'p> {
    argv: Each<'p, Arg, JsonArg<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdin: Option<JsonStdin<'p>>,
}

fn command(command: &Command) -> JsonCommand<'_> {
    let env = command.env.iter().map(|(name, secret)| json!({ "name": name, "secret": secret_by_name(secret) }));
    JsonCommand {
        argv: Each(&command.argv, arg),
        env: (!command.env.is_empty()).then(|| env.collect()),
        stdin: match &command.stdin {
            Stdin::Nothing => None,
            Stdin::Archive { files, base } => Some(JsonStdin::Archive { archive: Each(&files.entries, path), base }),
            Stdin::Text(parts) => Some(JsonStdin::Text { text: parts }),
            Stdin::Secret(secret) => Some(JsonStdin::Secret { secret: secret_by_name(secret) }),
        },
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonStdin<'p> {
    Archive { archive: Each<'p, ArchiveEntry, &'p str>, base: &'p str },
    Secret { secret: Value },
    Text { text: &'p [Part] },
}

fn path(entry: &ArchiveEntry) -> &str {
    &entry.path
}

/// A word of plain text is a string; one with other parts is an array of them.
#[derive(Serialize)]
#[serde(untagged)]
enum JsonArg<'p> {
    Text(&'p str),
    Parts(&'p [Part]),
}

fn arg(arg: &Arg) -> JsonArg<'_> {
    match &arg.0[..] {
        [Part::Literal(text)] => JsonArg::Text(text),
        parts => JsonArg::Parts(parts),
    }
}
