//! What flows and what does not, on a real engine: ignored when none answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use engine_images::{GUEST, ORIGIN, ORIGIN_PAGE, Outside, PIPELOCK, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let engine = engine_images::engine();
    if let Err(why) = &engine {
        eprintln!("ignored: {why}");
    }
    type Test = fn() -> Result<(), Failed>;
    let tests: [(&str, Test); 8] = [
        ("an_agent_reaches_its_sidecar_and_nothing_behind_it", an_agent_reaches_its_sidecar_and_nothing_behind_it),
        ("an_internal_network_lets_nothing_out_unless_it_leaks", an_internal_network_lets_nothing_out_unless_it_leaks),
        ("the_host_is_at_the_gateway_while_something_runs", the_host_is_at_the_gateway_while_something_runs),
        ("a_bottle_with_a_proxy_stands", a_bottle_with_a_proxy_stands),
        ("processes_end_as_they_end", processes_end_as_they_end),
        ("copies_are_roots_and_do_not_see_mounts", copies_are_roots_and_do_not_see_mounts),
        ("only_with_net_admin_are_routes_set", only_with_net_admin_are_routes_set),
        ("images_are_the_engines", images_are_the_engines),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test).with_ignored_flag(engine.is_err())).into();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A double with a state of its own, gone at its end with all that it made.
