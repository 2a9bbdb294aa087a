//! From a manifest to the graph of what must become true. Nothing here knows a backend.

use std::collections::BTreeMap;

use super::ways::{Guard, Way, Ways};
use super::{
    Archive, ArchiveEntry, Attachment, Build, Content, Context, Graph, GraphError, ImageName, Membership, Need,
    Network, ObjectName, Reach, Step, archives, content,
};
use crate::address::Address;
use crate::digest::{Digest, Hasher};
use crate::manifest::{Allowance, Bottle, Image, Manifest, Via, Workspace, WorkspaceMode};
use crate::name::{BottleName, ProjectName};
use crate::source::{FileError, Files, SourcePath};

/// How many containers share one egress network: a Linux bridge takes 1,023 ports (`BR_MAX_PORTS`).
const MEMBERS_OF_EGRESS: usize = 1000;

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

/// Compiles a manifest, each bottle with its way out.
///
/// # Errors
/// When a file that it names cannot be read.
pub fn compile(manifest: &Manifest, files: &dyn Files, ways: &Ways) -> Result<Compiled, CompileError> {
    let mut compiler = Compiler { project: &manifest.name, manifest, files, graph: Graph::default() };
    let opened: Vec<(&Bottle, Vec<String>, Option<Way>)> = manifest
        .bottles
        .values()
        .map(|bottle| {
            let hosts = open_hosts(bottle);
            let way = (!hosts.is_empty()).then(|| ways.of(&bottle.name));
            (bottle, hosts, way)
        })
        .collect();
    let is_on_egress = |way: Option<Way>| matches!(way, Some(Way::Sidecar | Way::Firewall));
    let members = opened.iter().filter(|(_, _, way)| is_on_egress(*way)).count();
    let mut egress = Vec::new();
    for number in 0..members.div_ceil(MEMBERS_OF_EGRESS) {
        egress.push(compiler.egress_network(number, members.min(MEMBERS_OF_EGRESS))?);
    }
    let mut seen = 0;
    let mut allow = BTreeMap::new();
    for (bottle, hosts, way) in opened {
        let guard = match (way, egress.get(seen / MEMBERS_OF_EGRESS)) {
            (Some(Way::HostLoopback), _) => Some(compiler.host_loopback(bottle, &hosts)?),
            (Some(Way::Sidecar), Some(egress)) => Some(compiler.sidecar(bottle, egress, &hosts)?),
            (Some(Way::Firewall), Some(egress)) => Some(Guard::firewall(egress, &hosts)),
            _ => None,
        };
        seen += usize::from(is_on_egress(way));
        compiler.agent(bottle, guard)?;
        allow.insert(bottle.name.clone(), hosts);
    }
    Ok(Compiled { graph: compiler.graph, allow })
}

/// The hosts that a bottle may reach, sorted: an ssh host that it declares is one that it means to reach. On the host's network there is nothing
/// that could hold it to any.
pub(crate) fn open_hosts(bottle: &Bottle) -> Vec<String> {
    if bottle.egress.via == Some(Via::None) || bottle.given_up.contains(&Allowance::HostNetwork) {
        return Vec::new();
    }
    let mut hosts = bottle.egress.allow.clone();
    hosts.extend(bottle.ssh.iter().map(|key| key.hostname.to_ascii_lowercase()));
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// A step that makes something, and the name of what it makes.
#[derive(Clone)]
pub(super) struct Made<N> {
    pub(super) address: Address,
    pub(super) name: N,
}

pub(super) struct Compiler<'a> {
    project: &'a ProjectName,
    manifest: &'a Manifest,
    pub(super) files: &'a dyn Files,
    graph: Graph,
}

impl Compiler<'_> {
    pub(super) fn object(&self, bottle: &BottleName, suffix: &str) -> ObjectName {
        ObjectName(format!("bottle_{}_{bottle}{suffix}", self.project))
    }

    pub(super) fn add(
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

    /// The image of sidecars.
    pub(super) fn sidecar_image(&mut self) -> Result<Made<ImageName>, CompileError> {
        self.image(&self.manifest.sidecar_image)
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
    pub(super) fn agent_image(&mut self, bottle: &Bottle) -> Result<Made<ImageName>, CompileError> {
        let base = self.image(&bottle.image)?;
        let Some(Workspace { from, to, how: WorkspaceMode::Bake }) = &bottle.workspace else { return Ok(base) };
        let owner = archives::owner(bottle.user.as_deref());
        let files = Archive {
            entries: vec![ArchiveEntry { path: to.clone(), content: Content::Host(from.clone()), owner, mode: None }],
        };
        let mut hasher = Hasher::default();
        hasher.field(&base.name.0).field(to).field(bottle.user.as_deref().unwrap_or_default());
        let laid = content::digest(self.files, from)?;
        hasher.field(laid.short());
        let unread = laid.is_unread()
            || matches!(self.graph.get(&base.address), Some(Step::BuildImage(build)) if build.content.is_unread());
        let content = if unread { Digest::unread() } else { hasher.finish() };
        let name = ImageName(format!("{}:{content}", self.object(&bottle.name, "_baked")));
        let context = Context::Baked { base: base.name, files, stage: None };
        let build = Build { image: name.clone(), context, args: BTreeMap::new(), content };
        let address = self.add(
            Address::of(&bottle.name, "image", "bake"),
            Step::BuildImage(build),
            [(Need::After, base.address)],
        )?;
        Ok(Made { address, name })
    }

    pub(super) fn attach(
        &mut self,
        bottle: &BottleName,
        container: (&str, &Made<ObjectName>),
        network: (&str, &Made<ObjectName>),
        alias: Option<&str>,
        default_route: bool,
    ) -> Result<Address, CompileError> {
        let (object, made) = container;
        let membership =
            Membership { network: network.1.name.clone(), alias: alias.map(str::to_owned), default_route, own: false };
        self.add(
            Address::of(bottle, object, &format!("attach:{}", network.0)),
            Step::Attach(Attachment { container: made.name.clone(), membership }),
            [(Need::On, made.address.clone()), (Need::On, network.1.address.clone())],
        )
    }
}
