//! The catalog, and verdicts on replies that nobody gave.

use std::collections::BTreeSet;

use super::*;
use crate::guarantee::{Rank, Standing};
use crate::name::BottleName;
use crate::profile::Behaviour;

/// A bottle as it is meant to be, with a neighbour.
fn scene() -> Scene {
    let posture = Posture {
        capabilities_dropped: vec!["ALL".to_owned()],
        security: vec!["no-new-privileges".to_owned()],
        resolvers: vec!["127.0.0.1".to_owned()],
        user: "node".to_owned(),
        ..Posture::default()
    };
    Scene {
        behaves: Behaviour::Docker,
        allow: vec!["*.zone.example".to_owned(), "api.example.org".to_owned()],
        root: false,
        agent: posture.clone(),
        declared: BTreeSet::from(["internal".to_owned()]),
        networks: vec![Joined {
            name: "internal".to_owned(),
            internal: true,
            subnet: "10.0.0.0/29".parse().ok(),
            gateway: "10.0.0.1".parse().ok(),
            address: "10.0.0.3".parse().ok(),
            others: vec!["10.0.0.2".parse().unwrap()],
        }],
        proxy: Some(Proxy {
            container: "proxy".to_owned(),
            near: "10.0.0.2".parse().unwrap(),
            far: "10.0.4.2".parse().ok(),
            port: 8888,
            name: "pipelock".to_owned(),
            posture: Posture { read_only: true, ..posture },
            volumes: vec!["configuration".to_owned()],
        }),
        gateway: "10.0.4.1".parse().ok(),
        host: vec!["192.0.2.2".parse().unwrap()],
        neighbours: vec![Neighbour {
            container: "other".to_owned(),
            name: "other".to_owned(),
            address: "10.0.4.3".parse().unwrap(),
            serves: Some(8888),
        }],
        further_neighbours: 0,
        listener: Listener { tcp: 4001, udp: 4002, token: "token".to_owned() },
        leaks: Vec::new(),
        by_helper: false,
    }
}

const STATUS: &str = "Uid: 1000 1000 1000 1000 CapInh: 0 CapPrm: 0 CapEff: 0 CapBnd: 0 CapAmb: 0 NoNewPrivs: 1";
const ROUTES: &str = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT \
                      eth0 00000000 0100000A 0003 0 0 0 00000000 0 0 0 \
                      eth0 0000000A 00000000 0001 0 0 0 F8FFFFFF 0 0 0";

/// What a good bottle answers.
fn inside(ask: &Ask) -> Reply {
    let open = |text: &str| Reply::Open(text.to_owned());
    match ask {
        Ask::Lines("/proc/self/status", _) => open(STATUS),
        Ask::Lines("/proc/net/route", _) => open(ROUTES),
        Ask::Lines("/etc/resolv.conf", _) => open("nameserver 127.0.0.11"),
        Ask::Lines(..) => Reply::Cannot("no such file".to_owned()),
        Ask::Addresses6 => open("00000000000000000000000000000001 01 80 10 80 lo"),
        Ask::Sockets(_) | Ask::Processes(_) => open("found:"),
        Ask::Unshare => open("no"),
        Ask::Lookup { name, .. } if name == "pipelock" => open("10.0.0.2"),
        Ask::Tcp { host, port: 8888, say: Say::Bytes(say) } if host == "10.0.0.2" => {
            let said = String::from_utf8_lossy(say);
            let listed = ["CONNECT api.example.org:", "GET /health"].iter().any(|start| said.starts_with(start));
            open(if listed { "HTTP/1.1 200 OK" } else { "HTTP/1.1 403 Forbidden" })
        }
        Ask::Tcp { .. } | Ask::Udp { .. } | Ask::Lookup { .. } | Ask::Ping(_) => Reply::Shut(String::new()),
    }
}

/// What a place outside answers.
fn outside(ask: &Ask) -> Reply {
    let say = match ask {
        Ask::Tcp { say, .. } | Ask::Udp { say, .. } => Some(say),
        _ => None,
    };
    Reply::Open(if say == Some(&Say::Greeting) { "token" } else { "HTTP/1.1 200 OK" }.to_owned())
}

