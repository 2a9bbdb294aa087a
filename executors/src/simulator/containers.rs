//! Containers: made, filled, started, asked, ended.

use std::collections::BTreeMap;

use bottle_planner::intent::{AddressOf, CopyIn, Exec, Hold, MountSource, Owners, Readiness, Role, Tracking};
use bottle_planner::operation::ObjectKind;
use bottle_planner::profile::{Behaviour, Known, Profile};

use super::guest::{self, Files};
use super::networks;
use super::state::{Change, Container, Joined, Ran, State, Status, Stored, Volume, What, id};
use super::step::{Answer, Refusal, Scene, moment};
use crate::engine::Outcome;

/// `create`. Docker looks for the networks only when the container starts; Apple's `container` now.
pub(super) fn create(
    scene: &Scene<'_>,
    profile: &Profile,
    wanted: &bottle_planner::intent::Container,
    networks: Vec<Joined>,
) -> Result<Answer, Refusal> {
    let state = scene.state;
    let name = &wanted.name.0;
    let Some(image) = state.image_named(&wanted.image) else {
        return Err(match state.behaves {
            Behaviour::Docker => Refusal::daemon(format!("No such image: {}", wanted.image)),
            Behaviour::Container => Refusal::container(format!("image with reference {}", wanted.image)),
        });
    };
    if let Some(runtime) = wanted.runtime
        && profile.runsc != Known::Seen(true)
    {
        return Err(Refusal::daemon(format!("unknown or invalid runtime name: {runtime}")));
    }
    if networks.len() > 1 && !profile.networks_at_create {
        let names: Vec<&str> = networks.iter().map(|joined| joined.network.as_str()).collect();
        let names = names.join(", ");
        return Err(Refusal::daemon(format!("Container cannot be connected to network endpoints: {names}")));
    }
    free_name(state, name)?;
    if state.behaves == Behaviour::Container {
        for joined in &networks {
            if !profile.networks && !wanted.networks.iter().any(|on| on.own && on.network.0 == joined.network) {
                return Err(Refusal::container("non-default network configuration requires macOS 26 or newer"));
            }
            if joined.id.is_none() {
                return Err(networks::missing(state, &joined.network));
            }
        }
    }
    let (id, count) = scene.new_id("container");
    let container = Container {
        id: id.clone(),
        name: name.clone(),
        labels: scene.labels.clone(),
        image: wanted.image.0.clone(),
        image_id: image.id.clone(),
        role: wanted.role,
        user: wanted.user.clone(),
        command: wanted.command.clone(),
        env: wanted.env.clone(),
        runtime: wanted.runtime.map(str::to_owned),
        hold: wanted.hold,
        released: false,
        begun: false,
        serves: false,
        resolvers: wanted.resolvers.clone(),
        mounts: wanted.mounts.clone(),
        workdir: wanted.workdir.clone(),
        volume: wanted.volume.clone(),
        read_only: wanted.read_only,
        dns_closed: wanted.dns_closed,
        networks,
        status: Status::Created,
        files: BTreeMap::new(),
        ran: Vec::new(),
    };
    let mut changes = vec![count, Change::Container(Box::new(container))];
    if wanted.volume.is_some() {
        changes.push(Change::Volume(Volume {
            name: self::id("volume", &id),
            project: scene.labels.as_ref().map(|labels| labels.project.clone()),
            container: Some(id.clone()),
        }));
    }
    Ok(Answer { changes, outcome: Outcome { made: Some(id), ..Outcome::default() } })
}

/// That no container has a name.
pub(super) fn free_name(state: &State, name: &str) -> Result<(), Refusal> {
    match state.container_named(name) {
        None => Ok(()),
        Some(_) if state.behaves == Behaviour::Container => {
            Err(Refusal::container(format!("container already exists: {name}")))
        }
        Some(Container { id, .. }) => Err(Refusal::daemon(format!(
            "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". You have to remove (or \
             rename) that container to be able to reuse that name."
        ))),
    }
}

/// `start`. A container that runs goes on as it is.
pub(super) fn start(state: &State, container: &Container) -> Result<Vec<Change>, Refusal> {
    if matches!(container.status, Status::Running(_)) {
        return Ok(Vec::new());
    }
    for stage in stages(container) {
        if !state.stages.contains_key(stage) {
            return Err(Refusal::container(format!("mount source path '{stage}' does not exist")));
        }
    }
    let mut changes = Vec::new();
    for joined in &container.networks {
        changes.push(Change::Joined(container.id.clone(), networks::addressed(state, joined.clone())?));
    }
    if !is_configured(state, container) {
        // The engine starts it, and it ends at once.
        return Ok(vec![Change::Status(container.id.clone(), Status::Exited(1))]);
    }
    let (since, count) = moment(state);
    changes.extend([count, Change::Status(container.id.clone(), Status::Running(since))]);
    Ok(changes)
}

/// Whether a container's command goes on: a sidecar without its configuration ends.
fn is_configured(state: &State, container: &Container) -> bool {
    let config = container.command.iter().skip_while(|word| *word != "--config").nth(1);
    match (container.role, config) {
        (Role::Sidecar, Some(config)) => {
            let mounted = || {
                stages(container).find_map(|stage| state.stages.get(stage).and_then(|stage| stage.files.get(config)))
            };
            let file = container.files.get(config).or_else(mounted);
            matches!(file, Some(Stored { what: What::File(_), .. }))
        }
        _ => true,
    }
}

