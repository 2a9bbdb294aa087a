//! What may stand in an allowlist. The proxy takes any text and says nothing: `*.com` opens all of `.com`, a URL matches nothing.
//! So it is settled here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::shown;
use super::punycode;

/// The longest name that DNS can ask for, in bytes, without the dot at its end.
const LONGEST: usize = 253;
/// The longest label.
const LONGEST_LABEL: usize = 63;

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// What is wrong, in words that follow the entry.
    pub(super) problem: String,
    /// Why it matters, and what to write.
    pub(super) instead: String,
}

fn refused<T>(problem: impl Into<String>, instead: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { problem: problem.into(), instead: instead.into() })
}

/// An entry of an allowlist, in lower case: a host's name, or `*.` before a name of at least two labels that is not a public suffix.
pub(super) fn entry(text: &str) -> Result<String, Refused> {
    if text.chars().all(|c| c == '*' || c == '.') && text.contains('*') {
        return refused(
            "would open everything",
            "an allowlist that allows all is none; list the hosts that the agent needs",
        );
    }
    let Some(base) = text.strip_prefix("*.") else {
        return name(text);
    };
    let base = spelt(base, "*.")?;
    if !base.contains('.') {
        return refused(
            format!("would open every host below `.{base}`"),
            format!("write the domain that you mean: `*.example.{base}`"),
        );
    }
    if is_public_suffix(&base) {
        return refused(
            format!("would open every domain that anybody registers below `.{base}`"),
            format!("`{base}` is a public suffix; write the domain that you mean: `*.example.{base}`"),
        );
    }
    Ok(format!("*.{base}"))
}

/// A host that SSH connects to, in lower case: a name, or an IPv4 address that is not the sidecar's own or a cloud's metadata.
pub(super) fn hostname(text: &str) -> Result<String, Refused> {
    match text.parse::<Ipv4Addr>() {
        Ok(address) if address.is_loopback() || address.is_unspecified() || address.is_link_local() => refused(
            "is an address of the machine itself or of a cloud's metadata",
            "connections leave through the sidecar, where this means something else; write the server's name",
        ),
        Ok(address) => Ok(address.to_string()),
        Err(_) if text.contains('*') => refused("has a `*`", "a key is for one server; write its name"),
        Err(_) => name(text),
    }
}

/// A host's name, in lower case.
fn name(text: &str) -> Result<String, Refused> {
    let name = spelt(text, "")?;
    if !name.contains('.') && is_public_suffix(&name) {
        return refused(
            "is a top-level domain, and no host has this name",
            format!("it would match nothing; write the host that you mean: `example.{name}`"),
        );
    }
    Ok(name)
}

/// The text of a name, in lower case. `wild` is what stands in front of it, for what is suggested.
fn spelt(text: &str, wild: &str) -> Result<String, Refused> {
    let write = |host: &str| match host {
        "" => "write the host's name".to_owned(),
        host => format!("write `{wild}{}`", shown(host)),
    };
    if text.is_empty() {
        return refused("is empty", "it would match nothing; leave it out");
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host = host.rsplit('@').next().unwrap_or(host).split(':').next().unwrap_or(host);
        return refused("is a URL", format!("hosts are compared by name alone; {}", write(host)));
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<Ipv6Addr>().is_ok() {
        return address();
    }
    if let Some((host, prefix)) = text.split_once('/') {
        if host.parse::<IpAddr>().is_ok() && prefix.bytes().all(|b| b.is_ascii_digit()) {
            return address();
        }
        return refused("has a path", format!("hosts are compared by name alone; {}", write(host)));
    }
    if let Some((host, _)) = text.split_once(':') {
        return refused("has a port", format!("ports are not compared, so it would match nothing; {}", write(host)));
    }
    if let Some(c) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return refused(format!("has {c:?} in it"), "it would match nothing; one entry is one host, without blanks");
    }
    if !text.is_ascii() {
        let ascii = || text.split('.').map(punycode::label).collect::<Option<Vec<_>>>();
        let instead = match (text.len() <= LONGEST).then(ascii).flatten() {
            Some(labels) => format!("write it in its ASCII form: `{wild}{}`", labels.join(".")),
            None => "write it in its ASCII form, `xn--...`".to_owned(),
        };
        return refused("is not ASCII", format!("the proxy compares the name that is on the wire; {instead}"));
    }
    let lower = text.to_ascii_lowercase();
    if lower.contains('*') {
        return refused(
            "has a `*` that is not its first label",
            "only `*.` in front of a domain is a wildcard; anything else matches nothing",
        );
    }
    if let Some(bare) = lower.strip_suffix('.').filter(|bare| !bare.is_empty() && !bare.ends_with('.')) {
        return refused(
            "ends in a dot",
            format!("names are compared without it, so it would match nothing; {}", write(bare)),
        );
    }
    if lower.len() > LONGEST {
        return refused(
            format!("has {} bytes", lower.len()),
            format!("a name has at most {LONGEST}; no such host can exist"),
        );
    }
    labels(&lower)?;
    let last = lower.rsplit('.').next().unwrap_or(&lower);
    if last.bytes().all(|b| b.is_ascii_digit()) || is_hexadecimal(last) {
        return address();
    }
    if lower == "localhost" || lower.ends_with(".localhost") {
        return refused(
            "is the proxy itself",
            "the name is looked up where the proxy runs; loopback of the agent's own container needs no entry",
        );
    }
    Ok(lower)
}

