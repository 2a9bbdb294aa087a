//! The steps of a graph. A compiled graph leaves open what depends on a backend; passes decide it.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::digest::Digest;
use crate::manifest::Runtime;
use crate::profile::GatewayClosing;
use crate::source::SourcePath;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An image of a registry is in the engine's store.
    PullImage(ImageName),
    /// An image is built.
    BuildImage(Build),
    /// A network exists.
    CreateNetwork(Network),
    /// A container exists and has never run.
    CreateContainer(Box<Container>),
    /// A container is a member of a network.
    Attach(Attachment),
    /// The numbers behind the user names of a container are known: an output.
    LearnOwners(Owners),
    /// Files are in a container.
    CopyIn(CopyIn),
    /// A container's command runs.
    Start(ObjectName),
    /// A container answers that it serves.
    AwaitReady(Readiness),
    /// A command has run in a running container.
    Exec(Exec),
    /// The address of a running container is known: an output.
    LearnAddress(AddressOf),
    /// A container that was started held goes on to its own command.
    Release(ObjectName),
    /// Files lie in a folder of the host that is ours.
    Stage(Stage),
    /// A program of the host runs.
    StartProcess(HostProcess),
    /// A program of the host answers that it serves.
    AwaitProcess(ProcessReadiness),
    /// The addresses behind host names are known: outputs.
    ResolveHosts(ResolveHosts),
}

impl Step {
    /// A word for what the step does, as plans show it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::PullImage(_) => "pull image",
            Self::BuildImage(_) => "build image",
            Self::CreateNetwork(_) => "create network",
            Self::CreateContainer(_) => "create container",
            Self::Attach(_) => "attach",
            Self::LearnOwners(_) => "learn owners",
            Self::CopyIn(_) => "copy in",
            Self::Start(_) => "start",
            Self::AwaitReady(_) => "await ready",
            Self::Exec(_) => "exec",
            Self::LearnAddress(_) => "learn address",
            Self::Release(_) => "release",
            Self::Stage(_) => "stage files",
            Self::StartProcess(_) => "start process",
            Self::AwaitProcess(_) => "await process",
            Self::ResolveHosts(_) => "resolve hosts",
        }
    }

    /// The container that the step makes or works on.
    #[must_use]
    pub fn container(&self) -> Option<&ObjectName> {
        match self {
            Self::CreateContainer(container) => Some(&container.name),
            Self::Attach(attachment) => Some(&attachment.container),
            Self::LearnOwners(owners) => Some(&owners.container),
            Self::CopyIn(copy) => Some(&copy.container),
            Self::Start(name) | Self::Release(name) => Some(name),
            Self::LearnAddress(address) => Some(&address.container),
            Self::AwaitReady(ready) => Some(&ready.container),
            Self::Exec(exec) => Some(&exec.container),
            Self::PullImage(_)
            | Self::BuildImage(_)
            | Self::CreateNetwork(_)
            | Self::Stage(_)
            | Self::StartProcess(_)
            | Self::AwaitProcess(_)
            | Self::ResolveHosts(_) => None,
        }
    }
}

/// The name of a container or network on the engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectName(pub String);

/// An image's `name:tag` or `name@digest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageName(pub String);

impl ImageName {
    /// The name under which Docker lists the image: without its own registry's name, with `latest` where there is no tag, and
    /// without a tag where there is a digest.
    #[must_use]
    pub fn listed(&self) -> String {
        let name = self.0.strip_prefix("docker.io/").unwrap_or(&self.0);
        let name = name.strip_prefix("library/").unwrap_or(name);
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (name, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let tag = name[last..].find(':').map(|colon| last + colon);
        match (digest, tag) {
            (Some(digest), tag) => format!("{}@{digest}", &name[..tag.unwrap_or(name.len())]),
            (None, Some(_)) => name.to_owned(),
            (None, None) => format!("{name}:latest"),
        }
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// An image to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Its name; the tag is the digest of what goes in, so that an image of other content is another image.
    pub image: ImageName,
    /// Where its files come from.
    pub context: Context,
    /// `--build-arg`s.
    pub args: BTreeMap<String, String>,
    /// The digest of context, Dockerfile and arguments.
    pub content: Digest,
}

/// A build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    /// A folder of the host.
    Folder {
        /// The folder.
        folder: SourcePath,
        /// The Dockerfile, relative to it.
        dockerfile: String,
    },
    /// A base image and a folder of the host laid over it: made as a stream, or in a stage where a backend reads none.
    Baked {
        /// The image below.
        base: ImageName,
        /// What is laid over it.
        files: Archive,
        /// The stage that holds the context; `None` where it is a stream.
        stage: Option<StageName>,
    },
}

/// Where a network leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Its members reach each other and nothing else.
    Internal,
    /// Its members reach the world and not each other.
    Egress,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: ObjectName,
    /// Where it leads.
    pub reach: Reach,
    /// How many addresses its members and its gateway need.
    pub members: u32,
    /// Its addresses; decided by a pass.
    pub subnet: Option<Ipv4Net>,
    /// How its gateway is closed; decided by a pass, for internal networks only.
    pub closing: Option<GatewayClosing>,
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It runs the agent.
    Agent,
    /// It runs pipelock.
    Sidecar,
}

