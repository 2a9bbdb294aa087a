//! Where an agent's traffic can go: through its proxy to the hosts that are listed, and nowhere else.
//!
//! Everything that must fail for an agent is first seen to work from where it may: otherwise a service that is down would look like a
//! closed door.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::change::REVIEWER;
use crate::engine::{Own, docker, inspect, shell, succeeds};
use crate::project::Project;
use crate::trial;
use crate::trials::wait_until;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("traffic::through_the_proxy", "sidecar", through_the_proxy),
        trial("traffic::routes", "sidecar", routes),
        trial("traffic::to_the_host", "sidecar", to_the_host),
        trial("traffic::by_ipv6", "sidecar", by_ipv6),
        trial("traffic::to_names", "sidecar", to_names),
        trial("traffic::to_neighbours", "sidecar", to_neighbours),
    ]
}

/// The host that the fixture lists.
const LISTED: &str = "api.anthropic.com";

/// The status line that a proxy answers an agent's request with, as the agent sees it.
fn asked(agent: &str, request: &str) -> String {
    let script =
        format!("printf '{request}\\r\\nConnection: close\\r\\n\\r\\n' | timeout 10 nc pipelock 8888 | head -n 1");
    shell(agent, "node", &script).trim().to_owned()
}

/// A service, and what it answers. That a connection can be had shows nothing: a network may answer for any address.
#[derive(Clone, Copy)]
struct Service {
    port: u16,
    asked: &'static str,
    answers: &'static str,
}

const ORIGIN_PAGES: Service =
    Service { port: 80, asked: "GET / HTTP/1.0\\r\\n\\r\\n", answers: "a page of the origin" };
const ORIGIN_ECHO: Service = Service { port: 443, asked: "again", answers: "again" };
const PROXY: Service =
    Service { port: 8888, asked: "GET /health HTTP/1.0\\r\\n\\r\\n", answers: "forward_proxy_enabled" };
/// What the neighbour of [`to_neighbours`] serves.
const NEIGHBOUR: Service = Service { port: 7777, asked: "", answers: "here" };

impl Service {
    /// A script that prints an address with the port where the service answers at it, and nothing where it does not.
    fn at(self, address: &str) -> String {
        let Self { port, asked, answers } = self;
        format!(
            "(printf '{asked}' | timeout 4 nc -w 3 {address} {port} | grep -q '{answers}' && echo {address}:{port}) & "
        )
    }
}

/// A script that prints where services answer. They are asked at once, since most of them are never to answer.
fn where_they_answer(services: &[(Service, &str)]) -> String {
    services.iter().map(|(service, address)| service.at(address)).collect::<String>() + "wait"
}

/// How many of some services answer somebody in a container.
fn answering(container: &str, user: &str, services: &[(Service, &str)]) -> usize {
    shell(container, user, &where_they_answer(services)).lines().count()
}

fn address(seen: &Value, network: &str) -> String {
    seen["NetworkSettings"]["Networks"][network]["IPAddress"].as_str().unwrap().to_owned()
}

/// The host's address on a network, as one of its members knows it.
fn gateway(container: &str, network: &str) -> String {
    let gateway = inspect("container", container)["NetworkSettings"]["Networks"][network]["Gateway"].clone();
    gateway.as_str().filter(|gateway| !gateway.is_empty()).expect("a way out has a gateway").to_owned()
}

/// A container of the test's own on a network, that anything can be tried from.
fn control(project: &Project, network: &str) -> (Own, String) {
    let name = format!("bottle-test-{}-control", project.name);
    let own = Own::container(&name, &["run", "--detach", "--name", &name, "--network", network, engine_images::GUEST]);
    (own, name)
}

/// What a shell prints that shares a container's network: a sidecar has none of its own.
fn beside(container: &str, script: &str) -> String {
    docker(&["run", "--rm", "--network", &format!("container:{container}"), engine_images::GUEST, "sh", "-c", script])
}

