//! `ssh`: keys, and the servers that they are for. All of it ends up in configuration files of the guest, so the grammar is narrow.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml::Spanned;
use toml::de::DeTable;

use super::error::{Code, ManifestError, shown};
use super::hosts;
use super::keys::{self, Key};
use super::model::SshKey;
use super::read::{Reader, Span, Value};

/// The types of host keys that OpenSSH takes, without those it has given up.
pub(super) const TYPES: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

impl Reader<'_> {
    /// The keys, each with the place of its `host`.
    pub(super) fn ssh(&mut self, key: &Key, value: &Value<'_>) -> Vec<Spanned<SshKey>> {
        let mut keys = Vec::new();
        for (table, span) in self.tables(key, value) {
            keys.extend(self.ssh_key(table, &span));
        }
        keys
    }

    fn ssh_key(&mut self, table: &DeTable<'_>, span: &Span) -> Option<Spanned<SshKey>> {
        let (mut host, mut hostname, mut file, mut known_host) = (None, None, None, None);
        let (mut port, mut user) = (Some(22), Some("git".to_owned()));
        for (key, _, value) in self.entries(&keys::SSH, table) {
            match key.name {
                "host" => host = self.ssh_word(key, value).map(|host| (host, value.span())),
                "hostname" => hostname = self.ssh_word(key, value).map(|host| (host, value.span())),
                "port" => port = self.port(key, value),
                "user" => user = self.ssh_word(key, value),
                "key" => file = self.private_key(key, value),
                "known_host" => known_host = self.known_host(key, value),
                _ => {}
            }
        }
        for name in ["host", "key", "known_host"] {
            if !table.contains_key(name) {
                self.missing_key(&keys::SSH, name, span.clone());
            }
        }
        if hostname.is_none() && !table.contains_key("hostname") {
            hostname.clone_from(&host);
        }
        let (hostname, place) = hostname?;
        let hostname = match hosts::hostname(&hostname) {
            Ok(hostname) => hostname,
            Err(refused) => {
                self.report(
                    ManifestError::at(Code::Host, place, format!("`{}` {}", shown(&hostname), refused.problem))
                        .label("no server's name")
                        .help(format!("{}; `hostname` says which server `host` stands for", refused.instead)),
                );
                return None;
            }
        };
        let (host, place) = host?;
        let key = SshKey { host, hostname, port: port?, user: user?, key: file?, known_host: known_host? };
        Some(Spanned::new(place, key))
    }

    /// A word that neither ssh's configuration nor a shell can read as anything else.
    fn ssh_word(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        let text = self.string(key, value)?;
        if !text.is_empty()
            && text.len() <= 253
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        {
            return Some(text.to_owned());
        }
        self.report(
            ManifestError::at(Code::Ssh, value.span(), format!("`{}` cannot be an ssh `{}`", shown(text), key.name))
                .label("only letters, digits, `.`, `_` and `-`")
                .help(format!(
                    "it is written into ssh's configuration, where other characters have a meaning; write `{}`",
                    key.example
                )),
        );
        None
    }

    fn port(&mut self, key: &Key, value: &Value<'_>) -> Option<u16> {
        let number = self.integer(key, value)?;
        let port = u16::try_from(number).ok().filter(|port| *port != 0);
        if port.is_none() {
            self.report(
                ManifestError::at(Code::Ssh, value.span(), format!("{number} is no port"))
                    .label("from 1 to 65535")
                    .help("no server listens there; leave it out for 22"),
            );
        }
        port
    }

    fn private_key(&mut self, key: &Key, value: &Value<'_>) -> Option<crate::source::SourcePath> {
        let text = self.string(key, value)?;
        let path = self.secret_file(text, value.span())?;
        let Some(private) = path.as_str().strip_suffix(".pub") else { return Some(path) };
        self.report(
            ManifestError::at(Code::Ssh, value.span(), format!("`{}` is a public key", shown(path.as_str())))
                .label("the private key is needed")
                .help(format!(
                    "it is handed to an agent that signs with it and that nobody in the guest can read; write `key = \"{}\"`",
                    shown(private)
                )),
        );
        None
    }

    fn known_host(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        let text = self.string(key, value)?;
        let Err((problem, instead)) = known_host(text) else { return Some(text.to_owned()) };
        self.report(
            ManifestError::at(Code::Ssh, value.span(), format!("`known_host` {problem}"))
                .label("not `TYPE BASE64`")
                .help(format!("without the server's key nobody knows who answers; {instead}")),
        );
        None
    }
}

/// Checks a server's public key, `TYPE BASE64`.
fn known_host(text: &str) -> Result<(), (String, String)> {
    let how = "take one line of `ssh-keyscan HOST`, without the host in front";
    if text.chars().any(char::is_control) {
        return Err(("has more than one line".to_owned(), format!("one key is enough: {how}")));
    }
    let words: Vec<&str> = text.split(' ').collect();
    let (kind, blob) = match words.as_slice() {
        [kind, blob] if TYPES.contains(kind) => (*kind, *blob),
        [host, kind, _, ..] if TYPES.contains(kind) => {
            return Err((
                "begins with a host".to_owned(),
                format!("`hostname` is that already; leave `{}` out", shown(host)),
            ));
        }
        [kind, _, _, ..] if TYPES.contains(kind) => {
            return Err(("has something after the key".to_owned(), "leave the comment out".to_owned()));
        }
        [kind, _] if kind.contains("ssh") || kind.contains("ecdsa") => {
            return Err((format!("has the type `{}`", shown(kind)), format!("the types are {}", TYPES.join(", "))));
        }
        _ => return Err(("is not a type and a key".to_owned(), how.to_owned())),
    };
    let Ok(bytes) = STANDARD.decode(blob) else {
        return Err(("has a key that is not base64".to_owned(), format!("copy it whole; {how}")));
    };
    // The key begins with its type, preceded by the type's length (RFC 4253, 6.6).
    let named = u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes();
    match bytes.strip_prefix(&named).and_then(|rest| rest.strip_prefix(kind.as_bytes())) {
        Some(rest) if !rest.is_empty() => Ok(()),
        _ => Err((format!("has a key that is not of the type `{kind}`"), format!("copy it whole; {how}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::known_host;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    #[test]
    fn keys_of_servers() {
        assert_eq!(known_host(&format!("ssh-ed25519 {KEY}")), Ok(()));
        for (bad, part) in [
            (format!("github.com ssh-ed25519 {KEY}"), "begins with a host"),
            (format!("ssh-ed25519 {KEY} me@here"), "something after"),
            (format!("ssh-rsa {KEY}"), "not of the type"),
            (format!("ssh-dss {KEY}"), "has the type"),
            (format!("ssh-ed25519  {KEY}"), "something after"),
            (format!("ssh-ed25519 {KEY}\nHost *"), "more than one line"),
            ("ssh-ed25519 AAAA...".to_owned(), "not base64"),
            ("ssh-ed25519 AAAA".to_owned(), "not of the type"),
            ("ssh-ed25519".to_owned(), "is not a type and a key"),
            (String::new(), "is not a type and a key"),
        ] {
            let (problem, _) = known_host(&bad).unwrap_err();
            assert!(problem.contains(part), "{bad}: {problem}");
        }
    }
}
