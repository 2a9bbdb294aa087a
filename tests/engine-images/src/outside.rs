//! A machine beyond this one: a network namespace with one address, and a web server there.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::ORIGIN_PAGE;
use crate::host::BUSYBOX;

/// The machine. It is gone with the value.
#[derive(Debug)]
pub struct Outside {
    /// Its address, at which a web server's `/` is [`ORIGIN_PAGE`]: one of those for measurements (RFC 2544).
    pub address: String,
    name: String,
    server: Option<Child>,
    _pages: tempfile::TempDir,
}

impl Outside {
    /// Makes it. Whoever calls must be root.
    ///
    /// # Errors
    /// When a command fails, in its own words.
    pub fn new() -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed) % 64;
        let process = std::process::id();
        let pages = tempfile::tempdir().map_err(|why| why.to_string())?;
        std::fs::write(pages.path().join("index.html"), ORIGIN_PAGE).map_err(|why| why.to_string())?;
        let block = format!("198.{}.{}", 18 + process / 256 % 2, process % 256);
        let (near, address) = (format!("{block}.{}", number * 4 + 1), format!("{block}.{}", number * 4 + 2));
        let name = format!("out{}-{number}", process % 10_000_000);
        let mut outside = Self { address, name, server: None, _pages: pages };
        let Self { name, address, _pages: pages, .. } = &outside;
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {name} type veth peer name far netns {name}"))?;
        ip(&format!("address add {near}/30 dev {name}"))?;
        ip(&format!("link set {name} up"))?;
        ip(&format!("-n {name} address add {address}/30 dev far"))?;
        ip(&format!("-n {name} link set far up"))?;
        ip(&format!("-n {name} route add default via {near}"))?;
        let server = Command::new("ip")
            .args(["netns", "exec", name, BUSYBOX, "httpd", "-f", "-p", "80", "-h"])
            .arg(pages.path())
            .stdin(Stdio::null())
            .spawn()
            .map_err(|why| why.to_string())?;
        outside.server = Some(server);
        Ok(outside)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = ip(&format!("netns delete {}", self.name));
    }
}

fn ip(line: &str) -> Result<(), String> {
    let output = Command::new("ip").args(line.split_whitespace()).output().map_err(|why| format!("ip: {why}"))?;
    let said = || format!("ip {line}: {}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said()) }
}