/// The origin is on a bridge network of the test's own, which the sidecar is connected to by hand: neighbours on the egress network are
/// cut off from each other, and the engine drops what goes from one bridge to another.
fn through_the_proxy(project: &Project) {
    project.apply();
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let outside = format!("bottle-test-{}-outside", project.name);
    let _network = Own::network(&outside, &[]);
    let origin = format!("bottle-test-{}-origin", project.name);
    let of_origin = [
        "run",
        "--detach",
        "--name",
        &origin,
        "--network",
        &outside,
        "--network-alias",
        LISTED,
        "--network-alias",
        "other.example.org",
    ];
    let _origin = Own::container(&origin, &[&of_origin[..], &[engine_images::GUEST, engine_images::ORIGIN]].concat());
    docker(&["network", "connect", &outside, &sidecar]);
    let at = address(&inspect("container", &origin), &outside);
    let (_control, control) = control(project, &outside);
    let services = [(ORIGIN_PAGES, at.as_str()), (ORIGIN_ECHO, at.as_str())];
    wait_until("the origin serves", || answering(&control, "root", &services) == services.len());

    let ok = asked(&agent, &format!("GET http://{LISTED}/ HTTP/1.1\\r\\nHost: {LISTED}"));
    assert!(ok.starts_with("HTTP/1.") && ok.contains(" 200 "), "{ok}");
    let page = shell(&agent, "node", &format!("timeout 10 wget -qO- http://{LISTED}/"));
    assert_eq!(page, engine_images::ORIGIN_PAGE.trim_end(), "by the agent's own variables");
    assert!(asked(&agent, &format!("CONNECT {LISTED}:443 HTTP/1.1\\r\\nHost: {LISTED}:443")).contains(" 200 "));

    // The same server under a name that is not listed, by its address, and a name that only ends like a listed one.
    for host in ["other.example.org", at.as_str(), "evil-api.anthropic.com", "anthropic.com"] {
        let refused = asked(&agent, &format!("GET http://{host}/ HTTP/1.1\\r\\nHost: {host}"));
        assert!(refused.contains(" 403 "), "{host}: {refused}");
        let refused = asked(&agent, &format!("CONNECT {host}:443 HTTP/1.1\\r\\nHost: {host}:443"));
        assert!(refused.contains(" 403 "), "{host}: {refused}");
    }
    // Past the proxy.
    for user in ["node", "root"] {
        assert_eq!(shell(&agent, user, &where_they_answer(&services)), "", "{user} reaches the origin");
    }
    assert!(!succeeds(&agent, "root", &format!("ping -c 1 -W 2 {at}")));
}

/// Where packets go that are for no neighbour.
fn routes(project: &Project) {
    project.apply();
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    // The sidecar's default route is the way out. The agent has none, or, with `inhibit_ipv4`, one to an address that is nobody's.
    let gateway = gateway(&sidecar, &project.egress());
    let default = |routes: &str| {
        let line = routes.lines().find(|line| line.starts_with("default"))?;
        line.split_whitespace().nth(2).map(str::to_owned)
    };
    assert_eq!(default(&beside(&sidecar, "ip route")), Some(gateway.clone()));
    if let Some(nobody) = default(&shell(&agent, "node", "ip route")) {
        let addresses = docker(&["run", "--rm", "--network", "host", engine_images::GUEST, "ip", "-4", "addr"]);
        assert!(addresses.contains(&format!(" {gateway}/")), "the control: the host has the other gateway's address");
        assert!(!addresses.contains(&format!(" {nobody}/")), "the agent's default route leads to the host");
    }
}

/// A service of the host, and its port. It greets whoever connects.
fn greeter(address: &str) -> u16 {
    let service = TcpListener::bind(address).unwrap();
    let port = service.local_addr().unwrap().port();
    // It ends with the process; a connection costs it a moment.
    std::thread::spawn(move || {
        for mut client in service.incoming().flatten() {
            let _ = client.write_all(b"a service of the host\n");
            let _ = client.set_read_timeout(Some(std::time::Duration::from_secs(1)));
            let _ = client.read(&mut [0; 64]);
        }
    });
    port
}

