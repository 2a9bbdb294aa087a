//! What is asked in a guest, as one call of a function of the prelude.

use std::fmt;

/// What is said to whoever takes a connection or a datagram.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Say {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Who asks, and what: a line that our listener knows the attempt by, whether or not an answer comes back.
    Greeting,
}

impl Say {
    /// The greeting of a question: the mark of whoever asks, and the number of the question.
    #[must_use]
    pub fn greeting(nonce: &str, number: usize) -> String {
        format!("{nonce}.{number}")
    }

    fn word(&self, number: usize) -> String {
        match self {
            Self::Bytes(bytes) => word(&escaped(bytes)),
            Self::Greeting => format!("\"{}\\n\"", Self::greeting("$nonce", number)),
        }
    }
}

/// One thing that is asked in a guest. It changes nothing there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// A connection: what is said, and what comes back.
    Tcp {
        /// An address or a name.
        host: String,
        /// The port.
        port: u16,
        /// What is said once there is a connection.
        say: Say,
    },
    /// A datagram, and what comes back.
    Udp {
        /// An address.
        host: String,
        /// The port.
        port: u16,
        /// What it holds.
        say: Say,
    },
    /// The address of a name.
    Lookup {
        /// The name.
        name: String,
        /// The resolver's address; `None` is the guest's own.
        server: Option<String>,
    },
    /// An echo request.
    Ping(String),
    /// Lines of a file, by shell patterns; none is all of them.
    Lines(&'static str, &'static [&'static str]),
    /// The IPv6 addresses of all interfaces.
    Addresses6,
    /// Which of these sockets are there.
    Sockets(&'static [&'static str]),
    /// The processes of a name that can be seen.
    Processes(&'static str),
    /// Whether a user namespace can be made.
    Unshare,
}

impl Ask {
    /// The call, for the answer with a number.
    pub(super) fn call(&self, number: usize) -> String {
        match self {
            Self::Tcp { host, port, say } => format!("tcp {number} {} {port} {}", word(host), say.word(number)),
            Self::Udp { host, port, say } => format!("udp {number} {} {port} {}", word(host), say.word(number)),
            Self::Lookup { name, server } => {
                format!("lookup {number} {} {}", word(name), server.as_deref().map(word).unwrap_or_default())
            }
            Self::Ping(host) => format!("reach {number} {}", word(host)),
            Self::Lines(file, patterns) => format!("show {number} {} {}", word(file), words(patterns)),
            Self::Addresses6 => format!("inet6 {number}"),
            Self::Sockets(paths) => format!("sockets {number} {}", words(paths)),
            Self::Processes(name) => format!("processes {number} {}", word(name)),
            Self::Unshare => format!("unshared {number}"),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "tcp [{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "tcp {host}:{port}"),
            Self::Udp { host, port, .. } => write!(f, "udp {host}:{port}"),
            Self::Lookup { name, server: None } => write!(f, "the address of {name}"),
            Self::Lookup { name, server: Some(server) } => write!(f, "the address of {name} at {server}"),
            Self::Ping(host) => write!(f, "ping {host}"),
            Self::Lines(file, _) => f.write_str(file),
            Self::Addresses6 => f.write_str("/proc/net/if_inet6"),
            Self::Sockets(_) => f.write_str("engine sockets"),
            Self::Processes(name) => write!(f, "processes of {name}"),
            Self::Unshare => f.write_str("unshare"),
        }
    }
}

/// A word that any POSIX shell reads back as it was.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn words(texts: &[&str]) -> String {
    texts.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ")
}

/// Bytes as `printf %b` takes them, in printable characters alone.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => text.push_str(r"\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\0{byte:03o}")),
        }
    }
    text
}
