//! Just enough HTTP/1: the head of a request, and what it asks a proxy for.

use std::io::{self, Read};

/// The longest head that is read, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;
const HEADER_COUNT: usize = 100;

/// The head of a request, and the bytes after it that were read along.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) rest: Vec<u8>,
}

/// Reads a head. `None` when the other side left without asking anything.
pub(crate) fn read_head(from: &mut impl Read) -> io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = from.read(&mut chunk)?;
        if count == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(head) = parse(&bytes)? {
            return Ok(Some(head));
        }
        if bytes.len() > HEAD_LIMIT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the head is too long"));
        }
    }
}

fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADER_COUNT];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(bytes).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why.to_string()))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    Ok(Some(Head {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        headers: request.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect(),
        rest: bytes.get(length..).unwrap_or_default().to_vec(),
    }))
}

/// A host in lower case, without a trailing dot or brackets, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Authority {
    /// Reads `host:port`, `host` where a default port is given, `[v6]:port`. User information and anything else is refused.
    pub(crate) fn parse(text: &str, default_port: Option<u16>) -> Option<Self> {
        let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
            let (host, after) = bracketed.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|port| *port != 0)?
            }
            Some(_) => return None,
            None => default_port?,
        };
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let is_name =
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':'));
        (is_name && !host.is_empty()).then_some(Self { host, port })
    }

    /// As in a `Host` header.
    pub(crate) fn header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A tunnel.
    Tunnel(Authority),
    /// A request to be forwarded, and the target in the form that an origin takes.
    Forward(Authority, String),
    /// Something of the proxy itself.
    Own(String),
}

impl Head {
    /// What is asked for, or why that cannot be told.
    pub(crate) fn asked(&self) -> Result<Asked, String> {
        let target = &self.target;
        if self.method == "CONNECT" {
            return match Authority::parse(target, None) {
                Some(authority) => Ok(Asked::Tunnel(authority)),
                None => Err(format!("CONNECT wants host:port, not {target}")),
            };
        }
        if target.starts_with('/') {
            return Ok(Asked::Own(target.clone()));
        }
        let Some((scheme, after)) = target.split_once("://") else { return Err(format!("not a URI: {target}")) };
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(format!("only http is forwarded, not {scheme}"));
        }
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        let Some(authority) = Authority::parse(authority, Some(80)) else { return Err(format!("no host: {target}")) };
        let path = path.split('#').next().unwrap_or_default();
        Ok(Asked::Forward(authority, if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }))
    }

    /// The head that an origin is sent: for its own host, and for one request only.
    pub(crate) fn for_origin(&self, authority: &Authority, path: &str) -> Vec<u8> {
        const HOP_BY_HOP: [&str; 7] =
            ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade", "host"];
        let mut head =
            format!("{} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.method, authority.header())
                .into_bytes();
        for (name, value) in &self.headers {
            if !HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)) {
                head.extend_from_slice(name.as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value);
                head.extend_from_slice(b"\r\n");
            }
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// A whole answer.
pub(crate) fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(request: &str) -> Result<Asked, String> {
        read_head(&mut request.as_bytes()).map_err(|why| why.to_string())?.ok_or("nothing")?.asked()
    }

    fn authority(host: &str, port: u16) -> Authority {
        Authority { host: host.to_owned(), port }
    }

    #[test]
    fn connect_names_a_host_and_a_port() {
        let tunnel = |target: &str| asked(&format!("CONNECT {target} HTTP/1.1\r\n\r\n"));
        assert_eq!(tunnel("A.Example.:443"), Ok(Asked::Tunnel(authority("a.example", 443))));
        assert_eq!(tunnel("[::1]:443"), Ok(Asked::Tunnel(authority("::1", 443))));
        for target in
            ["a.example", "user@a.example:443", "a.example:0", "a.example:+1", ":443", "[a.example]:443", "a:b:1"]
        {
            assert!(tunnel(target).is_err(), "{target}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for target in ["a.example\0.b:443", "a.example\r.b:443"] {
            assert!(asked(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")).is_err());
        }
    }

    #[test]
    fn an_absolute_uri_is_split_at_its_authority() {
        let get = |target: &str| asked(&format!("GET {target} HTTP/1.1\r\n\r\n"));
        let forward = |host: &str, port, path: &str| Ok(Asked::Forward(authority(host, port), path.to_owned()));
        assert_eq!(get("http://a.example"), forward("a.example", 80, "/"));
        assert_eq!(get("HTTP://a.example:8080/x?y#z"), forward("a.example", 8080, "/x?y"));
        assert_eq!(get("http://a.example?y"), forward("a.example", 80, "/?y"));
        assert_eq!(get("/health"), Ok(Asked::Own("/health".to_owned())));
        for target in
            ["http://a.example@b.example/", "http://a.example\\@b/", "https://a.example/", "ftp://a/", "a.example"]
        {
            assert!(get(target).is_err(), "{target}");
        }
    }

    #[test]
    fn the_origin_is_told_its_own_host() {
        let request =
            "GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\nProxy-Connection: x\r\nAccept: y\r\n\r\nrest";
        let head = read_head(&mut request.as_bytes()).unwrap().unwrap();
        assert_eq!(head.rest, b"rest");
        let text = String::from_utf8(head.for_origin(&authority("a.example", 80), "/x")).unwrap();
        assert_eq!(text, "GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nAccept: y\r\n\r\n");
    }
}