/// A container, and everything that can only be said when it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: ObjectName,
    /// What it is for.
    pub role: Role,
    /// What it starts from.
    pub image: ImageName,
    /// `None` leaves it to the image.
    pub user: Option<String>,
    /// The arguments to the image's entry point, or the command.
    pub command: Vec<String>,
    /// The folder in which its commands run; `None` leaves it to the image.
    pub workdir: Option<String>,
    /// Environment.
    pub env: BTreeMap<String, EnvSource>,
    /// Networks joined when it is made; filled by a pass from its attach steps.
    pub networks: Vec<Membership>,
    /// The runtime asked for.
    pub asked: Runtime,
    /// The runtime; `None` is the engine's own. Decided by a pass.
    pub runtime: Option<&'static str>,
    /// Whether its own command waits for a [`Step::Release`] once it was started.
    pub hold: Hold,
    /// The resolvers it is told of, instead of its network's.
    pub resolvers: Vec<String>,
    /// Folders mounted into it.
    pub mounts: Vec<Mount>,
    /// An empty volume of the container's own at this path, so that files can be put into a container whose root is read-only.
    pub volume: Option<String>,
    /// The digest of a configuration that it reads once, when it starts: with another one it is another container.
    pub configuration: Option<Digest>,
    /// Whether its root is read-only.
    pub read_only: bool,
    /// Whether a small init reaps its processes.
    pub init: bool,
    /// Whether outside names are kept from being resolved for it.
    pub dns_closed: bool,
    /// Capabilities kept; all others are dropped.
    pub capabilities: Vec<&'static str>,
    /// Processes and threads.
    pub pids: u32,
    /// Processors.
    pub cpus: Option<String>,
    /// Memory.
    pub memory: Option<String>,
}

/// Whether a container's command waits after the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// It does not: what it needs can be made before the start.
    #[default]
    None,
    /// It waits, as its own user.
    Held,
    /// It waits as root, which then lays down all capabilities and the way back to them, and becomes the user.
    HeldByRoot,
}

/// Where a variable's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvSource {
    /// The text itself.
    Literal(String),
    /// A secret, by name; read when the container is made.
    Secret(Secret),
}

/// A secret by name. The planner never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// A variable of the host.
    HostEnv(String),
    /// An answer to a prompt.
    Ask(String),
    /// A file of the host: a private key.
    File(SourcePath),
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HostEnv(name) => write!(f, "host variable {name}"),
            Self::Ask(prompt) => write!(f, "asked for: {prompt:?}"),
            Self::File(path) => write!(f, "host file {path}"),
        }
    }
}

/// One network that a container joins when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The network.
    pub network: ObjectName,
    /// A name that its other members can use.
    pub alias: Option<String>,
    /// Whether its default route goes there.
    pub default_route: bool,
    /// Whether the network is the engine's own, made by no step. It leads out.
    pub own: bool,
}

impl Membership {
    /// The network that `container` has of its own (`NetworkDelete.swift` calls it built in).
    pub const OWN_NETWORK: &'static str = "default";

    /// The same membership of the engine's own network.
    #[must_use]
    pub fn on_own_network(self) -> Self {
        Self { network: ObjectName(Self::OWN_NETWORK.to_owned()), own: true, ..self }
    }
}

/// The name of a folder in which files are staged. It holds the digest of what is in it, so that other content is another folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageName(pub String);

/// Files to be staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The folder.
    pub name: StageName,
    /// The folder of the guest that it stands for: paths below it are paths in the stage.
    pub base: String,
    /// The files.
    pub files: Archive,
    /// The digest of their content.
    pub content: Digest,
}

/// Where a mount comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountSource {
    /// A folder of the host: the guest may write.
    Host(SourcePath),
    /// A stage: the guest may only read.
    Stage(StageName),
}

/// A folder in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it comes from.
    pub from: MountSource,
    /// The guest's.
    pub to: String,
}

