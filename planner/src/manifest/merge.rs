//! Layers laid over one another: `[defaults]`, then what `extends` names from the furthest on, then the bottle.
//!
//! A later single value takes the place of an earlier one, tables are merged key by key, and a later list is added at the end.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use toml::Spanned;

use super::env::SSH_SOCKET;
use super::error::{Code, ManifestError, shown};
use super::guest::{self, GuestPath};
use super::keys;
use super::layer::{Layer, NamedLayer};
use super::limits::SomeLimits;
use super::model::{Bottle, Copy, EnvValue, Prompt, Workspace};
use super::read::{Reader, Span};
use crate::name::BottleName;

/// How many bottles `extends` may lead through. Each bottle repeats all that lies under it.
const DEEPEST: usize = 16;
/// How many things all bottles together may list once merged. A manifest of 1 MiB could multiply itself to billions.
const MOST: usize = 1 << 20;

/// How far the way of a bottle's `extends` has been followed.
#[derive(Clone, Copy)]
enum Way {
    Open,
    /// Ended, after so many bottles.
    Ends(usize),
    /// Broken: by a cycle, an unknown name or its length.
    Broken,
}

impl Reader<'_> {
    /// The bottles, sorted by name, without templates.
    pub(super) fn merge(
        &mut self,
        defaults: &Layer,
        layers: &IndexMap<String, NamedLayer>,
    ) -> IndexMap<BottleName, Bottle> {
        let ways = self.follow(layers);
        let mut bottles = Vec::new();
        let mut listed = 0;
        for named in layers.values() {
            let NamedLayer { name, checked, layer } = named;
            let is_template = layer.template.as_ref().is_some_and(|template| *template.get_ref());
            if is_template {
                self.gives_nothing_up(layer, "a template");
            }
            if is_template || !matches!(ways.get(name.get_ref().as_str()), Some(Way::Ends(_))) {
                continue;
            }
            let mut chain = vec![layer];
            let mut next = layer.extends.as_ref();
            while let Some(parent) = next.and_then(|parent| layers.get(parent.get_ref())) {
                chain.push(&parent.layer);
                next = parent.layer.extends.as_ref();
            }
            chain.push(defaults);
            chain.reverse();
            listed += chain.iter().map(|layer| layer.size()).sum::<usize>();
            if listed > MOST {
                self.report(
                    ManifestError::at(Code::TooLarge, name.span(), format!("the bottles list more than {MOST} things"))
                        .label("at this bottle, defaults and what it extends included")
                        .help("every bottle repeats what `[defaults]` lists; move long lists to the bottles that need them"),
                );
                break;
            }
            let bottle = self.bottle(name.span(), checked.as_ref(), &chain);
            bottles.extend(bottle);
        }
        bottles.sort_by(|a, b| a.name.cmp(&b.name));
        bottles.into_iter().map(|bottle| (bottle.name.clone(), bottle)).collect()
    }

    /// Follows every `extends` to its end, each once.
    fn follow<'l>(&mut self, layers: &'l IndexMap<String, NamedLayer>) -> HashMap<&'l str, Way> {
        let mut ways: HashMap<&str, Way> = HashMap::with_capacity(layers.len());
        for start in layers.values() {
            let mut path: Vec<&NamedLayer> = Vec::new();
            let mut here = start;
            let mut depth = loop {
                match ways.get(here.name.get_ref().as_str()) {
                    Some(Way::Ends(depth)) => break Some(*depth),
                    Some(Way::Broken) => break None,
                    Some(Way::Open) => {
                        self.cycle(&path, here);
                        break None;
                    }
                    None => {}
                }
                ways.insert(here.name.get_ref(), Way::Open);
                path.push(here);
                let Some(parent) = &here.layer.extends else { break Some(0) };
                match layers.get(parent.get_ref()) {
                    Some(next) => here = next,
                    None => {
                        self.no_such_bottle(parent, layers);
                        break None;
                    }
                }
            };
            for named in path.into_iter().rev() {
                if depth == Some(DEEPEST)
                    && let Some(extends) = &named.layer.extends
                {
                    self.report(
                        ManifestError::at(
                            Code::ExtendsDepth,
                            extends.span(),
                            "`extends` leads through too many bottles",
                        )
                        .label(format!("the {}th from here on", DEEPEST + 1))
                        .help(format!(
                            "nobody can tell any more what such a bottle holds; at most {DEEPEST} may stand in a row"
                        )),
                    );
                    depth = None;
                }
                depth = depth.map(|depth| depth + 1);
                ways.insert(named.name.get_ref(), depth.map_or(Way::Broken, Way::Ends));
            }
        }
        ways
    }

    fn cycle(&mut self, path: &[&NamedLayer], back: &NamedLayer) {
        let from = path.iter().position(|named| named.name == back.name).unwrap_or(0);
        let round = path.get(from..).unwrap_or_default();
        let Some(extends) = back.layer.extends.as_ref() else { return };
        let mut names: Vec<String> = round.iter().take(DEEPEST).map(|named| shown(named.name.get_ref())).collect();
        if round.len() > DEEPEST {
            names.push("...".to_owned());
        }
        names.push(shown(back.name.get_ref()));
        let mut error = ManifestError::at(
            Code::ExtendsCycle,
            extends.span(),
            format!("`extends` goes round in a circle: {}", names.join(" -> ")),
        )
        .label("begins here")
        .help("a bottle cannot be made of itself; take one of these out");
        if let Some(last) =
            round.last().filter(|last| last.name != back.name).and_then(|last| last.layer.extends.as_ref())
        {
            error = error.and(last.span(), "and comes back here");
        }
        self.report(error);
    }

    fn no_such_bottle(&mut self, parent: &Spanned<String>, layers: &IndexMap<String, NamedLayer>) {
        let text = parent.get_ref();
        let instead = match self.nearest_of_many(text, layers.keys().map(String::as_str)) {
            Some(name) => format!("did you mean `{}`?", shown(name)),
            None => {
                format!("add `[bottle.{}]`, with `template = true` if it is not to be a bottle itself", shown(text))
            }
        };
        self.report(
            ManifestError::at(Code::ExtendsUnknown, parent.span(), format!("there is no bottle `{}`", shown(text)))
                .label("not a bottle of this manifest")
                .help(format!("what is not there cannot be taken over; {instead}")),
        );
    }

    /// One bottle of its layers, the lowest first.
    fn bottle(&mut self, place: Span, name: Option<&BottleName>, chain: &[&Layer]) -> Option<Bottle> {
        let image = last(chain, |layer| layer.image.as_ref()).cloned();
        if image.is_none() {
            self.missing_key(&keys::BOTTLE, "image", place.clone());
        }
        let user = last(chain, |layer| layer.user.as_ref());
        let prompt = last(chain, |layer| layer.prompt.as_ref());
        let workspace = last(chain, |layer| layer.workspace.as_ref());
        let skills: Vec<_> = all(chain, |layer| &layer.skills).collect();
        let ssh: Vec<_> = all(chain, |layer| &layer.ssh).collect();
        let copy: Vec<_> = all(chain, |layer| &layer.copy).collect();
        let home = match last(chain, |layer| layer.home.as_ref()) {
            Some(home) => home.clone(),
            None => match guest::home_of(user.map(|user| user.get_ref().as_str())) {
                Some(home) => home,
                None => {
                    let tilde = |path: &Spanned<GuestPath>| matches!(path.get_ref(), GuestPath::Home(_));
                    if !skills.is_empty()
                        || !ssh.is_empty()
                        || prompt.is_some()
                        || workspace.is_some_and(|workspace| tilde(&workspace.get_ref().to))
                        || copy.iter().any(|copy| tilde(&copy.to))
                    {
                        self.no_home(user, place);
                        guest::UNKNOWN_HOME.to_owned()
                    } else {
                        guest::NO_HOME.to_owned()
                    }
                }
            },
        };
        let agent = last(chain, |layer| layer.agent.as_ref()).copied().unwrap_or_default();
        let mut env: BTreeMap<String, EnvValue> = BTreeMap::new();
        for (variable, value) in chain.iter().flat_map(|layer| &layer.env) {
            if variable == SSH_SOCKET && !ssh.is_empty() {
                self.ssh_socket(value.span());
            }
            env.insert(variable.clone(), value.get_ref().clone());
        }
        self.same_aliases(&ssh);
        self.places(&home, agent, prompt, workspace, &skills, &ssh, &copy);

        let mut requires = Vec::new();
        for guarantee in all(chain, |layer| &layer.requires) {
            if !requires.contains(guarantee) {
                requires.push(*guarantee);
            }
        }
        // Of its own table alone.
        let own = chain.last().map_or(&[][..], |layer| &layer.given_up);
        self.check_given_up(own, &requires, workspace);
        let mut given_up: Vec<_> = own.iter().map(|one| one.get_ref().clone()).collect();
        given_up.sort_unstable();
        let mut limits = SomeLimits::default();
        for layer in chain {
            limits.under(&layer.limits);
        }
        let mut allow: Vec<String> = all(chain, |layer| &layer.allow).cloned().collect();
        allow.sort_unstable();
        allow.dedup();
        Some(Bottle {
            name: name?.clone(),
            sandbox: last(chain, |layer| layer.sandbox.as_ref()).copied(),
            image: image?,
            user: user.map(|user| user.get_ref().clone()),
            agent,
            command: last(chain, |layer| layer.command.as_ref())
                .cloned()
                .unwrap_or_else(|| vec!["sleep".to_owned(), "infinity".to_owned()]),
            requires,
            runtime: last(chain, |layer| layer.runtime.as_ref()).copied().unwrap_or_default(),
            limits: limits.or_default(),
            skills: skills.into_iter().map(|skill| skill.get_ref().clone()).collect(),
            prompt: prompt.map(|prompt: &Spanned<Prompt>| prompt.get_ref().clone()),
            workspace: workspace.map(|workspace| {
                let workspace = workspace.get_ref();
                Workspace { from: workspace.from.clone(), to: workspace.to.get_ref().below(&home), how: workspace.how }
            }),
            env,
            egress: super::model::Egress { allow, via: last(chain, |layer| layer.via.as_ref()).copied() },
            ssh: ssh.into_iter().map(|key| key.get_ref().clone()).collect(),
            copy: copy
                .into_iter()
                .map(|copy| Copy {
                    from: copy.from.clone(),
                    to: copy.to.get_ref().below(&home),
                    owner: copy.owner.clone(),
                    mode: copy.mode,
                })
                .collect(),
            exec: all(chain, |layer| &layer.exec).cloned().collect(),
            given_up,
            home,
        })
    }

    fn no_home(&mut self, user: Option<&Spanned<String>>, place: Span) {
        let number = user.map_or("", |user| user.get_ref());
        self.report(
            ManifestError::at(
                Code::Home,
                user.map_or(place, Spanned::span),
                format!("the home of the user {} is not known", shown(number)),
            )
            .label("a number tells nothing about a home")
            .help("skills, prompt, ssh and `~` need one; add `home = \"/home/...\"`, or name the user"),
        );
    }

    fn ssh_socket(&mut self, span: Span) {
        self.report(
            ManifestError::at(Code::EnvReserved, span, format!("`{SSH_SOCKET}` is set by bottle itself"))
                .label("reserved where there are `ssh` keys")
                .help(
                    "it leads ssh to the agent that holds the keys, and another value would cut it off; leave it out",
                ),
        );
    }

    fn same_aliases(&mut self, keys: &[&Spanned<super::model::SshKey>]) {
        let mut seen = HashMap::new();
        for key in keys {
            let host = &key.get_ref().host;
            if let Some(first) = seen.insert(host, key.span()) {
                self.report(
                    ManifestError::at(Code::Ssh, key.span(), format!("the bottle has two keys for the host `{host}`"))
                        .label("the second")
                        .and(first, "the first")
                        .help("ssh would use only the first; give one of them another `host`, and the server as `hostname`"),
                );
            }
        }
    }
}

impl Layer {
    /// How many things it lists.
    fn size(&self) -> usize {
        let Self { requires, skills, env, allow, ssh, copy, exec, command, .. } = self;
        let command = command.as_ref().map_or(0, Vec::len);
        requires.len() + skills.len() + env.len() + allow.len() + ssh.len() + copy.len() + exec.len() + command + 1
    }
}

/// The value of the topmost layer that has one.
fn last<'l, T: ?Sized>(chain: &[&'l Layer], of: impl Fn(&'l Layer) -> Option<&'l T>) -> Option<&'l T> {
    chain.iter().rev().find_map(|layer| of(layer))
}

/// The lists of all layers, the lowest first.
fn all<'l, T: 'l>(chain: &[&'l Layer], of: impl Fn(&'l Layer) -> &'l [T]) -> impl Iterator<Item = &'l T> {
    chain.iter().flat_map(move |layer| of(layer))
}
