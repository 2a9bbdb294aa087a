//! `env`: literals, and secrets by name.

use std::collections::BTreeMap;

use toml::Spanned;

use super::error::{Code, ManifestError, shown};
use super::keys::{self, Key};
use super::model::EnvValue;
use super::read::{Reader, Span, Value, type_of};

/// Variables that bottle sets itself, in lower case: they lead the agent's traffic to its proxy.
pub(super) const RESERVED: &[&str] =
    &["http_proxy", "https_proxy", "all_proxy", "no_proxy", "npm_config_noproxy", "node_use_env_proxy"];
/// The variable that bottle sets when there are SSH keys.
pub(super) const SSH_SOCKET: &str = "SSH_AUTH_SOCK";

impl Reader<'_> {
    /// The variables, each with the place of its name.
    pub(super) fn env(&mut self, key: &Key, value: &Value<'_>) -> BTreeMap<String, Spanned<EnvValue>> {
        let mut env = BTreeMap::new();
        let Some(table) = self.table(key, value) else { return env };
        for (name, value) in table {
            let text = name.get_ref().as_ref();
            if self.env_name(text, name.span())
                && let Some(value) = self.env_value(text, value)
            {
                env.insert(text.to_owned(), Spanned::new(name.span(), value));
            }
        }
        env
    }

    fn env_name(&mut self, name: &str, span: Span) -> bool {
        if !is_variable(name) {
            self.report(
                ManifestError::at(Code::EnvName, span, format!("`{}` cannot be the name of a variable", shown(name)))
                    .label("not a variable's name")
                    .help("shells can only use letters, digits and `_`, not beginning with a digit: `GIT_AUTHOR_NAME`"),
            );
            return false;
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            self.report(
                ManifestError::at(Code::EnvReserved, span, format!("`{name}` is set by bottle itself"))
                    .label("reserved")
                    .help(
                        "it leads the agent's traffic to its proxy, and another value would cut the agent off; what may \
                         be reached is said by `egress.allow`",
                    ),
            );
            return false;
        }
        true
    }

    fn env_value(&mut self, name: &str, value: &Value<'_>) -> Option<EnvValue> {
        if let Some(text) = value.get_ref().as_str() {
            return self.literal(name, text, value.span());
        }
        let Some(table) = value.get_ref().as_table() else {
            self.report(
                ManifestError::at(
                    Code::WrongType,
                    value.span(),
                    format!("`{name}` must be a string or a table, not {}", type_of(value)),
                )
                .label("expected a string or a table")
                .help(format!(
                    "variables are text, and a number has several spellings; write the one you mean in quotes, \
                     `{name} = \"1\"`, or say where it comes from: `{name} = {{ env = \"HOST_VARIABLE\" }}`"
                )),
            );
            return None;
        };
        let which = self.either(&keys::ENV_VALUE, ["env", "ask"], table, value.span());
        let mut found = None;
        for (key, _, value) in self.entries(&keys::ENV_VALUE, table) {
            let Some(text) = self.string(key, value) else { continue };
            found = match key.name {
                "env" if is_variable(text) => Some(EnvValue::FromHost(text.to_owned())),
                "env" => {
                    self.report(
                        ManifestError::at(
                            Code::EnvName,
                            value.span(),
                            format!("`{}` cannot be a host's variable", shown(text)),
                        )
                        .label("not a variable's name")
                        .help("write the bare name, without `$` and braces: `env = \"GITHUB_TOKEN\"`"),
                    );
                    None
                }
                _ if text.trim().is_empty() || text.chars().any(char::is_control) => {
                    self.report(
                        ManifestError::at(Code::EnvValue, value.span(), format!("`{}` cannot be asked", shown(text)))
                            .label("not a prompt")
                            .help("somebody at a terminal must know what to type; write one line: `ask = \"paste your token\"`"),
                    );
                    None
                }
                _ => Some(EnvValue::Ask(text.to_owned())),
            };
        }
        which.and(found)
    }

    fn literal(&mut self, name: &str, text: &str, span: Span) -> Option<EnvValue> {
        if let Some(c) = text.chars().find(|c| matches!(c, '\n' | '\r' | '\0')) {
            self.report(
                ManifestError::at(Code::EnvValue, span, format!("the value of `{name}` has {c:?} in it"))
                    .label("more than one line")
                    .help(
                        "engines read variables line by line, so the rest would become another variable; put the text in a \
                         file and `copy` it",
                    ),
            );
            return None;
        }
        let variable = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        if let Some(variable) = variable.filter(|variable| is_variable(variable)) {
            self.report(
                ManifestError::at(
                    Code::EnvValue,
                    span,
                    format!("`{name}` would hold the text `{}` itself", shown(text)),
                )
                .label("nothing is put in here")
                .help(format!(
                    "values are taken as they are; for the host's variable write `{name} = {{ env = \"{}\" }}`",
                    shown(variable)
                )),
            );
            return None;
        }
        Some(EnvValue::Literal(text.to_owned()))
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`, and not endless.
pub(super) fn is_variable(text: &str) -> bool {
    text.len() <= 256
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
