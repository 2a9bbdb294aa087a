//! Live bottles on Docker, asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bottle_planner::address::Address;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::operation::{LABEL_ADDRESS, LABEL_PROJECT};
use bottle_planner::probe::Posture;
use ipnet::Ipv4Net;
use serde::Deserialize;

use super::Docker;
use super::call::environment;
use crate::engine::{Ended, EngineError};
use crate::labels::LabelMap;
use crate::probe::{Endpoint, Helper, Member, Network, Place, Prober, SeenContainer, SeenNetwork, Surroundings};
use crate::process::Process;

/// What making and taking away a container of our own may take beyond its script.
const AROUND: Duration = Duration::from_secs(20);
/// Values of secrets up to this length are not looked for: they are in every text.
const SHORT_VALUE: usize = 5;
/// Probing is not hurried: what it runs ends by itself.
static CALM: AtomicBool = AtomicBool::new(false);

const WHOLE: &str = "{{json .}}";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    name: String,
    image: String,
    state: State,
    config: Config,
    host_config: HostConfig,
    network_settings: Settings,
    mounts: Option<Vec<Mount>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    user: String,
    env: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    privileged: bool,
    cap_add: Option<Vec<String>>,
    cap_drop: Option<Vec<String>>,
    network_mode: String,
    pid_mode: String,
    ipc_mode: String,
    #[serde(rename = "UTSMode")]
    uts_mode: String,
    userns_mode: String,
    #[serde(default)]
    cgroupns_mode: String,
    security_opt: Option<Vec<String>>,
    readonly_rootfs: bool,
    dns: Option<Vec<String>>,
    devices: Option<Vec<Device>>,
    device_requests: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Device {
    path_on_host: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    networks: Option<BTreeMap<String, RawEndpoint>>,
}

#[derive(Deserialize)]
struct RawEndpoint {
    #[serde(rename = "NetworkID")]
    network: String,
    #[serde(rename = "IPAddress")]
    address: String,
    #[serde(rename = "Gateway")]
    gateway: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(rename = "Type")]
    kind: String,
    name: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawNetwork {
    id: String,
    name: String,
    labels: LabelMap,
    internal: bool,
    #[serde(rename = "IPAM")]
    ipam: Ipam,
    containers: Option<BTreeMap<String, RawMember>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    config: Option<Vec<Range>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Range {
    #[serde(default)]
    subnet: String,
    #[serde(default)]
    gateway: String,
}

#[derive(Deserialize)]
struct RawMember {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "IPv4Address")]
    address: String,
}

impl Container {
    fn posture(&self) -> Posture {
        let host = &self.host_config;
        let spaces = [
            ("network", &host.network_mode),
            ("pid", &host.pid_mode),
            ("ipc", &host.ipc_mode),
            ("uts", &host.uts_mode),
            ("userns", &host.userns_mode),
            ("cgroupns", &host.cgroupns_mode),
        ];
        // The namespace of cgroups was the host's by default before cgroups of version 2, and gives no rights.
        let foreign = |(kind, mode): &(&str, &String)| {
            (mode.as_str() == "host" && *kind != "cgroupns") || mode.starts_with("container:")
        };
        let mounts = self.mounts.iter().flatten();
        let devices = host.devices.iter().flatten().map(|device| device.path_on_host.clone());
        let requested = host.device_requests.iter().flatten().map(|_| "a device by request".to_owned());
        Posture {
            privileged: host.privileged,
            capabilities_added: host.cap_add.clone().unwrap_or_default(),
            capabilities_dropped: host.cap_drop.clone().unwrap_or_default(),
            foreign_namespaces: spaces
                .iter()
                .filter(|space| foreign(space))
                .map(|(kind, mode)| format!("{kind}={mode}"))
                .collect(),
            mounts: mounts
                .filter_map(|mount| mount.name.clone().filter(|name| !name.is_empty()).or(mount.source.clone()))
                .collect(),
            devices: devices.chain(requested).collect(),
            security: host.security_opt.clone().unwrap_or_default(),
            read_only: host.readonly_rootfs,
            resolvers: host.dns.clone().unwrap_or_default(),
            user: self.config.user.clone(),
        }
    }

