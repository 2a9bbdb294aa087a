//! Variables by which an engine's command, or the system that loads it, acts itself.

/// Whether a secret under this name would change what the command does that passes it on: another engine, another program. It travels in
/// that command's environment. Case does not count: proxies are read in both.
#[must_use]
pub fn steers(variable: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "TMPDIR",
        "SHELL",
        "USER",
        "IFS",
        "GODEBUG",
        "GOGC",
        "GOMAXPROCS",
        "NO_COLOR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "FTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ];
    const PREFIXES: &[&str] =
        &["LD_", "DYLD_", "DOCKER_", "BUILDKIT_", "BUILDX_", "CONTAINER_", "SSL_CERT_", "XDG_", "SSH_"];
    let variable = variable.to_ascii_uppercase();
    NAMES.contains(&variable.as_str()) || PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::steers;

    #[test]
    fn no_secret_may_be_given_by_a_name_that_an_engine_acts_by() {
        for name in ["DOCKER_HOST", "docker_host", "PATH", "LD_PRELOAD", "https_proxy", "BUILDKIT_HOST", "NO_COLOR"] {
            assert!(steers(name), "{name}");
        }
        for name in ["GITHUB_TOKEN", "MY_DOCKER_TOKEN", "NPM_TOKEN"] {
            assert!(!steers(name), "{name}");
        }
    }
}