fn answered(scene: &Scene, from: impl Fn(&Vantage, &Ask) -> Reply) -> Replies {
    let mut replies = Replies::default();
    for attempt in Probe::all().filter(|probe| (probe.applies)(scene)).flat_map(|probe| probe.attempts(scene)) {
        let mut asked = vec![(Vantage::Agent, attempt.ask.clone())];
        match attempt.control {
            Control::From(vantage) => asked.push((vantage, attempt.ask)),
            Control::Like(vantage, ask, _) => asked.push((vantage, ask)),
            Control::Evident => {}
        }
        for (vantage, ask) in asked {
            let reply = from(&vantage, &ask);
            replies.given.insert((vantage, ask), reply);
        }
    }
    replies
}

fn good(scene: &Scene) -> Replies {
    answered(scene, |vantage, ask| if *vantage == Vantage::Agent { inside(ask) } else { outside(ask) })
}

fn verified(scene: &Scene, replies: &Replies) -> Verified {
    let claims: Vec<(Guarantee, Standing)> =
        Guarantee::ALL.iter().map(|guarantee| (*guarantee, Standing::new(Rank::Held, "so it is said"))).collect();
    Verified::judge(&BottleName::new("one").unwrap(), &claims, false, scene, replies)
}

fn found(verified: &Verified, guarantee: Guarantee) -> &Found {
    &verified.guarantees.iter().find(|(of, ..)| *of == guarantee).unwrap().2
}

/// What nothing asks of.
const UNASKED: [Guarantee; 2] = [Guarantee::EgressInspected, Guarantee::KernelOwn];

#[test]
fn a_good_bottle_is_proven() {
    let scene = scene();
    let verified = verified(&scene, &good(&scene));
    for (guarantee, _, found) in &verified.guarantees {
        if UNASKED.contains(guarantee) {
            assert!(matches!(found, Found::Unknown(_)));
        } else {
            assert_eq!(*found, Found::Proven, "{guarantee}");
        }
    }
    assert_eq!(verified.refuted().count(), 0);
    assert_eq!(verified.limits_of(Guarantee::DnsClosed).collect::<Vec<_>>(), ["D9.labels"]);
}

#[test]
fn an_engine_that_names_no_gateway_is_asked_where_one_could_be() {
    let mut scene = scene();
    scene.networks[0].gateway = None;
    let probe = Probe::all().find(|probe| probe.name == "B4.gateway-resolver").unwrap();
    assert_eq!(judge(probe, &scene, &good(&scene)).verdict, Verdict::Held);
    let asked: Vec<String> = probe.attempts(&scene).iter().map(|attempt| attempt.ask.to_string()).collect();
    assert!(asked.contains(&"udp 10.0.0.1:4002".to_owned()), "{asked:?}");
}

#[test]
fn on_a_machine_without_a_network_nothing_is_proven() {
    let scene = scene();
    let silent = answered(&scene, |_, ask| match inside(ask) {
        Reply::Open(_) if matches!(ask, Ask::Tcp { .. } | Ask::Udp { .. } | Ask::Lookup { .. }) => {
            Reply::Shut(String::new())
        }
        reply => reply,
    });
    let verified = verified(&scene, &silent);
    for guarantee in Guarantee::ALL.iter().filter(|guarantee| guarantee.is_of_network()) {
        // That there is no IPv6 is read, and what is read needs no control.
        if *guarantee != Guarantee::Ipv6Closed {
            assert!(matches!(found(&verified, *guarantee), Found::Unknown(_)), "{guarantee}");
        }
    }
    assert_eq!(verified.refuted().count(), 0);
}

#[test]
fn every_needed_control_is_needed() {
    let scene = scene();
    let good = good(&scene);
    for probe in Probe::all().filter(|probe| (probe.applies)(&scene) && !probe.is_limit()) {
        let attempts = probe.attempts(&scene);
        if attempts.iter().all(|attempt| matches!(attempt.control, Control::Evident)) {
            continue;
        }
        let mut replies = good.clone();
        for attempt in &attempts {
            let key = match &attempt.control {
                Control::From(vantage) => (vantage.clone(), attempt.ask.clone()),
                Control::Like(vantage, ask, _) => (vantage.clone(), ask.clone()),
                Control::Evident => continue,
            };
            replies.given.insert(key, Reply::Shut(String::new()));
        }
        let verdict = judge(probe, &scene, &replies).verdict;
        assert!(matches!(verdict, Verdict::Unknown(_)), "{}: {verdict:?}", probe.name);
    }
}

