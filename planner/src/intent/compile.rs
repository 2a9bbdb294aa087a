//! From a manifest to the graph of what must become true. Nothing here knows a backend.

use std::collections::BTreeMap;

use super::{
    Archive, ArchiveEntry, Attachment, Build, Container, Content, Context, CopyIn, EnvSource, Exec, Graph, GraphError,
    ImageName, Lasts, Membership, Mount, Need, Network, ObjectName, Owners, Reach, Readiness, Role, Secret, Step,
    Tracking, archives, content, pipelock, ssh,
};
use crate::address::Address;
use crate::digest::{Digest, Hasher};
use crate::manifest::{Bottle, EnvValue, Image, Manifest, Prompt, Via, Workspace, WorkspaceMode};
use crate::name::{BottleName, ProjectName};
use crate::source::{FileError, Files, SourcePath};

/// How many sidecars share one egress network: a Linux bridge takes 1,023 ports (`BR_MAX_PORTS`).
const SIDECARS_TO_A_NETWORK: usize = 1000;
/// How many addresses an internal network needs: gateway, sidecar, agent.
const INTERNAL_MEMBERS: u32 = 3;

/// Why a manifest could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum CompileError {
    /// A file that the manifest names.
    #[error("cannot read {path}: {why}")]
    #[diagnostic(
        code(bottle::compile::unreadable),
        help("the plan depends on its content; mend the path or its permissions")
    )]
    Unreadable {
        /// The file.
        path: SourcePath,
        /// Why.
        why: FileError,
    },
    /// A mount that the engines' command lines cannot say.
    #[error("`{path}` cannot be mounted: a comma or a quote in it would be read as the end of the path")]
    #[diagnostic(code(bottle::compile::mount), help("rename the folder, or use `how = \"copy\"`"))]
    Mount {
        /// The path.
        path: String,
    },
    /// A secret under a name that steers the command which would pass it on.
    #[error(
        "`{variable}` of bottle `{bottle}` cannot be a secret: the engine's own command reads a variable of this name"
    )]
    #[diagnostic(
        code(bottle::compile::secret_variable),
        help("a secret is passed on by the environment of that command; give it another name, or write a literal")
    )]
    SecretVariable {
        /// The bottle.
        bottle: BottleName,
        /// The variable.
        variable: String,
    },
    /// A graph that cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Graph(#[from] GraphError),
}

/// A compiled manifest.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What must become true.
    pub graph: Graph,
    /// The hosts that each bottle may reach: what it lists, and its ssh hosts.
    pub allow: BTreeMap<BottleName, Vec<String>>,
}

/// Compiles a manifest.
///
/// # Errors
/// When a file that it names cannot be read.
pub fn compile(manifest: &Manifest, files: &dyn Files) -> Result<Compiled, CompileError> {
    let mut compiler = Compiler { project: &manifest.name, files, graph: Graph::default() };
    let mut allow = BTreeMap::new();
    let sidecars = manifest.bottles.values().filter(|bottle| !open_hosts(bottle).is_empty()).count();
    let mut egress = Vec::new();
    for number in 0..sidecars.div_ceil(SIDECARS_TO_A_NETWORK) {
        egress.push(compiler.egress_network(number, sidecars.min(SIDECARS_TO_A_NETWORK))?);
    }
    let sidecar_image = if sidecars == 0 { None } else { Some(compiler.image(&manifest.sidecar_image)?) };
    let mut seen = 0;
    for bottle in manifest.bottles.values() {
        let hosts = open_hosts(bottle);
        let network = egress.get(seen / SIDECARS_TO_A_NETWORK).filter(|_| !hosts.is_empty());
        let guard = match (&sidecar_image, network) {
            (Some(image), Some(egress)) => {
                seen += 1;
                Some(compiler.sidecar(bottle, image, egress, &hosts)?)
            }
            _ => None,
        };
        compiler.agent(bottle, guard)?;
        allow.insert(bottle.name.clone(), hosts);
    }
    Ok(Compiled { graph: compiler.graph, allow })
}

/// The hosts that a bottle may reach, sorted: an ssh host that it declares is one that it means to reach.
fn open_hosts(bottle: &Bottle) -> Vec<String> {
    if bottle.egress.via == Some(Via::None) {
        return Vec::new();
    }
    let mut hosts = bottle.egress.allow.clone();
    hosts.extend(bottle.ssh.iter().map(|key| key.hostname.to_ascii_lowercase()));
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// A step that makes something, and the name of what it makes.
struct Made<N> {
    address: Address,
    name: N,
}

/// What must stand before an agent may start: its closed network, and its sidecar.
struct Guard {
    network: Made<ObjectName>,
    ready: Address,
}

struct Compiler<'a> {
    project: &'a ProjectName,
    files: &'a dyn Files,
    graph: Graph,
}

