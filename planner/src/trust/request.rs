//! What a manifest asks of the host: a value that depends on nothing but what the manifest means and where its folder's links lead.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::intent::{content, open_hosts};
use crate::manifest::{Allowance, Bottle, EnvValue, Image, Manifest, Prompt, Workspace, WorkspaceMode};
use crate::name::BottleName;
use crate::source::{Files, Outside, SourcePath, outside};

/// What a manifest asks of the host. No value of a secret is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The image of the proxies, where it is not the one that bottle names itself: where things go is what the proxy lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Who tells proxies the addresses of hosts, where the manifest chose it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resolvers: BTreeSet<IpAddr>,
    /// What the bottles share: the files that the image of their sidecars is built from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub shared: BTreeSet<HostFile>,
    /// What each bottle asks for. One that asks for nothing is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bottles: BTreeMap<BottleName, Asked>,
}

/// What one bottle asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Where it may send what it has read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// Variables of the host's environment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub variables: BTreeSet<Variable>,
    /// Values that are asked for at a terminal.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub typed: BTreeSet<Typed>,
    /// SSH keys, wherever they lie.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<Key>,
    /// Files and folders outside the manifest's folder.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub files: BTreeSet<HostFile>,
    /// The walls that it asks to be taken away: behind them is more of the host than any list of files.
    #[serde(default, rename = "unsafe", skip_serializing_if = "BTreeSet::is_empty")]
    pub given_up: BTreeSet<Allowance>,
}

/// A variable of the host's environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name on the host.
    pub name: String,
    /// Its name in the guest.
    pub guest: String,
}

/// A value that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    /// What is asked.
    pub prompt: String,
    /// The variable that holds the answer in the guest.
    pub guest: String,
}

/// An SSH key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The private key, as written.
    pub path: SourcePath,
    /// Why it lies outside the manifest's folder, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
    /// The alias of the server in the guest.
    pub alias: String,
    /// The server.
    pub hostname: String,
    /// Its port.
    pub port: u16,
    /// The user there.
    pub user: String,
}

/// A file or folder outside the manifest's folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFile {
    /// Its path as written.
    pub path: SourcePath,
    /// Why it lies outside.
    pub outside: Outside,
    /// What becomes of it.
    #[serde(rename = "use")]
    pub used: Use,
}

/// What becomes of a file or folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "kebab-case")]
pub enum Use {
    /// It is copied in.
    Copy {
        /// To there in the guest.
        to: String,
    },
    /// It is a skill.
    Skill,
    /// It is the prompt.
    Prompt,
    /// It is copied once, as the workspace.
    Workspace {
        /// To there in the guest.
        to: String,
    },
    /// It is mounted, and the guest can write to it.
    Mount {
        /// At this place in the guest.
        to: String,
    },
    /// It becomes part of an image. What a base image has set to run in every build runs with the network.
    Bake {
        /// At this place in the image.
        to: String,
    },
    /// An image is built from it. What the build runs has the network.
    Build,
    /// It says what a build does: the Dockerfile, or what leaves files out.
    Recipe,
}

impl Request {
    /// What a manifest asks for. `files` says where links inside its folder lead.
    #[must_use]
    pub fn of(manifest: &Manifest, files: &dyn Files) -> Self {
        let bottles = manifest.bottles.values().filter_map(|bottle| {
            let asked = Asked::of(bottle, files);
            asked.reads().then(|| (bottle.name.clone(), asked))
        });
        let mut request = Self { bottles: bottles.collect(), ..Self::default() };
        if manifest.bottles.values().any(|bottle| !open_hosts(bottle).is_empty()) {
            request.shared = image(&manifest.sidecar_image, files).collect();
        }
        // What a proxy is matters to those whose secrets could go through it.
        if request.bottles.values().any(|asked| !asked.hosts.is_empty()) {
            request.proxy = match &manifest.sidecar_image {
                Image::Ref(reference) if reference == Manifest::DEFAULT_SIDECAR => None,
                Image::Ref(reference) => Some(reference.clone()),
                Image::Build { context, dockerfile, .. } => Some(format!("built by {}", context.join(dockerfile))),
            };
            if manifest.sidecar_resolvers != [Manifest::DEFAULT_RESOLVER] {
                request.resolvers = manifest.sidecar_resolvers.iter().copied().collect();
            }
        }
        request
    }

