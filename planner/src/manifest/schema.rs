//! The manifest's JSON Schema, for editors. Its keys are those of [`keys`], its words those that the parser chooses from.
//!
//! It refuses nothing that the parser takes. What only the parser can see is left to it: files, merged layers, two things at one place.

use serde_json::{Map, Value, json};

use super::Allowance;
use super::egress::WAYS;
use super::env::RESERVED;
use super::guest::CLOSED;
use super::image::DOCKERFILE;
use super::keys::{self, Key, Keys};
use super::layer::{AGENTS, RUNTIMES, SANDBOXES, WAYS_IN};
use super::limits::MOST_PIDS;
use super::model::{Limits, Manifest};
use super::sources::LONGEST;
use super::ssh::TYPES;
use crate::address::Address;
use crate::guarantee::Guarantee;
use crate::name;

/// Letters, digits and dashes between them: a part of a host's name.
const LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
/// The name of a variable.
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// A control character.
const CONTROL: &str = "[\\x00-\\x1f\\x7f-\\x9f]";
/// A `..` in a path.
const CLIMBS: &str = "(^|/)\\.\\.(/|$)";
/// A word of an ssh configuration.
const SSH_WORD: &str = "^[A-Za-z0-9._][A-Za-z0-9._-]*$";

/// The JSON Schema (draft 2020-12) of a manifest, as TOML's tables, arrays and values map to JSON's.
#[must_use]
pub fn schema() -> Value {
    let mut schema = table(&keys::MANIFEST);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "bottle.toml".into();
    schema["description"] = "Bottles for coding agents, and what may leave them.".into();
    schema["required"] = json!(["version", "name"]);
    schema["$defs"] = json!({ "bottle": table(&keys::BOTTLE), "image": image() });
    schema
}

/// A table with its keys and no others.
fn table(keys: &Keys) -> Value {
    let properties: Map<String, Value> =
        keys.keys.iter().map(|key| (key.name.to_owned(), property(keys, key))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// One key: its shape, what it means and a line that is right.
///
/// A key without a shape takes anything here, and the parser judges it; a test says that there is none.
pub(super) fn property(keys: &Keys, key: &Key) -> Value {
    let Some((meaning, mut shape)) = shape(keys, key.name) else { return json!({}) };
    shape["description"] = format!("{meaning}\n\nFor example `{}`", key.example).into();
    shape
}

fn shape(keys: &Keys, key: &str) -> Option<(&'static str, Value)> {
    match keys.place {
        "the manifest" => of_manifest(key),
        "`sidecar`" | "`network`" => of_project(key),
        "a bottle" => of_bottle(key),
        "`image`" => of_image(key),
        "`prompt`" => of_prompt(key),
        "`workspace`" => of_workspace(key),
        "a value of `env`" => of_env_value(key),
        "`egress`" => of_egress(key),
        "`limits`" => of_limits(key),
        "`ssh`" => of_ssh(key),
        "`copy`" => of_copy(key),
        "`exec`" => of_exec(key),
        "`unsafe`" | "`allow` of `unsafe`" => of_unsafe(key),
        _ => None,
    }
}

fn of_manifest(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "version" => ("The version of the manifest's format.", json!({ "const": 1 })),
        "name" => ("The project. Every object on the engine is named after it and labelled with it.", name()),
        "defaults" => (
            "A bottle's keys, merged under every bottle.",
            json!({ "$ref": "#/$defs/bottle", "properties": { "extends": false, "template": false, "unsafe": false } }),
        ),
        "bottle" => (
            "The bottles, each by its name: lower-case letters, digits and single dashes between them, at most 23 bytes.",
            json!({
                "type": "object",
                "propertyNames": name(),
                "additionalProperties": { "$ref": "#/$defs/bottle" },
            }),
        ),
        "sidecar" => ("The proxy that guards each bottle.", table(&keys::SIDECAR)),
        "network" => ("Addresses.", table(&keys::NETWORK)),
        _ => return None,
    })
}

