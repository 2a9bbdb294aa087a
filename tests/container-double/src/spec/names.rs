//! Names.

use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) fn container(name: &str, settings: &Settings) -> Result<(), Failure> {
    if name == "buildkit" {
        return Err(Failure::double("the name buildkit is the builder's"));
    }
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let fits = name.len() <= 63 || settings.version == "1.1.0";
    if fits && name.len() >= 2 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(inner) {
        return Ok(());
    }
    Err(Failure::new(format_args!("container ID {name} is not a valid container ID")))
}

pub(crate) fn network(name: &str) -> Result<(), Failure> {
    let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| end(c) || "._-".contains(c);
    if name == "none" {
        return Err(Failure::new("network none is not a valid name"));
    }
    if (1..=63).contains(&name.len()) && name.starts_with(end) && name.ends_with(end) && name.chars().all(inner) {
        return Ok(());
    }
    Err(Failure::new(format_args!("invalid network name: {name}")))
}

pub(crate) fn volume(name: &str) -> Result<(), Failure> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if (1..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(inner)
    {
        return Ok(());
    }
    Err(Failure::new(format_args!("invalid volume name: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(version: &str) -> Settings {
        Settings {
            state: "/x".into(),
            version: version.to_owned(),
            macos: 26,
            no_engine: true,
            internal_leaks: false,
            names: vec![],
            registry: vec![],
        }
    }

    #[test]
    fn names_have_a_grammar() {
        let long = "a".repeat(64);
        for (name, good) in
            [("ab", true), ("A.b_c-d", true), ("a", false), ("-ab", false), ("a b", false), (&long, false)]
        {
            assert_eq!(container(name, &settings("1.2.2")).is_ok(), good, "{name}");
        }
        assert!(container(&long, &settings("1.1.0")).is_ok());
        for (name, good) in
            [("a", true), ("a.b_c-d", true), ("A", false), ("a-", false), ("none", false), (&long, false)]
        {
            assert_eq!(network(name).is_ok(), good, "{name}");
        }
    }
}
