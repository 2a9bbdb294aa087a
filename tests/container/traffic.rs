//! What flows and what does not, with each way out, beside a guest that nothing guards.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use engine_images::Outside;
use libtest_mimic::Trial;

use crate::origin::{self, CONTROL};
use crate::project::{LISTED, NAMES, Project, UNLISTED};
use crate::trials::wait_until;
use crate::{FIREWALL, HOST_LOOPBACK, SIDECAR, each};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = each(&[SIDECAR, HOST_LOOPBACK], "traffic::by_the_proxy", "sidecar", by_the_proxy);
    trials.extend(each(&[FIREWALL], "traffic::by_the_rules", "sidecar", by_the_rules));
    trials
}

/// Those of some hosts whose web server answers somebody, past any proxy. They are asked at once, since most of them are never to answer.
pub(crate) fn reached(project: &Project, container: &str, user: &str, hosts: &[&str]) -> Vec<String> {
    let page = engine_images::ORIGIN_PAGE.trim_end();
    let ask = |host: &&str| {
        format!("([ \"$(timeout 4 wget -Y off -qO- http://{host}/ 2>/dev/null)\" != '{page}' ] || echo {host}) & ")
    };
    let script = hosts.iter().map(ask).collect::<String>() + "wait";
    let mut found: Vec<String> = project.shell(container, user, &script).lines().map(str::to_owned).collect();
    found.sort_unstable();
    found
}

/// Whether it answers by what the agent's own variables name.
pub(crate) fn is_answered(project: &Project, host: &str) -> bool {
    let page = format!("timeout 10 wget -qO- http://{host}/");
    let output = project.attempt(&["exec", "--user", "node", &project.agent("implementer"), "sh", "-c", &page]);
    String::from_utf8_lossy(&output.stdout) == engine_images::ORIGIN_PAGE
}

/// Starts an origin whose address all names lead to, and applies.
pub(crate) fn applied_beside_an_origin(project: &Project) -> String {
    let at = origin::start(project);
    wait_until("the origin serves", || !reached(project, CONTROL, "root", &[&at]).is_empty());
    let names = NAMES.map(|(name, _)| (name, at.clone()));
    project.knows(&names);
    let known = names.map(|(name, at)| format!("{name}={at}")).join(",");
    project.apply_with(&[], &[("CONTAINER_DOUBLE_NAMES", known.into())]);
    at
}

fn by_the_proxy(project: &Project) {
    let at = applied_beside_an_origin(project);
    let beyond = Outside::new().unwrap();
    let agent = project.agent("implementer");
    assert!(is_answered(project, LISTED), "the listed host does not answer");
    for host in [UNLISTED, at.as_str(), "anthropic.com", "127.0.0.1"] {
        for head in [
            format!("GET http://{host}/ HTTP/1.1\\r\\nHost: {host}"),
            format!("CONNECT {host}:443 HTTP/1.1\\r\\nHost: {host}:443"),
        ] {
            let ask = format!("printf '{head}\\r\\n\\r\\n' | timeout 10 nc pipelock 8888");
            let said = project.shell(&agent, "node", &ask);
            assert!(said.contains(" 403 "), "{head}: {said}");
        }
    }
    wait_until("a machine beyond serves", || !reached(project, CONTROL, "root", &[&beyond.address]).is_empty());
    // Past the proxy: by name, by address, by the gateway's route, as anybody.
    for user in ["node", "root"] {
        assert_eq!(reached(project, &agent, user, &[LISTED, &at, &beyond.address]), [""; 0], "{user}");
    }
    let look_up = format!("timeout 5 nslookup {LISTED}");
    assert!(!project.succeeds(&agent, "node", &look_up), "names resolve");
    // The other end does not come in either.
    let listens = "socat TCP-LISTEN:7777,fork,reuseaddr EXEC:'echo here'";
    project.container(&["exec", "--detach", "--user", "node", &agent, "sh", "-c", listens]);
    let address = project.address(&agent, &project.internal("implementer"));
    let knocks = |from: &str, to: &str| {
        project.succeeds(from, "root", &format!("timeout 3 nc -w 2 {to} 7777 </dev/null | grep -q here"))
    };
    wait_until("the agent listens", || project.shell(&agent, "node", "cat /proc/net/tcp").contains(":1E61 "));
    assert!(!knocks(CONTROL, &address), "a stranger reaches the agent");
    assert!(knocks(&agent, &address), "the control: nobody listened");
}

fn by_the_rules(project: &Project) {
    let at = origin::start(project);
    let addresses = NAMES.map(|(_, address)| address);
    wait_until("the origin serves", || reached(project, CONTROL, "root", &addresses).len() == addresses.len());
    project.apply();
    let agent = project.agent("implementer");
    origin::leads_to_it(project, &agent);
    // The second is the host, at the address that every guest of the network has for it; it has a service there.
    let gateway = project.shell(&agent, "root", "ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'");
    let service = TcpListener::bind((gateway.as_str(), 0)).unwrap();
    let host = format!("{gateway}:{}", service.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for mut client in service.incoming().flatten() {
            let _ = client.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{}", engine_images::ORIGIN_PAGE).as_bytes());
            let _ = client.read(&mut [0; 256]);
        }
    });
    let mut all = vec![at.as_str(), host.as_str()];
    all.extend(addresses);
    let listed = [NAMES[0].1];
    assert_eq!(reached(project, CONTROL, "root", &all).len(), all.len(), "the control");
    let named: Vec<&str> = all.iter().copied().chain([LISTED, UNLISTED]).collect();
    for user in ["node", "root"] {
        assert_eq!(reached(project, &agent, user, &named), [listed[0], LISTED], "{user}");
    }
    assert!(!project.succeeds(&agent, "node", "nft flush ruleset"), "the agent takes its rules away");
    // Once they are gone, all is open: what is refused above is refused by them.
    project.shell(&agent, "root", "nft flush ruleset");
    assert_eq!(reached(project, &agent, "node", &all).len(), all.len(), "something else than the rules is in the way");
    // They are laid down again.
    project.apply();
    assert_eq!(reached(project, &agent, "node", &all), listed);
}
