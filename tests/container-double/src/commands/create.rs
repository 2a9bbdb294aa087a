//! `create`, `run` and `start`.

use std::fs;
use std::path::Path;

use super::images;
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::{Service, missing, now};
use crate::settings::short_digest;
use crate::spec::{labels, mounts, names, networks, ports, process, resources};
use crate::state::{Container, Dns, MountKind};

/// 1 GiB and four processors, where nothing else is asked for.
const MEMORY: u64 = 1 << 30;
const CPUS: u64 = 4;
const RUNTIME: &str = "container-runtime-linux";

pub(super) fn create(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let id = make(&mut service, parsed, |id| Failure::new(format_args!("container already exists: {id}")))?;
    println!("{id}");
    Ok(())
}

pub(super) fn run(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let id = make(&mut service, parsed, |id| Failure::new(format_args!("container with id {id} already exists")))?;
    let result = if parsed.has("detach") {
        bootstrap(&mut service, &id)
    } else {
        return attached(service, &id, parsed.has("interactive"), true);
    };
    // What could not be started is not left behind.
    if let Err(failure) = result {
        service.remove(&id)?;
        return Err(failure);
    }
    println!("{id}");
    Ok(())
}

pub(super) fn start(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let id = parsed.arguments[0].clone();
    let attach = parsed.has("attach") || parsed.has("interactive");
    let running = service.state().containers.get(&id).ok_or_else(|| missing(&id))?.running;
    match (running, attach) {
        (true, true) => Err(Failure::new("attach is currently unsupported on already running containers")),
        (false, true) => attached(service, &id, parsed.has("interactive"), false),
        (running, false) => {
            if !running {
                bootstrap(&mut service, &id)?;
            }
            println!("{id}");
            Ok(())
        }
    }
}

/// In the order of `container`: the name, the image, then all other options, so that a bad label is told of after a pull.
fn make(service: &mut Service<'_>, parsed: &Parsed, exists: impl Fn(&str) -> Failure) -> Result<String, Failure> {
    let settings = service.settings;
    let id = match parsed.value("name") {
        Some(name) => name.to_owned(),
        None => fresh_id(service),
    };
    names::container(&id, settings)?;
    if service.state().containers.contains_key(&id) {
        return Err(exists(&id));
    }
    let (reference, image) = images::fetch(service, &parsed.arguments[0])?;
    let process = process::initial(parsed, &image.config)?;
    let mut volumes = service.state().volumes.clone();
    let mounts =
        mounts::mounts(parsed.values("mount"), parsed.values("volume"), parsed.values("tmpfs"), &id, &mut volumes)?;
    let attachments = networks::attachments(parsed.values("network"), settings, service.state())?;
    let labels = labels::of_container(parsed.values("label"))?;
    let memory = parsed.value("memory").map(resources::memory).transpose()?;
    resources::enough(memory.unwrap_or(MEMORY))?;
    let runtime = parsed.value("runtime").unwrap_or(RUNTIME);
    if runtime != RUNTIME {
        return Err(Failure::new(format_args!("unable to locate runtime plugin {runtime}")));
    }
    for option in ["kernel", "kernel-arg", "init-image", "masked-path", "read-only-path", "dns-domain"] {
        if parsed.has(option) && service.engine.is_some() && option != "dns-domain" {
            return Err(Failure::double(format_args!("it cannot do --{option} on a Docker Engine")));
        }
    }
    let container = Container {
        id: id.clone(),
        image: reference,
        image_digest: image.digest,
        created: now(),
        started: None,
        running: false,
        remove: parsed.has("rm"),
        labels,
        networks: attachments,
        mounts,
        ports: ports::ports(parsed.values("publish"))?,
        sockets: ports::sockets(parsed.values("publish-socket"))?,
        dns: dns(parsed)?,
        process,
        cpus: parsed.value("cpus").and_then(|cpus| cpus.parse().ok()).unwrap_or(CPUS),
        memory: memory.unwrap_or(MEMORY),
        memory_limited: memory.is_some(),
        cap_add: resources::capabilities(parsed.values("cap-add"))?,
        cap_drop: resources::capabilities(parsed.values("cap-drop"))?,
        read_only: parsed.has("read-only"),
        init: parsed.has("init"),
        ssh: parsed.has("ssh"),
        rosetta: parsed.has("rosetta"),
        virtualization: parsed.has("virtualization"),
        runtime: runtime.to_owned(),
        architecture: image.architecture,
        shm_size: parsed.value("shm-size").map(str::to_owned),
    };
    service.make_networks(container.networks.iter().map(|each| each.network.as_str()))?;
    if let Some(engine) = &service.engine {
        for mount in container.mounts.iter().filter(|mount| mount.kind == MountKind::Volume) {
            fs::create_dir_all(engine.volume(&mount.source))?;
        }
        engine
            .create(&container)
            .map_err(|why| Failure::new(format_args!("failed to create container (cause: \"{why}\")")))?;
    } else {
        fs::create_dir_all(service.root(&id))?;
    }
    if let Some(path) = parsed.value("cidfile").filter(|path| !path.is_empty()) {
        fs::write(path, &id)?;
    }
    service.state().volumes = volumes;
    service.state().containers.insert(id.clone(), container);
    service.save()?;
    Ok(id)
}

