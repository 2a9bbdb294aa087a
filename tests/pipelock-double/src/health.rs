//! `healthcheck`: whether a proxy answers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(3);

/// Asks for `/health`.
pub(crate) fn ask(addr: &str) -> Result<(), String> {
    let addr: SocketAddr = addr.parse().map_err(|_| format!("`{addr}` is not an address and a port"))?;
    let answer = get(addr).map_err(|why| format!("{addr} does not answer: {why}"))?;
    match answer.lines().next() {
        Some(status) if status.split(' ').nth(1) == Some("200") => Ok(()),
        status => Err(format!("{addr} is not healthy: {}", status.unwrap_or("no answer"))),
    }
}

fn get(addr: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /health HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
