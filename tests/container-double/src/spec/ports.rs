//! `--publish` and `--publish-socket`.

use std::net::IpAddr;

use crate::failure::Failure;
use crate::state::Port;

pub(crate) fn ports(options: &[String]) -> Result<Vec<Port>, Failure> {
    if options.len() > 64 {
        return Err(Failure::new("too many published ports"));
    }
    let mut all: Vec<Port> = vec![];
    for option in options {
        let port = port(option).ok_or_else(|| Failure::new(format_args!("invalid publish value: {option}")))?;
        let span = |port: &Port| port.host..port.host.saturating_add(port.count);
        let meets = |other: &Port| {
            let (a, b) = (span(&port), span(other));
            other.protocol == port.protocol && other.address == port.address && a.start < b.end && b.start < a.end
        };
        if all.iter().any(meets) {
            return Err(Failure::new("host ports for different publish port specs may not overlap"));
        }
        all.push(port);
    }
    Ok(all)
}

/// `[host-ip:]host-port:container-port[/protocol]`. Ports below 2 are refused: none is chosen.
fn port(option: &str) -> Option<Port> {
    let (rest, protocol) = option.split_once('/').unwrap_or((option, "tcp"));
    let (rest, container) = rest.rsplit_once(':')?;
    let (address, host) = rest.rsplit_once(':').unwrap_or(("0.0.0.0", rest));
    let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
    bare.parse::<IpAddr>().ok()?;
    let range = |text: &str| {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (from.parse::<u16>().ok()?, to.parse::<u16>().ok()?);
        (from >= 2 && to >= from).then(|| (from, to - from + 1))
    };
    let ((host, count), (container, inside)) = (range(host)?, range(container)?);
    let known = ["tcp", "udp"].contains(&protocol);
    (known && count == inside).then(|| Port {
        address: address.to_owned(),
        host,
        container,
        protocol: protocol.to_owned(),
        count,
    })
}

pub(crate) fn sockets(options: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |option: &String| match option.split_once(':') {
        Some((host, inside)) if inside.starts_with('/') && !host.is_empty() => Ok((host.to_owned(), inside.to_owned())),
        _ => Err(Failure::new(format_args!("invalid publish-socket format {option}"))),
    };
    options.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ports_are_needed_and_none_is_chosen() {
        for good in ["80:8080", "127.0.0.1:80:80/udp", "[::1]:80:80", "80-81:90-91"] {
            assert!(port(good).is_some(), "{good}");
        }
        for bad in ["80", "0:80", "1:80", "80-81:90", "x:80:80", "80:80/sctp", "127.0.0.1::80"] {
            assert!(port(bad).is_none(), "{bad}");
        }
        let twice = ports(&["80:80".to_owned(), "80:81".to_owned()]).unwrap_err();
        assert_eq!(twice.text, "Error: host ports for different publish port specs may not overlap");
    }
}
