//! The JSON of 1.0 and later. What is absent is left out.

use serde_json::{Map, Value, json};

use crate::state::{Attachment, Container, DEFAULT_NETWORK, Image, Mount, MountKind, Network, State, User, Volume};

/// What a container takes on top of its own processors and for its kernel.
const CPU_OVERHEAD: u64 = 1;

/// `running` or `stopped`: one that was never started is stopped.
pub(crate) fn status(container: &Container) -> &'static str {
    if container.running { "running" } else { "stopped" }
}

pub(crate) fn addresses(container: &Container, state: &State) -> Vec<String> {
    let text = |each: &Attachment| {
        let network = state.networks.get(&each.network)?;
        Some(format!("{}/{}", each.address?, network.subnet.prefix_len()))
    };
    container.networks.iter().filter_map(text).collect()
}

fn with(mut value: Value, optional: &[(&str, Option<Value>)]) -> Value {
    if let Value::Object(map) = &mut value {
        for (key, value) in optional {
            if let Some(value) = value {
                map.insert((*key).to_owned(), value.clone());
            }
        }
    }
    value
}

/// The first network has the full name, the others the bare one: the same without a domain.
fn hostname(container: &Container) -> &str {
    &container.id
}

pub(crate) fn container(container: &Container, state: &State) -> Value {
    let networks = container.networks.iter().map(|each| {
        let options = json!({"hostname": hostname(container), "mtu": each.mtu});
        json!({"network": each.network, "options": with(options, &[("macAddress", each.mac.clone().map(Value::from))])})
    });
    let dns = container.dns.as_ref().map(|dns| {
        let value = json!({"nameservers": dns.servers, "searchDomains": dns.search, "options": dns.options});
        with(value, &[("domain", dns.domain.clone().map(Value::from))])
    });
    let process = &container.process;
    let user = match &process.user {
        User::Ids(uid, gid) => json!({"id": {"uid": uid, "gid": gid}}),
        User::Raw(user) => json!({"raw": {"userString": user}}),
    };
    let limits: Vec<Value> =
        process.limits.iter().map(|(limit, soft, hard)| json!({"limit": limit, "soft": soft, "hard": hard})).collect();
    let configuration = json!({
        "id": container.id,
        "image": {"descriptor": descriptor(&container.image_digest, 0), "reference": container.image},
        "mounts": container.mounts.iter().map(mount).collect::<Vec<_>>(),
        "publishedPorts": container.ports.iter().map(|port| json!({
            "hostAddress": port.address, "hostPort": port.host, "containerPort": port.container, "proto": port.protocol,
            "count": port.count,
        })).collect::<Vec<_>>(),
        "publishedSockets": container.sockets.iter()
            .map(|(host, inside)| json!({"containerPath": inside, "hostPath": host})).collect::<Vec<_>>(),
        "labels": container.labels,
        "sysctls": {},
        "networks": networks.collect::<Vec<_>>(),
        "rosetta": container.rosetta,
        "virtualization": container.virtualization,
        "ssh": container.ssh,
        "readOnly": container.read_only,
        "useInit": container.init,
        "initProcess": {
            "executable": process.executable,
            "arguments": process.arguments,
            "environment": process.environment,
            "workingDirectory": process.directory,
            "terminal": process.terminal,
            "user": user,
            "supplementalGroups": process.groups,
            "rlimits": limits,
        },
        "platform": {"architecture": container.architecture, "os": "linux"},
        "resources": {"cpus": container.cpus, "memoryInBytes": container.memory, "cpuOverhead": CPU_OVERHEAD},
        "runtimeHandler": container.runtime,
        "capAdd": container.cap_add,
        "capDrop": container.cap_drop,
        "creationDate": container.created,
    });
    let statuses = container.networks.iter().filter(|_| container.running).filter_map(|each| {
        let network = state.networks.get(&each.network)?;
        let value = json!({
            "network": each.network,
            "hostname": hostname(container),
            "ipv4Address": format!("{}/{}", each.address?, network.subnet.prefix_len()),
            "ipv4Gateway": network.gateway().to_string(),
            "mtu": each.mtu,
        });
        Some(with(value, &[("macAddress", each.mac.clone().map(Value::from))]))
    });
    let status = json!({"state": status(container), "networks": statuses.collect::<Vec<_>>()});
    let started = container.started.clone().filter(|_| container.running).map(Value::from);
    json!({
        "id": container.id,
        "configuration": with(configuration, &[("dns", dns)]),
        "status": with(status, &[("startedDate", started)]),
    })
}