#[test]
fn every_attempt_in_the_bottle_can_break_its_probe() {
    let scene = scene();
    let good = good(&scene);
    for probe in Probe::all().filter(|probe| (probe.applies)(&scene) && !probe.is_limit()) {
        for attempt in probe.attempts(&scene) {
            if matches!(attempt.wants, Wants::Reading(_)) {
                continue;
            }
            let mut replies = good.clone();
            replies.given.insert((Vantage::Agent, attempt.ask.clone()), Reply::Open("token".to_owned()));
            let verdict = judge(probe, &scene, &replies).verdict;
            assert!(matches!(verdict, Verdict::Broken(_)), "{} {}: {verdict:?}", probe.name, attempt.ask);
        }
    }
}

#[test]
fn what_reached_the_listener_is_broken_though_no_answer_came_back() {
    let scene = scene();
    let mut replies = good(&scene);
    let probe = Probe::all().find(|probe| probe.name == "A4.stand-in").unwrap();
    replies.heard.insert((Vantage::Agent, probe.attempts(&scene)[0].ask.clone()));
    assert!(matches!(judge(probe, &scene, &replies).verdict, Verdict::Broken(_)));
}

#[test]
fn a_refusal_is_one_only_when_the_proxy_refuses() {
    let scene = scene();
    let good = good(&scene);
    let probe = Probe::all().find(|probe| probe.name == "D1.unlisted").unwrap();
    let attempt = &probe.attempts(&scene)[0];
    for (reply, word) in [
        (Reply::Open("HTTP/1.1 403 Forbidden".to_owned()), "held"),
        (Reply::Open("HTTP/1.1 400 Bad Request".to_owned()), "held"),
        (Reply::Open("HTTP/1.1 429 Too Many Requests".to_owned()), "unknown"),
        (Reply::Open("HTTP/1.1 200 Connection Established".to_owned()), "broken"),
        // It tried to get there.
        (Reply::Open("HTTP/1.1 502 Bad Gateway".to_owned()), "broken"),
        (Reply::Shut(String::new()), "unknown"),
        (Reply::Refused, "unknown"),
        (Reply::Cannot("no tool".to_owned()), "unknown"),
    ] {
        let mut replies = good.clone();
        replies.given.insert((Vantage::Agent, attempt.ask.clone()), reply.clone());
        assert_eq!(judge(probe, &scene, &replies).verdict.word(), word, "{reply:?}");
    }
}

/// A change of the scene or of what is read, and the probe that it breaks.
#[test]
fn each_fact_has_a_probe_that_it_breaks() {
    type Change = fn(&mut Scene);
    let of_the_engine: [(&str, Change); 12] = [
        ("F1.engine", |scene| scene.agent.privileged = true),
        ("F1.engine", |scene| scene.agent.capabilities_added.push("NET_ADMIN".to_owned())),
        ("F1.engine", |scene| scene.agent.capabilities_dropped.clear()),
        ("F1.host", |scene| scene.agent.foreign_namespaces.push("pid=host".to_owned())),
        ("F1.host", |scene| scene.agent.mounts.push("/var/run/docker.sock".to_owned())),
        ("F1.engine", |scene| scene.agent.security.push("seccomp=unconfined".to_owned())),
        ("F3.secrets", |scene| scene.leaks.push("TOKEN is in the agent's argv".to_owned())),
        ("B5.engine", |scene| scene.agent.resolvers.clear()),
        ("C6.alone", |scene| scene.networks[0].others.push("10.0.0.4".parse().unwrap())),
        ("E5.namespaces", |scene| scene.agent.foreign_namespaces.push("pid=container:proxy".to_owned())),
        ("E6.configuration", |scene| scene.agent.mounts.push("configuration".to_owned())),
        ("E7.networks", |scene| scene.declared.clear()),
    ];
    for (name, change) in of_the_engine {
        let mut scene = scene();
        let probe = Probe::all().find(|probe| probe.name == name).unwrap();
        assert_eq!(judge(probe, &scene, &Replies::default()).verdict, Verdict::Held, "{name}");
        change(&mut scene);
        assert_eq!(judge(probe, &scene, &Replies::default()).verdict.word(), "broken", "{name}");
    }
    let host = ROUTES.replace("0100000A", "0104000A");
    let elsewhere = ROUTES.replace("0000000A 00000000", "000000AC 00000000");
    let read: [(&str, &str); 9] = [
        ("A6.raw", "CapPrm: 0 CapEff: 2000 CapBnd: 2000"),
        ("A9.fixed", "CapPrm: 0 CapEff: 0 CapBnd: 1000"),
        ("A9.route", &host),
        ("A9.route", &elsewhere),
        ("A3.addresses", "20010db8000000000000000000000001 02 40 00 80 eth0"),
        ("B5.resolv-conf", "nameserver 192.0.2.53"),
        ("B5.resolv-conf", "nameserver 127.0.0.11 search corp.example"),
        ("C4.sockets", "found: /var/run/docker.sock"),
        ("F1.user", "Uid: 0 0 0 0"),
    ];
    for (name, text) in read {
        let scene = scene();
        let mut replies = good(&scene);
        let probe = Probe::all().find(|probe| probe.name == name).unwrap();
        let ask = probe.attempts(&scene)[0].ask.clone();
        assert_eq!(judge(probe, &scene, &replies).verdict, Verdict::Held, "{name}");
        replies.given.insert((Vantage::Agent, ask), Reply::Open(text.to_owned()));
        assert_eq!(judge(probe, &scene, &replies).verdict.word(), "broken", "{name} {text}");
    }
}