fn of_project(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "image" => (
            "The image of pipelock. Pin it by digest, or mirror it: old tags may vanish.",
            json!({ "$ref": "#/$defs/image", "default": { "ref": Manifest::DEFAULT_SIDECAR } }),
        ),
        "resolvers" => (
            "Addresses of the resolvers that sidecars ask on Apple's `container`, whose network resolves no names.",
            json!({
                "type": "array",
                "items": { "type": "string", "pattern": "^[0-9A-Fa-f:.]+$" },
                "default": [Manifest::DEFAULT_RESOLVER],
            }),
        ),
        "pool" => (
            "The private IPv4 range that the bottles' networks are taken from. Choose one that none of your networks uses.",
            json!({
                "type": "string",
                "pattern": "^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)(\\.(0|[1-9][0-9]{0,2})){2,3}/(8|9|1[0-9]|2[0-6])$",
                "default": Manifest::DEFAULT_POOL,
            }),
        ),
        _ => return None,
    })
}

fn of_bottle(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "extends" => ("Another bottle whose keys lie under this one's. Not in `[defaults]`.", text()),
        "template" => (
            "Only there to be extended, and no bottle itself. It is not inherited. Not in `[defaults]`.",
            json!({ "type": "boolean", "default": false }),
        ),
        "sandbox" => (
            "What isolates it: containers on the host's kernel (Docker), or a virtual machine each (Apple `container`). Left out, \
             what the machine has.",
            words(SANDBOXES),
        ),
        "image" => ("What the agent's container starts from.", json!({ "$ref": "#/$defs/image" })),
        "user" => ("The agent's user: a name, a number, or `UID:GID`. Left out, the image's.", user()),
        "home" => (
            "The user's home. Left out, `/home/USER`, and `/root` for root. A numeric user has none unless you say so.",
            all_of(guest_path(), &json!({ "pattern": "^/" })),
        ),
        "agent" => (
            "Which agent it is: skills go to `~/.claude/skills` or `~/.codex/skills`.",
            with_default(words(AGENTS), "claude"),
        ),
        "command" => (
            "What keeps the container alive. No shell takes it apart.",
            with_default(argv(), json!(["sleep", "infinity"])),
        ),
        "requires" => ("Guarantees that must be held, or there is no plan.", guarantees()),
        "runtime" => (
            "`auto` takes gVisor where the engine has it, `runsc` demands it, `runc` is the ordinary one.",
            with_default(words(RUNTIMES), "auto"),
        ),
        "limits" => ("Processors, memory, processes.", table(&keys::LIMITS)),
        "skills" => (
            "Folders of skills. Each is named by the last part of its path.",
            list(all_of(host_path(), &json!({ "pattern": "(^|/)[A-Za-z0-9_][A-Za-z0-9._-]*/*$" }))),
        ),
        "prompt" => (
            "The agent's prompt, written to `~/.bottle-prompt.md`, which only the user can read.",
            one_of(&keys::PROMPT, ["file", "text"]),
        ),
        "workspace" => ("The folder that the agent works in.", with_required(&keys::WORKSPACE, &["from"])),
        "env" => (
            "Environment variables: a text, taken as it is and shown in plans, or by name where its value comes from.",
            env(),
        ),
        "egress" => ("What may leave, and how. Left out, nothing leaves.", table(&keys::EGRESS)),
        "ssh" => (
            "SSH keys to sign with. The bottle's user can sign with them and cannot read them.",
            list(with_required(&keys::SSH, &["host", "key", "known_host"])),
        ),
        "copy" => {
            ("Files and folders to copy in before the agent starts.", list(with_required(&keys::COPY, &["from", "to"])))
        }
        "exec" => ("Commands to run after start, in order.", list(with_required(&keys::EXEC, &["run"]))),
        "unsafe" => (
            "Walls that are taken away, each with all that is lost by it. Every plan shows that. Not in `[defaults]`, and not inherited.",
            list(with_required(&keys::UNSAFE, &["allow", "loses"])),
        ),
        _ => return None,
    })
}

fn of_image(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "ref" => (
            "An image of a registry or of the engine's own store, best with its digest.",
            json!({
                "type": "string",
                "pattern": "^[A-Za-z0-9_][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?$",
            }),
        ),
        "build" => ("The folder to build from.", host_path()),
        "dockerfile" => (
            "The Dockerfile, by its path below that folder. Only with `build`.",
            json!({
                "type": "string",
                "minLength": 1,
                "not": { "pattern": format!("^(\\./)?[/~-]|/$|{CLIMBS}|{CONTROL}") },
                "default": DOCKERFILE,
            }),
        ),
        "args" => (
            "Build arguments. They stay readable in the image, so no secret can be one. Only with `build`.",
            json!({
                "type": "object",
                "propertyNames": { "pattern": VARIABLE },
                "additionalProperties": { "type": "string", "pattern": "^[^\\x00]*$" },
            }),
        ),
        _ => return None,
    })
}

