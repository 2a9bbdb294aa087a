//! One `[defaults]` or `[bottle.NAME]` as it is written, with what is wrong in it on its own already reported.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeTable;

use super::allowance::Allowance;
use super::error::{Code, ManifestError, shown};
use super::guest::{self, GuestPath};
use super::keys::{self, Key};
use super::limits::SomeLimits;
use super::model::{Agent, EnvValue, Exec, Image, Prompt, Runtime, Sandbox, SshKey, Via, WorkspaceMode};
use super::read::{Reader, Span, Value};
use super::sources::Want;
use crate::guarantee::Guarantee;
use crate::name::BottleName;
use crate::source::{FileError, Kind, SourcePath};

pub(super) const SANDBOXES: &[(&str, Sandbox)] = &[("shared-kernel", Sandbox::SharedKernel), ("vm", Sandbox::Vm)];
pub(super) const AGENTS: &[(&str, Agent)] = &[("claude", Agent::Claude), ("codex", Agent::Codex)];
pub(super) const RUNTIMES: &[(&str, Runtime)] =
    &[("auto", Runtime::Auto), ("runsc", Runtime::Runsc), ("runc", Runtime::Runc)];
pub(super) const WAYS_IN: &[(&str, WorkspaceMode)] = &[
    ("copy", WorkspaceMode::Copy),
    ("mount", WorkspaceMode::Mount),
    ("bake", WorkspaceMode::Bake),
    ("git", WorkspaceMode::Git),
];

/// What one table says. A value that was refused leaves a stand-in, so that it is not also reported as missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) extends: Option<Spanned<String>>,
    pub(super) template: Option<Spanned<bool>>,
    pub(super) sandbox: Option<Sandbox>,
    pub(super) image: Option<Image>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) home: Option<String>,
    pub(super) agent: Option<Agent>,
    pub(super) command: Option<Vec<String>>,
    pub(super) requires: Vec<Guarantee>,
    pub(super) runtime: Option<Runtime>,
    pub(super) limits: SomeLimits,
    pub(super) skills: Vec<Spanned<SourcePath>>,
    pub(super) prompt: Option<Spanned<Prompt>>,
    pub(super) workspace: Option<Spanned<SomeWorkspace>>,
    pub(super) env: BTreeMap<String, Spanned<EnvValue>>,
    pub(super) allow: Vec<String>,
    pub(super) via: Option<Via>,
    pub(super) ssh: Vec<Spanned<SshKey>>,
    pub(super) copy: Vec<SomeCopy>,
    pub(super) exec: Vec<Exec>,
    pub(super) given_up: Vec<Spanned<Allowance>>,
}

/// A bottle's table under its name, which may have been refused.
#[derive(Clone, Debug)]
pub(super) struct NamedLayer {
    pub(super) name: Spanned<String>,
    pub(super) checked: Option<BottleName>,
    pub(super) layer: Layer,
}

/// A workspace whose home is not known yet.
#[derive(Clone, Debug)]
pub(super) struct SomeWorkspace {
    pub(super) from: SourcePath,
    pub(super) to: Spanned<GuestPath>,
    pub(super) how: WorkspaceMode,
}

/// A copy whose home is not known yet.
#[derive(Clone, Debug)]
pub(super) struct SomeCopy {
    pub(super) from: SourcePath,
    pub(super) folder: bool,
    pub(super) to: Spanned<GuestPath>,
    pub(super) owner: Option<String>,
    pub(super) mode: Option<u32>,
}

