//! Containers: made, filled, started, asked, ended.

use std::collections::BTreeMap;

use bottle_planner::intent::{Exec, ExecStdin, Owners, Readiness, Role};
use bottle_planner::operation::{Arg, ObjectKind, Part};
use bottle_planner::profile::{Known, Profile};

use super::guest::{self, Files};
use super::networks;
use super::state::{Change, Container, Joined, Ran, State, Status, Stored, Volume, What, id};
use super::step::{Answer, Refusal, Scene, moment};
use crate::engine::Outcome;

/// `create`. As Docker does, it looks for the networks only when the container starts.
pub(super) fn create(
    scene: &Scene<'_>,
    profile: &Profile,
    wanted: &bottle_planner::intent::Container,
    networks: Vec<Joined>,
) -> Result<Answer, Refusal> {
    let state = scene.state;
    let name = &wanted.name.0;
    let Some(image) = state.image_named(&wanted.image) else {
        return Err(Refusal::daemon(format!("No such image: {}", wanted.image)));
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
    Ok(Answer { changes, outcome: Outcome { made: Some(id), outputs: Vec::new() } })
}

/// That no container has a name.
pub(super) fn free_name(state: &State, name: &str) -> Result<(), Refusal> {
    match state.container_named(name) {
        None => Ok(()),
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
    let mut changes = Vec::new();
    for joined in &container.networks {
        changes.push(Change::Joined(container.id.clone(), networks::addressed(state, joined.clone())?));
    }
    if !serves(container) {
        // The engine starts it, and it ends at once.
        return Ok(vec![Change::Status(container.id.clone(), Status::Exited(1))]);
    }
    let (since, count) = moment(state);
    changes.extend([count, Change::Status(container.id.clone(), Status::Running(since))]);
    Ok(changes)
}

/// Whether a container's command goes on: a sidecar without its configuration ends.
fn serves(container: &Container) -> bool {
    let config = container.command.iter().skip_while(|word| *word != "--config").nth(1);
    match (container.role, config) {
        (Role::Sidecar, Some(config)) => {
            matches!(container.files.get(config), Some(Stored { what: What::File(_), .. }))
        }
        _ => true,
    }
}

/// `stop`, by force.
pub(super) fn stop(container: &Container) -> Vec<Change> {
    match container.status {
        Status::Running(_) => vec![Change::Status(container.id.clone(), Status::Exited(137))],
        Status::Created | Status::Exited(_) => Vec::new(),
    }
}

/// `cp` of a tar stream to a folder; where the root is read-only, to the volume and nowhere else.
pub(super) fn copy_in(state: &State, container: &Container, into: &str, files: Files) -> Result<Vec<Change>, Refusal> {
    if container.read_only && container.volume.as_deref() != Some(into) {
        return Err(Refusal::daemon("container rootfs is marked read-only"));
    }
    let image = state.images.get(&container.image_id);
    let laid =
        guest::lay(files, &|path| container.files.get(path).or_else(|| image.and_then(|image| image.files.get(path))))?;
    Ok(vec![Change::Files(container.id.clone(), laid)])
}

/// Reads the container's `/etc/passwd`.
pub(super) fn learn_owners(owners: &Owners) -> Answer {
    let numbers = |name: &String| {
        let (uid, gid) = guest::user(name);
        (name.clone(), format!("{uid}:{gid}"))
    };
    let outputs = owners.names.iter().map(numbers).collect();
    Answer { changes: Vec::new(), outcome: Outcome { made: None, outputs } }
}

/// The probe of a readiness: a container that runs serves.
pub(super) fn await_ready(container: &Container, ready: &Readiness) -> Result<(), Refusal> {
    running(container).map_err(|refusal| {
        let waited = format!("{} did not serve within {} s: {}", container.name, ready.within, refusal.said);
        Refusal { said: waited, ..refusal }
    })
}

/// `exec`. Every command is found and succeeds.
pub(super) fn exec(container: &Container, exec: &Exec) -> Result<Vec<Change>, Refusal> {
    running(container)?;
    let ran = Ran {
        command: exec.command.iter().map(|word| Arg::from_word(word).to_string()).collect(),
        user: exec.user.clone(),
        env: exec.env.clone(),
        stdin: match &exec.stdin {
            ExecStdin::Nothing => None,
            ExecStdin::Secret(secret) => Some(secret.to_string()),
            ExecStdin::Text(text) => Some(Arg(text.iter().map(Part::of_word).collect()).to_string()),
        },
    };
    Ok(vec![Change::Ran(container.id.clone(), ran)])
}

fn running(container: &Container) -> Result<(), Refusal> {
    match container.status {
        Status::Running(_) => Ok(()),
        Status::Created | Status::Exited(_) => {
            Err(Refusal::daemon(format!("Container {} is not running", container.id)))
        }
    }
}

/// `rm --force --volumes`.
pub(super) fn remove(state: &State, container: &Container) -> Vec<Change> {
    let mut changes = vec![Change::Gone(ObjectKind::Container, container.id.clone())];
    changes.extend(state.volume_of(&container.id).map(|volume| Change::Gone(ObjectKind::Volume, volume.name.clone())));
    changes
}

/// A container that is not there.
pub(super) fn missing(name: &str) -> Refusal {
    Refusal::daemon(format!("No such container: {name}"))
}
