//! What a manifest says, once `[defaults]` and `extends` are merged in and everything is checked.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::allowance::Allowance;
use crate::guarantee::Guarantee;
use crate::name::{BottleName, ProjectName};
use crate::source::SourcePath;

/// A checked manifest. Nothing in it needs to be checked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The label on every object.
    pub name: ProjectName,
    /// Where subnets are taken from: `network.pool`.
    pub pool: Ipv4Net,
    /// The image that sidecars run: `sidecar.image`.
    pub sidecar_image: Image,
    /// The resolvers that sidecars ask where their network's own answers nothing: `sidecar.resolvers`.
    pub sidecar_resolvers: Vec<std::net::IpAddr>,
    /// The bottles, sorted by name.
    pub bottles: IndexMap<BottleName, Bottle>,
}

impl Manifest {
    /// The pool when a manifest names none: 8,192 networks of eight addresses.
    pub const DEFAULT_POOL: &'static str = "10.207.0.0/16";
    /// The resolver when a manifest names none.
    pub const DEFAULT_RESOLVER: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(1, 1, 1, 1));
    /// The sidecar image when a manifest names none. Old tags may vanish from its registry, so a manifest can set its own.
    pub const DEFAULT_SIDECAR: &'static str = "ghcr.io/luckypipewrench/pipelock:2.3.0";
}

/// One bottle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bottle {
    /// Its name.
    pub name: BottleName,
    /// What it asks of the backend.
    pub sandbox: Option<Sandbox>,
    /// What the agent's container starts from.
    pub image: Image,
    /// The agent's user: a name or a number; `None` leaves it to the image.
    pub user: Option<String>,
    /// The agent's home in the guest: absolute, without a slash at its end. `/nonexistent` where a numeric user needs none.
    pub home: String,
    /// Which agent it is, so that skills land where that agent looks.
    pub agent: Agent,
    /// The command that keeps the container alive.
    pub command: Vec<String>,
    /// Guarantees that must be held.
    pub requires: Vec<Guarantee>,
    /// The runtime asked for.
    pub runtime: Runtime,
    /// Limits.
    pub limits: Limits,
    /// Folders of skills.
    pub skills: Vec<SourcePath>,
    /// The prompt.
    pub prompt: Option<Prompt>,
    /// The workspace.
    pub workspace: Option<Workspace>,
    /// Environment, by variable.
    pub env: BTreeMap<String, EnvValue>,
    /// What may leave, and how.
    pub egress: Egress,
    /// SSH keys.
    pub ssh: Vec<SshKey>,
    /// Files to copy.
    pub copy: Vec<Copy>,
    /// Commands to run after start, in order.
    pub exec: Vec<Exec>,
    /// The walls that `unsafe` takes away, sorted.
    pub given_up: Vec<Allowance>,
}

/// `sandbox`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// Containers on the host's kernel: Docker.
    SharedKernel,
    /// A virtual machine each: Apple `container`.
    Vm,
}

/// `agent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agent {
    /// Claude Code: skills in `.claude/skills`.
    #[default]
    Claude,
    /// Codex: skills in `.codex/skills`.
    Codex,
}

impl Agent {
    /// Where the agent looks for skills, below its home.
    #[must_use]
    pub fn skills_folder(self) -> &'static str {
        match self {
            Self::Claude => ".claude/skills",
            Self::Codex => ".codex/skills",
        }
    }
}

/// `runtime`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Whatever isolates best among what the engine has: runsc where it is registered.
    #[default]
    Auto,
    /// gVisor, or an error where the engine has it not.
    Runsc,
    /// The engine's ordinary runtime.
    Runc,
}

/// `image`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Image {
    /// An image of a registry or of the engine's own store.
    Ref(String),
    /// An image to be built.
    Build {
        /// The context.
        context: SourcePath,
        /// The Dockerfile, relative to the context.
        dockerfile: String,
        /// `--build-arg`s.
        args: BTreeMap<String, String>,
    },
}

/// `prompt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// From a file.
    File(SourcePath),
    /// As written.
    Text(String),
}

/// `workspace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The host's folder.
    pub from: SourcePath,
    /// The guest's folder: absolute.
    pub to: String,
    /// The way in.
    pub how: WorkspaceMode,
}

/// `workspace.how`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkspaceMode {
    /// A copy, made once when the container is made.
    Copy,
    /// A writable mount of the host's folder.
    Mount,
    /// Part of an image derived from the bottle's.
    Bake,
    /// Only `.git`, copied once.
    Git,
}

/// A value of `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// A literal, shown in plans.
    Literal(String),
    /// `{ env = "HOST_VAR" }`: a variable of the host, by name.
    FromHost(String),
    /// `{ ask = "prompt" }`: asked for when it is needed.
    Ask(String),
}

/// `egress`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Hosts: `name` or `*.name`, lower case, sorted, each once.
    pub allow: Vec<String>,
    /// The way asked for; `None` leaves the choice to the planner.
    pub via: Option<Via>,
}

/// `egress.via`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// A container of its own.
    Sidecar,
    /// A process of the host.
    HostLoopback,
    /// Rules in the guest.
    Firewall,
    /// No egress at all.
    None,
}

/// One `[[bottle.NAME.ssh]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    /// The alias in the guest's ssh configuration: letters, digits, `.`, `_` and `-`, as the other names here.
    pub host: String,
    /// The real host name, in lower case.
    pub hostname: String,
    /// The port.
    pub port: u16,
    /// The remote user.
    pub user: String,
    /// The private key on the host.
    pub key: SourcePath,
    /// The server's public key, `TYPE BASE64`.
    pub known_host: String,
}

/// One `[[bottle.NAME.copy]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// A file or folder of the host.
    pub from: SourcePath,
    /// Its absolute place in the guest: that of the file or folder itself.
    pub to: String,
    /// Its owner in the guest: a user's name or number; `None` is the bottle's user.
    pub owner: Option<String>,
    /// Permission bits; `None` is 0644, 0755 for folders and executables.
    pub mode: Option<u32>,
}

/// One `[[bottle.NAME.exec]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The argv.
    pub run: Vec<String>,
    /// As whom; `None` is the bottle's user.
    pub user: Option<String>,
}

/// `limits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processors, as written: `"2"` or `"1.5"`.
    pub cpus: Option<String>,
    /// Memory, as written: `"4g"`.
    pub memory: Option<String>,
    /// Processes and threads.
    pub pids: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpus: None, memory: None, pids: 2048 }
    }
}
