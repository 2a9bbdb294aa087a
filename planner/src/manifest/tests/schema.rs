//! The manifest's JSON Schema and the parser agree, as far as a schema can see.

use std::collections::BTreeSet;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::Value;

use super::bad::one_thing_wrong;
use super::{bottle, good, read};
use crate::manifest::keys::{self, Keys};
use crate::manifest::schema::{property, schema};

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

/// A manifest as an editor hands it to a schema; none where it has a number that JSON has not.
fn json(text: &str) -> Option<Value> {
    toml::from_str(text).ok()
}

/// Where the schema finds something wrong; sorted, each place once.
fn places(validator: &Validator, text: &str) -> Vec<String> {
    let Some(manifest) = json(text) else { return vec!["not JSON".to_owned()] };
    let found: BTreeSet<String> =
        validator.iter_errors(&manifest).map(|error| error.instance_path().to_string()).collect();
    found.into_iter().collect()
}

/// Where the schema of a kind of table is.
fn pointer(keys: &Keys) -> &'static str {
    match keys.place {
        "the manifest" => "",
        "`sidecar`" => "/properties/sidecar",
        "`network`" => "/properties/network",
        "a bottle" => "/$defs/bottle",
        "`image`" => "/$defs/image",
        "`prompt`" => "/$defs/bottle/properties/prompt",
        "`workspace`" => "/$defs/bottle/properties/workspace",
        "a value of `env`" => "/$defs/bottle/properties/env/additionalProperties/anyOf/1",
        "`egress`" => "/$defs/bottle/properties/egress",
        "`limits`" => "/$defs/bottle/properties/limits",
        "`ssh`" => "/$defs/bottle/properties/ssh/items",
        "`copy`" => "/$defs/bottle/properties/copy/items",
        "`exec`" => "/$defs/bottle/properties/exec/items",
        "`unsafe`" => "/$defs/bottle/properties/unsafe/items",
        "`allow` of `unsafe`" => "/$defs/bottle/properties/unsafe/items/properties/allow/anyOf/1",
        other => panic!("{other}"),
    }
}

#[test]
fn it_is_a_schema_and_is_written_down() {
    let text = format!("{:#}\n", schema());
    assert!(jsonschema::draft202012::meta::is_valid(&schema()));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/manifest.schema.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(golden == text, "{}", similar::TextDiff::from_lines(&golden, &text).unified_diff());
}

