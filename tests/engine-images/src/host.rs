//! What of this machine goes into the images.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program that is most of the guest.
pub(crate) const BUSYBOX: &str = "/bin/busybox";
/// The guest's shell: busybox's own runs busybox's programs whatever the search path says, and its `setpriv` cannot change users.
pub(crate) const SHELL: &str = "/usr/bin/dash";
/// Programs that go in as they are, and the Debian package of each.
pub(crate) const PROGRAMS: [(&str, &str); 8] = [
    ("/usr/bin/ssh", "openssh-client"),
    ("/usr/bin/ssh-add", "openssh-client"),
    ("/usr/bin/ssh-agent", "openssh-client"),
    ("/usr/bin/ssh-keygen", "openssh-client"),
    ("/usr/bin/socat", "socat"),
    (SHELL, "dash"),
    ("/usr/bin/setpriv", "util-linux"),
    ("/usr/sbin/nft", "nftables"),
];

/// Tells in one line what is missing.
pub(crate) fn check() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("the test images are made of Linux programs of this machine, which is not Linux".to_owned());
    }
    // Debian has a package `busybox` too, whose program needs libraries.
    let is_static = |path: &str| libraries(path).is_ok_and(|libraries| libraries.is_empty());
    let packages = missing(|path| Path::new(path).exists() && (path != BUSYBOX || is_static(path)));
    if packages.is_empty() {
        return Ok(());
    }
    let packages = packages.into_iter().collect::<Vec<_>>().join(" ");
    Err(format!("the test images need programs that this machine lacks: apt-get install {packages}"))
}

/// The packages whose programs are not there.
fn missing(is_there: impl Fn(&str) -> bool) -> BTreeSet<&'static str> {
    let programs = PROGRAMS.into_iter().chain([(BUSYBOX, "busybox-static")]);
    programs.filter(|(path, _)| !is_there(path)).map(|(_, package)| package).collect()
}

/// The shared libraries of a program, and its loader. None for a static one.
pub(crate) fn libraries(program: &str) -> Result<Vec<PathBuf>, String> {
    let output =
        Command::new("ldd").env("LC_ALL", "C").arg(program).output().map_err(|why| format!("cannot run ldd: {why}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(line) = text.lines().find(|line| line.contains("not found")) {
        return Err(format!("{program} lacks a library: {}", line.trim()));
    }
    // Lines are `name => path (address)`, `path (address)` for the loader, and `name (address)` for what the kernel brings.
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(text.lines().filter_map(path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_named_by_package_once() {
        let all = ["busybox-static", "dash", "nftables", "openssh-client", "socat", "util-linux"];
        assert_eq!(Vec::from_iter(missing(|_| false)), all);
        assert_eq!(Vec::from_iter(missing(|path| !path.contains("ssh-"))), ["openssh-client"]);
        assert!(missing(|_| true).is_empty());
    }
}
