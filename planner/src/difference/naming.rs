//! Lines of operations without what only follows from something else: digests in labels and tags, and the names of bottles.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::intent::{Step, pipelock};
use crate::operation::{LABEL_DIGEST, Operation};
use crate::plan::Plan;
use crate::render::operation_text;

/// What stands for a masked text. It is in no text of a plan: deceiving characters are written out there.
const MASK: &str = "\u{0}";

/// The names of one plan that are masked.
pub(super) struct Naming<'p> {
    project: &'p str,
    /// Images that are built and stages: names that end with the digest of what is in them, and the same without it.
    contents: BTreeMap<String, String>,
    /// The addresses and ports of each bottle that are chosen by a hash of its name.
    places: BTreeMap<&'p str, Vec<String>>,
}

/// A line, and the same as it is compared.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    pub(super) shown: String,
    pub(super) key: String,
}

impl<'p> Naming<'p> {
    pub(super) fn of(plan: &'p Plan) -> Self {
        let mut contents = BTreeMap::new();
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for operation in plan.entries.iter().filter_map(|entry| entry.operation.as_ref()) {
            match &operation.step {
                Step::BuildImage(build) => {
                    if let Some((name, _)) = build.image.0.split_once(':') {
                        contents.insert(build.image.0.clone(), format!("{name}:{MASK}{}", within(&operation.address)));
                    }
                }
                Step::Stage(stage) => {
                    if let Some((name, _)) = stage.name.0.rsplit_once('-') {
                        contents.insert(stage.name.0.clone(), format!("{name}-{MASK}"));
                    }
                }
                Step::CreateNetwork(network) => {
                    if let (Some(bottle), Some(subnet)) = (operation.address.bottle(), network.subnet) {
                        let known = places.entry(bottle).or_default();
                        known.push(subnet.to_string());
                        // Its gateway and members; the few addresses of a bottle's own network, never those of a wide one.
                        known.extend(subnet.hosts().take(8).map(|address| address.to_string()));
                    }
                }
                Step::StartProcess(process) => {
                    if let Some(bottle) = operation.address.bottle() {
                        let port = pipelock::shared_metrics(&process.name.0);
                        places.entry(bottle).or_default().push(format!("127.0.0.1:{port}"));
                    }
                }
                _ => {}
            }
        }
        Self { project: plan.project.as_str(), contents, places }
    }

    /// The lines of an operation.
    pub(super) fn lines(&self, operation: &Operation) -> Vec<Keyed> {
        let own_digest = format!("{LABEL_DIGEST}={}", operation.digest.short());
        let lines = operation_text(operation);
        let lines = lines.lines().map(|line| Keyed {
            shown: line.to_owned(),
            key: self.key(&operation.step, &line.replace(&own_digest, LABEL_DIGEST)),
        });
        lines.collect()
    }

    /// A text without digests of content, unless it is what makes that content: there they are the change itself.
    pub(super) fn key(&self, step: &Step, text: &str) -> String {
        let mut key = text.to_owned();
        if !matches!(step, Step::BuildImage(_)) {
            for (name, masked) in &self.contents {
                if key.contains(name.as_str()) {
                    key = key.replace(name.as_str(), masked);
                }
            }
        }
        let key = key.replace(&format!("bottle_{}_", self.project), &format!("bottle_{MASK}_"));
        key.replace(&format!("bottle.project={}", self.project), &format!("bottle.project={MASK}"))
    }

    /// A key without the name of its bottle.
    pub(super) fn nameless(&self, bottle: &str, key: &str) -> String {
        let key = bounded(key, &format!("bottle_{MASK}_{bottle}"), "bottle");
        let key = key.replace(&format!("bottle.address={bottle}/"), &format!("bottle.address={MASK}/"));
        key.replace(&format!("${{{bottle}/"), &format!("${{{MASK}/"))
    }

    /// A key without the name of its bottle, and without the addresses that are chosen by it.
    pub(super) fn placeless(&self, bottle: &str, key: &str) -> String {
        let mut key = self.nameless(bottle, key);
        for address in self.places.get(bottle).into_iter().flatten() {
            key = bounded(&key, address, "address");
        }
        key
    }

    /// What an input says, as a key.
    pub(super) fn input(&self, operation: &Operation, text: &str) -> String {
        self.key(&operation.step, text)
    }
}

/// Replaces a name where it ends: `agent-1` is not in `agent-10`.
fn bounded(text: &str, name: &str, what: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, behind) = rest.split_at(at);
        let behind = &behind[name.len()..];
        out.push_str(before);
        let goes_on = behind.starts_with(|c: char| c.is_ascii_alphanumeric())
            || behind.strip_prefix('-').is_some_and(|more| more.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if goes_on {
            out.push_str(name);
        } else {
            out.push_str(MASK);
            out.push_str(what);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The part of an address behind its bottle.
pub(super) fn within(address: &Address) -> &str {
    address.as_str().split_once('/').map_or(address.as_str(), |(_, within)| within)
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn a_name_is_masked_where_it_ends() {
        let of = |text| bounded(text, "p_a-1", "n").replace('\u{0}', "#");
        assert_eq!(of("p_a-1 p_a-10 p_a-1-b p_a-1_pipelock,p_a-1"), "#n p_a-10 p_a-1-b #n_pipelock,#n");
    }
}