/// The builder's own container, which is in the list of containers once something was built.
pub(crate) fn builder(state: &State) -> Value {
    let address = state.networks.get(DEFAULT_NETWORK).and_then(|network| network.subnet.hosts().nth(253));
    let networks = address.map(|address| json!({"network": DEFAULT_NETWORK, "ipv4Address": format!("{address}/24")}));
    json!({
        "id": "buildkit",
        "configuration": {"id": "buildkit", "labels": {}, "networks": [{"network": DEFAULT_NETWORK}], "mounts": []},
        "status": {"state": "running", "networks": Vec::from_iter(networks)},
    })
}

fn mount(mount: &Mount) -> Value {
    let kind = match mount.kind {
        MountKind::Virtiofs => json!({"virtiofs": {}}),
        MountKind::Tmpfs => json!({"tmpfs": {}}),
        MountKind::Volume => {
            json!({"volume": {"name": mount.source, "format": "ext4", "cache": {"on": {}}, "sync": {"fsync": {}}}})
        }
    };
    let read_only = mount.read_only.then(|| "ro".to_owned());
    let options: Vec<String> = read_only.into_iter().chain(mount.options.iter().cloned()).collect();
    json!({"type": kind, "source": mount.source, "destination": mount.target, "options": options})
}

pub(crate) fn network(name: &str, network: &Network) -> Value {
    let explicit = |text: String| network.explicit.then(|| Value::from(text));
    let configuration = json!({
        "name": name,
        "creationDate": network.created,
        "mode": if network.internal { "hostOnly" } else { "nat" },
        "labels": network.labels,
        "plugin": network.plugin,
        "options": network.options,
    });
    let v6 = network.subnet_v6.clone().map(Value::from);
    let status = json!({"ipv4Subnet": network.subnet.to_string(), "ipv4Gateway": network.gateway().to_string()});
    json!({
        "id": name,
        "configuration":
            with(configuration, &[("ipv4Subnet", explicit(network.subnet.to_string())), ("ipv6Subnet", v6.clone())]),
        "status": with(status, &[("ipv6Subnet", v6)]),
    })
}

fn descriptor(digest: &str, size: u64) -> Value {
    json!({"digest": format!("sha256:{digest}"), "mediaType": "application/vnd.oci.image.index.v1+json", "size": size})
}

pub(crate) fn image(reference: &str, image: &Image) -> Value {
    let annotations = image.annotation.as_ref().map(|name| json!({"com.apple.containerization.image.name": name}));
    let platform = json!({"architecture": image.architecture, "os": "linux"});
    let config = json!({
        "architecture": image.architecture,
        "os": "linux",
        "config": image.config.as_object().cloned().unwrap_or_else(Map::new),
    });
    json!({
        "id": image.digest,
        "configuration": {
            "creationDate": image.created,
            "name": reference,
            "descriptor": with(descriptor(&image.digest, image.size), &[("annotations", annotations)]),
        },
        "variants": [{
            "platform": platform, "digest": format!("sha256:{}", image.digest), "size": image.size, "config": config,
        }],
    })
}

pub(crate) fn volume(name: &str, source: &str, volume: &Volume) -> Value {
    let configuration = json!({
        "name": name,
        "driver": "local",
        "format": "ext4",
        "source": source,
        "creationDate": volume.created,
        "labels": volume.labels,
        "options": volume.options,
    });
    json!({"id": name, "configuration": with(configuration, &[("sizeInBytes", volume.size.map(Value::from))])})
}
