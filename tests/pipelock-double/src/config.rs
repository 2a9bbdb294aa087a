//! The configuration: the keys of pipelock 2.3.0 that bottles are given, and two that open or shut everything.

use std::path::Path;

use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A configuration that validates.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) keys: Keys,
    /// SHA-256 of the text, in hexadecimal.
    pub(crate) hash: String,
}

impl Config {
    /// Reads and validates a file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
        Self::parse(&text).map_err(|why| format!("{}: {why}", path.display()))
    }

    /// Validates a text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let keys: Keys = serde_saphyr::from_str(text).map_err(|why| why.to_string())?;
        if keys.mode == Mode::Strict && keys.api_allowlist.is_empty() {
            return Err("mode strict requires a non-empty api_allowlist".to_owned());
        }
        if keys.version != 1 {
            return Err(format!("version {} is not known; it is 1", keys.version));
        }
        let hash = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { keys, hash })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Only what is listed.
    Strict,
    /// Everything but what is blocked.
    #[default]
    Balanced,
    /// Everything.
    Audit,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Balanced => "balanced",
            Self::Audit => "audit",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "keys that the double takes and does nothing about")]
pub(crate) struct Keys {
    version: u32,
    pub(crate) mode: Mode,
    /// When false, what would be refused is only reported.
    pub(crate) enforce: bool,
    pub(crate) api_allowlist: Vec<String>,
    /// Networks that are never dialled: a default list when unset, no check at all when empty.
    pub(crate) internal: Option<Vec<IpNet>>,
    pub(crate) kill_switch: Switch,
    pub(crate) fetch_proxy: FetchProxy,
    pub(crate) forward_proxy: ForwardProxy,
    /// When unset, metrics are on the address that agents use.
    pub(crate) metrics_listen: Option<String>,
    pub(crate) logging: Logging,
    websocket_proxy: Switch,
    tls_interception: Switch,
    request_body_scanning: Scanning,
    response_scanning: Scanning,
    session_profiling: Switch,
    adaptive_enforcement: Switch,
    dlp: Dlp,
    sentry: Switch,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            version: 1,
            mode: Mode::default(),
            enforce: true,
            api_allowlist: Vec::new(),
            internal: None,
            kill_switch: Switch::default(),
            fetch_proxy: FetchProxy::default(),
            forward_proxy: ForwardProxy::default(),
            metrics_listen: None,
            logging: Logging::default(),
            websocket_proxy: Switch::default(),
            tls_interception: Switch::default(),
            request_body_scanning: Scanning::default(),
            response_scanning: Scanning::default(),
            session_profiling: Switch::default(),
            adaptive_enforcement: Switch::default(),
            dlp: Dlp::default(),
            sentry: Switch::default(),
        }
    }
}

/// A part that is on or off.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Switch {
    pub(crate) enabled: bool,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "keys that the double takes and does nothing about")]
pub(crate) struct FetchProxy {
    pub(crate) listen: String,
    monitoring: Monitoring,
}

impl Default for FetchProxy {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8888".to_owned(), monitoring: Monitoring::default() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "keys that the double takes and does nothing about")]
struct Monitoring {
    max_requests_per_minute: u32,
    max_url_length: u32,
    blocklist: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "keys that the double takes and does nothing about")]
pub(crate) struct ForwardProxy {
    pub(crate) enabled: bool,
    max_tunnel_seconds: u32,
    idle_timeout_seconds: u32,
    sni_verification: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Block,
    #[default]
    Warn,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "keys that the double takes and does nothing about")]
struct Scanning {
    enabled: bool,
    action: Action,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "keys that the double takes and does nothing about")]
struct Dlp {
    scan_env: bool,
    include_defaults: bool,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "the double writes JSON to standard output whatever these say")]
pub(crate) struct Logging {
    format: String,
    output: String,
    pub(crate) include_allowed: bool,
    pub(crate) include_blocked: bool,
}

impl Default for Logging {
    fn default() -> Self {
        Self { format: "json".to_owned(), output: "stdout".to_owned(), include_allowed: true, include_blocked: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the planner writes for one host.
    const BOTTLE: &str = include_str!("../tests/bottle.yaml");

    #[test]
    fn the_configuration_of_a_bottle_is_accepted() {
        let config = Config::parse(BOTTLE).unwrap();
        assert_eq!(config.keys.mode, Mode::Strict);
        assert_eq!(config.keys.api_allowlist, ["api.anthropic.com", "*.githubusercontent.com"]);
        assert!(config.keys.forward_proxy.enabled && config.keys.enforce && config.keys.internal.is_none());
        assert_eq!(config.keys.metrics_listen.as_deref(), Some("127.0.0.1:9091"));
        assert_eq!(config.hash.len(), 64);
    }

    #[test]
    fn the_smallest_strict_configuration_is_accepted() {
        Config::parse("mode: strict\napi_allowlist: [a.example]\nforward_proxy: {enabled: true}\n").unwrap();
    }

    #[test]
    fn unknown_keys_are_refused_at_every_level() {
        for extra in [
            "surprise: true",
            "forward_proxy: {enabled: true, sni_require_tls: true}",
            "fetch_proxy: {monitoring: {surprise: 1}}",
            "logging: {surprise: 1}",
            "dlp: {surprise: 1}",
            "sentry: {surprise: 1}",
        ] {
            let text = format!("mode: strict\napi_allowlist: [a.example]\n{extra}\n");
            let why = Config::parse(&text).unwrap_err();
            assert!(why.contains("surprise") || why.contains("sni_require_tls"), "{extra}: {why}");
        }
    }

    #[test]
    fn strict_needs_an_allowlist() {
        for text in ["mode: strict\n", "mode: strict\napi_allowlist: []\n"] {
            assert!(Config::parse(text).unwrap_err().contains("api_allowlist"));
        }
        Config::parse("mode: balanced\n").unwrap();
        Config::parse("mode: sideways\n").unwrap_err();
    }

    #[test]
    fn types_are_checked() {
        Config::parse("enforce: maybe\n").unwrap_err();
        Config::parse("forward_proxy: {enabled: true, max_tunnel_seconds: soon}\n").unwrap_err();
        Config::parse("mode: strict\nmode: balanced\n").unwrap_err();
        Config::parse("version: 2\n").unwrap_err();
    }
}
