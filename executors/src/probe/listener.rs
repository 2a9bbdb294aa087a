//! A service of our own on all addresses of the host, for as long as is asked. It answers everybody with a token that nobody can guess,
//! and remembers what was said to it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How long whoever connects may take to say something.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many are served at a time; more are hung up on.
const AT_ONCE: usize = 256;
/// How much of what is said is kept, in bytes, and how many lines.
const LONGEST_LINE: usize = 128;
const MOST_LINES: usize = 4096;

/// The service. It ends when this is dropped.
pub(super) struct Listening {
    pub(super) tcp: u16,
    pub(super) udp: u16,
    pub(super) token: String,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    over: AtomicBool,
    serving: AtomicUsize,
    said: Mutex<BTreeSet<String>>,
}

impl Listening {
    pub(super) fn open() -> io::Result<Self> {
        let token = secret()?;
        let stream = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let datagram = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // To be told from whom it is does not matter; to end in time does.
        stream.set_nonblocking(true)?;
        datagram.set_read_timeout(Some(LOOK))?;
        let (tcp, udp) = (stream.local_addr()?.port(), datagram.local_addr()?.port());
        let shared =
            Arc::new(Shared { over: AtomicBool::new(false), serving: AtomicUsize::new(0), said: Mutex::default() });
        let mut listening = Self { tcp, udp, token, shared, threads: Vec::new() };
        let (shared, answer) = (Arc::clone(&listening.shared), format!("{}\n", listening.token));
        listening.threads.push(thread::Builder::new().spawn(move || shared.take_connections(&stream, &answer))?);
        let (shared, answer) = (Arc::clone(&listening.shared), format!("{}\n", listening.token));
        listening.threads.push(thread::Builder::new().spawn(move || shared.take_datagrams(&datagram, &answer))?);
        Ok(listening)
    }

    /// Every line that was said so far.
    pub(super) fn said(&self) -> BTreeSet<String> {
        self.shared.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn take_connections(self: &Arc<Self>, stream: &TcpListener, answer: &str) {
        while !self.is_over() {
            let Ok((client, _)) = stream.accept() else {
                thread::sleep(LOOK / 10);
                continue;
            };
            if self.serving.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
                self.serving.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (shared, answer) = (Arc::clone(self), answer.to_owned());
            let serve = move || {
                // Whoever fails harms itself only.
                let _ = shared.converse(client, &answer);
                shared.serving.fetch_sub(1, Ordering::Relaxed);
            };
            if thread::Builder::new().spawn(serve).is_err() {
                self.serving.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn converse(&self, mut client: TcpStream, answer: &str) -> io::Result<()> {
        client.set_nonblocking(false)?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.set_write_timeout(Some(PATIENCE))?;
        client.write_all(answer.as_bytes())?;
        let mut heard = [0; LONGEST_LINE];
        let count = client.read(&mut heard)?;
        self.keep(heard.get(..count).unwrap_or_default());
        Ok(())
    }

    fn take_datagrams(&self, datagram: &UdpSocket, answer: &str) {
        let mut heard = [0; LONGEST_LINE];
        while !self.is_over() {
            let Ok((count, from)) = datagram.recv_from(&mut heard) else { continue };
            self.keep(heard.get(..count).unwrap_or_default());
            let _ = datagram.send_to(answer.as_bytes(), from);
        }
    }

    fn keep(&self, said: &[u8]) {
        let said = String::from_utf8_lossy(said);
        let Some(line) = said.lines().next() else { return };
        let mut kept = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_LINES {
            kept.insert(line.to_owned());
        }
    }
}

/// Thirty-two hexadecimal digits that nobody can guess.
pub(super) fn secret() -> io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_with_its_token_and_remembers_what_was_said() {
        let listening = Listening::open().unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, listening.tcp)).unwrap();
        client.write_all(b"by stream\n").unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard.trim_end(), listening.token);

        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.send_to(b"by datagram\n", (Ipv4Addr::LOCALHOST, listening.udp)).unwrap();
        let mut bytes = [0; 64];
        let count = socket.recv(&mut bytes).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes[..count]).trim_end(), listening.token);
        assert_eq!(listening.said().into_iter().collect::<Vec<_>>(), ["by datagram", "by stream"]);

        let port = listening.tcp;
        drop(listening);
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "it listens on after its end");
    }

    #[test]
    fn no_two_tokens_are_alike() {
        assert_ne!(secret().unwrap(), secret().unwrap());
        assert_eq!(secret().unwrap().len(), 32);
    }
}
