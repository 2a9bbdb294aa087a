//! Whatever the bytes are, there is an answer, and every error points into them.

use proptest::prelude::*;

use super::files;
use crate::manifest::keys;
use crate::manifest::{ManifestErrors, parse};

/// What begins an order to a terminal.
const ESCAPE: char = '\u{1b}';

fn answer(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Err(errors) = parse("bottle.toml", bytes, &files()) {
        check(&errors, bytes.len())?;
    }
    Ok(())
}

fn check(errors: &ManifestErrors, length: usize) -> Result<(), TestCaseError> {
    prop_assert!(!errors.errors().is_empty());
    let mut last = 0;
    for error in errors.errors() {
        let span = error.span().unwrap_or(0..0);
        prop_assert!(span.start <= span.end && span.end <= length, "{error:?}");
        prop_assert!(span.start >= last, "{error:?}");
        prop_assert!(!error.to_string().contains(ESCAPE));
        last = span.start;
    }
    prop_assert!(!super::rendered(errors).contains(ESCAPE));
    Ok(())
}

/// A value of TOML, more often one that a manifest may have.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("\"node\"".to_owned()),
        Just("\".\"".to_owned()),
        Just("\"~/x\"".to_owned()),
        Just("\"*.example.org\"".to_owned()),
        Just("\"0600\"".to_owned()),
        Just("1".to_owned()),
        Just("-0x".to_owned()),
        Just("1e400".to_owned()),
        Just("true".to_owned()),
        Just("1979-05-27".to_owned()),
        any::<i128>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| format!("{text:?}")),
        "[^\"\\\\\\p{Cc}]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((name(), inner), 0..4).prop_map(|pairs| {
                let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
                format!("{{ {} }}", pairs.join(", "))
            }),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known: Vec<String> = keys::ALL.iter().flat_map(|table| table.keys).map(|key| key.name.to_owned()).collect();
    prop_oneof![4 => prop::sample::select(known), 1 => "[a-zA-Z0-9_-]{1,8}"]
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (name(), value()).prop_map(|(name, value)| format!("{name} = {value}\n")),
        1 => ("[abc]", name()).prop_map(|(bottle, name)| format!("[bottle.{bottle}.{name}]\n")),
        1 => ("[abc]", name()).prop_map(|(bottle, name)| format!("[[bottle.{bottle}.{name}]]\n")),
        1 => "[abc]".prop_map(|bottle| format!("[bottle.{bottle}]\n")),
        1 => ("[abc]", "[abc]").prop_map(|(bottle, other)| format!("[bottle.{bottle}]\nextends = \"{other}\"\n")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        answer(&bytes)?;
    }

    #[test]
    fn any_text_has_an_answer(text in "[\\[\\]{}=\",.#\n a-c\u{e9}\u{1b}'-]{0,80}") {
        answer(text.as_bytes())?;
    }

    #[test]
    fn any_toml_has_an_answer(lines in prop::collection::vec(line(), 0..16)) {
        answer(format!("version = 1\nname = \"acme\"\n{}", lines.concat()).as_bytes())?;
    }

    #[test]
    fn any_value_of_any_key_has_an_answer(key in name(), value in value()) {
        answer(format!("version = 1\nname = \"acme\"\n[bottle.a]\nimage.ref = \"node\"\n{key} = {value}\n").as_bytes())?;
    }
}

#[test]
fn long_values_are_an_error_and_not_a_wait() {
    let long = [
        format!("workspace = {{ from = \".\", to = \"{}\" }}", "/a".repeat(500_000)),
        format!("workspace = {{ from = \"{}\" }}", "a/".repeat(500_000)),
        format!(
            "egress = {{ allow = [\"{}\"] }}",
            (0..100_000).filter_map(|n| char::from_u32(0x4e00 + n % 20_000)).collect::<String>()
        ),
        format!("egress = {{ allow = [\"{}\"] }}", "a.".repeat(500_000)),
        format!("extends = \"{}\"", "a".repeat(1_000_000)),
        format!("{} = 1", "a".repeat(1_000_000)),
        format!("user = \"{}\"", "1".repeat(1_000_000)),
        format!("image = {{ ref = \"{}\" }}", "A/".repeat(500_000)),
        format!("sandbox = \"{}\"", "v".repeat(1_000_000)),
    ];
    for lines in long {
        let text = format!("version = 1\nname = \"acme\"\n[defaults]\n{lines}\n[bottle.a]\nimage.ref = \"node\"\n");
        assert!(parse("bottle.toml", text.as_bytes(), &files()).is_err(), "{}", &lines[..40]);
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    for text in [
        format!("x = {}{}", "[".repeat(500_000), "]".repeat(500_000)),
        format!("x = {}1{}", "{a=".repeat(250_000), "}".repeat(250_000)),
        format!("{}a = 1", "a.".repeat(500_000)),
        format!("[{}a]", "a.".repeat(500_000)),
        format!("x = {{ {}a = 1 }}", "a.".repeat(500_000)),
        "[".repeat(1_000_000),
        "[[a.b]]\n".repeat(100_000),
        "foo\n".repeat(200_000),
    ] {
        assert!(parse("bottle.toml", text.as_bytes(), &files()).is_err());
    }
}
