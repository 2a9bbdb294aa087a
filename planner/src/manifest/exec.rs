//! `exec` and `command`: programs with their arguments. No shell takes them apart.

use super::error::{Code, ManifestError};
use super::keys::{self, Key};
use super::model::Exec;
use super::read::{Reader, Span, Value};

impl Reader<'_> {
    pub(super) fn exec(&mut self, key: &Key, value: &Value<'_>) -> Vec<Exec> {
        let mut commands = Vec::new();
        for (table, span) in self.tables(key, value) {
            let (mut run, mut user) = (None, None);
            for (key, _, value) in self.entries(&keys::EXEC, table) {
                match key.name {
                    "run" => run = self.argv(key, value),
                    "user" => user = self.user(key, value),
                    _ => {}
                }
            }
            if !table.contains_key("run") {
                self.missing_key(&keys::EXEC, "run", span);
            }
            commands.extend(run.map(|run| Exec { run, user }));
        }
        commands
    }

    /// A program and its arguments.
    pub(super) fn argv(&mut self, key: &Key, value: &Value<'_>) -> Option<Vec<String>> {
        if let Some(line) = value.get_ref().as_str() {
            let words: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
            let array = format!("{} = [{}]", key.name, words.join(", "));
            let instead =
                if line.contains(['"', '\'', '$', '|', '&', ';', '>', '<', '*', '\n', '\\']) || array.len() > 80 {
                    format!("{} = [\"sh\", \"-c\", \"...\"]", key.name)
                } else {
                    array
                };
            self.report(
                ManifestError::at(
                    Code::WrongType,
                    value.span(),
                    format!("`{}` must be an array of strings, not a string", key.name),
                )
                .label("expected an array of strings")
                .help(format!("no shell takes it apart, so nothing in it is expanded by surprise; write `{instead}`")),
            );
            return None;
        }
        let strings = self.strings(key, value)?;
        let Some((program, first)) = strings.first() else {
            self.command(key, value.span(), "is empty", "there is no program to run");
            return None;
        };
        if program.is_empty() {
            self.command(key, first.clone(), "has no program", "the first string is the program's name");
            return None;
        }
        if let Some((_, span)) = strings.iter().find(|(text, _)| text.contains('\0')) {
            self.command(key, span.clone(), "has a NUL in it", "NUL ends an argument, and the rest would be lost");
            return None;
        }
        Some(strings.into_iter().map(|(text, _)| text.to_owned()).collect())
    }

    fn command(&mut self, key: &Key, span: Span, problem: &str, why: &str) {
        self.report(
            ManifestError::at(Code::Command, span, format!("`{}` {problem}", key.name))
                .label("cannot be run")
                .help(format!("{why}; write `{}`", key.example)),
        );
    }
}