impl Compiler<'_> {
    fn object(&self, bottle: &BottleName, suffix: &str) -> ObjectName {
        ObjectName(format!("bottle_{}_{bottle}{suffix}", self.project))
    }

    fn add(
        &mut self,
        address: Address,
        step: Step,
        needs: impl IntoIterator<Item = (Need, Address)>,
    ) -> Result<Address, CompileError> {
        self.graph.add(address.clone(), step, needs)?;
        Ok(address)
    }

    fn egress_network(&mut self, number: usize, members: usize) -> Result<Made<ObjectName>, CompileError> {
        let object = if number == 0 { "egress".to_owned() } else { format!("egress-{}", number + 1) };
        // No bottle is called `shared`, so no container can have the name of this network.
        let name = ObjectName(format!("bottle_{}_{}_{object}", self.project, Address::SHARED));
        let network = Network {
            name: name.clone(),
            reach: Reach::Egress,
            members: u32::try_from(members).unwrap_or(u32::MAX).saturating_add(1),
            subnet: None,
            closing: None,
        };
        let address = self.add(Address::shared(&object, "create"), Step::CreateNetwork(network), [])?;
        Ok(Made { address, name })
    }

    /// An image that bottles share: steps of the same image are one.
    fn image(&mut self, image: &Image) -> Result<Made<ImageName>, CompileError> {
        let (address, step, name) = match image {
            Image::Ref(reference) => {
                let name = ImageName(reference.clone());
                (Address::shared("image", &format!("pull:{reference}")), Step::PullImage(name.clone()), name)
            }
            Image::Build { context, dockerfile, args } => {
                let mut step = format!("build:{context}");
                if dockerfile != "Dockerfile" {
                    step.push_str(&format!(":{dockerfile}"));
                }
                if !args.is_empty() {
                    let mut hasher = Hasher::default();
                    for (name, value) in args {
                        hasher.field(name).field(value);
                    }
                    step.push_str(&format!(":{}", hasher.finish()));
                }
                let address = Address::shared("image", &step);
                if let Some(Step::BuildImage(build)) = self.graph.get(&address) {
                    return Ok(Made { name: build.image.clone(), address });
                }
                let content = content::build_digest(self.files, context, dockerfile, args)?;
                let name = ImageName(format!("bottle_{}_image:{content}", self.project));
                let context = Context::Folder { folder: context.clone(), dockerfile: dockerfile.clone() };
                let build = Build { image: name.clone(), context, args: args.clone(), content };
                (address, Step::BuildImage(build), name)
            }
        };
        if self.graph.get(&address).is_none() {
            self.add(address.clone(), step, [])?;
        }
        Ok(Made { address, name })
    }

    /// The image of an agent: the bottle's own, or one with the workspace baked into it.
    fn agent_image(&mut self, bottle: &Bottle) -> Result<Made<ImageName>, CompileError> {
        let base = self.image(&bottle.image)?;
        let Some(Workspace { from, to, how: WorkspaceMode::Bake }) = &bottle.workspace else { return Ok(base) };
        let owner = archives::owner(bottle.user.as_deref());
        let files = Archive {
            entries: vec![ArchiveEntry { path: to.clone(), content: Content::Host(from.clone()), owner, mode: None }],
        };
        let mut hasher = Hasher::default();
        hasher.field(&base.name.0).field(to).field(bottle.user.as_deref().unwrap_or_default());
        hasher.field(content::digest(self.files, from)?.short());
        let content = hasher.finish();
        let name = ImageName(format!("{}:{content}", self.object(&bottle.name, "_baked")));
        let context = Context::Baked { base: base.name, files };
        let build = Build { image: name.clone(), context, args: BTreeMap::new(), content };
        let address = self.add(
            Address::of(&bottle.name, "image", "bake"),
            Step::BuildImage(build),
            [(Need::After, base.address)],
        )?;
        Ok(Made { address, name })
    }

    fn attach(
        &mut self,
        bottle: &BottleName,
        container: (&str, &Made<ObjectName>),
        network: (&str, &Made<ObjectName>),
        alias: Option<&str>,
        default_route: bool,
    ) -> Result<Address, CompileError> {
        let (object, made) = container;
        let membership = Membership { network: network.1.name.clone(), alias: alias.map(str::to_owned), default_route };
        self.add(
            Address::of(bottle, object, &format!("attach:{}", network.0)),
            Step::Attach(Attachment { container: made.name.clone(), membership }),
            [(Need::On, made.address.clone()), (Need::On, network.1.address.clone())],
        )
    }

    fn sidecar(
        &mut self,
        bottle: &Bottle,
        image: &Made<ImageName>,
        egress: &Made<ObjectName>,
        hosts: &[String],
    ) -> Result<Guard, CompileError> {
        let name = &bottle.name;
        let network = Network {
            name: self.object(name, "_internal"),
            reach: Reach::Internal,
            members: INTERNAL_MEMBERS,
            subnet: None,
            closing: None,
        };
        let internal = Made { name: network.name.clone(), address: Address::of(name, "internal", "create") };
        self.add(internal.address.clone(), Step::CreateNetwork(network), [])?;

        let container = self.object(name, "_pipelock");
        let text = pipelock::config(hosts);
        let configuration = Digest::of(text.as_bytes());
        let command = ["run", "--config", pipelock::CONFIG, "--listen"].map(str::to_owned).into_iter();
        let step = Step::CreateContainer(Box::new(Container {
            name: container.clone(),
            role: Role::Sidecar,
            image: image.name.clone(),
            user: Some(pipelock::USER.to_owned()),
            command: command.chain([format!("0.0.0.0:{}", pipelock::PORT)]).collect(),
            workdir: None,
            env: BTreeMap::new(),
            networks: Vec::new(),
            asked: crate::manifest::Runtime::Auto,
            runtime: None,
            mounts: Vec::new(),
            volume: Some(pipelock::FOLDER.to_owned()),
            configuration: Some(configuration.clone()),
            read_only: true,
            init: false,
            dns_closed: false,
            capabilities: Vec::new(),
            pids: 512,
            cpus: None,
            memory: None,
        }));
        let create = self.add(Address::of(name, "pipelock", "create"), step, [(Need::After, image.address.clone())])?;
        let made = Made { address: create.clone(), name: container.clone() };
        let inside = self.attach(name, ("pipelock", &made), ("internal", &internal), Some(pipelock::ALIAS), false)?;
        let outside = self.attach(name, ("pipelock", &made), ("egress", egress), None, true)?;

        let tracked = Tracking::Content(configuration);
        let entry = ArchiveEntry {
            path: pipelock::CONFIG.to_owned(),
            content: Content::Text(text),
            owner: super::Owner::ROOT,
            mode: Some(0o644),
        };
        let copy = self.add(
            Address::of(name, "pipelock", &format!("copy:{}", pipelock::CONFIG)),
            Step::CopyIn(CopyIn {
                container: container.clone(),
                into: pipelock::FOLDER.to_owned(),
                files: Archive { entries: vec![entry] },
                tracked,
            }),
            [(Need::On, create.clone())],
        )?;
        let start = self.add(
            Address::of(name, "pipelock", "start"),
            Step::Start(container.clone()),
            [(Need::On, create), (Need::After, copy), (Need::After, inside), (Need::After, outside)],
        )?;
        let probe = ["/pipelock", "healthcheck", "--addr"].map(str::to_owned).into_iter();
        let ready = self.add(
            Address::of(name, "pipelock", "ready"),
            Step::AwaitReady(Readiness {
                container,
                probe: probe.chain([format!("127.0.0.1:{}", pipelock::PORT)]).collect(),
                within: 30,
            }),
            [(Need::On, start)],
        )?;
        Ok(Guard { network: internal, ready })
    }

    fn agent(&mut self, bottle: &Bottle, guard: Option<Guard>) -> Result<(), CompileError> {
        let name = &bottle.name;
        let image = self.agent_image(bottle)?;
        let container = self.object(name, "");
        let step = Step::CreateContainer(Box::new(Container {
            name: container.clone(),
            role: Role::Agent,
            image: image.name,
            user: bottle.user.clone(),
            command: bottle.command.clone(),
            workdir: bottle.workspace.as_ref().map(|workspace| workspace.to.clone()),
            env: environment(bottle, guard.is_some())?,
            networks: Vec::new(),
            asked: bottle.runtime,
            runtime: None,
            mounts: mounts(bottle)?,
            volume: None,
            configuration: None,
            read_only: false,
            init: true,
            dns_closed: true,
            capabilities: Vec::new(),
            pids: bottle.limits.pids,
            cpus: bottle.limits.cpus.clone(),
            memory: bottle.limits.memory.clone(),
        }));
        let create = self.add(Address::of(name, "agent", "create"), step, [(Need::After, image.address)])?;
        let made = Made { address: create.clone(), name: container.clone() };
        let mut before_start = vec![(Need::On, create.clone())];
        if let Some(Guard { network, ready }) = guard {
            before_start.push((Need::After, self.attach(name, ("agent", &made), ("internal", &network), None, true)?));
            before_start.push((Need::After, ready));
        }

        let copies = self.copies(bottle)?;
        let mut names: Vec<String> = copies.iter().flat_map(|copy| copy.files.owner_names()).collect();
        names.sort_unstable();
        names.dedup();
        let owners = if names.is_empty() {
            None
        } else {
            let step = Step::LearnOwners(Owners { container: container.clone(), names });
            Some(self.add(Address::of(name, "agent", "owners"), step, [(Need::On, create.clone())])?)
        };
        let mut declared = Vec::new();
        for FileSet { step, files, tracked, declared: is_declared } in copies {
            let mut needs = vec![(Need::On, create.clone())];
            if let (Some(owners), false) = (&owners, files.owner_names().is_empty()) {
                needs.push((Need::After, owners.clone()));
            }
            let step_kind = Step::CopyIn(CopyIn { container: container.clone(), into: "/".to_owned(), files, tracked });
            let address = self.add(Address::of(name, "agent", &step), step_kind, needs)?;
            before_start.push((Need::After, address.clone()));
            if is_declared {
                declared.push(address);
            }
        }
        let start = self.add(Address::of(name, "agent", "start"), Step::Start(container.clone()), before_start)?;
        let relay = self.ssh(bottle, &container, &start)?;

        let secret = bottle.env.iter().filter(|(_, value)| !matches!(value, EnvValue::Literal(_)));
        let hides: Vec<String> = secret.map(|(name, _)| name.clone()).collect();
        let mut previous: Option<Address> = None;
        for (number, exec) in bottle.exec.iter().enumerate() {
            let step = Step::Exec(Exec {
                container: container.clone(),
                user: exec.user.clone().or_else(|| bottle.user.clone()),
                env: BTreeMap::new(),
                command: exec.run.clone(),
                stdin: None,
                hides: hides.clone(),
                lasts: Lasts::Container,
            });
            // A command that was declared after others may use what they made.
            let mut needs = vec![(Need::After, start.clone()), (Need::On, create.clone())];
            needs.extend(relay.iter().map(|relay| (Need::After, relay.clone())));
            match &previous {
                Some(previous) => needs.push((Need::On, previous.clone())),
                None => needs.extend(declared.iter().map(|copy| (Need::On, copy.clone()))),
            }
            previous = Some(self.add(Address::of(name, "agent", &format!("exec:{}", number + 1)), step, needs)?);
        }
        Ok(())
    }

    /// The steps that make keys usable in the guest; the last of them, if there are any.
    fn ssh(
        &mut self,
        bottle: &Bottle,
        container: &ObjectName,
        start: &Address,
    ) -> Result<Option<Address>, CompileError> {
        if bottle.ssh.is_empty() {
            return Ok(None);
        }
        let at = |step: &str| Address::of(&bottle.name, "agent", step);
        let agent = self.add(
            at("ssh:agent"),
            Step::Exec(ssh::start_agent(container, &bottle.ssh)),
            [(Need::On, start.clone())],
        )?;
        let mut needs = vec![(Need::On, agent.clone())];
        for key in &bottle.ssh {
            let step = Step::Exec(ssh::add_key(container, key));
            let key = self.add(at(&format!("ssh:key:{}", key.host)), step, [(Need::On, agent.clone())])?;
            needs.push((Need::After, key));
        }
        Ok(Some(self.add(at("ssh:relay"), Step::Exec(ssh::relay(container)), needs)?))
    }

    /// The files of an agent, each set under the last part of its address.
    fn copies(&self, bottle: &Bottle) -> Result<Vec<FileSet>, CompileError> {
        let owner = archives::owner(bottle.user.as_deref());
        let home = bottle.home.trim_end_matches('/');
        let mut sets = Vec::new();
        if let Some(prompt) = &bottle.prompt {
            let (content, digest) = match prompt {
                Prompt::File(path) => (Content::Host(path.clone()), content::digest(self.files, path)?),
                Prompt::Text(text) => (Content::Text(text.clone()), Digest::of(text.as_bytes())),
            };
            let files = archives::at(home, &format!("{home}/.bottle-prompt.md"), content, &owner, Some(0o600));
            sets.push(FileSet::tracked("prompt".to_owned(), files, digest));
        }
        for skill in &bottle.skills {
            let place = format!("{home}/{}/{}", bottle.agent.skills_folder(), skill.file_name());
            let files = archives::at(home, &place, Content::Host(skill.clone()), &owner, None);
            let digest = content::digest(self.files, skill)?;
            sets.push(FileSet::tracked(format!("skill:{}", skill.file_name()), files, digest));
        }
        if !bottle.ssh.is_empty() {
            let files = ssh::files(bottle, &owner);
            let mut hasher = Hasher::default();
            for entry in &files.entries {
                if let Content::Text(text) = &entry.content {
                    hasher.field(text);
                }
            }
            sets.push(FileSet::tracked("ssh:config".to_owned(), files, hasher.finish()));
        }
        if let Some(Workspace { from, to, how }) = &bottle.workspace {
            let source = match how {
                WorkspaceMode::Copy => Some((from.clone(), to.clone())),
                WorkspaceMode::Git => Some((from.join(".git"), format!("{to}/.git"))),
                WorkspaceMode::Mount | WorkspaceMode::Bake => None,
            };
            if let Some((from, to)) = source {
                let files = archives::at(home, &to, Content::Host(from), &owner, None);
                sets.push(FileSet { step: "workspace".to_owned(), files, tracked: Tracking::Once, declared: true });
            }
        }
        for copy in &bottle.copy {
            let mut files = archives::at(home, &copy.to, Content::Host(copy.from.clone()), &owner, copy.mode);
            // The folders that lead to it stay the agent's.
            if let (Some(another), Some(copied)) = (&copy.owner, files.entries.last_mut()) {
                copied.owner = archives::owner(Some(another));
            }
            let digest = content::digest(self.files, &copy.from)?;
            let mut set = FileSet::tracked(format!("copy:{}", copy.to), files, digest);
            set.declared = true;
            sets.push(set);
        }
        Ok(sets)
    }
}

