//! The server: what is asked for is let through, refused or answered.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::allowlist::Allowlist;
use crate::config::{Config, Mode};
use crate::event;
use crate::http::{self, Asked, Authority, Head};
use crate::internal::Internal;
use crate::relay::relay;
use crate::resolve::resolve;

/// How long a client may take over the head of its request.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long an address may take to be reached.
const DIAL_PATIENCE: Duration = Duration::from_secs(10);

struct Proxy {
    config: Config,
    allow: Allowlist,
    internal: Internal,
}

/// Which of the two listening sockets a request came by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Agents,
    Metrics,
}

/// Serves until SIGTERM or SIGINT, which end the process with 0.
pub(crate) fn serve(config: Config, listen: Option<String>) -> Result<(), String> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|why| format!("cannot take signals: {why}"))?;
    let listener = bind(&listen.unwrap_or_else(|| config.keys.fetch_proxy.listen.clone()))?;
    let metrics = config.keys.metrics_listen.as_deref().map(bind).transpose()?;
    let address = listener.local_addr().map_err(|why| why.to_string())?;

    event::write(&json!({
        "event": "startup",
        "double": true,
        "message": "a double of pipelock for tests, not pipelock",
        "config_hash": config.hash,
        "mode": config.keys.mode.name(),
        "forward_proxy_enabled": config.keys.forward_proxy.enabled,
        "listen": address.to_string(),
    }));
    let proxy = Arc::new(Proxy {
        allow: Allowlist::new(&config.keys.api_allowlist),
        internal: Internal::new(config.keys.internal.as_deref()),
        config,
    });
    accept(&proxy, listener, Side::Agents)?;
    if let Some(metrics) = metrics {
        accept(&proxy, metrics, Side::Metrics)?;
    }
    let signal = signals.forever().next();
    event::write(&json!({ "event": "shutdown", "signal": signal }));
    Ok(())
}

fn bind(address: &str) -> Result<TcpListener, String> {
    let parsed: SocketAddr = address.parse().map_err(|_| format!("`{address}` is not an address and a port"))?;
    TcpListener::bind(parsed).map_err(|why| format!("cannot listen on {address}: {why}"))
}

fn accept(proxy: &Arc<Proxy>, listener: TcpListener, side: Side) -> Result<(), String> {
    let proxy = Arc::clone(proxy);
    let accepting = move || {
        for client in listener.incoming().flatten() {
            let proxy = Arc::clone(&proxy);
            // Out of threads, the client is dropped: it sees a closed connection, never an open way out.
            let _ = thread::Builder::new().spawn(move || proxy.handle(client, side));
        }
    };
    thread::Builder::new().spawn(accepting).map(drop).map_err(|why| format!("cannot start a thread: {why}"))
}

/// Why there is no connection to a host.
enum Closed {
    /// Policy.
    Blocked(String),
    /// The network.
    Unreachable(String),
}

impl Proxy {
    fn handle(&self, mut client: TcpStream, side: Side) {
        // A client that fails harms itself only.
        let _ = self.answer(&mut client, side);
    }

