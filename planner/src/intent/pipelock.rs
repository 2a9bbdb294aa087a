//! The sidecar's configuration: strict, closed by default, with the keys that pipelock 2.3.0 knows.

use std::fmt::Write as _;

use crate::digest::Digest;

/// The folder of the configuration in the sidecar: a volume, since its root is read-only.
pub(super) const FOLDER: &str = "/etc/pipelock";
/// The configuration.
pub(super) const CONFIG: &str = "/etc/pipelock/pipelock.yaml";
/// The configuration's name in its folder.
pub(super) const CONFIG_NAME: &str = "pipelock.yaml";
/// The program, where it runs on the host itself.
pub(super) const PROGRAM: &str = "pipelock";
/// The name by which an agent reaches its sidecar.
pub(crate) const ALIAS: &str = "pipelock";
/// The port on which it serves.
pub(crate) const PORT: u16 = 8888;
/// The user it runs as: no name in its image has this number.
pub(super) const USER: &str = "65532:65532";
/// An allowlist entry that matches nothing: pipelock's strict mode refuses an empty list.
const NOTHING: &str = "deny.invalid";

/// The port of the metrics, on the loopback alone: on the agent's side they would tell what the agent need not know.
pub(super) const METRICS: u16 = 9091;

/// The port of the metrics where proxies share a loopback, the host's: spread by the name of what runs there.
pub(crate) fn shared_metrics(name: &str) -> u16 {
    let hash = u16::from_str_radix(&Digest::of(name.as_bytes()).short()[..4], 16).unwrap_or_default();
    // Above what services use, and below what systems hand out to clients by themselves (49152 and up on macOS).
    20_000 + hash % 20_000
}

/// The YAML for an allowlist. Hosts are letters, digits, dashes, dots and `*`, so quoting them is enough.
#[must_use]
pub(super) fn config(allow: &[String], metrics: u16) -> String {
    let mut hosts = String::new();
    for host in allow.iter().map(String::as_str).chain(allow.is_empty().then_some(NOTHING)) {
        let _ = write!(hosts, "\n  - \"{host}\"");
    }
    format!(
        "version: 1\n\
         mode: strict\n\
         enforce: true\n\
         api_allowlist:{hosts}\n\
         fetch_proxy:\n  listen: \"0.0.0.0:{PORT}\"\n  monitoring:\n    max_requests_per_minute: 6000\n    max_url_length: 8192\n    blocklist: []\n\
         forward_proxy:\n  enabled: true\n  max_tunnel_seconds: 86400\n  idle_timeout_seconds: 3600\n  sni_verification: true\n\
         websocket_proxy:\n  enabled: false\n\
         metrics_listen: \"127.0.0.1:{metrics}\"\n\
         tls_interception:\n  enabled: false\n\
         request_body_scanning:\n  enabled: true\n  action: block\n\
         response_scanning:\n  enabled: true\n  action: warn\n\
         session_profiling:\n  enabled: false\n\
         adaptive_enforcement:\n  enabled: false\n\
         dlp:\n  scan_env: false\n  include_defaults: true\n\
         sentry:\n  enabled: false\n\
         logging:\n  format: json\n  output: stdout\n  include_allowed: true\n  include_blocked: true\n"
    )
}

/// The agent's variables that lead its traffic to the sidecar. `NO_PROXY` holds loopback only.
#[must_use]
pub(super) fn agent_environment() -> Vec<(&'static str, String)> {
    let proxy = format!("http://{ALIAS}:{PORT}");
    let loopback = "localhost,127.0.0.1,::1".to_owned();
    let mut variables = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        variables.push((name, proxy.clone()));
    }
    for name in ["NO_PROXY", "no_proxy", "npm_config_noproxy"] {
        variables.push((name, loopback.clone()));
    }
    variables.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
    variables
}