impl Reader<'_> {
    pub(super) fn layer(&mut self, table: &DeTable<'_>) -> Layer {
        let mut layer = Layer::default();
        let mut user_refused = false;
        for (key, name, value) in self.entries(&keys::BOTTLE, table) {
            match key.name {
                "extends" => {
                    layer.extends = self.string(key, value).map(|text| Spanned::new(value.span(), text.to_owned()));
                }
                "template" => layer.template = self.boolean(key, value).map(|truth| Spanned::new(name.span(), truth)),
                "sandbox" => layer.sandbox = self.choice(key, value, SANDBOXES),
                "image" => layer.image = Some(self.image(key, value).unwrap_or_else(|| Image::Ref(String::new()))),
                "user" => {
                    let user = self.user(key, value);
                    user_refused = user.is_none();
                    layer.user = Some(Spanned::new(value.span(), user.unwrap_or_default()));
                }
                "home" => layer.home = Some(self.home(key, value).unwrap_or_else(|| guest::UNKNOWN_HOME.to_owned())),
                "agent" => layer.agent = self.choice(key, value, AGENTS),
                "command" => layer.command = self.argv(key, value),
                "requires" => layer.requires = self.guarantees(key, value),
                "runtime" => layer.runtime = self.choice(key, value, RUNTIMES),
                "limits" => layer.limits = self.limits(key, value),
                "skills" => layer.skills = self.skills(key, value),
                "prompt" => layer.prompt = self.prompt(key, value).map(|prompt| Spanned::new(name.span(), prompt)),
                "workspace" => {
                    layer.workspace = self.workspace(key, value).map(|workspace| Spanned::new(name.span(), workspace));
                }
                "env" => layer.env = self.env(key, value),
                "egress" => (layer.allow, layer.via) = self.egress(key, value),
                "ssh" => layer.ssh = self.ssh(key, value),
                "copy" => layer.copy = self.copies(key, value),
                "exec" => layer.exec = self.exec(key, value),
                "unsafe" => layer.given_up = self.given_up(key, value),
                _ => {}
            }
        }
        // The home of a user that was refused is not known either.
        if user_refused && layer.home.is_none() {
            layer.home = Some(guest::UNKNOWN_HOME.to_owned());
        }
        layer
    }

    /// `[defaults]` lies under every bottle, so it can neither extend one nor be a template.
    pub(super) fn no_heritage(&mut self, defaults: &Layer) {
        let spans = [
            ("extends", defaults.extends.as_ref().map(Spanned::span)),
            ("template", defaults.template.as_ref().map(Spanned::span)),
        ];
        for (name, span) in spans {
            let Some(span) = span else { continue };
            self.report(
                ManifestError::at(Code::Conflict, span, format!("`defaults` cannot have `{name}`"))
                    .label("only for bottles")
                    .help("`[defaults]` lies under every bottle, the one that it would extend included; leave it out"),
            );
        }
    }

    fn home(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        match self.guest_path(key, value)? {
            GuestPath::Absolute(path) => Some(path),
            GuestPath::Home(_) => {
                self.report(
                    ManifestError::at(Code::Destination, value.span(), "`home` cannot be relative to itself")
                        .label("`~` is what it defines")
                        .help("write it in full: `home = \"/home/node\"`"),
                );
                None
            }
        }
    }

    /// Guarantees by name.
    pub(super) fn guarantees(&mut self, key: &Key, value: &Value<'_>) -> Vec<Guarantee> {
        let words: Vec<(&str, Guarantee)> = Guarantee::ALL.iter().map(|one| (one.name(), *one)).collect();
        let strings = self.strings(key, value).unwrap_or_default();
        strings.into_iter().filter_map(|(text, span)| self.word(key.name, text, span, &words)).collect()
    }

    fn skills(&mut self, key: &Key, value: &Value<'_>) -> Vec<Spanned<SourcePath>> {
        let mut skills = Vec::new();
        for (text, span) in self.strings(key, value).unwrap_or_default() {
            let Some((path, _)) = self.source_at(text, span.clone(), Want::Folder) else { continue };
            let name = path.file_name();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if name.starts_with(['.', '-']) || !name.chars().all(plain) {
                self.report(
                    ManifestError::at(Code::Skill, span, format!("`{}` cannot be the name of a skill", shown(name)))
                        .label("the last part names the skill")
                        .help(
                            "an agent looks for a skill by its folder's name: letters, digits, `.`, `_` and `-`, beginning \
                             with a letter or digit; name such a folder",
                        ),
                );
                continue;
            }
            skills.push(Spanned::new(span, path));
        }
        skills
    }

    fn prompt(&mut self, key: &Key, value: &Value<'_>) -> Option<Prompt> {
        let table = self.table(key, value)?;
        let which = self.either(&keys::PROMPT, ["file", "text"], table, value.span());
        let mut prompt = None;
        for (key, _, value) in self.entries(&keys::PROMPT, table) {
            prompt = match key.name {
                "file" => self.source(key, value, Want::File).map(|(path, _)| Prompt::File(path)),
                _ => self.string(key, value).map(|text| Prompt::Text(text.to_owned())),
            };
        }
        which.and(prompt)
    }

    fn workspace(&mut self, key: &Key, value: &Value<'_>) -> Option<SomeWorkspace> {
        let table = self.table(key, value)?;
        let (mut from, mut how) = (None, Some(WorkspaceMode::Copy));
        let mut to = Some(Spanned::new(value.span(), GuestPath::Home("/workspace".to_owned())));
        // A home can be mounted, where that is asked for as unsafe, and never be copied.
        let is_mount = table.get("how").and_then(|how| how.get_ref().as_str()) == Some("mount");
        for (key, _, value) in self.entries(&keys::WORKSPACE, table) {
            match key.name {
                "from" if is_mount => {
                    from = self.mounted(key, value).map(|(path, _)| (path, value.span()));
                }
                "from" => from = self.source(key, value, Want::Folder).map(|(path, _)| (path, value.span())),
                "to" => to = self.guest_path(key, value).map(|path| Spanned::new(value.span(), path)),
                "how" => how = self.choice(key, value, WAYS_IN),
                _ => {}
            }
        }
        if !table.contains_key("from") {
            self.missing_key(&keys::WORKSPACE, "from", value.span());
        }
        let (from, span) = from?;
        if how == Some(WorkspaceMode::Git) {
            self.repository(&from, span)?;
        }
        Some(SomeWorkspace { from, to: to?, how: how? })
    }

    fn repository(&mut self, folder: &SourcePath, span: Span) -> Option<()> {
        let git = folder.join(".git");
        let (problem, instead) = match self.look(&git) {
            Ok(Kind::Folder) | Err(FileError::Unseen) => return Some(()),
            Ok(Kind::File { .. }) => (
                "has a `.git` that is a file",
                "a linked worktree or a submodule keeps its history elsewhere; name the main working tree, or write `how = \"copy\"`",
            ),
            _ => (
                "has no `.git` folder",
                "`how = \"git\"` copies nothing else; name the root of a repository, or write `how = \"copy\"`",
            ),
        };
        self.report(
            ManifestError::at(Code::FileKind, span, format!("`{}` {problem}", shown(folder.as_str())))
                .label("not the root of a repository")
                .help(instead),
        );
        None
    }

    fn copies(&mut self, key: &Key, value: &Value<'_>) -> Vec<SomeCopy> {
        let mut copies = Vec::new();
        for (table, span) in self.tables(key, value) {
            let (mut from, mut to, mut owner, mut mode) = (None, None, None, None);
            for (key, _, value) in self.entries(&keys::COPY, table) {
                match key.name {
                    "from" => from = self.source(key, value, Want::Either),
                    "to" => to = self.guest_path(key, value).map(|path| (path, value)),
                    "owner" => owner = self.user(key, value),
                    "mode" => mode = self.mode(key, value),
                    _ => {}
                }
            }
            for name in ["from", "to"] {
                if !table.contains_key(name) {
                    self.missing_key(&keys::COPY, name, span.clone());
                }
            }
            let (Some((from, kind)), Some((to, value))) = (from, to) else { continue };
            // Of what cannot be looked into, nothing is known that would be wrong.
            let folder = matches!(kind, Kind::Folder | Kind::Unseen { .. });
            if !folder {
                self.names_the_file(&from, &to, value);
            }
            let to = Spanned::new(value.span(), to);
            copies.push(SomeCopy { from, folder, to, owner, mode });
        }
        copies
    }

    /// `to` is the file's own place. Whoever ends it in a slash means the folder around it, as `cp` would.
    fn names_the_file(&mut self, from: &SourcePath, to: &GuestPath, value: &Value<'_>) {
        let text = value.get_ref().as_str().unwrap_or_default();
        if text.ends_with('/') || *to == GuestPath::Home(String::new()) {
            let mended = format!("{}/{}", text.trim_end_matches('/'), from.file_name());
            self.report(
                ManifestError::at(
                    Code::Destination,
                    value.span(),
                    format!("`{}` is a folder, and `from` is a file", shown(text)),
                )
                .label("names a folder")
                .help(format!(
                    "`to` is the place of the file itself, whatever is there; write `to = \"{}\"`",
                    shown(&mended)
                )),
            );
        }
    }
}
