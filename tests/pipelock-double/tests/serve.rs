//! The binary, end to end on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_pipelock");
const BOTTLE: &str = include_str!("bottle.yaml");
const PATIENCE: Duration = Duration::from_secs(10);

/// A running double, and its events.
struct Proxy {
    child: Child,
    events: BufReader<ChildStdout>,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Proxy {
    fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipelock.yaml");
        std::fs::write(&path, config).unwrap();
        let mut child = Command::new(BINARY)
            .args(["run", "--listen", "127.0.0.1:0", "--config"])
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap());
        let startup = next_event(&mut events);
        assert_eq!(startup["event"], "startup");
        assert_eq!(startup["double"], true);
        assert_eq!(startup["config_hash"].as_str().unwrap().len(), 64);
        let address = startup["listen"].as_str().unwrap().parse().unwrap();
        Self { child, events, address, _folder: folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn event(&mut self) -> serde_json::Value {
        next_event(&mut self.events)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_event(events: &mut impl std::io::BufRead) -> serde_json::Value {
    let mut line = String::new();
    events.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// An origin that answers each connection with what it was sent, once the client has finished.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while lines.read_line(&mut line).unwrap() > 0 && !line.ends_with("\r\n\r\n") {}
                let _ = (&stream).write_all(format!("HTTP/1.1 200 OK\r\n\r\n{line}").as_bytes());
                let _ = stream.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

/// Loopback hosts are reachable only with the check off, which is what pipelock does on an empty list.
fn open_to_loopback(allow: &str) -> String {
    format!("mode: strict\napi_allowlist: [{allow}]\nforward_proxy: {{enabled: true}}\ninternal: []\n")
}

fn run(args: &[&str], path: &Path) -> Output {
    Command::new(BINARY).args(args).arg(path).output().unwrap()
}

#[test]
fn a_tunnel_to_a_listed_host_carries_bytes_both_ways() {
    let origin = origin();
    let mut proxy = Proxy::start(&open_to_loopback("localhost"));
    let mut tunnel = proxy.connect();
    let target = format!("localhost:{}", origin.port());
    // What follows the head in the same packet belongs to the tunnel.
    write!(tunnel, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\nping").unwrap();
    tunnel.write_all(b" pong\r\n\r\n").unwrap();
    tunnel.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    tunnel.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("HTTP/1.1 200 OK\r\n\r\nping pong\r\n\r\n"), "{answer}");

    let open = proxy.event();
    assert_eq!((&open["event"], &open["target"]), (&"tunnel_open".into(), &target.clone().into()));
    let close = proxy.event();
    assert_eq!(close["event"], "tunnel_close");
    assert_eq!((&close["sent"], &close["received"]), (&13.into(), &32.into()));
}

#[test]
fn a_tunnel_to_an_unlisted_host_is_refused_and_reported() {
    let origin = origin();
    let mut proxy = Proxy::start(&open_to_loopback("a.example"));
    for host in ["localhost", "127.0.0.1", "2130706433", "0x7f000001"] {
        let answer = proxy.ask(&format!("CONNECT {host}:{} HTTP/1.1\r\n\r\n", origin.port()));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.ends_with(&format!("CONNECT blocked: domain not in allowlist: {host}\n")), "{answer}");
        let blocked = proxy.event();
        assert_eq!(blocked["event"], "blocked");
        assert_eq!(blocked["reason"], format!("domain not in allowlist: {host}"));
    }
}

#[test]
fn requests_by_absolute_uri_are_forwarded_or_refused() {
    let origin = origin();
    let proxy = Proxy::start(&open_to_loopback("localhost"));
    let port = origin.port();
    let answer = proxy.ask(&format!("GET http://localhost:{port}/x HTTP/1.1\r\nHost: other\r\n\r\n"));
    let echoed = format!("GET /x HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    assert_eq!(answer, format!("HTTP/1.1 200 OK\r\n\r\n{echoed}"));

    let answer = proxy.ask("GET http://b.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let answer = proxy.ask("GET /fetch?url=https%3A%2F%2Fb.example%2Fx HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("allowlist: b.example"), "{answer}");
    let answer = proxy.ask("GET /fetch?url=https://localhost/ HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
}

#[test]
fn a_listed_name_of_an_internal_address_is_refused() {
    let origin = origin();
    let config = open_to_loopback("localhost, 127.0.0.1").replace("internal: []\n", "");
    let proxy = Proxy::start(&config);
    for host in ["localhost", "127.0.0.1"] {
        let answer = proxy.ask(&format!("CONNECT {host}:{} HTTP/1.1\r\n\r\n", origin.port()));
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("internal address"), "{answer}");
    }
}

#[test]
fn a_listed_host_that_does_not_answer_is_a_502() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::start(&open_to_loopback("localhost"));
    let answer = proxy.ask(&format!("CONNECT localhost:{} HTTP/1.1\r\n\r\n", unused.port()));
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[test]
fn health_tells_the_mode_and_whether_it_forwards() {
    let body = |proxy: &Proxy| {
        let answer = proxy.ask("GET /health HTTP/1.1\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str::<serde_json::Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let strict = Proxy::start(&open_to_loopback("a.example"));
    let health = body(&strict);
    assert_eq!((&health["mode"], &health["forward_proxy_enabled"]), (&"strict".into(), &true.into()));
    let off = Proxy::start("mode: balanced\n");
    let health = body(&off);
    assert_eq!((&health["mode"], &health["forward_proxy_enabled"]), (&"balanced".into(), &false.into()));
    assert!(off.ask("CONNECT a.example:443 HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));

    let healthcheck = |address: SocketAddr| {
        Command::new(BINARY).args(["healthcheck", "--addr", &address.to_string()]).status().unwrap().code()
    };
    assert_eq!(healthcheck(strict.address), Some(0));
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(healthcheck(unused), Some(1));
}

#[test]
fn metrics_are_where_the_configuration_puts_them() {
    let metrics = "GET /metrics HTTP/1.1\r\n\r\n";
    let here = Proxy::start(&open_to_loopback("a.example"));
    assert!(here.ask(metrics).starts_with("HTTP/1.1 200 "));
    let elsewhere = Proxy::start(&format!("{}metrics_listen: \"127.0.0.1:0\"\n", open_to_loopback("a.example")));
    assert!(elsewhere.ask(metrics).starts_with("HTTP/1.1 404 "));
}

#[test]
fn sigterm_ends_it_with_zero_while_a_tunnel_is_open() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut proxy = Proxy::start(&open_to_loopback("localhost"));
    let mut tunnel = proxy.connect();
    write!(tunnel, "CONNECT localhost:{} HTTP/1.1\r\n\r\n", silent.local_addr().unwrap().port()).unwrap();
    let mut first = [0; 12];
    tunnel.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(proxy.event()["event"], "tunnel_open");

    let asked = Instant::now();
    let killed = Command::new("kill").args(["-TERM", &proxy.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(proxy.event()["event"], "shutdown");
    assert_eq!(proxy.child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn check_and_run_accept_and_refuse_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.yaml");
    std::fs::write(&good, BOTTLE).unwrap();
    assert_eq!(run(&["check", "--config"], &good).status.code(), Some(0));

    let bad = folder.path().join("bad.yaml");
    std::fs::write(&bad, BOTTLE.replace("sentry:", "sentinel:")).unwrap();
    for command in [&["check", "--config"][..], &["run", "--listen", "127.0.0.1:0", "--config"]] {
        for (path, word) in [(&bad, "sentinel"), (&folder.path().join("missing.yaml"), "missing.yaml")] {
            let output = run(command, path);
            assert_eq!(output.status.code(), Some(1));
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(stderr.contains(word), "{stderr}");
        }
    }
}

#[test]
fn it_says_that_it_is_a_double() {
    let output = Command::new(BINARY).arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("a double for tests, not pipelock"));
}
