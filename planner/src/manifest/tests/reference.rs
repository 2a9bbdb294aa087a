//! The reference of `docs/manifest.md` and the parser know the same keys.

use super::{errors, read};
use crate::guarantee::Guarantee;
use crate::manifest::keys::{self, Keys};
use crate::manifest::{Code, Manifest};

pub(super) fn documentation() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/manifest.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_key_is_documented() {
    let text = documentation();
    for table in keys::ALL {
        for key in table.keys {
            let row = format!("| `{}` |", key.name);
            assert!(text.contains(&row), "{} of {}: no row {row:?}", key.name, table.place);
        }
    }
    for code in Code::ALL {
        assert!(text.contains(&format!("| `{}` |", code.name())), "{code}");
    }
    for guarantee in Guarantee::ALL {
        assert!(text.contains(&format!("`{guarantee}`")), "{guarantee}");
    }
    for value in [Manifest::DEFAULT_POOL, Manifest::DEFAULT_SIDECAR] {
        assert!(text.contains(value), "{value}");
    }
}

/// Rows of the tables of keys that no parser knows would be promises that nobody keeps.
#[test]
fn nothing_else_is_documented_as_a_key() {
    let text = documentation();
    let (keys, _) = text.split_once("## What is refused").unwrap();
    for row in keys.lines().filter(|line| line.starts_with("| `")) {
        let name = row.split('`').nth(1).unwrap();
        let is_guarantee = Guarantee::ALL.iter().any(|guarantee| guarantee.name() == name);
        assert!(is_guarantee || keys::ALL.iter().any(|table| table.get(name).is_some()), "{row}");
    }
}

/// The manifests in the reference, which begin with `version`, are taken as they stand.
#[test]
fn the_examples_are_right() {
    let text = documentation();
    let examples: Vec<&str> = text
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|toml| toml.contains("version = 1"))
        .collect();
    assert!(examples.len() >= 2);
    for example in examples {
        assert_eq!(errors(example), [], "{example}");
    }
}

/// A line in the table that it is a line of.
pub(super) fn around(table: &Keys, line: &str) -> String {
    match table.place {
        "the manifest" => line.to_owned(),
        "`sidecar`" => format!("[sidecar]\n{line}"),
        "`network`" => format!("[network]\n{line}"),
        "a bottle" => format!("[bottle.a]\n{line}"),
        "`image`" => format!("[bottle.a.image]\n{line}"),
        "`prompt`" => format!("[bottle.a.prompt]\n{line}"),
        "`workspace`" => format!("[bottle.a.workspace]\n{line}"),
        "a value of `env`" => format!("[bottle.a.env.A]\n{line}"),
        "`egress`" => format!("[bottle.a.egress]\n{line}"),
        "`limits`" => format!("[bottle.a.limits]\n{line}"),
        "`ssh`" => format!("[[bottle.a.ssh]]\n{line}"),
        "`copy`" => format!("[[bottle.a.copy]]\n{line}"),
        "`unsafe`" => format!("[[bottle.a.unsafe]]\n{line}"),
        "`allow` of `unsafe`" => format!("[[bottle.a.unsafe]]\nallow = {{ {line} }}"),
        "`exec`" => format!("[[bottle.a.exec]]\n{line}"),
        other => panic!("{other}"),
    }
}

/// A key that is listed and that no arm of the parser reads would be taken and forgotten.
#[test]
fn every_key_is_read() {
    for table in keys::ALL {
        for key in table.keys {
            let text = around(table, &format!("{} = 1979-05-27", key.name));
            let found = read(&text).unwrap_err();
            assert!(
                found.errors().iter().any(|error| error.code() == Code::WrongType),
                "{} of {}: {:?}",
                key.name,
                table.place,
                found.errors()
            );
        }
    }
}