/// Files that go in together.
struct FileSet {
    step: String,
    files: Archive,
    tracked: Tracking,
    /// Whether the manifest lists it itself, so that a later `exec` may depend on it.
    declared: bool,
}

impl FileSet {
    fn tracked(step: String, files: Archive, digest: Digest) -> Self {
        Self { step, files, tracked: Tracking::Content(digest), declared: false }
    }
}

/// Whether the command of an engine, or the system's loader, reads this variable of its own environment. A secret travels there, and
/// in one of these it would change what the command does: another engine, another program.
fn read_by_engines(variable: &str) -> bool {
    const NAMES: &[&str] = &["PATH", "HOME", "TMPDIR", "SHELL", "USER", "IFS", "GODEBUG", "GOGC", "GOMAXPROCS"];
    const PREFIXES: &[&str] =
        &["LD_", "DYLD_", "DOCKER_", "BUILDKIT_", "BUILDX_", "CONTAINER_", "SSL_CERT_", "XDG_", "SSH_"];
    NAMES.contains(&variable) || PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}

fn environment(bottle: &Bottle, proxied: bool) -> Result<BTreeMap<String, EnvSource>, CompileError> {
    let mut env = BTreeMap::new();
    if proxied {
        for (name, value) in pipelock::agent_environment() {
            env.insert(name.to_owned(), EnvSource::Literal(value));
        }
    }
    if !bottle.ssh.is_empty() {
        env.insert("SSH_AUTH_SOCK".to_owned(), EnvSource::Literal(ssh::RELAY.to_owned()));
    }
    for (name, value) in &bottle.env {
        if !matches!(value, EnvValue::Literal(_)) && read_by_engines(name) {
            return Err(CompileError::SecretVariable { bottle: bottle.name.clone(), variable: name.clone() });
        }
        let source = match value {
            EnvValue::Literal(text) => EnvSource::Literal(text.clone()),
            EnvValue::FromHost(variable) => EnvSource::Secret(Secret::HostEnv(variable.clone())),
            EnvValue::Ask(prompt) => EnvSource::Secret(Secret::Ask(prompt.clone())),
        };
        env.insert(name.clone(), source);
    }
    Ok(env)
}

fn mounts(bottle: &Bottle) -> Result<Vec<Mount>, CompileError> {
    let Some(Workspace { from, to, how: WorkspaceMode::Mount }) = &bottle.workspace else { return Ok(Vec::new()) };
    for path in [from.as_str(), to] {
        if path.contains([',', '"']) {
            return Err(CompileError::Mount { path: path.to_owned() });
        }
    }
    Ok(vec![Mount { from: from.clone(), to: to.clone() }])
}