/// In the shape of a lowercase UUID.
fn fresh_id(service: &mut Service<'_>) -> String {
    let folder = service.settings.state.display().to_string();
    let state = service.state();
    let mut number = state.containers.len();
    loop {
        let digits = short_digest(&format!("{folder} {number} {}", now()), 32);
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        let id = parts.join("-");
        if !state.containers.contains_key(&id) {
            return id;
        }
        number += 1;
    }
}

fn dns(parsed: &Parsed) -> Result<Option<Dns>, Failure> {
    let options = ["dns", "dns-domain", "dns-option", "dns-search"];
    if parsed.has("no-dns") {
        if options.iter().any(|option| parsed.has(option)) {
            return Err(Failure::validation("--no-dns cannot be combined with --dns options"));
        }
        return Ok(None);
    }
    Ok(Some(Dns {
        servers: parsed.values("dns").to_vec(),
        domain: parsed.value("dns-domain").map(str::to_owned),
        search: parsed.values("dns-search").to_vec(),
        options: parsed.values("dns-option").to_vec(),
    }))
}

fn not_bootstrapped(id: &str, why: &str) -> Failure {
    Failure::new(format_args!(
        "failed to bootstrap container (cause: \"internalError: \"failed to bootstrap container {id} (cause: \"unknown: \
         \"{why}\"\")\"\")"
    ))
}

/// What must hold for a container to start, and its new addresses.
fn ready(service: &mut Service<'_>, id: &str) -> Result<Container, Failure> {
    let state = service.state();
    let container = state.containers.get(id).ok_or_else(|| missing(id))?;
    for mount in container.mounts.iter().filter(|mount| mount.kind != MountKind::Tmpfs) {
        if mount.kind == MountKind::Virtiofs && !Path::new(&mount.source).exists() {
            return Err(Failure::new(format_args!("mount source path '{}' does not exist", mount.source)));
        }
        let writes = |other: &Container| {
            let same =
                |theirs: &&crate::state::Mount| theirs.kind == MountKind::Volume && theirs.source == mount.source;
            other.running && other.mounts.iter().filter(same).any(|theirs| !theirs.read_only || !mount.read_only)
        };
        if mount.kind == MountKind::Volume && state.containers.values().any(writes) {
            return Err(not_bootstrapped(id, &format!("volume {} is in use", mount.source)));
        }
    }
    service.prepare(id)
}

fn running(service: &mut Service<'_>, container: Container) -> Done {
    let container = Container { running: true, started: Some(now()), ..container };
    service.state().containers.insert(container.id.clone(), container);
    service.save()
}

fn bootstrap(service: &mut Service<'_>, id: &str) -> Done {
    let container = ready(service, id)?;
    if let Some(engine) = &service.engine
        && let Err(why) = engine.start(&container, &service.held.state.networks)
    {
        let failed = not_bootstrapped(id, &why);
        not_started(service, id)?;
        return Err(failed);
    }
    running(service, container)
}

/// A start that failed leaves what was stopped, also with `--rm`.
fn not_started(service: &mut Service<'_>, id: &str) -> Done {
    let remove = service.state().containers.get_mut(id).map(|container| std::mem::take(&mut container.remove));
    service.settle(id)?;
    if let (Some(container), Some(remove)) = (service.state().containers.get_mut(id), remove) {
        container.remove = remove;
    }
    service.save()
}

/// Starts with our streams, and ends as the process ends. The lock is let go while it runs.
fn attached(mut service: Service<'_>, id: &str, interactive: bool, fresh: bool) -> Done {
    let started = ready(&mut service, id).and_then(|container| {
        let child = match &service.engine {
            Some(engine) => Some(
                engine
                    .start_attached(&container, &service.held.state.networks, interactive)
                    .map_err(|why| not_bootstrapped(id, &why))?,
            ),
            None => None,
        };
        running(&mut service, container)?;
        Ok(child)
    });
    let child = match started {
        Ok(child) => child,
        Err(failure) if fresh => {
            service.remove(id)?;
            return Err(failure);
        }
        Err(failure) => {
            not_started(&mut service, id)?;
            return Err(failure);
        }
    };
    let settings = service.settings;
    drop(service);
    let code = match child {
        Some(mut child) => child.wait()?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
        None => 0,
    };
    let mut service = Service::open(settings)?;
    if service.state().containers.get(id).is_some_and(|container| container.running) {
        service.settle(id)?;
    }
    if code == 0 { Ok(()) } else { Err(Failure::process(code)) }
}