#[test]
fn a_bottle_without_a_network_has_loopback_alone() {
    let mut scene = scene();
    (scene.networks, scene.proxy, scene.gateway, scene.neighbours) = (Vec::new(), None, None, Vec::new());
    let judged = |text: &str| {
        let text = text.to_owned();
        let replies = answered(&scene, |_, ask| match ask {
            Ask::Lines("/proc/net/dev", _) => Reply::Open(text.clone()),
            ask => inside(ask),
        });
        verified(&scene, &replies)
    };
    let head = "Inter-| Receive | Transmit face |bytes packets";
    let alone = judged(&format!("{head} lo: 0 0"));
    let connected = judged(&format!("{head} lo: 0 0 eth0: 1 2"));
    for guarantee in Guarantee::ALL.iter().filter(|guarantee| guarantee.is_of_network()) {
        assert_eq!(*found(&alone, *guarantee), Found::Proven, "{guarantee}");
        assert!(matches!(found(&connected, *guarantee), Found::Refuted(_)), "{guarantee}");
    }
}

#[test]
fn beside_the_agent_its_own_files_stay_unknown() {
    let mut scene = scene();
    scene.by_helper = true;
    let verified = verified(&scene, &good(&scene));
    assert!(matches!(found(&verified, Guarantee::AgentUnprivileged), Found::Unknown(_)));
    assert_eq!(*found(&verified, Guarantee::PeersClosed), Found::Proven);
}

#[test]
fn the_catalog_is_sound() {
    let mut names = BTreeSet::new();
    for probe in Probe::all() {
        assert!(names.insert(probe.name), "{} is there twice", probe.name);
        let row = probe.row();
        assert!(matches!(row.as_bytes()[0], b'A'..=b'F') && row[1..].parse::<u8>().is_ok(), "{row} is no row");
        assert!(probe.question.ends_with(['?', 'k']), "{}", probe.name);
    }
    let scene = scene();
    for guarantee in Guarantee::ALL.iter().filter(|guarantee| !UNASKED.contains(guarantee)) {
        let asks = probes(true, &scene).any(|probe| probe.needed && probe.guarantees.contains(guarantee));
        assert!(asks, "{guarantee} is asked of by no quick probe");
    }
}

#[test]
fn reports_say_the_same_and_cannot_drive_a_terminal() {
    let scene = scene();
    let mut replies = good(&scene);
    let probe = Probe::all().find(|probe| probe.name == "B5.resolv-conf").unwrap();
    let ask = probe.attempts(&scene)[0].ask.clone();
    replies.given.insert((Vantage::Agent, ask), Reply::Open("nameserver \u{1b}[2J```".to_owned()));
    let verification = Verification {
        project: crate::name::ProjectName::new("acme").unwrap(),
        profile: "docker@20.10".to_owned(),
        quick: false,
        bottles: vec![verified(&scene, &replies)],
    };
    assert!(verification.is_refuted());
    let text = verification.text();
    assert!(text.contains("! dns.closed         claimed held      refuted B5.resolv-conf\n"), "{text}");
    let markdown = verification.markdown();
    assert!(markdown.contains("claimed and refuted: `dns.closed` of `one`"), "{markdown}");
    for shown in [text, markdown] {
        assert!(!shown.contains('\u{1b}'));
    }
    let json: serde_json::Value = serde_json::from_str(&verification.json()).unwrap();
    assert_eq!((&json["format"], &json["version"]), (&VERIFICATION_FORMAT.into(), &VERIFICATION_VERSION.into()));
    let dns = &json["bottles"][0]["guarantees"][3];
    assert_eq!((&dns["name"], &dns["found"], &dns["claimed"]), (&"dns.closed".into(), &"refuted".into(), &true.into()));
}
