//! `egress`: the allowlist and the way out.

use super::error::{Code, ManifestError, shown};
use super::hosts::{self, Refused};
use super::keys::{self, Key};
use super::model::Via;
use super::read::{Reader, Value};

pub(super) const WAYS: &[(&str, Via)] = &[
    ("sidecar", Via::Sidecar),
    ("host-loopback", Via::HostLoopback),
    ("firewall", Via::Firewall),
    ("none", Via::None),
];

impl Reader<'_> {
    /// The hosts of the allowlist, and the way if one is named.
    pub(super) fn egress(&mut self, key: &Key, value: &Value<'_>) -> (Vec<String>, Option<Via>) {
        let (mut allow, mut via) = (Vec::new(), None);
        let Some(table) = self.table(key, value) else { return (allow, via) };
        for (key, _, value) in self.entries(&keys::EGRESS, table) {
            match key.name {
                "allow" => {
                    for (text, span) in self.strings(key, value).unwrap_or_default() {
                        match hosts::entry(text) {
                            Ok(host) => allow.push(host),
                            Err(Refused { problem, instead }) => self.report(
                                ManifestError::at(Code::Host, span, format!("`{}` {problem}", shown(text)))
                                    .label("refused in an allowlist")
                                    .help(instead),
                            ),
                        }
                    }
                }
                "via" => via = self.choice(key, value, WAYS),
                _ => {}
            }
        }
        (allow, via)
    }
}
