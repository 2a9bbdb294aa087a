//! Name resolution without the C library: `/etc/hosts`, then A records from the name servers of `/etc/resolv.conf`.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How long one name server is waited for, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 2;

/// The addresses of a host in lower case: of a literal, itself.
pub(crate) fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(literal) = host.parse() {
        return Ok(vec![literal]);
    }
    let listed = in_hosts(&std::fs::read_to_string(HOSTS).unwrap_or_default(), host);
    if !listed.is_empty() {
        return Ok(listed);
    }
    let servers = name_servers(&std::fs::read_to_string(RESOLV_CONF).unwrap_or_default());
    let mut why = format!("{RESOLV_CONF} names no name server");
    for server in servers {
        for _ in 0..ATTEMPTS {
            match query(server, host) {
                Ok(addresses) if addresses.is_empty() => return Err(format!("{host} has no address")),
                Ok(addresses) => return Ok(addresses),
                Err(Refusal::Answered(rcode)) => {
                    why = format!("{server} answered {rcode:?} for {host}");
                    break;
                }
                Err(Refusal::Silent(error)) => why = format!("{server} gives no answer: {error}"),
            }
        }
    }
    Err(why)
}

fn in_hosts(hosts: &str, host: &str) -> Vec<IpAddr> {
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
        })
        .collect()
}

fn name_servers(resolv_conf: &str) -> Vec<SocketAddr> {
    resolv_conf
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
        })
        .map(|address: IpAddr| SocketAddr::new(address, 53))
        .collect()
}

enum Refusal {
    /// No answer that could be read.
    Silent(io::Error),
    /// An answer that is not one.
    Answered(RCODE),
}

impl From<io::Error> for Refusal {
    fn from(why: io::Error) -> Self {
        Self::Silent(why)
    }
}

fn query(server: SocketAddr, host: &str) -> Result<Vec<IpAddr>, Refusal> {
    let invalid = |why: simple_dns::SimpleDnsError| io::Error::new(io::ErrorKind::InvalidData, why.to_string());
    #[allow(clippy::cast_possible_truncation, reason = "an identifier has sixteen bits")]
    let id = RandomState::new().hash_one(host) as u16;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(host).map_err(invalid)?, TYPE::A.into(), CLASS::IN.into(), false));

    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(&packet.build_bytes_vec().map_err(invalid)?)?;
    let mut answer = [0; 1500];
    let count = socket.recv(&mut answer)?;
    let answer = Packet::parse(answer.get(..count).unwrap_or_default()).map_err(invalid)?;
    if answer.id() != id || !answer.has_flags(PacketFlag::RESPONSE) {
        return Err(io::Error::from(io::ErrorKind::InvalidData).into());
    }
    if answer.rcode() != RCODE::NoError {
        return Err(Refusal::Answered(answer.rcode()));
    }
    // A chain of aliases ends in the addresses, all in one answer.
    let addresses = answer.answers.iter().filter_map(|record| match &record.rdata {
        RData::A(a) => Some(IpAddr::V4(a.address.into())),
        _ => None,
    });
    Ok(addresses.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read() {
        let hosts =
            "127.0.0.1\tlocalhost loop # a.example\n\n10.0.0.2 b.example\n10.0.0.3 B.example\nnonsense b.example\n";
        let two: [IpAddr; 2] = [[10, 0, 0, 2].into(), [10, 0, 0, 3].into()];
        assert_eq!(in_hosts(hosts, "b.example"), two);
        assert!(in_hosts(hosts, "a.example").is_empty());
    }

    #[test]
    fn name_servers_are_read() {
        let text = "# nameserver 9.9.9.9\nsearch example\nnameserver 127.0.0.11\nnameserver ::1\noptions ndots:0\n";
        assert_eq!(name_servers(text), ["127.0.0.11:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    }

    #[test]
    fn literals_are_their_own_address() {
        assert_eq!(resolve("10.0.0.2").unwrap(), [IpAddr::from([10, 0, 0, 2])]);
        assert_eq!(resolve("::1").unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
    }
}
