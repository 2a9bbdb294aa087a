//! Containers.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use super::relay::{self, Ended};
use super::{Engine, LABEL_ID, docker, heard, must, pass_environment, ran, said, with};
use crate::failure::Failure;
use crate::state::{Attachment, Container, Mount, MountKind, Network, User};

/// The file with the time of the last start.
const SINCE: &str = "since";

/// What `exec` gives besides the container's own.
pub(crate) struct Exec<'a> {
    pub(crate) environment: &'a [String],
    pub(crate) user: Option<&'a str>,
    pub(crate) directory: Option<&'a str>,
    pub(crate) interactive: bool,
    pub(crate) terminal: bool,
    pub(crate) detach: bool,
    pub(crate) argv: &'a [String],
}

impl Engine {
    /// The folder of what the double mounts into a container.
    fn files(&self, id: &str) -> PathBuf {
        self.folder.join("mounted").join(id)
    }

    pub(crate) fn create(&self, container: &Container) -> Result<(), String> {
        let files = self.files(&container.id);
        fs::create_dir_all(&files).map_err(|why| why.to_string())?;
        let mut command = Command::new("docker");
        command.args(["create", "--pull", "never", "--name", &self.container(&container.id)]);
        command.args(["--label", &self.label(), "--label", &format!("{LABEL_ID}={}", container.id)]);
        command.args(["--hostname", hostname(&container.id)]);
        // The engine's resolver knows the names of neighbours, and its file of hosts the container's own on every network.
        for (file, target) in [("resolv.conf", "/etc/resolv.conf"), ("hosts", "/etc/hosts")] {
            fs::write(files.join(file), "").map_err(|why| why.to_string())?;
            let read_only = if container.read_only { ":ro" } else { "" };
            command.args(["--volume", &format!("{}:{target}{read_only}", files.join(file).display())]);
        }
        let network = container.networks.first().map(|attachment| self.network(&attachment.network));
        command.args(["--network", network.as_deref().unwrap_or("none")]);
        for mount in &container.mounts {
            self.mount(mount, &mut command);
        }
        for port in &container.ports {
            let range =
                |from: u16| if port.count > 1 { format!("{from}-{}", from + port.count - 1) } else { from.to_string() };
            let (host, inside) = (range(port.host), range(port.container));
            command.args(["--publish", &format!("{}:{host}:{inside}/{}", port.address, port.protocol)]);
        }
        command.args(container.cap_add.iter().map(|cap| format!("--cap-add={cap}")));
        command.args(container.cap_drop.iter().map(|cap| format!("--cap-drop={cap}")));
        let process = &container.process;
        let flags = [
            (container.init, "--init"),
            (container.read_only, "--read-only"),
            (process.interactive, "--interactive"),
            (process.terminal, "--tty"),
        ];
        command.args(flags.iter().filter(|(given, _)| *given).map(|(_, flag)| flag));
        if container.memory_limited {
            command.args(["--memory", &container.memory.to_string()]);
        }
        if let Some(size) = &container.shm_size {
            command.args(["--shm-size", size]);
        }
        command.args(process.limits.iter().map(|(limit, soft, hard)| format!("--ulimit={limit}={soft}:{hard}")));
        command.args(process.groups.iter().map(|group| format!("--group-add={group}")));
        let user = match &process.user {
            User::Ids(uid, gid) => format!("{uid}:{gid}"),
            User::Raw(user) => user.clone(),
        };
        command.args(["--user", &user, "--workdir", &process.directory, "--entrypoint", &process.executable]);
        pass_environment(&mut command, &process.environment);
        command.arg(format!("sha256:{}", container.image_digest)).args(&process.arguments);
        heard(&ran(&mut command)?).map(drop)
    }

    fn mount(&self, mount: &Mount, command: &mut Command) {
        let read_only = if mount.read_only { ",readonly" } else { "" };
        match mount.kind {
            MountKind::Tmpfs if mount.options.is_empty() => command.args(["--tmpfs", &mount.target]),
            MountKind::Tmpfs => command.args(["--tmpfs", &format!("{}:{}", mount.target, mount.options.join(","))]),
            // A folder of the state: the engine's volumes would take the image's content.
            MountKind::Volume | MountKind::Virtiofs => {
                let source = match mount.kind {
                    MountKind::Volume => self.volume(&mount.source).display().to_string(),
                    _ => mount.source.clone(),
                };
                command.args(["--mount", &format!("type=bind,source={source},target={}{read_only}", mount.target)])
            }
        };
    }