struct Double {
    state: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Double {
    fn new() -> Result<Self, Failed> {
        ensure()?;
        Ok(Self { state: TempDir::new().unwrap(), settings: vec![] })
    }

    fn call(&self, words: &[&str], stdin: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_container"))
            .env("CONTAINER_DOUBLE_STATE", self.state.path().join("state"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input is judged by its status.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        child.wait_with_output().unwrap()
    }

    fn done(&self, words: &[&str]) -> String {
        let output = self.call(words, b"");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn sh(&self, id: &str, script: &str) -> Output {
        self.call(&["exec", id, "sh", "-c", script], b"")
    }

    /// What a container is on now: network, address, gateway.
    fn networks(&self, id: &str) -> Vec<(String, String, String)> {
        let found: Value = serde_json::from_str(&self.done(&["inspect", id])).unwrap();
        let networks = found[0]["status"]["networks"].as_array().unwrap().clone();
        let text = |each: &Value, key: &str| each[key].as_str().unwrap().split('/').next().unwrap().to_owned();
        networks
            .iter()
            .map(|each| (text(each, "network"), text(each, "ipv4Address"), text(each, "ipv4Gateway")))
            .collect()
    }

    /// Asks for a page, as soon as it is there.
    fn await_page(&self, id: &str, address: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let page = self.page(id, address);
            if !page.is_empty() || Instant::now() > deadline {
                return page;
            }
        }
    }

    /// Asks for a page once: empty when there is none.
    fn page(&self, id: &str, address: &str) -> String {
        String::from_utf8(self.sh(id, &format!("timeout 3 wget -qO- http://{address}/")).stdout).unwrap()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        let state = self.state.path().join("state");
        let left = container_double::clean_up(&state);
        if thread::panicking() {
            return;
        }
        assert_eq!(left, Ok(()));
        assert!(!state.exists());
    }
}

fn docker(words: &[&str]) -> String {
    String::from_utf8(Command::new("docker").args(words).output().unwrap().stdout).unwrap().trim_end().to_owned()
}

fn an_agent_reaches_its_sidecar_and_nothing_behind_it() -> Result<(), Failed> {
    let double = Double::new()?;
    double.done(&["network", "create", "--internal", "inner"]);
    double.done(&["run", "-d", "--init", "--name", "outside", GUEST, ORIGIN]);
    double.done(&[
        "run",
        "-d",
        "--init",
        "--name",
        "sidecar",
        "--network",
        "default",
        "--network",
        "inner",
        GUEST,
        ORIGIN,
    ]);
    double.done(&["run", "-d", "--init", "--name", "agent", "--network", "inner", "-u", "node", GUEST]);
    let sidecar = double.networks("sidecar");
    assert_eq!((sidecar[0].0.as_str(), sidecar[1].0.as_str()), ("default", "inner"));
    let outside = &double.networks("outside")[0].1;

    assert_eq!(double.await_page("agent", &sidecar[1].1), ORIGIN_PAGE);
    assert_eq!(double.await_page("sidecar", outside), ORIGIN_PAGE);
    assert_eq!(double.page("agent", outside), "");
    assert_eq!(double.page("agent", &sidecar[0].1), "");

    // The first network is the way out, also where it leads nowhere.
    let route = |id: &str| String::from_utf8(double.sh(id, "ip route").stdout).unwrap();
    assert!(route("sidecar").contains(&format!("default via {}", sidecar[0].2)), "{}", route("sidecar"));
    assert!(route("agent").contains(&format!("default via {}", sidecar[1].2)), "{}", route("agent"));

    // No name of a neighbour resolves, and no resolver of the engine is there.
    assert_eq!(double.page("agent", "sidecar"), "");
    let resolver = double.sh("agent", "cat /etc/resolv.conf");
    assert_eq!(String::from_utf8_lossy(&resolver.stdout), format!("nameserver {}\n", sidecar[1].2));

    // The order decides, not the kind of network.
    double.done(&["run", "-d", "--init", "--name", "turned", "--network", "inner", "--network", "default", GUEST]);
    assert!(route("turned").contains(&format!("default via {}", sidecar[1].2)), "{}", route("turned"));

    let before = double.networks("agent");
    double.done(&["stop", "agent"]);
    double.done(&["start", "agent"]);
    let after = double.networks("agent");
    assert_ne!(before[0].1, after[0].1);
    let addresses = String::from_utf8(double.sh("agent", "ip address").stdout).unwrap();
    assert!(addresses.contains(&after[0].1) && !addresses.contains(&before[0].1), "{addresses}");
    assert_eq!(double.await_page("agent", &double.networks("sidecar")[1].1), ORIGIN_PAGE);
    Ok(())
}

fn an_internal_network_lets_nothing_out_unless_it_leaks() -> Result<(), Failed> {
    let outside = Outside::new()?;
    let double = Double::new()?;
    double.done(&["network", "create", "--internal", "inner"]);
    double.done(&["run", "-d", "--init", "--name", "sidecar", GUEST]);
    double.done(&["run", "-d", "--init", "--name", "agent", "--network", "inner", GUEST]);
    assert_eq!(double.await_page("sidecar", &outside.address), ORIGIN_PAGE);
    assert_eq!(double.page("agent", &outside.address), "");

    let mut double = Double::new()?;
    double.settings = vec![("CONTAINER_DOUBLE_INTERNAL", "leaks".to_owned())];
    double.done(&["network", "create", "--internal", "inner"]);
    double.done(&["run", "-d", "--init", "--name", "agent", "--network", "inner", GUEST]);
    assert_eq!(double.await_page("agent", &outside.address), ORIGIN_PAGE);
    Ok(())
}

fn the_host_is_at_the_gateway_while_something_runs() -> Result<(), Failed> {
    let double = Double::new()?;
    double.done(&["network", "create", "--internal", "inner"]);
    double.done(&["create", "--init", "--name", "agent", "--network", "inner", GUEST]);
    let found: Value = serde_json::from_str(&double.done(&["network", "inspect", "inner"])).unwrap();
    let gateway = found[0]["status"]["ipv4Gateway"].as_str().unwrap().to_owned();
    assert!(TcpListener::bind((gateway.as_str(), 0)).is_err(), "{gateway} is there before anything runs");

    double.done(&["start", "agent"]);
    let listener = TcpListener::bind((gateway.as_str(), 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || listener.accept().unwrap().0.write_all(b"from the host\n").unwrap());
    let heard = double.sh("agent", &format!("timeout 10 nc {gateway} {port} </dev/null"));
    assert_eq!(String::from_utf8_lossy(&heard.stdout), "from the host\n");
    server.join().unwrap();

    double.done(&["stop", "agent"]);
    assert!(TcpListener::bind((gateway.as_str(), 0)).is_err(), "{gateway} is there after all has stopped");
    Ok(())
}

/// The bottle that a plan for `container` makes: the sidecar on both networks at once, its configuration in a folder, the agent on the
/// internal network with the sidecar's address.
fn a_bottle_with_a_proxy_stands() -> Result<(), Failed> {
    const LISTED: &str = "api.anthropic.com";
    let mut double = Double::new()?;
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("pipelock.yaml"), include_str!("../../pipelock-double/tests/bottle.yaml")).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    double.done(&["run", "-d", "--init", "--name", "origin", GUEST, ORIGIN]);
    double.settings = vec![("CONTAINER_DOUBLE_NAMES", format!("{LISTED}={}", double.networks("origin")[0].1))];
    double.done(&["network", "create", "--internal", "inner"]);
    let mount = format!("type=bind,source={},target=/etc/pipelock,readonly", folder.path().display());
    let options = ["-u", "65532:65532", "--read-only", "--cap-drop", "ALL", "--mount", &mount];
    let networks = ["--network", "default", "--network", "inner"];
    let command = ["run", "--config", "/etc/pipelock/pipelock.yaml", "--listen", "0.0.0.0:8888"];
    let create = [&["create", "--name", "sidecar"], &networks[..], &options, &[PIPELOCK], &command].concat();
    double.done(&create);
    double.done(&["start", "sidecar"]);
    let proxy = double.networks("sidecar")[1].1.clone();
    let ready = ["exec", "sidecar", "/pipelock", "healthcheck", "--addr", "127.0.0.1:8888"];
    let deadline = Instant::now() + Duration::from_secs(30);
    while !double.call(&ready, b"").status.success() {
        let logs = double.done(&["logs", "sidecar"]);
        assert!(Instant::now() < deadline, "the proxy is not ready: {logs}");
    }
    let variable = format!("http_proxy=http://{proxy}:8888");
    double.done(&[
        "run",
        "-d",
        "--init",
        "--name",
        "agent",
        "--network",
        "inner",
        "-e",
        &variable,
        "-u",
        "node",
        GUEST,
    ]);
    assert_eq!(double.page("agent", LISTED), ORIGIN_PAGE);
    let refused = double.sh("agent", "timeout 10 wget -qO- http://b.example/");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("403"), "{refused:?}");
    assert!(double.done(&["logs", "sidecar"]).contains("\"event\":\"blocked\""));
    Ok(())
}

fn processes_end_as_they_end() -> Result<(), Failed> {
    let double = Double::new()?;
    double.done(&[
        "run",
        "-d",
        "--init",
        "--name",
        "agent",
        "-u",
        "node",
        "-e",
        "A=1",
        "-e",
        "PATH=/bin:/nowhere",
        GUEST,
    ]);
    assert_eq!(double.sh("agent", "exit 7").status.code(), Some(7));
    let missing = double.call(&["exec", "agent", "nowhere"], b"");
    assert_eq!((missing.status.code(), missing.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(
        String::from_utf8_lossy(&missing.stderr).contains("failed to find target executable nowhere"),
        "{missing:?}"
    );
    assert_eq!(double.call(&["exec", "-i", "agent", "cat"], b"a\0b").stdout, b"a\0b");
    assert_eq!(double.done(&["exec", "-d", "agent", "true"]), "agent");
    let ran = double.call(&["exec", "-e", "A=2", "agent", "sh", "-c", "echo $(id -un) $A $PATH $PWD"], b"");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "node 2 /bin:/nowhere /home/node\n");

    let output = double.call(&["run", "--rm", "-i", GUEST, "sh", "-c", "cat; echo bad >&2; exit 3"], b"in");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b"in"[..]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad"));
    let failed = double.call(&["run", "-d", "--name", "never", GUEST, "nowhere"], b"");
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stderr).starts_with("Error: failed to bootstrap container"), "{failed:?}");
    assert_eq!(double.done(&["list", "-aq"]), "agent");

    // What has ended by itself is stopped, and its log is that of the last start.
    double.done(&["create", "--name", "once", GUEST, "sh", "-c", "echo $(hostname); echo end >&2"]);
    for _ in 0..2 {
        double.done(&["start", "once"]);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !double.done(&["list", "-q"]).lines().all(|id| id == "agent") {
            assert!(Instant::now() < deadline, "`once` does not end");
        }
    }
    let mut lines: Vec<String> = double.done(&["logs", "once"]).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["end", "once"]);
    Ok(())
}

