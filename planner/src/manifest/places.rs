//! What goes where in one bottle: no two things to one place, nothing below a file, nothing through a mount.

use std::collections::HashMap;

use toml::Spanned;

use super::error::{Code, ManifestError, shown};
use super::layer::{SomeCopy, SomeWorkspace};
use super::model::{Agent, Prompt, SshKey, WorkspaceMode};
use super::read::{Reader, Span};
use crate::source::SourcePath;

/// Where a bottle's prompt is written, below its home.
pub(super) const PROMPT: &str = ".bottle-prompt.md";

const SKILL: &str = "a skill";

/// Something that is put in the guest.
struct Place {
    path: String,
    span: Span,
    what: &'static str,
    is: Is,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    File,
    Folder,
    Mount,
}

impl Reader<'_> {
    #[expect(clippy::too_many_arguments, reason = "each is one of the keys that put something in the guest")]
    pub(super) fn places(
        &mut self,
        home: &str,
        agent: Agent,
        prompt: Option<&Spanned<Prompt>>,
        workspace: Option<&Spanned<SomeWorkspace>>,
        skills: &[&Spanned<SourcePath>],
        ssh: &[&Spanned<SshKey>],
        copies: &[&SomeCopy],
    ) {
        let mut places = Vec::new();
        if let Some(workspace) = workspace {
            let SomeWorkspace { to, how, .. } = workspace.get_ref();
            let (path, is) = match how {
                WorkspaceMode::Git => (format!("{}/.git", to.get_ref().below(home)), Is::Folder),
                WorkspaceMode::Mount => (to.get_ref().below(home), Is::Mount),
                WorkspaceMode::Copy | WorkspaceMode::Bake => (to.get_ref().below(home), Is::Folder),
            };
            places.push(Place { path, span: to.span(), what: "the workspace", is });
        }
        if let Some(prompt) = prompt {
            places.push(Place {
                path: format!("{home}/{PROMPT}"),
                span: prompt.span(),
                what: "the prompt",
                is: Is::File,
            });
        }
        for skill in skills {
            let path = format!("{home}/{}/{}", agent.skills_folder(), skill.get_ref().file_name());
            places.push(Place { path, span: skill.span(), what: SKILL, is: Is::Folder });
        }
        if let Some(first) = ssh.first() {
            for (name, is) in [(".ssh", Is::Folder), (".ssh/config", Is::File), (".ssh/known_hosts", Is::File)] {
                places.push(Place {
                    path: format!("{home}/{name}"),
                    span: first.span(),
                    what: "the configuration of ssh",
                    is,
                });
            }
        }
        for copy in copies {
            places.push(Place {
                path: copy.to.get_ref().below(home),
                span: copy.to.span(),
                what: "a copy",
                is: if copy.folder { Is::Folder } else { Is::File },
            });
        }
        self.collisions(&places);
    }

    fn collisions(&mut self, places: &[Place]) {
        let mut at: HashMap<&str, &Place> = HashMap::with_capacity(places.len());
        for place in places {
            match at.get(place.path.as_str()) {
                Some(first) => self.taken(first, place),
                None => {
                    at.insert(&place.path, place);
                }
            }
        }
        for place in places {
            let above = place.path.match_indices('/').filter_map(|(end, _)| at.get(place.path.get(..end)?));
            for above in above.copied().collect::<Vec<_>>() {
                match above.is {
                    Is::File => self.below_a_file(above, place),
                    Is::Mount => self.through_the_mount(above, place),
                    Is::Folder => {}
                }
            }
        }
    }

    fn taken(&mut self, first: &Place, second: &Place) {
        let (first, second) = in_order(first, second);
        let error = if first.what == SKILL && second.what == SKILL {
            let name = second.path.rsplit('/').next().unwrap_or_default();
            ManifestError::at(Code::Skill, second.span.clone(), format!("two skills would be called `{}`", shown(name)))
                .help(
                    "a skill is named by its folder, and one would be mixed into the other; rename one or leave it out",
                )
        } else {
            let message = format!("two things would be put at `{}`", shown(&second.path));
            ManifestError::at(Code::DestinationTaken, second.span.clone(), message)
                .help("one would be written over the other; choose another place for one of them or leave it out")
        };
        self.report(error.label(second.what).and(first.span.clone(), first.what));
    }

    fn below_a_file(&mut self, above: &Place, below: &Place) {
        self.report(
            ManifestError::at(
                Code::DestinationTaken,
                below.span.clone(),
                format!("`{}` is below `{}`, which is a file", shown(&below.path), shown(&above.path)),
            )
            .label("below a file")
            .and(above.span.clone(), "the file")
            .help("nothing can be put below a file; choose another place for one of them"),
        );
    }

    fn through_the_mount(&mut self, above: &Place, below: &Place) {
        self.report(
            ManifestError::at(
                Code::DestinationTaken,
                below.span.clone(),
                format!("{} would be written through the mount at `{}`", below.what, shown(&above.path)),
            )
            .label(format!("goes to `{}`", shown(&below.path)))
            .and(above.span.clone(), "the mount")
            .help(
                "what is put below a mounted workspace lands in the host's own folder; choose a place outside it, or write \
                 `how = \"copy\"`",
            ),
        );
    }
}

fn in_order<'p>(one: &'p Place, other: &'p Place) -> (&'p Place, &'p Place) {
    if one.span.start <= other.span.start { (one, other) } else { (other, one) }
}
