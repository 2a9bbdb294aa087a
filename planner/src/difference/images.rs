//! What containers start from, and as whom they run.

use std::collections::{BTreeMap, HashMap};

use super::bottles::Matched;
use crate::intent::{Context, ImageName, Role, Step};
use crate::plan::Plan;

/// What of a container is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// The image that it starts from.
    Image,
    /// The user that its command runs as.
    User,
}

impl Aspect {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::User => "user",
        }
    }
}

/// An image or a user that is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Became {
    /// The bottle.
    pub bottle: String,
    /// Whether it is the bottle's sidecar.
    pub sidecar: bool,
    /// Which of the two.
    pub aspect: Aspect,
    /// What it was; `None` where the image says.
    pub from: Option<String>,
    /// What it is.
    pub to: Option<String>,
}

/// The image and the user of each container, by bottle, and whether it is a sidecar.
fn containers(plan: &Plan) -> BTreeMap<(&str, bool), (String, Option<&str>)> {
    let operations = || plan.entries.iter().filter_map(|entry| entry.operation.as_ref());
    let built: HashMap<&ImageName, String> = operations()
        .filter_map(|operation| match &operation.step {
            Step::BuildImage(build) => Some((&build.image, described(&build.context, build.content.short()))),
            _ => None,
        })
        .collect();
    let mut found = BTreeMap::new();
    for operation in operations() {
        if let (Step::CreateContainer(container), Some(bottle)) = (&operation.step, operation.address.bottle()) {
            let image = built.get(&container.image).cloned().unwrap_or_else(|| container.image.0.clone());
            found.insert((bottle, container.role == Role::Sidecar), (image, container.user.as_deref()));
        }
    }
    found
}

fn described(context: &Context, content: &str) -> String {
    match context {
        Context::Folder { folder, dockerfile } => format!("built from {}, content {content}", folder.join(dockerfile)),
        Context::Baked { base, .. } => format!("baked on {base}, content {content}"),
    }
}

pub(super) fn between(from: &Plan, to: &Plan, matched: &Matched) -> Vec<Became> {
    let (before, after) = (containers(from), containers(to));
    let mut changes = Vec::new();
    for ((bottle, sidecar), (image, user)) in &after {
        let is_added = matched.added.iter().any(|name| name.as_str() == *bottle);
        let was = before.get(&(*bottle, *sidecar));
        let change = |aspect, from, to| Became { bottle: (*bottle).to_owned(), sidecar: *sidecar, aspect, from, to };
        match was {
            Some((was, _)) if was != image => {
                changes.push(change(Aspect::Image, Some(was.clone()), Some(image.clone())));
            }
            // A bottle that is new says what it runs, and as whom.
            None if is_added && !sidecar => {
                changes.push(change(Aspect::Image, None, Some(image.clone())));
                changes.push(change(Aspect::User, None, user.map(str::to_owned)));
            }
            _ => {}
        }
        if let Some((_, was)) = was.filter(|(_, was)| was != user) {
            changes.push(change(Aspect::User, was.map(str::to_owned), user.map(str::to_owned)));
        }
    }
    changes.sort_by(|a, b| (a.aspect, &a.bottle, a.sidecar).cmp(&(b.aspect, &b.bottle, b.sidecar)));
    changes
}