/// A service on every address of the host, as development servers are.
fn to_the_host(project: &Project) {
    let port = greeter("0.0.0.0:0");
    project.apply();
    let agent = project.agent("implementer");
    let (_control, control) = control(project, &project.egress());
    let internal = inspect("network", &project.internal("implementer"))["IPAM"]["Config"][0].clone();
    let default = inspect("network", "bridge")["IPAM"]["Config"][0].clone();

    let gateway = gateway(&control, &project.egress());
    let greets = |container: &str, user: &str, address: &str| {
        let script = format!("timeout 3 nc -w 2 {address} {port} </dev/null | grep -q 'service of the host'");
        succeeds(container, user, &script)
    };
    assert!(greets(&control, "root", &gateway), "the service is not to be reached from where it should be");

    // Where the host would be on each network: its first address, or what the engine calls the gateway.
    let mut hosts = vec![gateway];
    for configuration in [&internal, &default] {
        hosts.extend(configuration["Gateway"].as_str().filter(|gateway| !gateway.is_empty()).map(str::to_owned));
    }
    let subnet = internal["Subnet"].as_str().unwrap().split_once('/').unwrap().0;
    let (start, last) = subnet.rsplit_once('.').unwrap();
    let last: u8 = last.parse().unwrap();
    hosts.extend((1..=6).map(|number| format!("{start}.{}", last + number)));
    hosts.sort_unstable();
    hosts.dedup();
    let tries = hosts.iter().map(|host| format!("timeout 2 nc -w 1 {host} {port} </dev/null & "));
    for user in ["node", "root"] {
        let said = shell(&agent, user, &format!("{} wait", tries.clone().collect::<String>()));
        assert_eq!(said, "", "{user} reaches the host at one of {hosts:?}");
    }
    // The same way of asking finds the service from the control.
    let said = shell(&control, "root", &format!("{} wait", tries.collect::<String>()));
    assert!(said.contains("a service of the host"), "{said}");
    // By the proxy neither: a loopback address or a name of the host is not dialled.
    for host in ["127.0.0.1", "localhost", "host.docker.internal", "169.254.169.254"] {
        let refused = asked(&agent, &format!("GET http://{host}:{port}/ HTTP/1.1\\r\\nHost: {host}"));
        assert!(refused.contains(" 403 "), "{host}: {refused}");
    }
}

/// An agent has no IPv6, though the host has, on the bridge between them.
fn by_ipv6(project: &Project) {
    let port = greeter("[::]:0");
    project.apply();
    let agent = project.agent("implementer");
    // The control: on a network that differs in this alone, that it has IPv6.
    let subnet = format!("fd00:b077:{:x}", std::process::id() & 0xffff);
    let open = format!("bottle-test-{}-ipv6", project.name);
    let _network = Own::network(&open, &["--internal", "--ipv6", "--subnet", &format!("{subnet}::/64")]);
    let (_control, control) = control(project, &open);

    // Beyond the loopback interface.
    let addresses = "grep -v ' lo$' /proc/net/if_inet6 || true";
    let routes = "ip -6 route";
    let host_on = |network: &str| {
        let id = inspect("network", network)["Id"].as_str().unwrap()[..12].to_owned();
        let show = ["run", "--rm", "--network", "host", engine_images::GUEST, "ip", "-6", "addr", "show"];
        let shown = docker(&[&show[..], &["dev", &format!("br-{id}")]].concat());
        let mut words = shown.split_whitespace().skip_while(|word| !word.starts_with("fe80:"));
        words.next().and_then(|address| address.split_once('/')).map(|(address, _)| address.to_owned())
    };
    let greets = |container: &str, address: &str| {
        let script = format!("timeout 3 nc -w 2 {address} {port} </dev/null | grep -q 'service of the host'");
        succeeds(container, "root", &script)
    };
    wait_until("the host answers by IPv6 where there is one", || greets(&control, &format!("{subnet}::1")));
    let near = format!("{}%eth0", host_on(&open).expect("the host has an address by the link"));
    // An address of a link is not used before the kernel has seen that nobody else has it.
    wait_until("the host answers by the link", || greets(&control, &near));
    assert_ne!(shell(&control, "root", addresses), "");
    assert_ne!(shell(&control, "root", routes), "");

    for user in ["node", "root"] {
        assert_eq!(shell(&agent, user, addresses), "");
        assert_eq!(shell(&agent, user, routes), "");
        // Nor can it be turned on: that takes a capability.
        assert!(!succeeds(&agent, user, "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"));
    }
    let near = host_on(&project.internal("implementer")).map(|address| format!("{address}%eth0"));
    for host in [Some(format!("{subnet}::1")), near].into_iter().flatten() {
        assert!(!greets(&agent, &host), "the agent reaches the host at {host}");
    }
}

