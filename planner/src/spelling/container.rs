//! The command lines of Apple's `container`, in the grammar of 1.2.2: options before the image or the container, each as one word, so that
//! no value can be taken for an option.

use super::words::{Words, mount_source};
use super::{Spelled, host};
use crate::intent::{
    Build, Container, Content, Context, CopyIn, Hold, Network, ObjectName, ROOTS_PATH, Reach, Step, Tracking,
};
use crate::manifest::Allowance;
use crate::operation::{Command, ObjectKind, Part, Removed};

/// Where the mark lies that lets a held container go on. A file system in memory: it is gone when the container is started again.
const HOLD_FOLDER: &str = "/run/bottle";
/// Lets a held container go on, and leaves a mark that lasts as long as the container: its command has begun.
const RELEASE: &str = "mkdir -p /var/lib/bottle && touch /var/lib/bottle/begun /run/bottle/go";
/// Unpacks what is given once into `$0`, unless the command has begun: then what is there is the agent's, and is not laid over, whatever
/// a journal has lost.
const UNPACK_ONCE: &str =
    "if [ -e /var/lib/bottle/begun ]; then exec cat >/dev/null; else exec tar -C \"$0\" -xpf -; fi";
/// Waits for the mark, then becomes the command.
const HELD: &str = "p=$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin; until [ -e /run/bottle/go ]; do sleep 0.1; done; PATH=$p; exec \"$@\"";
/// The same as root, which then lays down every capability, and with them the way back, and becomes the user in `$0`: a name, or numbers. It
/// looks for the rules itself: a container that was started again between the rules and the mark has lost them, and must not go on.
///
/// Programs are looked for where only root can put them; the command gets its own search path back.
const HELD_BY_ROOT: &str = "p=$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin; s=$(command -v setpriv) || exit 1; \
     until [ -e /run/bottle/go ] && nft list table inet bottle >/dev/null 2>&1; do sleep 0.1; done; \
     case $0 in [0-9]*:*) u=${0%%:*} g=${0#*:} r=--clear-groups;; [0-9]*) u=$0 g=0 r=--clear-groups;; \
     *) u=$(id -u \"$0\") g=$(id -g \"$0\") r=--init-groups;; esac; PATH=$p; \
     exec \"$s\" --reuid=\"$u\" --regid=\"$g\" $r --inh-caps=-all --bounding-set=-all --no-new-privs -- \"$@\"";
/// Unpacks into `$0`, unless one of the folders after it is a link by now: what runs in the guest could have put it there, and root
/// would follow it.
const UNPACK: &str =
    "for d; do [ ! -L \"$d\" ] || { echo \"$d is a link\" >&2; exit 1; }; done; exec tar -C \"$0\" -xpf -";

pub(super) fn spell(step: &Step) -> Spelled {
    match step {
        Step::PullImage(image) => Words::of(&["container", "image", "pull"]).operand("image", &image.0).spelled(),
        Step::BuildImage(build) => build_image(build),
        Step::CreateNetwork(network) => create_network(network),
        Step::CreateContainer(container) => create_container(container),
        // Folded into the create by a pass: there is no command for it.
        Step::Attach(_) => Words::default().spelled(),
        Step::LearnOwners(owners) => Words::of(&["container", "exec", "--user=root"])
            .option("--env", format!("PATH={ROOTS_PATH}"))
            .object(&owners.container)
            .operands("command", &["cat".to_owned(), "/etc/passwd".to_owned()])
            .content("users", owners.names.join(" "))
            .spelled(),
        Step::LearnAddress(address) => Words::of(&["container", "inspect"])
            .object(&address.container)
            .content("network", address.network.0.as_str())
            .spelled(),
        Step::CopyIn(copy) => copy_in(copy),
        Step::Start(container) => Words::of(&["container", "start"]).object(container).spelled(),
        Step::Release(container) => Words::of(&["container", "exec", "--user=root"])
            .option("--env", format!("PATH={ROOTS_PATH}"))
            .object(container)
            .operands("command", &["sh", "-c", RELEASE].map(str::to_owned))
            .spelled(),
        Step::AwaitReady(readiness) => {
            Words::of(&["container", "exec"]).object(&readiness.container).operands("probe", &readiness.probe).spelled()
        }
        Step::Exec(exec) => Words::of(&["container", "exec"]).executed(exec).spelled(),
        // Taken out by a pass.
        Step::Gate(_) => Words::default().spelled(),
        Step::Stage(_) | Step::StartProcess(_) | Step::AwaitProcess(_) | Step::ResolveHosts(_) => host::spell(step),
    }
}

fn build_image(build: &Build) -> Spelled {
    let mut words = Words::of(&["container", "build"]).content("content", build.content.to_string());
    for (name, value) in &build.args {
        words = words.pair("--build-arg", name, value);
    }
    words = words.option("--tag", build.image.0.as_str());
    match &build.context {
        Context::Folder { folder, dockerfile } => words
            .typed("--file", "dockerfile", vec![Part::HostPath(folder.join(dockerfile))])
            .word(vec![Part::HostPath(folder.clone())])
            .spelled(),
        Context::Baked { base, stage, .. } => {
            let words = words.content("base", base.0.as_str());
            match stage {
                Some(stage) => words.word(vec![Part::Stage(stage.clone())]).spelled(),
                None => words.spelled(),
            }
        }
    }
}