    /// Whether nothing is asked for, so that no trust is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.bottles.is_empty()
    }

    /// The digest of all that is asked for.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // The sets are sorted, and neither these values nor memory can fail.
        Digest::of(&serde_json::to_vec(&("bottle.trust", 1, self)).unwrap_or_default())
    }

    /// The paths that may be read, each with why it lies outside the manifest's folder.
    pub fn paths(&self) -> impl Iterator<Item = (&SourcePath, &Outside)> {
        let of_bottles = self.bottles.values().flat_map(|asked| {
            let keys = asked.keys.iter().filter_map(|key| Some((&key.path, key.outside.as_ref()?)));
            keys.chain(asked.files.iter().map(|file| (&file.path, &file.outside)))
        });
        self.shared.iter().map(|file| (&file.path, &file.outside)).chain(of_bottles)
    }
}

impl Asked {
    fn of(bottle: &Bottle, files: &dyn Files) -> Self {
        let mut asked = Self { hosts: open_hosts(bottle).into_iter().collect(), ..Self::default() };
        for (guest, value) in &bottle.env {
            let guest = guest.clone();
            match value {
                EnvValue::Literal(_) => {}
                EnvValue::FromHost(name) => {
                    asked.variables.insert(Variable { name: name.clone(), guest });
                }
                EnvValue::Ask(prompt) => {
                    asked.typed.insert(Typed { prompt: prompt.clone(), guest });
                }
            }
        }
        asked.keys.extend(bottle.ssh.iter().map(|key| Key {
            path: key.key.clone(),
            outside: outside(files, &key.key),
            alias: key.host.clone(),
            hostname: key.hostname.clone(),
            port: key.port,
            user: key.user.clone(),
        }));
        let mut file = |path: &SourcePath, used: Use| asked.files.extend(host_file(files, path, used));
        for skill in &bottle.skills {
            file(skill, Use::Skill);
        }
        if let Some(Prompt::File(path)) = &bottle.prompt {
            file(path, Use::Prompt);
        }
        if let Some(Workspace { from, to, how }) = &bottle.workspace {
            let to = to.clone();
            match how {
                WorkspaceMode::Copy => file(from, Use::Workspace { to }),
                WorkspaceMode::Git => file(&from.join(".git"), Use::Workspace { to: format!("{to}/.git") }),
                WorkspaceMode::Mount => file(from, Use::Mount { to }),
                WorkspaceMode::Bake => file(from, Use::Bake { to }),
            }
        }
        for copy in &bottle.copy {
            file(&copy.from, Use::Copy { to: copy.to.clone() });
        }
        asked.files.extend(image(&bottle.image, files));
        asked.given_up.extend(bottle.given_up.iter().cloned());
        asked
    }

    /// Whether anything is read; where nothing is, it does not matter where it could go.
    fn reads(&self) -> bool {
        let Self { hosts: _, variables, typed, keys, files, given_up } = self;
        !(variables.is_empty() && typed.is_empty() && keys.is_empty() && files.is_empty() && given_up.is_empty())
    }
}

fn host_file(files: &dyn Files, path: &SourcePath, used: Use) -> Option<HostFile> {
    outside(files, path).map(|outside| HostFile { path: path.clone(), outside, used })
}

/// What an image is built from, as far as it lies outside. Of a context that does, all belongs to whoever owns that.
fn image(image: &Image, files: &dyn Files) -> impl Iterator<Item = HostFile> {
    let mut found = Vec::new();
    if let Image::Build { context, dockerfile, .. } = image {
        match host_file(files, context, Use::Build) {
            Some(folder) => found.push(folder),
            None => {
                let recipes = [dockerfile.clone()].into_iter().chain(content::ignore_files(dockerfile));
                found.extend(recipes.filter_map(|name| host_file(files, &context.join(&name), Use::Recipe)));
            }
        }
    }
    found.into_iter()
}