/// Names: of the sidecar, and no others. Where the engine's machine cannot resolve names itself, only the resolver's address shows that
/// none are asked for.
fn to_names(project: &Project) {
    project.apply();
    let agent = project.agent("implementer");
    assert_eq!(inspect("container", &agent)["HostConfig"]["Dns"], json!(["127.0.0.1"]));
    let look_up = format!(
        "for name in pipelock example.org {LISTED} host.docker.internal deb.debian.org; do \
         (timeout 5 nslookup $name >/dev/null 2>&1 && echo $name) & done; wait"
    );
    assert_eq!(shell(&agent, "node", &look_up), "pipelock");
    assert!(
        !shell(&agent, "node", "cat /etc/resolv.conf").contains("search "),
        "a search domain tells of the host's network"
    );
}

/// Other bottles: their agents, their sidecars, and sidecars among each other.
fn to_neighbours(project: &Project) {
    project.declare(REVIEWER);
    project.apply();
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let other = [project.agent("reviewer"), project.sidecar("reviewer")].map(|name| inspect("container", &name));
    let theirs = project.internal("reviewer");
    let targets = [address(&other[0], &theirs), address(&other[1], &theirs), address(&other[1], &project.egress())];
    docker(&[
        "exec",
        "--detach",
        "--user",
        "node",
        &project.agent("reviewer"),
        "socat",
        "TCP-LISTEN:7777,fork,reuseaddr",
        "EXEC:echo here",
    ]);

    let [their_agent, their_proxy, their_way_out] = targets.each_ref().map(String::as_str);
    let services = [(NEIGHBOUR, their_agent), (PROXY, their_proxy), (PROXY, their_way_out)];

    // The controls: a member of their network sees the agent's service and the proxy, and the proxy serves on the egress network too.
    let (_control, control) = control(project, &theirs);
    wait_until("the neighbours serve", || answering(&control, "root", &services[..2]) == 2);
    wait_until("the proxy serves on the way out", || {
        !beside(&project.sidecar("reviewer"), &where_they_answer(&services[2..])).is_empty()
    });

    for user in ["node", "root"] {
        assert_eq!(shell(&agent, user, &where_they_answer(&services)), "", "{user} of an agent reaches its neighbours");
    }
    for name in [project.agent("reviewer"), project.sidecar("reviewer")] {
        assert!(!succeeds(&agent, "node", &format!("timeout 5 nslookup {name}")), "{name} has an address");
    }
    assert_eq!(beside(&sidecar, &where_they_answer(&services)), "", "a sidecar reaches its neighbours");
    // Through its own proxy neither: a neighbour's name is not listed.
    let refused = asked(&agent, &format!("CONNECT {}:8888 HTTP/1.1\\r\\nHost: x", targets[2]));
    assert!(refused.contains(" 403 "), "{refused}");
}
