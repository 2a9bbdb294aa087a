//! What a held guarantee names as its evidence is what gives it: without any of it, it is held no more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "nothing is changed or carried out here")]
mod stage;

use std::collections::BTreeSet;

use bottle_executors::host_files::HostFiles;
use bottle_planner::address::Address;
use bottle_planner::guarantee::{Capability, Guarantee, Rank, Standing, Topology, standings};
use bottle_planner::intent::{Graph, Hold, Membership, Reach, Step, Ways, compile};
use bottle_planner::manifest::{self, Manifest};
use bottle_planner::name::BottleName;
use bottle_planner::passes::{Facts, LowerError, Occupied, lower};
use bottle_planner::plan::{BackendReason, Target, build};
use bottle_planner::profile::{Kernel, Known, Profile};
use stage::Stage;

const FIXTURES: [&str; 6] = ["bare", "family", "full", "sidecar", "team", "unsafe"];
const PROFILES: [&str; 4] = ["docker@20.10", "docker@28.5", "container@1.2", "container@1.2/macos15"];
/// What the manifests say of their way out, so that each can be asked for.
const SAID: [&str; 2] =
    ["via = \"sidecar\"\n", "requires = [\"egress.allowlisted\", \"proxy.isolated\", \"dns.closed\"]\n"];

/// A bottle, its lowered graph and all that a standing is computed from.
struct Case<'m> {
    manifest: &'m Manifest,
    files: &'m HostFiles,
    ways: Ways,
    bottle: BottleName,
    allow: Vec<String>,
    graph: Graph,
}

impl Case<'_> {
    fn lowered(&self, profile: &Profile) -> Result<Graph, LowerError> {
        let occupied = Occupied::default();
        let facts = Facts {
            project: &self.manifest.name,
            profile,
            pool: self.manifest.pool,
            occupied: &occupied,
            resolvers: &self.manifest.sidecar_resolvers,
        };
        let compiled = compile(self.manifest, self.files, &self.ways).unwrap();
        Ok(lower(compiled.graph, &facts)?.0)
    }

    fn standing(&self, guarantee: Guarantee, graph: &Graph, profile: &Profile) -> Standing {
        let topology = Topology::of(graph);
        let all = standings(self.bottle.as_str(), &self.allow, &topology, profile);
        all.into_iter().find(|(name, _)| *name == guarantee).unwrap().1
    }
}

/// The graph without a step.
fn without(graph: Graph, gone: &Address) -> Graph {
    let mut steps = graph.into_steps();
    steps.retain(|(node, _)| node.address != *gone);
    for (_, needs) in &mut steps {
        needs.retain(|(_, on)| on != gone);
    }
    Graph::rebuild(steps).unwrap()
}

/// What a step is when it no longer gives what it gave; none of these takes it away.
fn spoilt(step: &Step) -> Vec<Step> {
    let mut spoilt = Vec::new();
    match step {
        Step::CreateNetwork(network) => {
            let mut open = network.clone();
            open.closing = None;
            spoilt.push(Step::CreateNetwork(open.clone()));
            open.reach = match network.reach {
                Reach::Internal => Reach::Egress,
                Reach::Egress => Reach::Internal,
            };
            spoilt.push(Step::CreateNetwork(open));
        }
        Step::CreateContainer(container) => {
            let mut on_a_network = container.clone();
            let membership =
                Membership { network: container.name.clone(), alias: None, default_route: true, own: false };
            on_a_network.networks.push(membership.on_own_network());
            on_a_network.dns_closed = false;
            spoilt.push(Step::CreateContainer(on_a_network));
            let mut root = container.clone();
            root.user = Some("root".to_owned());
            root.runtime = None;
            root.hold = Hold::None;
            spoilt.push(Step::CreateContainer(root));
        }
        _ => {}
    }
    spoilt
}

fn changed(graph: Graph, at: &Address, to: Step) -> Graph {
    let mut steps = graph.into_steps();
    for (node, _) in &mut steps {
        if node.address == *at {
            node.step = to.clone();
        }
    }
    Graph::rebuild(steps).unwrap()
}

/// The profile of a backend that cannot do it, or does what the evidence does not say.
fn flipped(profile: &Profile, capability: Capability) -> Profile {
    let mut profile = profile.clone();
    match capability {
        Capability::GatewayClosing(_) => profile.gateway_closing = None,
        Capability::Ipv6SeenDisabled(seen) => profile.ipv6_seen_disabled = !seen,
        Capability::Kernel(_) => profile.kernel = Kernel::Shared,
        Capability::Runsc(_) => profile.runsc = Known::Seen(false),
        Capability::NoNewPrivileges(can) => profile.limits_processes = !can,
    }
    profile
}

