use super::*;

#[test]
fn a_name_or_a_subnet_that_is_taken_is_refused() {
    let bench = Bench::new("simulator");
    bench.ok(new_network("a", "10.1.0.8/29"));
    let said = bench.no(new_network("a", "10.2.0.0/29"));
    assert_eq!(said, "Error response from daemon: network with name a already exists");
    for overlapping in ["10.1.0.8/29", "10.1.0.0/16", "10.1.0.12/30", "10.0.0.0/8", "172.17.3.0/24"] {
        let said = bench.no(new_network("b", overlapping));
        assert_eq!(
            said, "Error response from daemon: Pool overlaps with other one on this address space",
            "{overlapping}"
        );
    }
    bench.ok(new_network("b", "10.1.0.0/29"));
    bench.ok(new_network("c", "10.1.0.16/29"));
    assert_eq!(
        bench.no(new_network("bridge", "10.9.0.0/29")),
        "Error response from daemon: network with name bridge already exists"
    );
}

#[test]
fn running_members_get_the_lowest_free_addresses_after_the_gateway() {
    let bench = Bench::with_container("simulator", &["n"]);
    let address = |container: &str| bench.get(container).networks[0].address.map(|address| address.to_string());
    assert_eq!(address("c"), None, "a container that never ran has no address");
    bench.ok(start("c"));
    assert_eq!(address("c").as_deref(), Some("10.1.0.2"));
    for number in 3..=6 {
        let other = format!("c{number}");
        bench.ok(new_container(&other, &["n"]));
        bench.ok(start(&other));
        assert_eq!(address(&other), Some(format!("10.1.0.{number}")));
    }
    bench.ok(new_container("late", &["n"]));
    assert!(bench.no(start("late")).contains("no available IPv4 addresses on this network's address pools: n ("));
    assert_eq!(bench.get("late").status, Status::Created);
    bench.engine.by_hand().stop("c4").unwrap();
    assert_eq!(address("c4"), None);
    bench.ok(start("late"));
    assert_eq!(address("late").as_deref(), Some("10.1.0.4"));
}

#[test]
fn a_network_with_running_members_stays_and_one_without_goes() {
    let bench = Bench::with_container("simulator", &["n"]);
    let hand = bench.engine.by_hand();
    bench.ok(start("c"));
    let said = hand.remove_network("n").unwrap_err();
    let id = hand.network("n").unwrap().unwrap().id;
    assert_eq!(
        said,
        format!("Error response from daemon: error while removing network: network n id {id} has active endpoints")
    );
    hand.stop("c").unwrap();
    hand.remove_network("n").unwrap();
    assert_eq!(bench.no(start("c")), format!("Error response from daemon: network {id} not found"));
    bench.ok(new_network("n", "10.1.0.0/29"));
    assert!(bench.no(start("c")).contains("not found"), "another network of the same name is another network");
}

#[test]
fn networks_are_looked_for_when_a_container_starts() {
    let bench = Bench::new("simulator");
    bench.ok(pull("node:22"));
    bench.ok(new_container("c", &["n"]));
    assert_eq!(bench.no(start("c")), "Error response from daemon: network n not found");
    bench.ok(new_network("n", "10.1.0.0/29"));
    bench.ok(start("c"));
}

#[test]
fn containers_are_attached_and_detached() {
    let bench = Bench::with_container("simulator", &["a"]);
    let hand = bench.engine.by_hand();
    bench.ok(new_network("b", "10.1.9.0/29"));
    bench.ok(attach("c", "b"));
    bench.ok(attach("c", "b"));
    assert_eq!(bench.seen().containers[0].networks, ["a", "b"]);
    bench.ok(start("c"));
    assert_eq!(
        bench.no(attach("c", "b")),
        "Error response from daemon: endpoint with name c already exists in network b"
    );
    hand.disconnect("c", "b").unwrap();
    assert!(hand.network("b").unwrap().unwrap().members.is_empty());
    assert!(hand.disconnect("c", "b").unwrap_err().contains("is not connected to network b"));
    bench.ok(attach("c", "b"));
    let joined = &bench.get("c").networks[1];
    assert_eq!(joined.address.unwrap().to_string(), "10.1.9.2");
    assert_eq!(joined.alias.as_deref(), Some("alias"));
    assert!(hand.connect("c", "nowhere").unwrap_err().contains("network nowhere not found"));
    assert_eq!(bench.no(attach("nobody", "b")), "Error response from daemon: No such container: nobody");
}

#[test]
fn a_container_without_networks_is_on_none() {
    let bench = Bench::with_container("simulator", &[]);
    bench.ok(new_network("n", "10.1.0.0/29"));
    assert_eq!(bench.seen().containers[0].networks, ["none"]);
    assert!(bench.no(attach("c", "n")).contains("one of the networks in private (none) mode"));
    bench.ok(start("c"));
    assert_eq!(bench.get("c").networks[0].address, None);
}