/// A container is to be a member of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The container.
    pub container: ObjectName,
    /// How it is a member.
    pub membership: Membership,
}

/// The user names whose numbers are needed to copy files as theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owners {
    /// The container whose `/etc/passwd` tells.
    pub container: ObjectName,
    /// The names, sorted.
    pub names: Vec<String>,
}

/// Files to be put into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyIn {
    /// The container.
    pub container: ObjectName,
    /// The folder that they are all in: `/`, or the volume of a container whose root is read-only, where an engine takes nothing else.
    pub into: String,
    /// The files.
    pub files: Archive,
    /// Whether the host's content is part of what the plan compares. A workspace is not: it is the agent's from then on.
    pub tracked: Tracking,
}

/// Whether a later change on the host is copied again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// Yes; the digest of the content.
    Content(Digest),
    /// No: it is given once, when the container is made.
    Once,
}

/// A set of files with owners and modes, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// Folders and files.
    pub entries: Vec<ArchiveEntry>,
}

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// The absolute path in the guest.
    pub path: String,
    /// Where its content comes from.
    pub content: Content,
    /// Its owner.
    pub owner: Owner,
    /// Permission bits; `None` is 0755 for folders and executables, 0644 else.
    pub mode: Option<u32>,
}

/// Where content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An empty folder.
    Folder,
    /// The text itself.
    Text(String),
    /// A file or folder of the host, with all below it.
    Host(SourcePath),
}

/// An owner in the guest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// By number.
    Id {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// By name: an output of the container's [`Step::LearnOwners`].
    Name(String),
}

impl Owner {
    /// root.
    pub const ROOT: Self = Self::Id { uid: 0, gid: 0 };
}

/// How a container proves that it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The container.
    pub container: ObjectName,
    /// A command in it that exits with 0 once it serves.
    pub probe: Vec<String>,
    /// How long it may take, in seconds.
    pub within: u32,
}

/// A command in a running container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The container.
    pub container: ObjectName,
    /// As whom; `None` is the container's user.
    pub user: Option<String>,
    /// Variables added for this command.
    pub env: BTreeMap<String, String>,
    /// The argv.
    pub command: Vec<Word>,
    /// What it reads.
    pub stdin: ExecStdin,
    /// The container's variables whose values are secrets: none of them may be in what is shown of its own words.
    pub hides: Vec<String>,
    /// How long what it did lasts.
    pub lasts: Lasts,
}

/// A word, or a piece of text, that may hold what is only known later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// The text itself.
    Text(String),
    /// What an earlier operation will know.
    Output(OutputRef),
    /// The gateway's address of a network; decided when subnets are.
    Gateway(ObjectName),
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What an exec reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExecStdin {
    /// Nothing.
    #[default]
    Nothing,
    /// A secret.
    Secret(Secret),
    /// A text put together from pieces.
    Text(Vec<Word>),
}

/// The address that a container has on one of its networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressOf {
    /// The container.
    pub container: ObjectName,
    /// The network.
    pub network: ObjectName,
}

impl AddressOf {
    /// The name of the output.
    pub const IPV4: &'static str = "ipv4";
}

/// A program that runs on the host in a bottle's stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProcess {
    /// Its name, unique on the host.
    pub name: ObjectName,
    /// The program: found on the `PATH`, or a path.
    pub program: String,
    /// Its configuration, and the file in it.
    pub config: (StageName, String),
    /// The network on whose gateway it listens.
    pub network: ObjectName,
    /// The gateway's address; decided when subnets are.
    pub address: Option<std::net::Ipv4Addr>,
    /// The port.
    pub port: u16,
}

/// How a process of the host proves that it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessReadiness {
    /// The process.
    pub process: HostProcess,
    /// How long it may take, in seconds.
    pub within: u32,
}

/// Names to be resolved on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveHosts {
    /// The names, sorted.
    pub hosts: Vec<String>,
}

impl ResolveHosts {
    /// The output with all IPv4 addresses, joined by `, `.
    pub const IPV4: &'static str = "ipv4";
    /// The output with all IPv6 addresses, joined by `, `.
    pub const IPV6: &'static str = "ipv6";
    /// The output with the lines of a hosts file: `ADDRESS NAME`.
    pub const HOSTS_FILE: &'static str = "hosts-file";
}

/// How long the effect of an exec lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lasts {
    /// As long as the container exists: it wrote files.
    Container,
    /// Until the container stops: it started a process.
    Run,
}

/// An output that an operation will know: `implementer/agent/owners`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutputRef {
    /// The operation that knows it.
    pub address: Address,
    /// Which of its outputs.
    pub name: String,
}