/// The parser reads the keys of [`keys::ALL`]: so do editors, and each says what it is for.
#[test]
fn its_keys_are_the_parser_s() {
    let schema = schema();
    for table in keys::ALL {
        let there = schema.pointer(pointer(table)).unwrap_or_else(|| panic!("{} is not in it", table.place));
        assert_eq!(there["additionalProperties"], false, "{}", table.place);
        let names: BTreeSet<&str> = there["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, table.keys.iter().map(|key| key.name).collect(), "{}", table.place);
        for key in table.keys {
            let (place, name) = (table.place, key.name);
            let shape = property(table, key);
            assert!(shape["description"].is_string(), "schema.rs says nothing of `{name}` of {place}");
            let says = ["type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf"];
            assert!(says.iter().any(|word| shape.get(word).is_some()), "`{name}` of {place} may be anything: {shape}");
        }
    }
}

/// Every key refuses a date, which no key takes.
#[test]
fn every_key_has_a_type() {
    let validator = validator();
    for table in keys::ALL {
        for key in table.keys {
            let text = super::reference::around(table, &format!("{} = 1979-05-27", key.name));
            let place = format!("/{}", key.name);
            let found = places(&validator, &text);
            // What may be a text or a table is wrong as a whole.
            let seen = found.iter().any(|at| at.ends_with(&place))
                || matches!(table.place, "a value of `env`" | "`allow` of `unsafe`");
            assert!(seen && !found.is_empty(), "`{}` of {}: {found:?}", key.name, table.place);
        }
    }
}

#[test]
fn it_takes_every_manifest_that_is_right() {
    let validator = validator();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
    let mut texts = vec![good::full(), bottle("")];
    for folder in std::fs::read_dir(fixtures).unwrap() {
        texts.push(std::fs::read_to_string(folder.unwrap().path().join("project/bottle.toml")).unwrap());
    }
    let reference = super::reference::documentation();
    let examples = reference.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    texts.extend(examples.filter(|text| text.contains("version = 1")).map(str::to_owned));
    assert!(texts.len() >= 9);
    for text in texts {
        assert_eq!(places(&validator, &text), [""; 0], "{text}");
    }
}

/// What the parser refuses and no schema can: it would have to see files, the whole of a list, or the sense of a number.
const ONLY_THE_PARSER_SEES: &[&str] = &[
    "prompt = { file = \"plain\" }",
    "skills = [\"missing\"]",
    "skills = [\"settings.json\"]",
    "workspace = { from = \"plain\", how = \"git\" }",
    "workspace = { from = \"worktree\", how = \"git\" }",
    "user = \"1000\"\nskills = [\"skills/review\"]",
    "user = \"1000\"\nprompt.text = \"x\"",
    "user = \"1000\"\nworkspace.from = \"plain\"",
    "user = \"1000\"\n[[bottle.one.copy]]\nfrom = \"plain\"\nto = \"~/x\"",
    "limits = { cpus = 0x2 }",
    "limits = { memory = \"1k\" }",
    "limits = { memory = \"99999999999999999999g\" }",
    "limits = { memory = \"999999999999999999g\" }",
    "egress = { allow = [\"*.co.uk\"] }",
    "[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"~/\"",
    "[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/\"",
    "[sidecar]\nimage = { build = \"plain\" }",
    "[sidecar]\nimage = { build = \".\", dockerfile = \"plain\" }",
    "[bottle.two]",
];

#[test]
fn it_refuses_what_is_wrong_as_far_as_it_can_see() {
    let validator = validator();
    let unseen: Vec<&str> = one_thing_wrong()
        .iter()
        .map(|(lines, ..)| *lines)
        .filter(|lines| places(&validator, &bottle(lines)).is_empty())
        .collect();
    assert_eq!(unseen, ONLY_THE_PARSER_SEES);
}

/// The manifest with most of what can be wrong: the places that an editor marks. An unknown key is marked at its table.
///
/// Not seen are the pool with bits below its prefix, `extends` to nowhere, the missing images, files that are not there, the
/// home of a numeric user, and two skills or two files at one place.
#[test]
fn it_marks_what_is_wrong_where_it_is() {
    let found = places(&validator(), include_str!("bad.toml"));
    let marked = [
        "",
        "/bottle",
        "/bottle/one/command",
        "/bottle/one/egress/allow/0",
        "/bottle/one/egress/allow/1",
        "/bottle/one/egress/allow/2",
        "/bottle/one/egress/allow/3",
        "/bottle/one/egress/allow/4",
        "/bottle/one/egress/allow/5",
        "/bottle/one/egress/via",
        "/bottle/one/env",
        "/bottle/one/env/GITHUB_TOKEN",
        "/bottle/one/env/MOTD",
        "/bottle/one/image",
        "/bottle/one/limits/cpus",
        "/bottle/one/limits/memory",
        "/bottle/one/limits/pids",
        "/bottle/one/requires/0",
        "/bottle/one/sandbox",
        "/bottle/one/user",
        "/bottle/one/workspace/to",
        "/bottle/two",
        "/bottle/two/copy/0/mode",
        "/bottle/two/copy/0/to",
        "/bottle/two/copy/1/mode",
        "/bottle/two/exec/0/run",
        "/bottle/two/ssh/0/host",
        "/bottle/two/ssh/0/key",
        "/bottle/two/ssh/0/known_host",
        "/bottle/two/ssh/0/port",
        "/defaults",
        "/defaults/env",
        "/defaults/env/PORT",
        "/name",
        "/sidecar/image/ref",
    ];
    assert_eq!(found, marked);
}

#[test]
fn an_editor_marks_the_value_and_not_the_file() {
    let validator = validator();
    assert_eq!(places(&validator, &bottle("usr = \"node\"")), ["/bottle/one"]);
    assert_eq!(places(&validator, &bottle("limits = { pids = 0 }")), ["/bottle/one/limits/pids"]);
    assert_eq!(places(&validator, &bottle("requires = [\"kernel.onw\"]")), ["/bottle/one/requires/0"]);
    assert_eq!(places(&validator, "name = \"acme\""), [""]);
    assert_eq!(places(&validator, "version = 1\nname = \"acme\"\n[defaults]\nextends = \"x\""), ["/defaults/extends"]);
}

/// Values, more often ones that a manifest may have.
fn line() -> impl Strategy<Value = String> {
    let hosts = "(\\*\\.)?([a-zA-Z0-9_-]{1,3}\\.){0,3}[a-zA-Z0-9x]{1,4}\\.?";
    let paths = "[~/.-]{0,2}([a-z.]{1,3}/{0,2}){0,3}";
    let guest = "(~|~/|/|//)(\\.{0,2}/|[a-z]{1,3}/|proc/|run/){0,3}[a-z.]{0,2}";
    let of =
        |shape: &'static str, text: &'static str| text.prop_map(move |text| shape.replace('?', &format!("{text:?}")));
    prop_oneof![
        of("egress = { allow = [?] }", hosts),
        of("home = ?", guest),
        of("workspace = { from = \"plain\", to = ? }", guest),
        of("user = ?", "[a-z0-9_:-]{0,6}"),
        of("limits = { cpus = ? }", "[0-9.]{0,8}"),
        of("limits = { memory = ? }", "[0-9]{0,9}[kmgt]?"),
        "[0-9]{1,3}(\\.[0-9]{1,3})?".prop_map(|number| format!("limits = {{ cpus = {number} }}")),
        of("[sidecar]\nimage = { ref = ? }", "[a-z_.:-]{0,4}/?[a-zA-Z0-9._/:-]{0,12}"),
        of("[sidecar]\nresolvers = [?]", "([0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9a-f]{0,2}::[0-9a-f]{1,3}(:1.2.3.4)?"),
        of("[network]\npool = ?", "(10|172|192)\\.(0|16|168|207)\\.0\\.0/[0-9]{1,2}"),
        of("[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/x\"\nmode = ?", "(0o)?[0-7]{2,5}"),
        of(
            "[[bottle.one.ssh]]\nhost = \"a\"\nkey = ?\nknown_host = \"ssh-ed25519 \
             AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\"",
            paths,
        ),
        of("[bottle.one.env]\nA = ?", "\\$?\\{?[A-Z a-z]{0,4}\\}?"),
        of("[bottle.one.env]\nA = { ask = ? }", "[ a\u{a0}]{0,3}"),
        "[a-zA-Z_0-9]{1,6}|[hH][tT][tT][pP]_proxy".prop_map(|name| format!("[bottle.one.env]\n{name} = \"x\"")),
        "[a-z0-9-]{1,26}".prop_map(|name| format!("[bottle.{name}]\nimage.ref = \"node\"")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// An editor that marks what is right teaches its user to look away.
    #[test]
    fn it_takes_whatever_the_parser_takes(line in line()) {
        thread_local!(static SCHEMA: Validator = validator());
        let text = bottle(&line);
        if read(&text).is_ok() {
            let marked = SCHEMA.with(|schema| places(schema, &text));
            prop_assert!(marked.is_empty(), "{marked:?} in {text}");
        }
    }
}
