mod any;
mod bad;
mod given_up;
mod good;
mod merging;
mod reference;
mod schema;

use super::memory::Memory;
use super::{Code, Manifest, ManifestErrors, parse};

/// The files that the tests' manifests name.
fn files() -> Memory {
    Memory::of(&[
        ("Dockerfile", "FROM scratch\n"),
        ("settings.json", "{}"),
        ("prompts/implementer.md", "Implement."),
        ("skills/review/SKILL.md", ""),
        ("skills/write/SKILL.md", ""),
        ("other/review/SKILL.md", ""),
        ("repository/.git/HEAD", ""),
        ("worktree/.git", "gitdir: elsewhere"),
        ("plain/file", ""),
        ("/etc/hosts", ""),
        ("/var/run/", ""),
        ("/data/file", ""),
        ("~/.ssh/id_ed25519", ""),
        ("~/.ssh/id_ed25519.pub", ""),
    ])
}

fn read(text: &str) -> Result<Manifest, ManifestErrors> {
    parse("bottle.toml", text.as_bytes(), &files())
}

/// A manifest with one bottle, after the lines of its table.
fn bottle(lines: &str) -> String {
    format!("version = 1\nname = \"acme\"\n[bottle.one]\nimage = {{ ref = \"node\" }}\n{lines}\n")
}

/// The errors of a text: the kind of each, with the text that it points at.
fn errors(text: &str) -> Vec<(Code, &str)> {
    match read(text) {
        Ok(_) => Vec::new(),
        Err(errors) => {
            assert!(!errors.errors().is_empty());
            errors
                .errors()
                .iter()
                .map(|error| (error.code(), error.span().map_or("", |span| text.get(span).unwrap_or("?"))))
                .collect()
        }
    }
}

/// As a terminal shows it.
fn rendered(errors: &ManifestErrors) -> String {
    let mut out = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut out, errors)
        .unwrap();
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
