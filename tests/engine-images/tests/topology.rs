//! The images in the shape of a bottle, on a real engine: ignored when none answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use engine_images::{Images, ORIGIN, ORIGIN_PAGE, ensure};
use libtest_mimic::{Arguments, Failed, Trial};

const CONFIG: &str = include_str!("../../pipelock-double/tests/bottle.yaml");
/// The host that the configuration lists.
const LISTED: &str = "api.anthropic.com";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let engine = engine_images::engine();
    if let Err(why) = &engine {
        eprintln!("ignored: {why}");
    }
    type Test = fn() -> Result<(), Failed>;
    let tests: [(&str, Test); 4] = [
        ("images_are_made_once", images_are_made_once),
        ("an_agent_reaches_what_is_listed_and_nothing_else", an_agent_reaches_what_is_listed_and_nothing_else),
        ("a_sidecar_refuses_a_configuration_it_does_not_know", a_sidecar_refuses_a_configuration_it_does_not_know),
        ("ssh_keys_are_used_and_not_read", ssh_keys_are_used_and_not_read),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test).with_ignored_flag(engine.is_err())).into();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn docker(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input is judged by its status.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn done(arguments: &[&str], stdin: &[u8]) -> String {
    let output = docker(arguments, stdin);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The containers and networks of one test, gone at its end.
struct Lab {
    name: String,
    images: Images,
    containers: Vec<String>,
    networks: Vec<String>,
}

impl Lab {
    fn new() -> Result<Self, Failed> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bottle-test-{}-{number}", std::process::id());
        Ok(Self { name, images: ensure()?, containers: Vec::new(), networks: Vec::new() })
    }

    fn network(&mut self, what: &str, options: &[&str]) -> String {
        let name = format!("{}-{what}", self.name);
        self.networks.push(name.clone());
        done(&[&["network", "create"], options, &[name.as_str()]].concat(), b"");
        name
    }

    fn container(&mut self, what: &str, image: &str, options: &[&str], command: &[&str]) -> String {
        let name = format!("{}-{what}", self.name);
        self.containers.push(name.clone());
        done(&[&["create", "--name", name.as_str()], options, &[image], command].concat(), b"");
        name
    }

    fn internal(&mut self) -> String {
        self.network("internal", &["--internal", "--opt", "com.docker.network.bridge.inhibit_ipv4=true"])
    }

    fn sidecar(&mut self, internal: &str, config: &str) -> String {
        let options = [
            "--network",
            internal,
            "--network-alias",
            "pipelock",
            "--user",
            "65532:65532",
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
            "--mount",
            "type=volume,target=/etc/pipelock",
        ];
        let command = ["run", "--config", "/etc/pipelock/pipelock.yaml", "--listen", "0.0.0.0:8888"];
        let sidecar = self.container("pipelock", self.images.pipelock, &options, &command);
        done(&["cp", "-", &format!("{sidecar}:/etc/pipelock")], &archive("pipelock.yaml", config));
        sidecar
    }

    fn agent(&mut self, network: &str) -> String {
        let options = ["--init", "--network", network, "--user", "node", "--cap-drop", "ALL", "--dns", "127.0.0.1"];
        let options = [&options[..], &["--security-opt", "no-new-privileges"]].concat();
        let agent = self.container("agent", self.images.guest, &options, &[]);
        done(&["start", &agent], b"");
        agent
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for container in &self.containers {
            docker(&["rm", "--force", "--volumes", container], b"");
        }
        for network in &self.networks {
            docker(&["network", "rm", network], b"");
        }
    }
}

fn archive(path: &str, text: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    // Readable by the sidecar's user alone: that it starts shows that number and mode arrive.
    header.set_mode(0o400);
    header.set_uid(65532);
    header.set_gid(65532);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    tar.into_inner().unwrap()
}

fn await_success(arguments: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let output = docker(arguments, b"");
        if output.status.success() {
            return;
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(Instant::now() < deadline, "docker {arguments:?} does not succeed: {stderr}");
    }
}

fn sh(container: &str, script: &str) -> Output {
    docker(&["exec", container, "sh", "-c", script], b"")
}

/// Sends text to an address and gives back what comes.
fn say(container: &str, to: &str, text: &str) -> String {
    let script = format!("printf '{}' | timeout 10 nc -w 3 {to}", text.replace('\r', "\\r").replace('\n', "\\n"));
    String::from_utf8(sh(container, &script).stdout).unwrap()
}

fn address(container: &str) -> String {
    done(&["inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container], b"")
}

fn images_are_made_once() -> Result<(), Failed> {
    let images = ensure()?;
    for (image, config) in
        [(images.pipelock, r#"["/pipelock"] null """#), (images.guest, r#"null ["sleep","infinity"] """#)]
    {
        let format = "{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{json .Config.User}}";
        assert_eq!(done(&["image", "inspect", "--format", format, image], b""), config);
    }
    let id = || done(&["image", "inspect", "--format", "{{.Id}}", images.guest], b"");
    let before = id();
    let again = Command::new(env!("CARGO_BIN_EXE_engine-images")).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(String::from_utf8_lossy(&again.stdout), format!("{}\n{}\n", images.pipelock, images.guest));
    assert_eq!(id(), before);
    Ok(())
}

fn an_agent_reaches_what_is_listed_and_nothing_else() -> Result<(), Failed> {
    let mut lab = Lab::new()?;
    let internal = lab.internal();
    // Where the origin is. Not the network by which sidecars go out: neighbours there cannot reach each other.
    let outside = lab.network("outside", &[]);
    let guest = lab.images.guest;
    let origin =
        lab.container("origin", guest, &["--init", "--network", &outside, "--network-alias", LISTED], &[ORIGIN]);
    done(&["start", &origin], b"");
    let sidecar = lab.sidecar(&internal, CONFIG);
    done(&["network", "connect", &outside, &sidecar], b"");
    done(&["start", &sidecar], b"");
    await_success(&["exec", &sidecar, "/pipelock", "healthcheck", "--addr", "127.0.0.1:8888"]);
    let agent = lab.agent(&internal);

    let get = |url: &str| sh(&agent, &format!("http_proxy=http://pipelock:8888 timeout 10 wget -qO- {url}"));
    let listed = get(&format!("http://{LISTED}/"));
    assert_eq!(String::from_utf8_lossy(&listed.stdout), ORIGIN_PAGE);
    let unlisted = get("http://b.example/");
    assert!(String::from_utf8_lossy(&unlisted.stderr).contains("403"), "{unlisted:?}");

    let tunnel = |to: &str| say(&agent, "pipelock 8888", &format!("CONNECT {to}:443 HTTP/1.1\r\n\r\nto and fro"));
    let answer = tunnel(LISTED);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nto and fro"), "{answer}");
    let answer = tunnel("b.example");
    assert!(answer.contains(" 403 ") && answer.contains("domain not in allowlist: b.example"), "{answer}");

    // Directly, by address: the origin answers a neighbour, and not the agent.
    let request = "GET / HTTP/1.0\r\n\r\n";
    let to = format!("{} 80", address(&origin));
    let neighbour = lab.container("neighbour", guest, &["--init", "--network", &outside], &[]);
    done(&["start", &neighbour], b"");
    assert!(say(&neighbour, &to, request).ends_with(ORIGIN_PAGE));
    assert_eq!(say(&agent, &to, request), "");

    let events = done(&["logs", &sidecar], b"");
    for event in ["startup", "tunnel_open", "tunnel_close", "blocked"] {
        assert!(events.contains(&format!("\"event\":\"{event}\"")), "{events}");
    }
    done(&["stop", "--time", "30", &sidecar], b"");
    assert_eq!(done(&["inspect", "--format", "{{.State.ExitCode}}", &sidecar], b""), "0");
    assert_eq!(get(&format!("http://{LISTED}/")).stdout, b"");
    Ok(())
}

fn a_sidecar_refuses_a_configuration_it_does_not_know() -> Result<(), Failed> {
    let mut lab = Lab::new()?;
    let internal = lab.internal();
    let sidecar = lab.sidecar(&internal, &CONFIG.replace("sentry:", "sentinel:"));
    done(&["start", &sidecar], b"");
    assert_eq!(done(&["wait", &sidecar], b""), "1");
    let logs = docker(&["logs", &sidecar], b"");
    assert!(String::from_utf8_lossy(&logs.stderr).contains("sentinel"), "{logs:?}");
    Ok(())
}

/// What the guest must be able to do for the commands that a plan has for ssh keys.
fn ssh_keys_are_used_and_not_read() -> Result<(), Failed> {
    let mut lab = Lab::new()?;
    let internal = lab.internal();
    let agent = lab.agent(&internal);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let options = ["-q", "-t", "ed25519", "-N", "", "-C", "a key", "-f"];
    let made = Command::new("ssh-keygen").args(options).arg(&key).status();
    assert!(made.unwrap().success());

    let as_root = |socket: &str, command: &[&str], stdin: &[u8]| {
        let socket = format!("SSH_AUTH_SOCK={socket}");
        done(&[&["exec", "-i", "--user", "root", "--env", &socket, &agent], command].concat(), stdin)
    };
    let (holder, relay) = ("/run/bottle-ssh/agent", "/run/bottle-ssh/relay");
    as_root("", &["sh", "-c", &format!("mkdir -m 0711 /run/bottle-ssh && exec ssh-agent -a {holder}")], b"");
    as_root(holder, &["ssh-add", "-q", "-"], &std::fs::read(&key).unwrap());
    let listen = format!("socat UNIX-LISTEN:{relay},fork,mode=0666 UNIX-CONNECT:{holder} </dev/null >/dev/null 2>&1 &");
    as_root("", &["sh", "-c", &listen], b"");

    let user = |socket: &str| format!("SSH_AUTH_SOCK={socket} ssh-add -l");
    await_success(&["exec", &agent, "sh", "-c", &user(relay)]);
    let listed = sh(&agent, &user(relay));
    assert!(String::from_utf8_lossy(&listed.stdout).contains("a key (ED25519)"), "{listed:?}");
    let refused = sh(&agent, &user(holder));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");
    Ok(())
}