/// The manifest of a fixture, with another way out where it has one, as what it holds on a backend; `None` where there is no such plan.
fn each_held(
    fixture: &str,
    via: Option<&str>,
    backend: &Profile,
    mut look: impl FnMut(&Case<'_>, Guarantee, &Standing),
) {
    let stage = Stage::of(fixture);
    let mut text = stage.manifest();
    for said in SAID {
        text = text.replace(said, "");
    }
    if let Some(via) = via {
        text = text.replace("egress]\n", &format!("egress]\nvia = \"{via}\"\n"));
    }
    let files = HostFiles::new(stage.project().to_owned());
    let manifest = manifest::parse("bottle.toml", text.as_bytes(), &files).unwrap();
    let target = Target { profile: backend, chosen: &BackendReason::Named, observation: None, part: None };
    let Ok(plan) = build(&manifest, &files, target) else { return };
    let mut ways = Ways::default();
    for (bottle, summary) in &plan.bottles {
        if let Some((way, _)) = summary.way {
            ways.set(bottle.clone(), way);
        }
    }
    // Bottles that differ in nothing but their name add nothing but time.
    let mut seen = BTreeSet::new();
    for (bottle, summary) in &plan.bottles {
        let words: Vec<&str> = summary.guarantees.iter().map(|(_, standing)| standing.reason()).collect();
        if !seen.insert(words) {
            continue;
        }
        let mut case = Case {
            manifest: &manifest,
            files: &files,
            ways: ways.clone(),
            bottle: bottle.clone(),
            allow: summary.allow.clone(),
            graph: Graph::default(),
        };
        case.graph = case.lowered(backend).unwrap();
        for (guarantee, standing) in &summary.guarantees {
            // On Docker the host is closed but for datagrams: that much is given too.
            if standing.meets() || (*guarantee == Guarantee::HostClosed && standing.rank() == Rank::Weakened) {
                look(&case, *guarantee, standing);
            }
        }
    }
}

#[test]
fn without_its_evidence_nothing_is_held() {
    let mut spoilt_in_place = BTreeSet::new();
    let mut flips = BTreeSet::new();
    for name in PROFILES {
        for runsc in [None, Some(true)] {
            if runsc.is_some() && name.starts_with("container") {
                continue;
            }
            let mut profile = Profile::named(name).unwrap();
            if let Some(runsc) = runsc {
                profile.runsc = Known::Seen(runsc);
            }
            for fixture in FIXTURES {
                for via in [None, Some("host-loopback"), Some("firewall"), Some("none")] {
                    each_held(fixture, via, &profile, |case, guarantee, standing| {
                        let place = format!("{fixture} {name} {via:?} {}: {guarantee}", case.bottle);
                        let evidence = standing.evidence();
                        if guarantee == Guarantee::SecretsByName {
                            // No step gives it: there is no step that could hold a value.
                            assert!(evidence.operations.is_empty() && evidence.capability.is_none(), "{place}");
                            return;
                        }
                        // A kernel of its own is what every container of such a backend has, whatever is done.
                        let by_itself = matches!(evidence.capability, Some(Capability::Kernel(_)));
                        assert_eq!(evidence.operations.is_empty(), by_itself, "{place}");
                        let graph = &case.graph;
                        assert_eq!(&case.standing(guarantee, graph, &profile), standing, "{place}");
                        for operation in &evidence.operations {
                            let step = graph.get(operation).unwrap_or_else(|| panic!("{place}: no {operation}"));
                            let now = case.standing(guarantee, &without(graph.clone(), operation), &profile);
                            assert!(now.rank() > standing.rank(), "{place} without {operation}: {}", now.reason());
                            let spoils = |to: Step| {
                                let graph = changed(graph.clone(), operation, to);
                                case.standing(guarantee, &graph, &profile).rank() > standing.rank()
                            };
                            if spoilt(step).into_iter().any(spoils) {
                                spoilt_in_place.insert((guarantee, operation.object().to_owned()));
                            } else if operation.object() == "agent" && matches!(step, Step::CreateContainer(_)) {
                                // What an agent is made with is never only there.
                                panic!("{place}: nothing that {operation} says matters");
                            }
                        }
                        if let Some(capability) = evidence.capability {
                            let flipped = flipped(&profile, capability);
                            let still = case.lowered(&flipped).is_ok_and(|graph| {
                                case.standing(guarantee, &graph, &flipped).rank() <= standing.rank()
                            });
                            assert!(!still, "{place} without {capability}");
                            flips.insert(capability.name());
                        }
                    });
                }
            }
        }
    }
    // That something was looked at.
    for (guarantee, object) in [
        (Guarantee::EgressAllowlisted, "internal"),
        (Guarantee::HostClosed, "internal"),
        (Guarantee::PeersClosed, "egress"),
        (Guarantee::DnsClosed, "agent"),
        (Guarantee::KernelOwn, "agent"),
        (Guarantee::AgentUnprivileged, "agent"),
    ] {
        assert!(spoilt_in_place.contains(&(guarantee, object.to_owned())), "{guarantee} by {object}");
    }
    let all = ["gateway_mode_ipv4", "inhibit_ipv4", "ipv6_seen_disabled", "kernel", "no_new_privileges", "runsc"];
    assert_eq!(flips.into_iter().collect::<Vec<_>>(), all);
}
