//! The keys of the manifest as a whole: `version`, `name`, `network.pool`, `sidecar.image`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use toml::de::DeTable;

use super::error::{Code, ManifestError, shown};
use super::keys::{self, Key};
use super::model::{Image, Manifest};
use super::read::{Reader, Span, Value};
use crate::name::{BottleName, LONGEST, NameError, ProjectName};

/// The version of the schema that is read here.
const VERSION: i64 = 1;
/// The shortest and the longest prefix of a pool: from all of `10.0.0.0/8` down to room for a few networks.
const PREFIXES: std::ops::RangeInclusive<u8> = 8..=26;

impl Reader<'_> {
    /// Whether the manifest is of the version that is read here. Of another one, no key can be judged.
    pub(super) fn version(&mut self, table: &DeTable<'_>) -> bool {
        let Some(value) = table.get("version") else {
            self.missing_key(&keys::MANIFEST, "version", 0..0);
            return true;
        };
        let Some(key) = keys::MANIFEST.get("version") else { return true };
        let Some(version) = self.integer(key, value) else { return true };
        if version == VERSION {
            return true;
        }
        let (problem, instead) = if version > VERSION {
            ("is newer than this program", "it reads version 1 and cannot tell what a newer one means; update bottle")
        } else {
            ("does not exist", "version 1 is the first; write `version = 1`")
        };
        self.report(
            ManifestError::at(Code::Version, value.span(), format!("version {version} of the manifest {problem}"))
                .label("not a version that is read here")
                .help(instead),
        );
        false
    }

    pub(super) fn project_name(&mut self, key: &Key, value: &Value<'_>) -> Option<ProjectName> {
        let text = self.string(key, value)?;
        ProjectName::new(text).map_err(|why| self.bad_name("project", text, value.span(), &why)).ok()
    }

    pub(super) fn bottle_name(&mut self, text: &str, span: Span) -> Option<BottleName> {
        BottleName::new(text).map_err(|why| self.bad_name("bottle", text, span, &why)).ok()
    }

    fn bad_name(&mut self, what: &str, text: &str, span: Span, why: &NameError) {
        let instead = match mended(text) {
            Some(name) => format!("write `{name}`"),
            None => "choose another".to_owned(),
        };
        self.report(
            ManifestError::at(Code::Name, span, format!("`{}` cannot be the name of a {what}: {why}", shown(text)))
                .label("not a valid name")
                .help(format!("containers, networks and images are named after it; {instead}")),
        );
    }

    pub(super) fn pool(&mut self, value: &Value<'_>) -> Option<Ipv4Net> {
        let table = keys::MANIFEST.get("network").and_then(|key| self.table(key, value))?;
        let mut pool = None;
        for (key, _, value) in self.entries(&keys::NETWORK, table) {
            let Some(text) = self.string(key, value) else { continue };
            match range(text) {
                Ok(range) => pool = Some(range),
                Err((problem, instead)) => self.report(
                    ManifestError::at(Code::Pool, value.span(), format!("`{}` {problem}", shown(text)))
                        .label("not a usable pool")
                        .help(format!("subnets of the bottles' networks are taken from it; {instead}")),
                ),
            }
        }
        pool
    }

    pub(super) fn sidecar(&mut self, value: &Value<'_>) -> Option<Image> {
        let table = keys::MANIFEST.get("sidecar").and_then(|key| self.table(key, value))?;
        let mut image = None;
        for (key, _, value) in self.entries(&keys::SIDECAR, table) {
            image = self.image(key, value);
        }
        image
    }
}

/// A private range of IPv4 that networks can be taken from.
fn range(text: &str) -> Result<Ipv4Net, (String, String)> {
    let write = format!("write one such as `{}`", Manifest::DEFAULT_POOL);
    let net = match text.parse::<IpNet>() {
        Ok(IpNet::V4(net)) => net,
        Ok(IpNet::V6(_)) => {
            return Err(("is IPv6".to_owned(), format!("bottles have no IPv6, so that nothing leaves by it; {write}")));
        }
        Err(_) if text.parse::<IpAddr>().is_ok() => {
            return Err(("is one address, not a range".to_owned(), format!("{write}, with the length of its prefix")));
        }
        Err(_) => return Err(("is no range of addresses".to_owned(), write)),
    };
    // A number with a zero in front is octal to some and decimal to others.
    if text.split('/').next().is_none_or(|address| address.parse::<Ipv4Addr>().is_err()) {
        return Err(("has a number that begins with a zero".to_owned(), format!("write `{}`", net.trunc())));
    }
    if net.trunc() != net {
        return Err(("has bits set below its prefix".to_owned(), format!("write `{}`", net.trunc())));
    }
    if !PREFIXES.contains(&net.prefix_len()) {
        return Err((
            format!("has a prefix of {} bits", net.prefix_len()),
            format!("from {} to {} leave room for networks and for others; {write}", PREFIXES.start(), PREFIXES.end()),
        ));
    }
    if !(net.network().is_private() && net.broadcast().is_private()) {
        return Err((
            "is not private".to_owned(),
            format!(
                "hosts of the Internet in it could not be reached; use 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16: {write}"
            ),
        ));
    }
    Ok(net)
}

/// The valid name that is nearest to a text.
fn mended(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().take(4 * LONGEST) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(LONGEST);
    let name = name.trim_end_matches('-');
    BottleName::new(name).is_ok().then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{mended, range};

    #[test]
    fn pools() {
        for good in ["10.207.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.4.0/26"] {
            assert!(range(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0.1/16",
            "10.0.0.0/7",
            "10.0.0.0/27",
            "8.8.0.0/16",
            "172.0.0.0/8",
            "192.168.0.0/15",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "fd00::/8",
            "10.0.0.0/33",
            "10.0.0/16",
            "x/8",
            "010.0.0.0/8",
        ] {
            assert!(range(bad).is_err(), "{bad}");
        }
        assert!(range("10.207.3.0/16").unwrap_err().1.contains("`10.207.0.0/16`"));
    }

    #[test]
    fn names_are_mended() {
        assert_eq!(mended("My_App").as_deref(), Some("my-app"));
        assert_eq!(mended("--a--b--").as_deref(), Some("a-b"));
        assert_eq!(mended("a-name-that-goes-on-and-on").as_deref(), Some("a-name-that-goes-on-and"));
        assert_eq!(mended("shared"), None);
        assert_eq!(mended("é"), None);
    }
}