    fn seen(self, address: Address) -> SeenContainer {
        let posture = self.posture();
        let volumes = self.mounts.iter().flatten().filter(|mount| mount.kind == "volume");
        let networks = self.network_settings.networks.iter().flatten();
        SeenContainer {
            name: self.name.trim_start_matches('/').to_owned(),
            address,
            running: self.state.running,
            posture,
            networks: networks
                .map(|(_, endpoint)| Endpoint {
                    network: endpoint.network.clone(),
                    address: endpoint.address.parse().ok(),
                    gateway: endpoint.gateway.parse().ok(),
                })
                .collect(),
            volumes: volumes.filter_map(|volume| volume.name.clone()).collect(),
            id: self.id,
            image: self.image,
        }
    }
}

impl RawNetwork {
    fn seen(self, project: &ProjectName) -> SeenNetwork {
        let ours = self.labels.filter(|labels| labels.get(LABEL_PROJECT).map(String::as_str) == Some(project.as_str()));
        let address = ours.and_then(|labels| Some(Address::recorded(labels.get(LABEL_ADDRESS)?)));
        let ranges = self.ipam.config.unwrap_or_default();
        let range = ranges.iter().find_map(|range| Some((range.subnet.parse::<Ipv4Net>().ok()?, &range.gateway)));
        let member = |(id, member): (String, RawMember)| {
            let address = member.address.split('/').next().and_then(|address| address.parse().ok());
            Member { id, name: member.name, address }
        };
        SeenNetwork {
            subnet: range.map(|(subnet, _)| subnet),
            gateway: range.and_then(|(_, gateway)| gateway.parse::<Ipv4Addr>().ok()),
            members: self.containers.unwrap_or_default().into_iter().map(member).collect(),
            id: self.id,
            name: self.name,
            address,
            internal: self.internal,
        }
    }
}

impl Docker {
    /// What the engine says of containers, by id with the address that made each, and of networks by id and all that those are on.
    pub(super) fn surroundings_of(
        &self,
        project: &ProjectName,
        addresses: BTreeMap<String, Address>,
        mut networks: BTreeSet<String>,
    ) -> Result<Surroundings, EngineError> {
        let ids: Vec<String> = addresses.keys().cloned().collect();
        let listed = || self.ask(&["ps", "--all", "--no-trunc", "--format", "{{json .ID}}"])?.rows();
        let containers = self.inspect("container", WHOLE, &ids, |raw: &Container| &raw.id, listed)?;
        let containers: Vec<SeenContainer> = containers
            .into_iter()
            .filter_map(|raw| addresses.get(&raw.id).cloned().map(|address| raw.seen(address)))
            .collect();
        networks.extend(
            containers.iter().flat_map(|container| container.networks.iter().map(|endpoint| endpoint.network.clone())),
        );
        networks.remove("");
        let networks: Vec<String> = networks.into_iter().collect();
        let listed = || self.ask(&["network", "ls", "--no-trunc", "--format", "{{json .ID}}"])?.rows();
        let networks = self.inspect("network", WHOLE, &networks, |raw: &RawNetwork| &raw.id, listed)?;
        Ok(Surroundings { containers, networks: networks.into_iter().map(|raw| raw.seen(project)).collect() })
    }
}

impl Prober for Docker {
    fn surroundings(&self, project: &ProjectName, observation: &Observation) -> Result<Surroundings, EngineError> {
        let containers = observation.containers.iter();
        let containers = containers.map(|container| (container.id.clone(), container.labels.address.clone())).collect();
        let networks = observation.networks.iter().map(|network| network.id.clone()).collect();
        self.surroundings_of(project, containers, networks)
    }

