//! SSH: keys held by root's agent in the guest, relayed to the user, who can sign with them and cannot read them.

use super::{Archive, Content, Exec, ExecStdin, ObjectName, Owner, Secret, Word, archives, pipelock};
use crate::manifest::{Bottle, SshKey};

/// The folder of the sockets. It is root's; only the relay is open to others.
const FOLDER: &str = "/run/bottle-ssh";
/// The socket of root's agent.
const AGENT: &str = "/run/bottle-ssh/agent";
/// The socket that the user's ssh talks to.
pub(super) const RELAY: &str = "/run/bottle-ssh/relay";

/// `~/.ssh/config` and `~/.ssh/known_hosts`. Where there is a proxy, connections go through it, since there is no other way out.
pub(super) fn files(bottle: &Bottle, owner: &Owner, proxied: bool) -> Archive {
    let mut config = String::new();
    let mut known = String::new();
    for key in &bottle.ssh {
        let SshKey { host, hostname, port, user, known_host, .. } = key;
        config.push_str(&format!(
            "Host {host}\n  HostName {hostname}\n  Port {port}\n  User {user}\n  IdentityAgent {RELAY}\n  \
             StrictHostKeyChecking yes\n"
        ));
        if proxied {
            let (proxy, port) = (pipelock::ALIAS, pipelock::PORT);
            config.push_str(&format!("  ProxyCommand socat - PROXY:{proxy}:%h:%p,proxyport={port}\n"));
        }
        let name = if *port == 22 { hostname.clone() } else { format!("[{hostname}]:{port}") };
        known.push_str(&format!("{name} {known_host}\n"));
    }
    let mut archive =
        archives::at(&bottle.home, &format!("{}/.ssh/config", bottle.home), Content::Text(config), owner, Some(0o600));
    let known = archives::at(
        &bottle.home,
        &format!("{}/.ssh/known_hosts", bottle.home),
        Content::Text(known),
        owner,
        Some(0o600),
    );
    archive.entries.extend(known.entries.into_iter().last());
    archive
}

/// Starts root's agent. Another one, with keys that are no longer declared, is ended first, and so are its relay and the sockets that a
/// container which was stopped has left: their numbers may be others' by now, so each is looked at by name.
///
/// The keys are named behind the script: with other keys it is another operation, so that one which is taken out of a manifest is forgotten.
pub(super) fn start_agent(container: &ObjectName, keys: &[SshKey]) -> Exec {
    let script = format!(
        "mkdir -p /run && for p in {FOLDER}/ssh-agent {FOLDER}/socat; do \
         [ ! -r $p ] || [ \"$(cat /proc/$(cat $p)/comm 2>/dev/null)\" != ${{p##*/}} ] || kill $(cat $p); done; \
         rm -rf {FOLDER} && mkdir -m 0711 {FOLDER} && umask 077 && eval \"$(ssh-agent -a {AGENT})\" >/dev/null && \
         echo $SSH_AGENT_PID >{FOLDER}/ssh-agent"
    );
    let words = ["sh".to_owned(), "-c".to_owned(), script, "keys".to_owned()];
    Exec::as_root(
        container,
        words.into_iter().chain(keys.iter().map(|key| key.host.clone())).map(Word::from).collect(),
        ExecStdin::Nothing,
    )
}

/// Hands one key to root's agent. The key goes from the host's file to the agent's memory; the guest's disk never sees it.
pub(super) fn add_key(container: &ObjectName, key: &SshKey) -> Exec {
    let mut exec = Exec::as_root(
        container,
        vec!["ssh-add".into(), "-q".into(), "-".into()],
        ExecStdin::Secret(Secret::File(key.key.clone())),
    );
    exec.env.insert("SSH_AUTH_SOCK".to_owned(), AGENT.to_owned());
    exec
}

/// Lets the user talk to root's agent, which itself answers only root. It is done once the relay listens.
pub(super) fn relay(container: &ObjectName) -> Exec {
    let script = format!(
        "socat UNIX-LISTEN:{RELAY},fork,mode=0666 UNIX-CONNECT:{AGENT} </dev/null >/dev/null 2>&1 & echo $! >{FOLDER}/socat; \
         until [ -S {RELAY} ]; do kill -0 $! || exit 1; sleep 0.1; done"
    );
    Exec::as_root(container, vec!["sh".into(), "-c".into(), script.into()], ExecStdin::Nothing)
}