fn create_network(network: &Network) -> Spelled {
    Words::of(&["container", "network", "create"])
        .flag_if(network.reach == Reach::Internal, "--internal")
        .option_if("--subnet", network.subnet.map(|subnet| subnet.to_string()))
        .name("", &network.name)
        .spelled()
}

fn create_container(container: &Container) -> Spelled {
    let mut words = Words::of(&["container", "create"]).name("--name=", &container.name);
    for membership in &container.networks {
        let input = format!("network {}", membership.network);
        let part = if membership.own {
            Part::Literal(membership.network.0.clone())
        } else {
            Part::Object(membership.network.clone())
        };
        words = words.typed("--network", &input, vec![part]);
    }
    if container.networks.is_empty() {
        words = words.option("--network", "none");
    }
    for resolver in &container.resolvers {
        words = words.option("--dns", resolver.as_str());
    }
    words = words.flag_if(container.dns_closed && !container.networks.is_empty(), "--no-dns");
    let by_root = container.hold == Hold::HeldByRoot;
    // The image's own entry point would run before the gate, as whoever the gate runs as.
    words = words
        .option_if("--entrypoint", (container.hold != Hold::None).then_some("/bin/sh"))
        .option_if("--user", if by_root { Some("root") } else { container.user.as_deref() })
        .option("--cap-drop", "ALL");
    for capability in &container.capabilities {
        words = words.option("--cap-add", *capability);
    }
    for allowance in &container.given_up {
        // What else could be asked for is not to be had here: a pass has said so.
        if let Allowance::Capability(name) = allowance
            && !container.capabilities.contains(name)
        {
            words = words.option("--cap-add", *name);
        }
    }
    if by_root {
        // What becoming the user takes; laid down with the rest before the command.
        for capability in ["SETUID", "SETGID", "SETPCAP"] {
            words = words.option("--cap-add", capability);
        }
    }
    words = words
        .option_if("--cpus", container.cpus.as_deref())
        .option_if("--memory", container.memory.as_deref().map(str::to_ascii_uppercase))
        .flag_if(container.init, "--init")
        .flag_if(container.read_only, "--read-only")
        .option_if("--workdir", container.workdir.as_deref());
    if container.hold != Hold::None {
        words = words.option("--tmpfs", HOLD_FOLDER);
    }
    for mount in &container.mounts {
        let mut parts = vec![
            Part::Literal("type=bind,source=".to_owned()),
            mount_source(&mount.from),
            Part::Literal(format!(",target={}", mount.to)),
        ];
        if matches!(mount.from, crate::intent::MountSource::Stage(_)) {
            parts.push(Part::Literal(",readonly".to_owned()));
        }
        words = words.typed("--mount", &format!("mount {}", mount.to), parts);
    }
    words = words.variables(&container.env);
    if let Some(configuration) = &container.configuration {
        words = words.content("configuration", configuration.to_string());
    }
    words.operand("image", &container.image.0).operands("command", &command(container)).spelled()
}

/// The command, behind the gate where the container is held.
fn command(container: &Container) -> Vec<String> {
    let gate: &[&str] = match container.hold {
        Hold::None => &[],
        Hold::Held => &["-c", HELD, "held"],
        Hold::HeldByRoot => &["-c", HELD_BY_ROOT, container.user.as_deref().unwrap_or("root")],
    };
    gate.iter().map(|word| (*word).to_owned()).chain(container.command.iter().cloned()).collect()
}

/// A tar stream: owners and modes arrive with the files, so that none is ever readable by others, and no call has to mend them.
fn copy_in(copy: &CopyIn) -> Spelled {
    let script = match &copy.tracked {
        Tracking::Content(_) => UNPACK,
        Tracking::Once => UNPACK_ONCE,
    };
    let folders = copy.files.entries.iter().filter(|entry| !matches!(entry.content, Content::Text(_)));
    let unpack: Vec<String> = ["sh", "-c", script, &copy.into]
        .into_iter()
        .chain(folders.map(|entry| entry.path.as_str()))
        .map(str::to_owned)
        .collect();
    Words::of(&["container", "exec", "--interactive", "--user=root"])
        .option("--env", format!("PATH={ROOTS_PATH}"))
        .object(&copy.container)
        .operands("command", &unpack)
        .copied(copy)
        .spelled()
}

/// The command that takes something away.
pub(super) fn removal(what: &Removed) -> Option<Command> {
    let words = match what {
        Removed::Object { kind: ObjectKind::Container, name, .. } => {
            Words::of(&["container", "delete", "--force"]).object(&ObjectName(name.clone()))
        }
        Removed::Object { kind: ObjectKind::Network, name, .. } => {
            Words::of(&["container", "network", "delete"]).object(&ObjectName(name.clone()))
        }
        Removed::Object { kind: ObjectKind::Image, name, .. } => Words::of(&["container", "image", "delete", name]),
        Removed::Object { kind: ObjectKind::Volume, name, .. } => Words::of(&["container", "volume", "delete", name]),
        // No membership can be taken away; what is the host's needs no command of the engine.
        Removed::Object { kind: ObjectKind::Process | ObjectKind::Stage, .. } | Removed::Membership { .. } => {
            return None;
        }
    };
    Some(words.command())
}