    fn leaks(
        &self,
        agent: &SeenContainer,
        proxy: Option<&SeenContainer>,
        secrets: &[String],
    ) -> Result<Vec<String>, EngineError> {
        if secrets.is_empty() {
            return Ok(Vec::new());
        }
        let config: Config =
            self.ask(&["container", "inspect", "--format", "{{json .Config}}", "--", &agent.id])?.one()?;
        let text = |kind: &str, format: &str, id: &str| -> Result<String, EngineError> {
            let answer = self.ask(&[kind, "inspect", "--format", format, "--", id])?;
            Ok(String::from_utf8_lossy(&answer.finished.stdout.bytes).into_owned())
        };
        let mut places = vec![
            ("the agent's argv", text("container", "{{json .Path}}{{json .Args}}", &agent.id)?),
            ("the agent's labels", text("container", "{{json .Config.Labels}}", &agent.id)?),
            ("the agent's image", text("image", WHOLE, &agent.image)?),
        ];
        if let Some(proxy) = proxy {
            places.push(("the proxy's container", text("container", WHOLE, &proxy.id)?));
        }
        let mut leaks = Vec::new();
        for variable in config.env.iter().flatten() {
            let Some((name, value)) = variable.split_once('=') else { continue };
            if value.len() < SHORT_VALUE || !secrets.iter().any(|secret| secret == name) {
                continue;
            }
            // As it stands in JSON.
            let shown = serde_json::Value::from(value).to_string();
            let shown = shown.trim_matches('"');
            leaks.extend(
                places
                    .iter()
                    .filter(|(_, text)| text.contains(shown))
                    .map(|(place, _)| format!("{name} is in {place}")),
            );
        }
        Ok(leaks)
    }

    fn run(&self, place: &Place<'_>, script: &str, limit: Duration) -> Result<String, String> {
        let (words, own) = match place {
            Place::In(container) => {
                (["exec", "--interactive", container, "sh", "-s"].map(str::to_owned).to_vec(), None)
            }
            Place::Own(helper) => {
                let name = format!("bottle_{}_probe_{}", helper.project, crate::probe::unguessable()?);
                (helper_words(helper, &name), Some(name))
            }
        };
        let args: Vec<OsString> = words.iter().map(OsString::from).collect();
        let text = script.to_owned();
        let process = Process {
            program: &self.program,
            args: &args,
            env: &environment(),
            feed: Some(Box::new(move |pipe| pipe.write_all(text.as_bytes()))),
            limit: limit + if own.is_some() { AROUND } else { Duration::ZERO },
            hurry: &CALM,
        };
        let finished = process.run().map_err(|error| format!("`docker` could not be run: {error}"))?;
        if let (Some(name), false) = (&own, finished.ended == Ended::Exit(0)) {
            // Where the command was ended, its container may go on.
            let _ = self.ask_anyway(&["rm", "--force", "--volumes", name]);
        }
        match finished.ended {
            Ended::Exit(0) => Ok(String::from_utf8_lossy(&finished.stdout.bytes).into_owned()),
            // 126 and 127: the engine found no program of that name.
            Ended::Exit(126 | 127) => Err("the image has no shell: probe from another, `--helper IMAGE`".to_owned()),
            Ended::TimeLimit(seconds) => Err(format!("the script did not end within {seconds} seconds")),
            _ => Err(format!("the script could not be run: {}", self.given.said(&finished.stderr).trim())),
        }
    }
}

/// `docker run` of a container of our own, that reads a script.
fn helper_words(helper: &Helper<'_>, name: &str) -> Vec<String> {
    let Helper { project, image, user, network } = helper;
    let network = match network {
        Network::Member(id) => (*id).to_owned(),
        Network::Shared(container) => format!("container:{container}"),
    };
    let mut words: Vec<String> =
        ["run", "--rm", "--interactive", "--pull=never", "--log-driver=none", "--cap-drop=ALL", "--read-only"]
            .map(str::to_owned)
            .to_vec();
    words.extend([
        format!("--name={name}"),
        format!("--label={LABEL_PROJECT}={project}"),
        format!("--label={LABEL_ADDRESS}=?/probe/{name}"),
        "--security-opt=no-new-privileges".to_owned(),
        "--pids-limit=512".to_owned(),
        format!("--network={network}"),
        "--workdir=/".to_owned(),
        "--entrypoint=sh".to_owned(),
    ]);
    words.extend(user.map(|user| format!("--user={user}")));
    words.extend(["--".to_owned(), (*image).to_owned(), "-s".to_owned()]);
    words
}