fn copies_are_roots_and_do_not_see_mounts() -> Result<(), Failed> {
    let double = Double::new()?;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    let words = ["run", "-d", "--init", "--name", "agent", "--tmpfs", "/tmp", "-u", "node", GUEST];
    double.done(&words);
    double.done(&["cp", file.to_str().unwrap(), "agent:/home/node/new"]);
    let shown = double.sh("agent", "stat -c '%a %u:%g' new && cat new");
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "644 0:0\ntext");
    double.sh("agent", "umask 077; echo old > own");
    double.done(&["cp", file.to_str().unwrap(), "agent:/home/node/own"]);
    let shown = double.sh("agent", "stat -c '%a %u:%g' own && cat own");
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "600 1000:1000\ntext");
    // Silently underneath.
    double.done(&["cp", file.to_str().unwrap(), "agent:/tmp/x"]);
    assert_eq!(double.sh("agent", "test -e /tmp/x").status.code(), Some(1));
    Ok(())
}

fn only_with_net_admin_are_routes_set() -> Result<(), Failed> {
    let double = Double::new()?;
    double.done(&["run", "-d", "--init", "--name", "with", "--cap-drop", "ALL", "--cap-add", "net_admin", GUEST]);
    double.done(&["run", "-d", "--init", "--name", "without", GUEST]);
    let set = |id: &str| double.sh(id, "ip route add blackhole 198.51.100.0/24").status.success();
    assert!(set("with"));
    assert!(!set("without"));
    Ok(())
}

fn images_are_the_engines() -> Result<(), Failed> {
    let double = Double::new()?;
    let context = TempDir::new().unwrap();
    fs::write(context.path().join("Dockerfile"), format!("FROM {GUEST}\nCOPY Dockerfile /copied\n")).unwrap();
    let name = format!("container-double-test:{}", std::process::id());
    let context = context.path().to_str().unwrap();
    assert_eq!(double.done(&["build", "-t", &name, "-l", "a=b", context]), name);
    let found: Value = serde_json::from_str(&double.done(&["image", "inspect", &name])).unwrap();
    assert_eq!(found[0]["variants"][0]["config"]["config"]["Labels"]["a"], "b");
    double.done(&["run", "--rm", &name, "test", "-e", "/copied"]);
    double.done(&["image", "rm", &name]);
    assert_eq!(docker(&["images", "--quiet", &name]), "");
    double.done(&["build", "-t", &name, context]);
    assert_ne!(docker(&["images", "--quiet", &name]), "");
    drop(double);
    assert_eq!(docker(&["images", "--quiet", &name]), "");
    Ok(())
}
