//! The state, in one file under one lock: the lock that `container` takes around create, bootstrap, start and cleanup of all.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The name of the network that is always there.
pub(crate) const DEFAULT_NETWORK: &str = "default";
const FILE: &str = "state.json";
const LOCK: &str = "lock";

/// All that the service knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// Whether the service runs.
    pub(crate) up: bool,
    /// Whether a Docker Engine runs the containers. Settled once.
    pub(crate) on_engine: bool,
    pub(crate) containers: BTreeMap<String, Container>,
    pub(crate) networks: BTreeMap<String, Network>,
    /// By reference.
    pub(crate) images: BTreeMap<String, Image>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) builder: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) image: String,
    pub(crate) image_digest: String,
    pub(crate) created: String,
    pub(crate) started: Option<String>,
    pub(crate) running: bool,
    pub(crate) remove: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) networks: Vec<Attachment>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) ports: Vec<Port>,
    pub(crate) sockets: Vec<(String, String)>,
    /// `None` by `--no-dns`.
    pub(crate) dns: Option<Dns>,
    pub(crate) process: Process,
    pub(crate) cpus: u64,
    pub(crate) memory: u64,
    /// Whether `-m` was given.
    pub(crate) memory_limited: bool,
    pub(crate) cap_add: Vec<String>,
    pub(crate) cap_drop: Vec<String>,
    pub(crate) read_only: bool,
    pub(crate) init: bool,
    pub(crate) ssh: bool,
    pub(crate) rosetta: bool,
    pub(crate) virtualization: bool,
    pub(crate) runtime: String,
    pub(crate) architecture: String,
    pub(crate) shm_size: Option<String>,
}

/// A network that a container is on: frozen when it is created.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) network: String,
    pub(crate) mac: Option<String>,
    pub(crate) mtu: u32,
    /// While it runs.
    pub(crate) address: Option<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) kind: MountKind,
    /// A path of the host, or the name of a volume; empty for tmpfs.
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) read_only: bool,
    /// Of a tmpfs by `--mount`.
    pub(crate) options: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MountKind {
    Virtiofs,
    Tmpfs,
    Volume,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Port {
    pub(crate) address: String,
    pub(crate) host: u16,
    pub(crate) container: u16,
    pub(crate) protocol: String,
    pub(crate) count: u16,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Dns {
    pub(crate) servers: Vec<String>,
    pub(crate) domain: Option<String>,
    pub(crate) search: Vec<String>,
    pub(crate) options: Vec<String>,
}

/// The process that a container begins with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) executable: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<String>,
    pub(crate) directory: String,
    pub(crate) terminal: bool,
    pub(crate) interactive: bool,
    pub(crate) user: User,
    pub(crate) groups: Vec<u32>,
    pub(crate) limits: Vec<(String, u64, u64)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum User {
    Ids(u32, u32),
    Raw(String),
}

impl Default for User {
    fn default() -> Self {
        Self::Ids(0, 0)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) created: String,
    pub(crate) internal: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) plugin: String,
    pub(crate) subnet: Ipv4Net,
    /// Whether the range was asked for.
    pub(crate) explicit: bool,
    pub(crate) subnet_v6: Option<String>,
    /// The number of the last address that was given out.
    pub(crate) last: u8,
    /// Whether the engine has it.
    pub(crate) on_engine: bool,
}

impl Network {
    /// The host's address, which is handed to every container as its gateway.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        self.subnet.hosts().next().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    /// The name that a build gave, which stays with the content: what a lookup compares first.
    pub(crate) annotation: Option<String>,
    /// 64 hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) created: String,
    /// Whether a build of this double made it.
    pub(crate) built: bool,
    /// The OCI image configuration's `config`.
    pub(crate) config: serde_json::Value,
    pub(crate) size: u64,
    pub(crate) architecture: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Volume {
    pub(crate) created: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) size: Option<u64>,
}

/// The state, nobody else's until this is dropped.
pub(crate) struct Held {
    pub(crate) state: State,
    folder: PathBuf,
    _lock: File,
}

impl Held {
    /// Takes the lock, waiting for it, and reads. `new` makes the first state.
    pub(crate) fn take(folder: &Path, new: impl FnOnce() -> State) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let lock = OpenOptions::new().create(true).append(true).open(folder.join(LOCK))?;
        lock.lock()?;
        let state = match fs::read(folder.join(FILE)) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| Failure::double(format_args!("its state cannot be read: {error}")))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { state, folder: folder.to_owned(), _lock: lock })
    }

    /// Writes what has changed.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(&self.state)
            .map_err(|error| Failure::double(format_args!("its state cannot be written: {error}")))?;
        let new = self.folder.join("state.new");
        fs::write(&new, text)?;
        Ok(fs::rename(new, self.folder.join(FILE))?)
    }
}

/// The state as it was written last, for those who only clean up.
pub(crate) fn read(folder: &Path) -> Option<State> {
    serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
}
