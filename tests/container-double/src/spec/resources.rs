//! Memory, limits and capabilities.

use crate::failure::Failure;

/// The least memory of a container, in bytes.
const LEAST: u64 = 200 << 20;
const MIB: u64 = 1 << 20;

/// What may be dropped and added. The first fourteen are given by default.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
    "NET_ADMIN",
    "SYS_ADMIN",
    "DAC_READ_SEARCH",
    "LINUX_IMMUTABLE",
    "NET_BROADCAST",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "LEASE",
    "AUDIT_CONTROL",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Bytes of a text such as `512M`; a bare number is bytes, cut to whole MiB. Only capital suffixes: of others nothing is known.
pub(crate) fn memory(text: &str) -> Result<u64, Failure> {
    let invalid = || Failure::new(format_args!("invalid memory value: {text}"));
    let (number, shift) = match text.char_indices().next_back() {
        Some((at, suffix)) if suffix.is_ascii_uppercase() => {
            let power = "KMGTP".find(suffix).ok_or_else(invalid)?;
            (&text[..at], 10 * (power + 1))
        }
        _ => (text, 0),
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift)).ok_or_else(invalid)?;
    Ok(bytes / MIB * MIB)
}

/// Told when the container is created, after its image was fetched.
pub(crate) fn enough(bytes: u64) -> Result<(), Failure> {
    if bytes >= LEAST {
        return Ok(());
    }
    Err(Failure::new(format_args!("minimum memory amount allowed is 200 MiB (got {bytes} bytes)")))
}

/// `NET_ADMIN` of `net_admin`, `CAP_NET_ADMIN` and the like.
pub(crate) fn capabilities(options: &[String]) -> Result<Vec<String>, Failure> {
    let one = |option: &String| {
        let upper = option.to_ascii_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if upper == "ALL" || CAPABILITIES.contains(&name) {
            return Ok(name.to_owned());
        }
        Err(Failure::new(format_args!("invalid capability {option}")))
    };
    options.iter().map(one).collect()
}

/// `<type>=<soft>[:<hard>]`.
pub(crate) fn limits(options: &[String]) -> Result<Vec<(String, u64, u64)>, Failure> {
    let one = |option: &String| {
        let (kind, values) = option.split_once('=')?;
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        Some((kind.to_owned(), soft.parse().ok()?, hard.parse().ok()?))
    };
    let invalid = |option: &String| Failure::new(format_args!("invalid ulimit format {option}"));
    options.iter().map(|option| one(option).ok_or_else(|| invalid(option))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_least_and_capital_suffixes() {
        assert_eq!(memory("512M").unwrap(), 512 << 20);
        assert_eq!(memory("2G").unwrap(), 2 << 30);
        assert_eq!(memory("300000000").unwrap(), 286 << 20);
        for bad in ["512m", "1.5G", "", "G", "-1", "1Gi", "1Q"] {
            assert!(memory(bad).is_err(), "{bad}");
        }
        let low = enough(memory("100M").unwrap()).unwrap_err();
        assert_eq!(low.text, "Error: minimum memory amount allowed is 200 MiB (got 104857600 bytes)");
    }

    #[test]
    fn capabilities_are_known_ones() {
        let names = ["net_admin", "CAP_CHOWN", "all"].map(str::to_owned);
        assert_eq!(capabilities(&names).unwrap(), ["NET_ADMIN", "CHOWN", "ALL"]);
        assert!(capabilities(&["NET".to_owned()]).is_err());
    }
}
