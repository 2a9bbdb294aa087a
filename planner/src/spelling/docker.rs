//! The command lines of Docker's CLI. Options that not every engine of a profile knows are there only where a pass decided so.

use super::words::{Words, mount_source};
use super::{Spelled, host};
use crate::intent::{
    Attachment, Build, Container, Context, CopyIn, EnvSource, Gate, Membership, Network, ObjectName, Reach, Step, bake,
};
use crate::manifest::Allowance;
use crate::name::ProjectName;
use crate::operation::{Command, LABEL_PROJECT, ObjectKind, Part, Removed, Stdin};
use crate::profile::{GatewayClosing, Profile};

/// A resolver that answers nothing: the container's own loopback. Measured on 20.10.24: with it the embedded resolver still
/// answers the names of containers, and no query reaches the host's resolver.
const CLOSED_RESOLVER: &str = "127.0.0.1";
/// The variables that the client gives to containers where its configuration says so.
const CLIENT_ADDS: [&str; 10] = [
    "ALL_PROXY",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
/// Processes of a twin: each of some two dozen questions at a time is about five.
const PIDS_OF_TWIN: &str = "512";
/// What makes Docker choose a network for the default route, where it is known.
const DEFAULT_ROUTE: &str = "gw-priority=1";

pub(super) fn spell(step: &Step, profile: &Profile, project: &ProjectName) -> Spelled {
    match step {
        Step::PullImage(image) => Words::of(&["docker", "pull"]).operand("image", &image.0).spelled(),
        Step::BuildImage(build) => build_image(build),
        Step::CreateNetwork(network) => create_network(network),
        Step::CreateContainer(container) => create_container(container, profile, project),
        Step::Attach(attachment) => attach(attachment, profile),
        Step::LearnOwners(owners) => Words::of(&["docker", "cp", "--follow-link"])
            .word(vec![Part::Object(owners.container.clone()), Part::Literal(":/etc/passwd".to_owned())])
            .word(vec![Part::Literal("-".to_owned())])
            .content("users", owners.names.join(" "))
            .spelled(),
        Step::CopyIn(copy) => copy_in(copy),
        Step::Gate(gate) => twin(gate),
        Step::Start(container) => Words::of(&["docker", "start"]).object(container).spelled(),
        Step::AwaitReady(readiness) => {
            Words::of(&["docker", "exec"]).object(&readiness.container).operands("probe", &readiness.probe).spelled()
        }
        Step::Exec(exec) => Words::of(&["docker", "exec"]).executed(exec).spelled(),
        // No pass makes these for Docker: it has names, copies into what was made, and sidecars.
        Step::LearnAddress(_)
        | Step::Release(_)
        | Step::Stage(_)
        | Step::StartProcess(_)
        | Step::AwaitProcess(_)
        | Step::ResolveHosts(_) => host::spell(step),
    }
}

fn build_image(build: &Build) -> Spelled {
    let mut words = Words::of(&["docker", "build"]).content("content", build.content.to_string());
    for (name, value) in &build.args {
        words = words.pair("--build-arg", name, value);
    }
    words = words.option("--tag", build.image.0.as_str());
    match &build.context {
        Context::Folder { folder, dockerfile } => words
            .typed("--file", "dockerfile", vec![Part::HostPath(folder.join(dockerfile))])
            .word(vec![Part::HostPath(folder.clone())])
            .spelled(),
        Context::Baked { base, files, .. } => words
            .content("base", base.0.as_str())
            .word(vec![Part::Literal("-".to_owned())])
            .stdin(Stdin::Archive { files: bake::context(base, files), base: "/".to_owned() })
            .spelled(),
    }
}

fn create_network(network: &Network) -> Spelled {
    let words = Words::of(&["docker", "network", "create"])
        .option("--driver", "bridge")
        .flag_if(network.reach == Reach::Internal, "--internal")
        .option_if("--subnet", network.subnet.map(|subnet| subnet.to_string()));
    let words = match (network.reach, network.closing) {
        // Neighbours on the shared egress network are other bottles' sidecars.
        (Reach::Egress, _) => words.pair("--opt", "com.docker.network.bridge.enable_icc", "false"),
        (Reach::Internal, Some(GatewayClosing::Isolated)) => {
            words.pair("--opt", "com.docker.network.bridge.gateway_mode_ipv4", "isolated")
        }
        (Reach::Internal, Some(GatewayClosing::Inhibited)) => {
            words.pair("--opt", "com.docker.network.bridge.inhibit_ipv4", "true")
        }
        (Reach::Internal, None) => words,
    };
    words.name("", &network.name).spelled()
}

/// `name=NETWORK,alias=NAME,gw-priority=1`: the long form, the same for one network as for several.
fn membership(membership: &Membership, profile: &Profile, alone: bool) -> Vec<Part> {
    let mut rest = String::new();
    if let Some(alias) = &membership.alias {
        rest.push_str(&format!(",alias={alias}"));
    }
    if membership.default_route && profile.gateway_priority && !alone {
        rest.push_str(&format!(",{DEFAULT_ROUTE}"));
    }
    let mut parts = vec![Part::Literal("name=".to_owned()), Part::Object(membership.network.clone())];
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    parts
}

fn create_container(container: &Container, profile: &Profile, project: &ProjectName) -> Spelled {
    // Never pulled here: a name of ours that is missing must not be looked for in a registry.
    let mut words = Words::of(&["docker", "create"]).name("--name=", &container.name).option("--pull", "never");
    let alone = container.networks.len() < 2;
    for network in &container.networks {
        let input = format!("network {}", network.network);
        words = words.typed("--network", &input, membership(network, profile, alone));
    }
    let reach = reach(container.is_on_hosts_network(), container.networks.is_empty(), container.dns_closed);
    words = confined(words, reach, container.runtime, container.user.as_deref());
    for capability in &container.capabilities {
        words = words.option("--cap-add", *capability);
    }
    words = without_walls(words, &container.given_up, &container.capabilities);
    words = words
        .option("--security-opt", "no-new-privileges")
        .option("--pids-limit", container.pids.to_string())
        .option_if("--cpus", container.cpus.as_deref())
        .option_if("--memory", container.memory.as_deref())
        .flag_if(container.init, "--init")
        .flag_if(container.read_only, "--read-only")
        .option_if("--workdir", container.workdir.as_deref());
    for mount in &container.mounts {
        let parts = vec![
            Part::Literal("type=bind,source=".to_owned()),
            mount_source(&mount.from),
            Part::Literal(format!(",target={}", mount.to)),
        ];
        words = words.typed("--mount", &format!("mount {}", mount.to), parts);
    }
    if let Some(path) = &container.volume {
        let volume = format!("type=volume,target={path},volume-label={LABEL_PROJECT}={project}");
        words = words.typed("--mount", &format!("volume {path}"), vec![Part::Literal(volume)]);
    }
    // What is not said here, the client adds from its own configuration, credentials and all: `proxies` of `config.json`, measured on 28.2.
    let mut env = container.env.clone();
    for name in CLIENT_ADDS {
        env.entry(name.to_owned()).or_insert_with(|| EnvSource::Literal(String::new()));
    }
    words = words.variables(&env);
    if let Some(configuration) = &container.configuration {
        words = words.content("configuration", configuration.to_string());
    }
    words.operand("image", &container.image.0).operands("command", &container.command).spelled()
}

/// What is said of where a container is, beside the networks of ours that it joins.
fn reach(on_hosts_network: bool, joins_none: bool, dns_closed: bool) -> Option<(&'static str, &'static str)> {
    match (on_hosts_network, joins_none, dns_closed) {
        (true, ..) => Some(("--network", "host")),
        (false, true, _) => Some(("--network", "none")),
        (false, false, true) => Some(("--dns", CLOSED_RESOLVER)),
        (false, false, false) => None,
    }
}

/// What an agent and the twin that stands for it at its gate are made with alike.
fn confined(words: Words, reach: Option<(&str, &str)>, runtime: Option<&str>, user: Option<&str>) -> Words {
    reach
        .into_iter()
        .fold(words, |words, (name, value)| words.option(name, value))
        .option_if("--runtime", runtime)
        .option_if("--user", user)
        .option("--cap-drop", "ALL")
}

/// Options for the walls that a manifest takes away.
fn without_walls(mut words: Words, given_up: &[Allowance], capabilities: &[&'static str]) -> Words {
    for allowance in given_up {
        words = match allowance {
            Allowance::HostPid => words.option("--pid", "host"),
            Allowance::Privileged => words.flag("--privileged"),
            Allowance::Capability(name) if !capabilities.contains(name) => words.option("--cap-add", *name),
            Allowance::Device(path) => words.option("--device", path.as_str()),
            Allowance::EngineSocket(path) => words.option("--mount", format!("type=bind,source={path},target={path}")),
            // Said by the networks, and by the mount of the workspace.
            Allowance::HostNetwork | Allowance::MountHostFolder | Allowance::Capability(_) => words,
        };
    }
    words
}

/// A shell in a container like the agent's, whose script is made when it is run. What is asked comes first, so that a plan can be read.
fn twin(gate: &Gate) -> Spelled {
    let mut words = Words::of(&["docker", "run", "--rm", "--interactive"])
        .name("--name=", &gate.twin)
        .content("asks", gate.asked())
        .option("--pull", "never");
    for network in &gate.networks {
        let parts = vec![Part::Object(network.clone())];
        words = words.typed("--network", &format!("network {network}"), parts);
    }
    let on_hosts = gate.given_up.contains(&Allowance::HostNetwork);
    let reach = reach(on_hosts, gate.networks.is_empty(), gate.dns_closed);
    words = confined(words, reach, gate.runtime, gate.user.as_deref()).option("--security-opt", "no-new-privileges");
    // As for the agent: the client's own are not for what an image brings.
    words =
        CLIENT_ADDS.iter().fold(without_walls(words, &gate.given_up, &[]), |words, name| words.pair("--env", name, ""));
    words
        .option("--pids-limit", PIDS_OF_TWIN)
        .option("--entrypoint", "sh")
        .operand("image", &gate.image.0)
        .word(vec![Part::Literal("-s".to_owned())])
        .spelled()
}

fn attach(attachment: &Attachment, profile: &Profile) -> Spelled {
    let Membership { network, alias, default_route, .. } = &attachment.membership;
    let words = Words::of(&["docker", "network", "connect"]).option_if("--alias", alias.as_deref());
    let words = if *default_route && profile.gateway_priority { words.option("--gw-priority", "1") } else { words };
    words.object(network).object(&attachment.container).spelled()
}

/// A tar stream from standard input: owners and modes arrive with the files, so that no call has to mend them afterwards.
fn copy_in(copy: &CopyIn) -> Spelled {
    Words::of(&["docker", "cp"])
        .word(vec![Part::Literal("-".to_owned())])
        .word(vec![Part::Object(copy.container.clone()), Part::Literal(format!(":{}", copy.into))])
        .copied(copy)
        .spelled()
}

/// The command that takes something away.
pub(super) fn removal(what: &Removed) -> Option<Command> {
    let words = match what {
        Removed::Object { kind: ObjectKind::Container, name, .. } => {
            Words::of(&["docker", "rm", "--force", "--volumes"]).object(&ObjectName(name.clone()))
        }
        Removed::Object { kind: ObjectKind::Network, name, .. } => {
            Words::of(&["docker", "network", "rm"]).object(&ObjectName(name.clone()))
        }
        Removed::Object { kind: ObjectKind::Image, name, .. } => Words::of(&["docker", "image", "rm", name]),
        Removed::Object { kind: ObjectKind::Volume, name, .. } => Words::of(&["docker", "volume", "rm", name]),
        Removed::Object { kind: ObjectKind::Process | ObjectKind::Stage, .. } => return None,
        Removed::Membership { container, network, .. } => Words::of(&["docker", "network", "disconnect", "--force"])
            .word(vec![Part::Literal(network.clone())])
            .object(&ObjectName(container.clone())),
    };
    Some(words.command())
}
