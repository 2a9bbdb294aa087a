use std::collections::BTreeSet;

use super::*;

#[test]
fn removing_takes_away_what_is_ours_and_what_is_gone_is_no_error() {
    let bench = Bench::new("simulator");
    bench.ok(pull("node:22"));
    let network = bench.ok(new_network("n", "10.1.0.0/29")).made.unwrap();
    let wanted = bottle_planner::intent::Container { volume: Some("/v".to_owned()), ..container("c", &["n"]) };
    let id = bench.ok(Step::CreateContainer(Box::new(wanted))).made.unwrap();
    bench.ok(start("c"));
    let volume = bench.seen().volumes[0].clone();
    assert_eq!(bench.seen().containers[0].volumes, std::slice::from_ref(&volume));
    let failure = bench.remove(object(ObjectKind::Volume, &volume, &volume)).unwrap_err();
    assert!(failure.said.ends_with(&format!("volume is in use - [{id}]")), "{}", failure.said);
    assert!(bench.remove(object(ObjectKind::Network, "n", &network)).unwrap_err().said.contains("active endpoints"));
    for _ in 0..2 {
        bench.remove(object(ObjectKind::Container, "c", &id)).unwrap();
        bench.remove(object(ObjectKind::Network, "n", &network)).unwrap();
        bench.remove(object(ObjectKind::Volume, &volume, &volume)).unwrap();
        bench.remove(object(ObjectKind::Image, "i", "sha256:none")).unwrap();
    }
    let seen = bench.seen();
    assert!(seen.containers.is_empty() && seen.networks.is_empty() && seen.volumes.is_empty());
    assert!(bench.engine.projects().unwrap().is_empty());
}

#[test]
fn a_membership_is_removed() {
    let bench = Bench::with_container("simulator", &["a"]);
    let container_id = bench.get("c").id;
    let what = |network: &str| Removed::Membership {
        container: "c".to_owned(),
        container_id: container_id.clone(),
        network: network.to_owned(),
    };
    for _ in 0..2 {
        bench.remove(what("a")).unwrap();
        assert!(bench.get("c").networks.is_empty());
    }
    bench.engine.by_hand().remove_container("c").unwrap();
    bench.remove(what("a")).unwrap();
}

#[test]
fn what_does_not_carry_our_label_is_left_alone() {
    let bench = Bench::new("simulator");
    let hand = bench.engine.by_hand();
    let theirs = |address: &str| {
        Some(Labels { project: project("other"), address: Address::recorded(address), digest: Digest::of(b"") })
    };
    hand.add_container("plain", None).unwrap();
    hand.add_container("theirs", theirs("x/agent/create")).unwrap();
    hand.add_network("net", net("10.3.0.0/24"), theirs("x/internal/create")).unwrap();
    hand.add_image("image:1").unwrap();
    hand.add_volume("volume", Some(project("other"))).unwrap();
    let id = |name: &str| bench.get(name).id;
    let network = hand.network("net").unwrap().unwrap().id;
    let image = hand.image("image:1").unwrap().unwrap().id;
    for what in [
        object(ObjectKind::Container, "plain", &id("plain")),
        object(ObjectKind::Container, "theirs", &id("theirs")),
        object(ObjectKind::Network, "net", &network),
        object(ObjectKind::Image, "image:1", &image),
        object(ObjectKind::Volume, "volume", "volume"),
        Removed::Membership { container: "plain".into(), container_id: id("plain"), network: "bridge".into() },
    ] {
        let failure = bench.remove(what).unwrap_err();
        assert_eq!(failure.ended, Ended::NotStarted);
        assert!(failure.said.contains("does not carry the label of project acme"), "{}", failure.said);
    }
    let seen = bench.seen();
    let taken = |kind, names: &[&str]| names.iter().map(|name| (kind, (*name).to_owned())).collect::<BTreeSet<_>>();
    let mut expected = taken(ObjectKind::Container, &["plain", "theirs"]);
    expected.extend(taken(ObjectKind::Network, &["bridge", "host", "net", "none"]));
    expected.extend(taken(ObjectKind::Image, &["image:1"]));
    assert_eq!(seen.taken, expected);
    assert_eq!(seen.foreign_subnets, [net("10.3.0.0/24"), net("172.17.0.0/16")]);
    assert!(seen.containers.is_empty() && seen.networks.is_empty() && seen.volumes.is_empty());
    assert_eq!(bench.engine.projects().unwrap(), [project("other")]);
    assert!(hand.remove_network("bridge").is_err());
}
