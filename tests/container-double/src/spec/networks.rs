//! `--network`.

use crate::failure::Failure;
use crate::settings::Settings;
use crate::state::{Attachment, DEFAULT_NETWORK, State};

/// The networks of a container, in the order of its interfaces.
pub(crate) fn attachments(options: &[String], settings: &Settings, state: &State) -> Result<Vec<Attachment>, Failure> {
    let mut all: Vec<Attachment> = vec![];
    for option in options {
        all.push(attachment(option)?);
    }
    if all.iter().any(|each| each.network == "none") {
        if all.len() > 1 {
            return Err(Failure::new("no other networks may be created along with network none"));
        }
        return Ok(vec![]);
    }
    if settings.macos < 26 && all.iter().any(|each| each.network != DEFAULT_NETWORK) {
        return Err(Failure::new("non-default network configuration requires macOS 26 or newer"));
    }
    if all.is_empty() {
        all.push(attachment(DEFAULT_NETWORK)?);
    }
    for (number, each) in all.iter().enumerate() {
        if !state.networks.contains_key(&each.network) {
            return Err(Failure::new(format_args!("network {} not found", each.network)));
        }
        if all[..number].iter().any(|other| other.network == each.network) {
            return Err(Failure::double(format_args!("network {} twice is not known to work", each.network)));
        }
    }
    Ok(all)
}

fn attachment(option: &str) -> Result<Attachment, Failure> {
    let mut parts = option.split(',');
    let network = parts.next().unwrap_or_default().to_owned();
    let mut attachment = Attachment { network, mac: None, mtu: 1280, address: None };
    for part in parts {
        match part.split_once('=').unwrap_or((part, "")) {
            ("mac", mac) if is_mac(mac) => attachment.mac = Some(mac.to_owned()),
            ("mac", mac) => return Err(Failure::new(format_args!("invalid MAC address format {mac}"))),
            ("mtu", mtu) => match mtu.parse() {
                Ok(value @ 1280..=65535) => attachment.mtu = value,
                _ => return Err(Failure::new(format_args!("invalid mtu value {mtu}"))),
            },
            (other, _) => {
                let text = format!("unknown network property '{other}'. Available properties: mac, mtu");
                return Err(Failure::new(text));
            }
        }
    }
    Ok(attachment)
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