fn of_prompt(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "file" => ("A file with the prompt.", host_path()),
        "text" => ("The prompt itself.", text()),
        _ => return None,
    })
}

fn of_workspace(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "from" => ("A folder.", host_path()),
        "to" => ("Where it goes.", with_default(guest_path(), "~/workspace")),
        "how" => (
            "`copy`: a copy, made once with the container. `mount`: the host's own folder, writable. `bake`: part of an image \
             derived from the bottle's. `git`: only the `.git` folder, copied once.",
            with_default(words(WAYS_IN), "copy"),
        ),
        _ => return None,
    })
}

fn of_env_value(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "env" => (
            "A variable of the host, by name. Its value is in no plan, command line, journal, log or image.",
            json!({ "type": "string", "pattern": VARIABLE }),
        ),
        "ask" => (
            "A prompt, asked for at a terminal when the value is needed.",
            json!({ "type": "string", "pattern": "\\S", "not": { "pattern": CONTROL } }),
        ),
        _ => return None,
    })
}

fn of_egress(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "allow" => (
            "Hosts that may be reached: a name, or `*.` before a domain. `*.example.org` also allows `example.org`. Ports and paths \
             are not compared.",
            list(json!({
                "type": "string",
                "maxLength": 255,
                "pattern": format!("^(\\*\\.{LABEL}\\.)?({LABEL}\\.)*{LABEL}$"),
                "not": { "pattern": format!("(^|\\.)([0-9]+|0[xX][0-9A-Fa-f]*|{})$", in_any_case("localhost")) },
            })),
        ),
        "via" => (
            "The way out: a proxy in a container of its own, a proxy on the host, rules in the guest, or nothing at all. Left out, \
             the first whose guarantees meet `requires`.",
            words(WAYS),
        ),
        _ => return None,
    })
}

fn of_limits(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "cpus" => (
            "Processors. Left out, no limit.",
            json!({ "anyOf": [
                { "type": "string", "pattern": "^[0-9]{1,6}(\\.[0-9]{1,6})?$", "not": { "pattern": "^[0.]*$" } },
                { "type": "number", "exclusiveMinimum": 0 },
            ] }),
        ),
        "memory" => (
            "Memory: a whole number and `k`, `m` or `g`, at least 6 MiB. Left out, no limit.",
            json!({ "type": "string", "pattern": "^[0-9]+[kmg]$" }),
        ),
        "pids" => (
            "Processes and threads.",
            json!({ "type": "integer", "minimum": 1, "maximum": MOST_PIDS, "default": Limits::default().pids }),
        ),
        _ => return None,
    })
}

fn of_ssh(key: &str) -> Option<(&'static str, Value)> {
    let word = json!({ "type": "string", "maxLength": 253, "pattern": SSH_WORD });
    Some(match key {
        "host" => ("The name that is typed in the guest: `ssh gitea`. Each once to a bottle.", word),
        "hostname" => ("The server. Left out, `host`.", word),
        "port" => ("Its port.", json!({ "type": "integer", "minimum": 1, "maximum": 65535, "default": 22 })),
        "user" => ("The user there.", with_default(word, "git")),
        "key" => (
            "The private key on the host. It is read when the bottle is made.",
            all_of(host_path(), &json!({ "not": { "pattern": "\\.pub/*$" } })),
        ),
        "known_host" => (
            "The server's public key, `TYPE BASE64`: a line of `ssh-keyscan SERVER` without the host in front.",
            json!({
                "type": "string",
                "pattern": format!("^({}) [A-Za-z0-9+/]+=*$", TYPES.join("|").replace('.', "\\.")),
            }),
        ),
        _ => return None,
    })
}

fn of_copy(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "from" => ("A file or folder.", host_path()),
        "to" => ("The place of the file or folder itself, not of the folder around it.", guest_path()),
        "owner" => ("Its owner in the guest. Left out, the bottle's user.", user()),
        "mode" => (
            "Permission bits, three or four octal digits in quotes. Left out, `\"0644\"`, and `\"0755\"` for folders and executables.",
            json!({ "type": "string", "pattern": "^(0o)?[01]?[0-7]{3}$" }),
        ),
        _ => return None,
    })
}

fn of_exec(key: &str) -> Option<(&'static str, Value)> {
    Some(match key {
        "run" => ("A program and its arguments. For a shell, say so: `[\"sh\", \"-c\", \"...\"]`.", argv()),
        "user" => ("As whom. Left out, the bottle's user.", user()),
        _ => return None,
    })
}

