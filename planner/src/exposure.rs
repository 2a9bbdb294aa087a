//! Folders of the host that no bottle may have for its own: whoever writes there becomes the host's user, or the host.

use std::fmt;

/// What a mounted folder would give away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Everything.
    Root,
    /// A home: keys, tokens, and what its owner's shell runs at the next login.
    Home,
    /// A folder above homes.
    AboveHome,
    /// The system's own, or a folder above it.
    System(&'static str),
    /// A folder that holds an engine's socket.
    EngineSocket(String),
}

/// Folders of the system. What is in them configures the host, is the host, or belongs to its engines.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/private/etc",
    "/private/var/run",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/run",
];

/// Where homes are.
const HOMES: &[&str] = &["/home", "/root", "/Users"];

/// Where engines put their sockets, whoever runs them.
pub const SOCKETS: &[&str] = &[
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/var/run/docker.sock",
];

impl Exposure {
    /// What a folder gives away, by its absolute path without links. `home` is the home of who runs `bottle`, and `sockets` are those of engines.
    #[must_use]
    pub fn of(path: &str, home: Option<&str>, sockets: &[String]) -> Option<Self> {
        let path = plain(path);
        if path == "/" {
            return Some(Self::Root);
        }
        let home = home.map(plain);
        if let Some(home) = &home {
            if path == *home {
                return Some(Self::Home);
            }
            if is_below(home, &path) {
                return Some(Self::AboveHome);
            }
        }
        if HOMES.contains(&path.as_str()) {
            return Some(Self::AboveHome);
        }
        let reached = |place: &str| path == place || is_below(&path, place) || is_below(place, &path);
        if let Some(socket) = sockets.iter().find(|socket| **socket == path || is_below(socket, &path)) {
            return Some(Self::EngineSocket(socket.clone()));
        }
        SYSTEM.iter().copied().find(|place| reached(place)).map(Self::System)
    }

    /// The same by what a manifest says alone, where the machine cannot be asked.
    #[must_use]
    pub fn by_name(text: &str) -> Option<Self> {
        match text.strip_prefix('~') {
            Some(below) => (plain(below) == "/").then_some(Self::Home),
            None if text.starts_with('/') => {
                let sockets: Vec<String> = SOCKETS.iter().map(|socket| (*socket).to_owned()).collect();
                Self::of(text, None, &sockets)
            }
            None => None,
        }
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("is the root of the host"),
            Self::Home => f.write_str("is your home: keys, tokens, and what your shell runs at the next login"),
            Self::AboveHome => f.write_str("holds homes: keys, tokens, and what shells run at the next login"),
            Self::System(place) => write!(f, "is of the host's system ({place})"),
            Self::EngineSocket(socket) => {
                write!(f, "holds the socket of an engine ({socket}): whoever writes to it is root on the host")
            }
        }
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A path without doubled slashes, `.`, and `..` that lead back.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_the_host_away() {
        let sockets = vec!["/srv/engine/docker.sock".to_owned()];
        let of = |path: &str| Exposure::of(path, Some("/srv/people/me"), &sockets);
        assert_eq!(of("/"), Some(Exposure::Root));
        assert_eq!(of("//./"), Some(Exposure::Root));
        assert_eq!(of("/srv/people/me/"), Some(Exposure::Home));
        assert_eq!(of("/srv/people/me/work/.."), Some(Exposure::Home));
        for above in ["/srv", "/srv/people", "/home", "/Users"] {
            assert_eq!(of(above), Some(Exposure::AboveHome), "{above}");
        }
        assert!(matches!(of("/srv/engine"), Some(Exposure::EngineSocket(_))));
        for system in
            ["/etc", "/etc/ssh", "/var", "/var/run", "/run/user/1000", "/proc", "/sys/fs", "/dev", "/var/lib/docker"]
        {
            assert!(matches!(of(system), Some(Exposure::System(_))), "{system}");
        }
        for fine in ["/srv/people/me/work", "/srv/people/you", "/home/me/work", "/data", "/etcetera", "/var/tmp/x"] {
            assert_eq!(of(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_a_manifest_alone_says() {
        for text in ["~", "~/", "~/.", "~//", "~/a/.."] {
            assert_eq!(Exposure::by_name(text), Some(Exposure::Home), "{text}");
        }
        assert!(matches!(Exposure::by_name("/var/run"), Some(Exposure::EngineSocket(_))));
        for text in ["~/work", ".", "work", "/data"] {
            assert_eq!(Exposure::by_name(text), None, "{text}");
        }
    }
}