    fn answer(&self, client: &mut TcpStream, side: Side) -> io::Result<()> {
        client.set_read_timeout(Some(HEAD_PATIENCE))?;
        let head = match http::read_head(client) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(()),
            Err(why) => return say(client, "400 Bad Request", &why.to_string()),
        };
        client.set_read_timeout(None)?;
        match head.asked() {
            Err(why) => say(client, "400 Bad Request", &why),
            Ok(Asked::Own(target)) => self.own(client, &target, side),
            Ok(_) if side == Side::Metrics || !self.config.keys.forward_proxy.enabled => {
                say(client, "405 Method Not Allowed", "the forward proxy is not enabled")
            }
            Ok(Asked::Tunnel(authority)) => self.tunnel(client, &head, &authority),
            Ok(Asked::Forward(authority, path)) => self.forward(client, &head, &authority, &path),
        }
    }

    fn own(&self, client: &mut TcpStream, target: &str, side: Side) -> io::Result<()> {
        let keys = &self.config.keys;
        let metrics_here = side == Side::Metrics || keys.metrics_listen.is_none();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            "/health" => {
                let body = json!({
                    "status": "healthy",
                    "double": true,
                    "version": env!("CARGO_PKG_VERSION"),
                    "mode": keys.mode.name(),
                    "forward_proxy_enabled": keys.forward_proxy.enabled,
                });
                client.write_all(&http::answer("200 OK", "application/json", &format!("{body}\n")))
            }
            "/metrics" if metrics_here => {
                client.write_all(&http::answer("200 OK", "text/plain", "# a double: it counts nothing\n"))
            }
            "/stats" if metrics_here => {
                client.write_all(&http::answer("200 OK", "application/json", "{\"double\":true}\n"))
            }
            "/fetch" if side == Side::Agents => self.fetch(client, query),
            _ => say(client, "404 Not Found", "not found"),
        }
    }

    /// pipelock fetches pages for agents; the double only decides, and fetches nothing.
    fn fetch(&self, client: &mut TcpStream, query: &str) -> io::Result<()> {
        let url = query.split('&').find_map(|pair| pair.strip_prefix("url=")).map(percent_decoded).unwrap_or_default();
        let after = url.split_once("://").map_or("", |(_, after)| after);
        let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
        let Some(authority) = Authority::parse(authority, Some(443)) else {
            return say(client, "400 Bad Request", "url= wants an absolute URL");
        };
        match self.refusal(&authority.host) {
            Some(reason) => {
                self.blocked(&authority, &reason);
                say(client, "403 Forbidden", &format!("blocked: {reason}"))
            }
            None => say(client, "501 Not Implemented", "this is a double: it does not fetch"),
        }
    }

    fn tunnel(&self, client: &mut TcpStream, head: &Head, authority: &Authority) -> io::Result<()> {
        let far = match self.dial(authority) {
            Ok(far) => far,
            Err(Closed::Blocked(reason)) => return say(client, "403 Forbidden", &format!("CONNECT blocked: {reason}")),
            Err(Closed::Unreachable(why)) => return say(client, "502 Bad Gateway", &format!("CONNECT failed: {why}")),
        };
        client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")?;
        self.carry(client, &far, &head.rest, authority)
    }

    fn forward(&self, client: &mut TcpStream, head: &Head, authority: &Authority, path: &str) -> io::Result<()> {
        let far = match self.dial(authority) {
            Ok(far) => far,
            Err(Closed::Blocked(reason)) => return say(client, "403 Forbidden", &format!("blocked: {reason}")),
            Err(Closed::Unreachable(why)) => return say(client, "502 Bad Gateway", &format!("failed: {why}")),
        };
        let mut first = head.for_origin(authority, path);
        first.extend_from_slice(&head.rest);
        self.carry(client, &far, &first, authority)
    }

    fn carry(&self, client: &TcpStream, mut far: &TcpStream, first: &[u8], authority: &Authority) -> io::Result<()> {
        let target = format!("{}:{}", authority.host, authority.port);
        if self.config.keys.logging.include_allowed {
            event::write(&json!({ "event": "tunnel_open", "target": target }));
        }
        let carried = far.write_all(first).and_then(|()| relay(client, far)).unwrap_or_default();
        if self.config.keys.logging.include_allowed {
            event::write(&json!({
                "event": "tunnel_close",
                "target": target,
                "sent": carried.sent + first.len() as u64,
                "received": carried.received,
            }));
        }
        Ok(())
    }

    /// Why a host is refused by its name, if it is.
    fn refusal(&self, host: &str) -> Option<String> {
        if self.config.keys.kill_switch.enabled {
            return Some("the kill switch is on".to_owned());
        }
        let listed = self.config.keys.mode != Mode::Strict || self.allow.lists(host);
        (!listed && self.config.keys.enforce).then(|| format!("domain not in allowlist: {host}"))
    }

    fn dial(&self, authority: &Authority) -> Result<TcpStream, Closed> {
        let block = |reason: String| {
            self.blocked(authority, &reason);
            Closed::Blocked(reason)
        };
        if let Some(reason) = self.refusal(&authority.host) {
            return Err(block(reason));
        }
        let addresses = resolve(&authority.host).map_err(Closed::Unreachable)?;
        // One internal address is enough to refuse: which of them is dialled would be a matter of luck.
        if let Some(address) = addresses.iter().find(|address| self.internal.holds(**address)) {
            return Err(block(format!("{} resolves to the internal address {address}", authority.host)));
        }
        let mut why = "no address".to_owned();
        for address in addresses {
            match TcpStream::connect_timeout(&SocketAddr::new(address, authority.port), DIAL_PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => why = error.to_string(),
            }
        }
        Err(Closed::Unreachable(format!("{}:{}: {why}", authority.host, authority.port)))
    }

    fn blocked(&self, authority: &Authority, reason: &str) {
        if self.config.keys.logging.include_blocked {
            let target = format!("{}:{}", authority.host, authority.port);
            event::write(&json!({ "event": "blocked", "target": target, "reason": reason }));
        }
    }
}

fn say(client: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    client.write_all(&http::answer(status, "text/plain; charset=utf-8", &format!("{text}\n")))
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        decoded.extend(code);
        let rest = if code.is_some() { part.get(2..).unwrap_or_default() } else { part };
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