fn of_unsafe(key: &str) -> Option<(&'static str, Value)> {
    let one = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    Some(match key {
        "allow" => {
            let words: Vec<&str> = Allowance::WORDS.iter().map(|(word, _)| *word).collect();
            let mut table = table(&keys::ALLOW);
            table["oneOf"] = keys::ALLOW.keys.iter().map(|key| json!({ "required": [key.name] })).collect();
            ("What is asked for.", json!({ "anyOf": [{ "enum": words }, table] }))
        }
        "loses" => ("Every guarantee that is lost by it: bottle says which when they are not all here.", guarantees()),
        "capability" => ("A capability of Linux, for root in the guest.", one("^[A-Za-z_]+$")),
        "device" => ("A device of the host.", one("^/dev/[A-Za-z0-9._/-]*[A-Za-z0-9._-]$")),
        "engine_socket" => ("The socket of an engine, which rules the host.", one("^/.")),
        _ => return None,
    })
}

/// The guarantees, each with what it promises.
fn guarantees() -> Value {
    let one = |guarantee: &Guarantee| json!({ "const": guarantee.name(), "description": guarantee.meaning() });
    list(json!({ "oneOf": Guarantee::ALL.iter().map(one).collect::<Vec<_>>() }))
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn list(items: Value) -> Value {
    let mut list = json!({ "type": "array" });
    list["items"] = items;
    list
}

fn words<T>(words: &[(&str, T)]) -> Value {
    json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
}

fn with_default(mut shape: Value, default: impl Into<Value>) -> Value {
    shape["default"] = default.into();
    shape
}

fn with_required(keys: &Keys, required: &[&str]) -> Value {
    let mut table = table(keys);
    table["required"] = json!(required);
    table
}

/// A table with exactly one of two keys.
fn one_of(keys: &Keys, names: [&str; 2]) -> Value {
    let mut table = table(keys);
    table["oneOf"] = names.iter().map(|name| json!({ "required": [name] })).collect();
    table
}

fn all_of(shape: Value, more: &Value) -> Value {
    json!({ "allOf": [shape, more] })
}

fn name() -> Value {
    json!({
        "type": "string",
        "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$",
        "maxLength": name::LONGEST,
        "not": { "const": Address::SHARED },
    })
}

fn image() -> Value {
    let mut image = one_of(&keys::IMAGE, ["ref", "build"]);
    image["dependentRequired"] = json!({ "dockerfile": ["build"], "args": ["build"] });
    image
}

fn user() -> Value {
    json!({ "type": "string", "pattern": "^([a-z_][a-z0-9_-]{0,31}|[0-9]+(:[0-9]+)?)$" })
}

fn host_path() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST,
        "not": { "pattern": format!("^-|://|^~/*$|^~[^/]|{CONTROL}") },
    })
}

fn guest_path() -> Value {
    let closed: Vec<&str> = CLOSED.iter().map(|(folder, _)| folder.trim_start_matches('/')).collect();
    json!({
        "type": "string",
        "maxLength": LONGEST,
        "pattern": "^(/|~/|~$)",
        "not": { "pattern": format!("^/+$|^/+({})(/|$)|{CLIMBS}|{CONTROL}", closed.join("|")) },
    })
}

fn argv() -> Value {
    json!({
        "type": "array",
        "minItems": 1,
        "prefixItems": [{ "type": "string", "minLength": 1, "pattern": "^[^\\x00]*$" }],
        "items": { "type": "string", "pattern": "^[^\\x00]*$" },
    })
}

fn env() -> Value {
    let reserved: Vec<String> = RESERVED.iter().map(|name| in_any_case(name)).collect();
    json!({
        "type": "object",
        "propertyNames": { "pattern": VARIABLE, "not": { "pattern": format!("^({})$", reserved.join("|")) } },
        "additionalProperties": { "anyOf": [
            {
                "type": "string",
                "pattern": "^[^\\n\\r\\x00]*$",
                "not": { "pattern": "^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$" },
            },
            one_of(&keys::ENV_VALUE, ["env", "ask"]),
        ] },
    })
}

/// A pattern for a word, whatever the case of its letters: editors' patterns have no flags.
fn in_any_case(word: &str) -> String {
    word.chars()
        .map(|c| match c.is_ascii_lowercase() {
            true => format!("[{c}{}]", c.to_ascii_uppercase()),
            false => c.to_string(),
        })
        .collect()
}