/// The stages that a container mounts.
fn stages(container: &Container) -> impl Iterator<Item = &str> {
    container.mounts.iter().filter_map(|mount| match &mount.from {
        MountSource::Stage(stage) => Some(stage.0.as_str()),
        MountSource::Host(_) => None,
    })
}

/// `touch` of the mark that a held container waits for.
pub(super) fn release(state: &State, container: &Container) -> Result<Vec<Change>, Refusal> {
    running(state, container)?;
    match container.hold {
        Hold::None => Err(Refusal::program("touch: /run/bottle/go: No such file or directory")),
        Hold::Held | Hold::HeldByRoot => Ok(vec![Change::Released(container.id.clone())]),
    }
}

/// `inspect`: the address of a container that runs.
pub(super) fn learn_address(state: &State, container: &Container, wanted: &AddressOf) -> Result<Answer, Refusal> {
    running(state, container)?;
    let joined = container.networks.iter().find(|joined| joined.network == wanted.network.0);
    let Some(address) = joined.and_then(|joined| joined.address) else {
        return Err(Refusal::program(format!("{} has no address on {}", container.name, wanted.network)));
    };
    let outputs = vec![(AddressOf::IPV4.to_owned(), address.to_string())];
    Ok(Answer { changes: Vec::new(), outcome: Outcome { outputs, ..Outcome::default() } })
}

/// `stop`, by force.
pub(super) fn stop(container: &Container) -> Vec<Change> {
    match container.status {
        Status::Running(_) => vec![Change::Status(container.id.clone(), Status::Exited(137))],
        Status::Created | Status::Exited(_) => Vec::new(),
    }
}

/// `cp` of a tar stream to a folder; where the root is read-only, to the volume and nowhere else.
pub(super) fn copy_in(
    state: &State,
    container: &Container,
    copy: &CopyIn,
    files: Files,
) -> Result<Vec<Change>, Refusal> {
    if state.behaves == Behaviour::Container {
        running(state, container)?;
        if copy.tracked == Tracking::Once && container.begun {
            return Ok(Vec::new());
        }
    }
    let into = copy.into.as_str();
    if container.read_only && container.volume.as_deref() != Some(into) {
        return Err(Refusal::daemon("container rootfs is marked read-only"));
    }
    let image = state.images.get(&container.image_id);
    let laid =
        guest::lay(files, &|path| container.files.get(path).or_else(|| image.and_then(|image| image.files.get(path))))?;
    Ok(vec![Change::Files(container.id.clone(), laid)])
}

/// Reads the container's `/etc/passwd`: Docker's command can do so of one that does not run.
pub(super) fn learn_owners(state: &State, container: &Container, owners: &Owners) -> Result<Answer, Refusal> {
    if state.behaves == Behaviour::Container {
        running(state, container)?;
    }
    let numbers = |name: &String| {
        let (uid, gid) = guest::user(name);
        (name.clone(), format!("{uid}:{gid}"))
    };
    let outputs = owners.names.iter().map(numbers).collect();
    Ok(Answer { changes: Vec::new(), outcome: Outcome { outputs, ..Outcome::default() } })
}

/// The probe of a readiness: a container that runs serves.
pub(super) fn await_ready(state: &State, container: &Container, ready: &Readiness) -> Result<Vec<Change>, Refusal> {
    match running(state, container) {
        Ok(_) if container.serves => Ok(Vec::new()),
        Ok(_) => Ok(vec![Change::Serves(container.id.clone())]),
        Err(refusal) => {
            let waited = format!("{} did not serve within {} s: {}", container.name, ready.within, refusal.said);
            Err(Refusal { said: waited, ..refusal })
        }
    }
}

/// `exec`. Every command is found and succeeds.
pub(super) fn exec(
    state: &State,
    container: &Container,
    exec: &Exec,
    (command, stdin): (Vec<String>, Option<String>),
) -> Result<Vec<Change>, Refusal> {
    let since = running(state, container)?.to_owned();
    let ran = Ran { command, user: exec.user.clone(), env: exec.env.clone(), stdin, since };
    Ok(vec![Change::Ran(container.id.clone(), ran)])
}

/// Since when a container runs.
fn running<'a>(state: &State, container: &'a Container) -> Result<&'a str, Refusal> {
    container.since().ok_or_else(|| match state.behaves {
        Behaviour::Docker => Refusal::daemon(format!("Container {} is not running", container.id)),
        Behaviour::Container => Refusal::container(format!("container {} is not running", container.name)),
    })
}

/// `rm --force --volumes`.
pub(super) fn remove(state: &State, container: &Container) -> Vec<Change> {
    let mut changes = vec![Change::Gone(ObjectKind::Container, container.id.clone())];
    changes.extend(state.volume_of(&container.id).map(|volume| Change::Gone(ObjectKind::Volume, volume.name.clone())));
    changes
}

/// A container that is not there.
pub(super) fn missing(state: &State, name: &str) -> Refusal {
    match state.behaves {
        Behaviour::Docker => Refusal::daemon(format!("No such container: {name}")),
        Behaviour::Container => Refusal::container(format!("get failed: container {name} not found")),
    }
}