fn labels(name: &str) -> Result<(), Refused> {
    if let Some(domain) = name.strip_prefix('.') {
        return refused("begins with a dot", format!("it would match nothing; write `*.{}`", shown(domain)));
    }
    for label in name.split('.') {
        if label.is_empty() {
            return refused("has two dots in a row", "no host has such a name; leave one out");
        }
        if label.len() > LONGEST_LABEL {
            return refused(
                format!("has a part of {} bytes", label.len()),
                format!("a part of a name has at most {LONGEST_LABEL}; no such host can exist"),
            );
        }
        if let Some(c) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return refused(
                format!("has {c:?} in it"),
                "a host's name is letters, digits, dashes and dots; anything else would match nothing",
            );
        }
        if label.starts_with('-') || label.ends_with('-') {
            return refused(
                "has a part that begins or ends with a dash",
                "no host has such a name; dashes stand between letters and digits",
            );
        }
    }
    Ok(())
}

fn is_hexadecimal(label: &str) -> bool {
    label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn address<T>() -> Result<T, Refused> {
    refused(
        "is an address, not a name",
        "certificates and the proxy's checks go by names, and an address may be anybody's tomorrow; write the host's name",
    )
}

/// Whether a registry hands out the names below this one to anybody who asks.
///
/// Suffixes of single companies (`github.io`, `githubusercontent.com`) are on the list of public suffixes too, in a part of its
/// own. A wildcard below one is what manifests want, so only those of registries count.
fn is_public_suffix(name: &str) -> bool {
    // A rule such as `*.ck` makes suffixes of the names below.
    let below = format!("bottle.{name}");
    [name, &below].into_iter().any(|name| {
        psl::suffix(name.as_bytes())
            .is_some_and(|suffix| suffix.as_bytes().len() == name.len() && suffix.typ() == Some(psl::Type::Icann))
    })
}

#[cfg(test)]
mod tests {
    use super::{entry, hostname};

    fn problem(text: &str) -> String {
        entry(text).expect_err(text).problem
    }

    fn instead(text: &str) -> String {
        entry(text).expect_err(text).instead
    }

    #[test]
    fn names_and_wildcards_are_taken_in_lower_case() {
        for (text, expected) in [
            ("api.anthropic.com", "api.anthropic.com"),
            ("API.Anthropic.COM", "api.anthropic.com"),
            ("*.githubusercontent.com", "*.githubusercontent.com"),
            ("*.Example.co.uk", "*.example.co.uk"),
            ("gitea", "gitea"),
            ("github.io", "github.io"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("1.example.com", "1.example.com"),
            ("3com.com", "3com.com"),
            ("a--b.example", "a--b.example"),
        ] {
            assert_eq!(entry(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_opens_too_much_is_refused() {
        for text in [
            "*",
            "*.*",
            "*.",
            "**",
            "*.com",
            "*.COM",
            "*.co.uk",
            "*.x",
            "*.internal",
            "*.ck",
            "*.foo.ck",
            "*.kawasaki.jp",
        ] {
            let problem = problem(text);
            assert!(problem.contains("open"), "{text}: {problem}");
        }
    }

    #[test]
    fn what_matches_nothing_is_refused() {
        let long = format!("{}example.com", "a.".repeat(130));
        let label = format!("{}.example.com", "a".repeat(64));
        for text in [
            "",
            "https://a.com/x",
            "a.com:443",
            "a.com/x",
            "a.*.com",
            "a*.com",
            "*a.com",
            "*.*.com",
            "a.com.",
            "a..com",
            ".a.com",
            "*..com",
            "a.com..",
            ".",
            "..",
            "-a.com",
            "a-.com",
            "a b.com",
            "a.com ",
            "a_b.com",
            "a,b.com",
            "a\".com",
            "a\n.com",
            "bücher.example",
            "com",
            "localhost",
            "x.localhost",
            &long,
            &label,
        ] {
            assert!(entry(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_are_refused_in_every_spelling() {
        for text in [
            "1.2.3.4",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "::1",
            "[::1]",
            "fe80::1",
            "10.0.0.0/8",
            "*.2.3.4",
            "::/0",
        ] {
            let problem = problem(text);
            assert!(problem.contains("address"), "{text}: {problem}");
        }
    }

    #[test]
    fn the_help_is_what_to_write() {
        assert!(instead("https://user@a.com:443/x").contains("`a.com`"));
        assert!(instead("a.com:443").contains("`a.com`"));
        assert!(instead("a.com.").contains("`a.com`"));
        assert!(instead(".a.com").contains("`*.a.com`"));
        assert!(instead("Bücher.example").contains("`xn--bcher-kva.example`"));
        assert!(instead("*.Bücher.example").contains("`*.xn--bcher-kva.example`"));
        assert!(instead("*.a.com.").contains("`*.a.com`"));
        assert!(instead("*.co.uk").contains("`*.example.co.uk`"));
    }

    #[test]
    fn ssh_takes_addresses_of_servers_and_no_wildcards() {
        assert_eq!(hostname("Gitea.Example.org").as_deref(), Ok("gitea.example.org"));
        assert_eq!(hostname("203.0.113.7").as_deref(), Ok("203.0.113.7"));
        for text in
            ["127.0.0.1", "0.0.0.0", "169.254.169.254", "*.example.org", "::1", "localhost", "a:22", "-oProxyCommand=x"]
        {
            assert!(hostname(text).is_err(), "{text}");
        }
    }
}