    /// Where a volume's content is.
    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.folder.join("volumes").join(name)
    }

    /// Puts a container that does not run on its networks, at the addresses that it shall have now, and writes its files.
    pub(crate) fn prepare(
        &self,
        container: &Container,
        networks: &BTreeMap<String, Network>,
        names: &[(String, String)],
    ) -> Result<(), Failure> {
        let name = self.container(&container.id);
        for Attachment { network, .. } in &container.networks {
            // It may not be on it yet.
            let _ = docker(&["network", "disconnect", "--force", &self.network(network), &name]);
        }
        for attachment in &container.networks {
            let address = attachment.address.map(|address| address.to_string()).unwrap_or_default();
            must(&["network", "connect", "--ip", &address, &self.network(&attachment.network), &name])?;
            if let Some(network) = networks.get(&attachment.network) {
                self.gateway(&attachment.network, network, true)?;
            }
        }
        let first = container.networks.first();
        let first_network = first.and_then(|first| networks.get(&first.network));
        let gateway = first_network.map(Network::gateway);
        let mut resolver = String::new();
        if let Some(dns) = &container.dns {
            let gateway = gateway.map(|gateway| gateway.to_string());
            let servers: Vec<String> =
                if dns.servers.is_empty() { gateway.into_iter().collect() } else { dns.servers.clone() };
            resolver.extend(servers.iter().map(|server| format!("nameserver {server}\n")));
            resolver.extend(dns.domain.iter().map(|domain| format!("domain {domain}\n")));
            for (key, values) in [("search", &dns.search), ("options", &dns.options)] {
                if !values.is_empty() {
                    resolver.push_str(&format!("{key} {}\n", values.join(" ")));
                }
            }
        }
        let mut hosts = "127.0.0.1 localhost\n".to_owned();
        if let Some(address) = first.and_then(|first| first.address) {
            hosts.push_str(&format!("{address} {}\n", container.id));
        }
        // Nothing listens for DNS: what would be answered to those who ask, at the gateway or by a server that they name.
        if container.dns.is_some() && first_network.is_some_and(|network| !network.internal) {
            hosts.extend(names.iter().map(|(name, address)| format!("{address} {name}\n")));
        }
        let files = self.files(&container.id);
        fs::write(files.join(SINCE), humantime::format_rfc3339_nanos(SystemTime::now()).to_string())?;
        fs::write(files.join("resolv.conf"), resolver)?;
        Ok(fs::write(files.join("hosts"), hosts)?)
    }

    /// Starts a container that is prepared.
    pub(crate) fn start(&self, container: &Container, networks: &BTreeMap<String, Network>) -> Result<(), String> {
        let name = self.container(&container.id);
        said(&["start", &name])?;
        self.default_route(container, networks)
    }

    /// The default route leads through the first network, whatever Docker chose: also through an internal one, whose gateway is
    /// handed out like any other. Docker then drops what leaves.
    fn default_route(&self, container: &Container, networks: &BTreeMap<String, Network>) -> Result<(), String> {
        let Some(gateway) =
            container.networks.first().and_then(|first| networks.get(&first.network)).map(Network::gateway)
        else {
            return Ok(());
        };
        let pid = said(&["inspect", "--format", "{{.State.Pid}}", &self.container(&container.id)])?;
        if pid == "0" {
            return Ok(());
        }
        let mut enter = Command::new("nsenter");
        enter.args(["--net", "--target", &pid, "ip", "route", "replace", "default", "via", &gateway.to_string()]);
        let route = heard(&ran(&mut enter)?);
        // One that has ended has no routes.
        if route.is_err() && self.is_running(&container.id) {
            return route
                .map(drop)
                .map_err(|why| format!("no default route could be set (the double must be root): {why}"));
        }
        Ok(())
    }

    fn is_running(&self, id: &str) -> bool {
        said(&["inspect", "--format", "{{.State.Running}}", &self.container(id)]).is_ok_and(|text| text == "true")
    }

    /// The ids of containers that run.
    pub(crate) fn running(&self) -> Result<Vec<String>, Failure> {
        let format = format!("{{{{.Label {LABEL_ID:?}}}}}");
        let text = must(&["ps", "--no-trunc", "--filter", &format!("label={}", self.label()), "--format", &format])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Starts a container that is prepared, with our streams as its own, and gives the call that ends with it.
    pub(crate) fn start_attached(
        &self,
        container: &Container,
        networks: &BTreeMap<String, Network>,
        interactive: bool,
    ) -> Result<Child, String> {
        let name = self.container(&container.id);
        let started = || said(&["inspect", "--format", "{{.State.StartedAt}}", &name]);
        let before = started()?;
        let mut command = Command::new("docker");
        command.args(["start", "--attach"]).args(interactive.then_some("--interactive")).arg(&name);
        let stdin = if interactive { Stdio::inherit() } else { Stdio::null() };
        let mut child = command.stdin(stdin).spawn().map_err(|why| why.to_string())?;
        while started()? == before {
            let ended = child.try_wait().map_err(|why| why.to_string())?;
            if ended.is_some() && started()? == before {
                return Err("the process could not be started".to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.default_route(container, networks)?;
        Ok(child)
    }

    /// From when on the log is that of the last start: just before it. The engine notes its own time after a quick process has ended.
    fn since(&self, id: &str) -> Result<String, Failure> {
        Ok(format!("--since={}", fs::read_to_string(self.files(id).join(SINCE))?))
    }

    /// What it has put out since it was started last, both streams on ours.
    pub(crate) fn logs(&self, id: &str, follow: bool, lines: Option<&str>) -> Result<(), Failure> {
        let mut command = Command::new("docker");
        command.args(["logs", &self.since(id)?]);
        if follow {
            command.arg("--follow");
        }
        if let Some(lines) = lines {
            command.args(["--tail", lines]);
        }
        command.arg(self.container(id)).stdin(Stdio::null());
        // Errors are told apart by the engine; `container` keeps one stream.
        command.stderr(std::io::stdout());
        command.status()?;
        Ok(())
    }

    /// Stops containers side by side.
    pub(crate) fn stop(&self, ids: &[String], signal: Option<&str>, seconds: u64) -> Result<(), Failure> {
        let names: Vec<String> = ids.iter().map(|id| self.container(id)).collect();
        let mut patience = seconds.to_string();
        if let Some(signal) = signal {
            let _ = docker(&with(&["kill", "--signal", signal], &names));
            let deadline = Instant::now() + Duration::from_secs(seconds);
            while ids.iter().any(|id| self.is_running(id)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            patience = "0".to_owned();
        }
        must(&with(&["stop", "--time", &patience], &names)).map(drop)
    }

    pub(crate) fn kill(&self, id: &str, signal: &str) -> Result<(), Failure> {
        must(&["kill", "--signal", signal, &self.container(id)])?;
        if ["KILL", "SIGKILL", "9"].contains(&signal) {
            must(&["wait", &self.container(id)])?;
        }
        Ok(())
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), Failure> {
        let output = said(&["rm", "--force", "--volumes", &self.container(id)]);
        let _ = fs::remove_dir_all(self.files(id));
        output.map(drop).map_err(|why| Failure::double(format_args!("its engine refused: {why}")))
    }

    pub(crate) fn exec(&self, id: &str, exec: &Exec<'_>) -> Result<Ended, Failure> {
        let mut command = Command::new("docker");
        command.arg("exec");
        let flags = [(exec.interactive, "--interactive"), (exec.terminal, "--tty"), (exec.detach, "--detach")];
        command.args(flags.iter().filter(|(given, _)| *given).map(|(_, flag)| flag));
        pass_environment(&mut command, exec.environment);
        for (option, value) in [("--user", exec.user), ("--workdir", exec.directory)] {
            command.args(value.map(|value| format!("{option}={value}")));
        }
        command.arg(self.container(id)).args(exec.argv);
        relay::run(command)
    }

    /// The container's own file system, without what is mounted over it: what `cp` works on.
    pub(crate) fn root(&self, id: &str) -> Result<PathBuf, Failure> {
        let root = must(&["inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", &self.container(id)])?;
        let root = PathBuf::from(root);
        if root.is_dir() {
            return Ok(root);
        }
        Err(Failure::double(format_args!(
            "it copies in the engine's folder {}, which is not there: it must be root on the engine's machine, with a storage \
             driver that has one",
            root.display()
        )))
    }

    pub(crate) fn export(&self, id: &str, output: Option<&str>) -> Result<(), Failure> {
        let mut command = Command::new("docker");
        command.arg("export");
        command.args(output.map(|output| format!("--output={output}")));
        let status = command.arg(self.container(id)).stdin(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(Failure::new("failed to export container")) }
    }
}

/// The name before the first dot: one with dots is taken for a full one.
fn hostname(id: &str) -> &str {
    id.split('.').next().unwrap_or(id)
}
