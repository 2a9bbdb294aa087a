//! What flows and what does not, with each way out, beside a guest that nothing guards.

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

/// Whether a web server answers somebody at an address or a name, past any proxy.
pub(crate) fn reaches(project: &Project, container: &str, user: &str, host: &str) -> bool {
    let page = format!("timeout 4 wget -Y off -qO- http://{host}/");
    let output = project.attempt(&["exec", "--user", user, container, "sh", "-c", &page]);
    String::from_utf8_lossy(&output.stdout) == engine_images::ORIGIN_PAGE
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
    wait_until("the origin serves", || reaches(project, CONTROL, "root", &at));
    let names = NAMES.map(|(name, _)| (name, at.clone()));
    project.knows(&names);
    let known = names.map(|(name, at)| format!("{name}={at}")).join(",");
    project.apply_with(&[], &[("CONTAINER_DOUBLE_NAMES", known.into())]);
    at
}

fn by_the_proxy(project: &Project) {
    let at = applied_beside_an_origin(project);
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
    // Past the proxy: by name, by address, by the gateway's route, as anybody.
    for user in ["node", "root"] {
        for host in [LISTED, at.as_str()] {
            assert!(!reaches(project, &agent, user, host), "{user} reaches {host}");
        }
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
    wait_until("the origin serves", || NAMES.iter().all(|(_, address)| reaches(project, CONTROL, "root", address)));
    project.apply();
    let agent = project.agent("implementer");
    origin::leads_to_it(project, &agent);
    let address = |wanted: &str| NAMES.iter().find(|(name, _)| *name == wanted).unwrap().1;
    assert!(reaches(project, &agent, "node", LISTED), "the listed host does not answer");
    for user in ["node", "root"] {
        for host in [UNLISTED, address(UNLISTED), at.as_str()] {
            assert!(!reaches(project, &agent, user, host), "{user} reaches {host}");
        }
    }
    // The host, at the address that every guest of the network has for it.
    let gateway = project.shell(&agent, "root", "ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'");
    let ping = |from: &str, to: &str| project.succeeds(from, "root", &format!("nc -w 2 {to} 80 </dev/null"));
    assert!(!ping(&agent, &gateway) && !ping(&agent, &at));
    assert!(ping(CONTROL, &at), "the control");
    assert!(!project.succeeds(&agent, "node", "nft flush ruleset"), "the agent takes its rules away");
    // Once they are gone, all is open: what is refused above is refused by them.
    project.shell(&agent, "root", "nft flush ruleset");
    assert!(reaches(project, &agent, "node", address(UNLISTED)) && reaches(project, &agent, "node", &at));
    // They are laid down again.
    project.apply();
    assert!(!reaches(project, &agent, "node", address(UNLISTED)));
    assert!(reaches(project, &agent, "node", LISTED));
}
