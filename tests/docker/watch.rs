//! A beacon that tries to get out, and a watch over everything that it could be seen by: a service on all addresses of the host, and a
//! reader of the packets of all its interfaces.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::engine::{attempt, docker, shell};
use crate::trials::wait_until;

/// Reads packets of all interfaces: those for one of two ports, and those that hold a text.
const READER: &str = r#"
import socket, sys
tcp, udp, text = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
print("ready", flush=True)
while True:
    data, (interface, kind, *_) = packets.recvfrom(65535)
    if kind == 0x0800:
        protocol, at = data[9], (data[0] & 15) * 4
    elif kind == 0x86dd:
        protocol, at = data[6], 40
    else:
        continue
    port = int.from_bytes(data[at + 2:at + 4], "big")
    if (protocol, port) in ((6, tcp), (17, udp)) or text in data:
        print(f"packet on {interface}, protocol {protocol}, port {port}", flush=True)
"#;

/// How many rounds of tries are waited for before somebody is called silent.
const ROUNDS: u64 = 3;

/// The watch. It ends with the value.
pub(crate) struct Watch {
    tcp: u16,
    udp: u16,
    mark: String,
    seen: Arc<Mutex<Vec<String>>>,
    reader: Child,
}

impl Watch {
    /// Of a beacon with a mark that nobody else has.
    pub(crate) fn new(mark: &str) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stream = TcpListener::bind("0.0.0.0:0").unwrap();
        let datagram = UdpSocket::bind("0.0.0.0:0").unwrap();
        let (tcp, udp) = (stream.local_addr().unwrap().port(), datagram.local_addr().unwrap().port());
        let by = Arc::clone(&seen);
        // Both end with the process.
        thread::spawn(move || {
            for mut client in stream.incoming().flatten() {
                let _ = client.set_read_timeout(Some(Duration::from_millis(200)));
                let _ = client.read(&mut [0; 64]);
                by.lock().unwrap().push(format!("connection from {:?}", client.peer_addr()));
            }
        });
        let by = Arc::clone(&seen);
        thread::spawn(move || {
            while let Ok((_, from)) = datagram.recv_from(&mut [0; 64]) {
                by.lock().unwrap().push(format!("datagram from {from}"));
            }
        });
        let mut reader = Command::new("python3")
            .args(["-c", READER, &tcp.to_string(), &udp.to_string(), mark])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().and_then(Result::ok).as_deref(), Some("ready"), "only root reads packets");
        let by = Arc::clone(&seen);
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| by.lock().unwrap().push(line)));
        Self { tcp, udp, mark: mark.to_owned(), seen, reader }
    }

    /// What was seen since this was last asked.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// Whether something of a kind was seen since anything was taken.
    fn has(&self, what: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|line| line.contains(what))
    }

    /// Starts a beacon in a container: several rounds of tries a second, by TCP, UDP and a lookup of a name, to the host's addresses that
    /// are given and to one that is outside. The rounds are counted.
    pub(crate) fn beacon(&self, container: &str, user: &str, addresses: &[&str]) {
        let Self { tcp, udp, mark, .. } = self;
        let tries: String = addresses
            .iter()
            .map(|at| {
                format!(
                    "(echo {mark} | timeout 1 nc -w 1 {at} {tcp}) >/dev/null 2>&1 & \
                     (echo {mark} | timeout 1 socat -t 0 - UDP:{at}:{udp}) >/dev/null 2>&1 & "
                )
            })
            .collect();
        let script = format!(
            "round=0; while :; do {tries} (timeout 1 nslookup {mark}-$round.example.com) >/dev/null 2>&1 & \
             sleep 0.3; round=$((round + 1)); echo $round >/tmp/beacon; done"
        );
        docker(&["exec", "--detach", "--user", user, container, "sh", "-c", &script]);
        wait_until("the beacon runs", || rounds(container).is_some_and(|rounds| rounds > 0));
    }

    /// A beacon where it must be seen is seen, in every way but by name: whether that leaves the host depends on its resolvers.
    pub(crate) fn sees(&self, from: &str) {
        for what in ["connection from", "datagram from", "protocol 6,", "protocol 17,"] {
            wait_until(&format!("{what} {from} is seen"), || self.has(what));
        }
    }

    /// Whether lookups of names were seen on their way to the host's resolvers.
    pub(crate) fn sees_names(&self) -> bool {
        self.has("port 53")
    }

    /// Forgets what was seen, once nothing more comes.
    pub(crate) fn forget(&self) {
        let is_over = || {
            self.take();
            thread::sleep(Duration::from_millis(300));
            self.seen.lock().unwrap().is_empty()
        };
        wait_until("what was seen is over", is_over);
    }

    /// Nothing was seen since the last time, and a beacon goes on trying.
    #[track_caller]
    pub(crate) fn is_silent(&self, container: &str, when: &str) {
        let before = rounds(container).expect("the beacon was started");
        wait_until("the beacon goes on", || rounds(container).is_some_and(|rounds| rounds >= before + ROUNDS));
        self.saw_nothing(when);
    }

    /// Nothing was seen since the last time.
    #[track_caller]
    pub(crate) fn saw_nothing(&self, when: &str) {
        let seen = self.take();
        assert!(seen.is_empty(), "{when}: {} times, first {:?}", seen.len(), seen.iter().take(5).collect::<Vec<_>>());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.reader.kill();
        let _ = self.reader.wait();
    }
}

/// How many rounds the beacon of a container has made, if it was started.
pub(crate) fn rounds(container: &str) -> Option<u64> {
    let output = attempt(&["exec", container, "cat", "/tmp/beacon"]);
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// The processes of a container that are beacons.
pub(crate) fn is_running(container: &str) -> bool {
    shell(container, "root", "ps").contains("/tmp/beacon")
}
