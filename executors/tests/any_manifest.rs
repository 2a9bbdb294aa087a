//! Any manifest on the simulator, through the scheduler and the journal: after any failures, any number of deaths at any point and meddling by
//! hand, `apply` gives what was declared and `destroy` gives nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod any_manifest_world;

use std::collections::BTreeMap;

use any_manifest_world::{Trouble, World, trouble};
use bottle_planner::manifest::{Bottle, Manifest};
use bottle_planner::name::BottleName;
use generated_manifests::{WaysOut, bottle_with, manifest_of, manifest_with};
use proptest::prelude::*;

/// A backend, and the ways out that it has.
fn backend() -> impl Strategy<Value = (&'static str, WaysOut)> {
    prop::sample::select(vec![
        ("simulator@20.10", WaysOut::Sidecar),
        ("simulator@28.5", WaysOut::Sidecar),
        ("simulator:container@1.1", WaysOut::All),
        ("simulator:container@1.2", WaysOut::All),
        ("simulator:container@1.2/macos15", WaysOut::Firewall),
    ])
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() }
}

/// What becomes of a bottle in the next manifest.
#[derive(Clone, Debug)]
enum Fate {
    Stays,
    Goes,
    /// It is declared anew under its name.
    Changes(Box<Bottle>),
}

fn fate(ways: WaysOut) -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Stays),
        Just(Fate::Goes),
        bottle_with(ways).prop_map(|bottle| Fate::Changes(Box::new(bottle)))
    ]
}

/// A manifest, and the one that it becomes.
fn two_manifests(ways: WaysOut) -> impl Strategy<Value = (Manifest, Manifest)> {
    manifest_with(3, ways).prop_flat_map(move |first| {
        let count = first.bottles.len();
        let next = (prop::collection::vec(fate(ways), count), prop::option::of(bottle_with(ways)));
        next.prop_map(move |(fates, added)| {
            let mut bottles: BTreeMap<BottleName, Bottle> = BTreeMap::new();
            for ((name, bottle), fate) in first.bottles.iter().zip(fates) {
                match fate {
                    Fate::Stays => _ = bottles.insert(name.clone(), bottle.clone()),
                    Fate::Goes => {}
                    Fate::Changes(bottle) => _ = bottles.insert(name.clone(), *bottle),
                }
            }
            bottles.extend(added.map(|bottle| (BottleName::new("added").unwrap(), bottle)));
            (first.clone(), manifest_of(first.name.as_str(), bottles))
        })
    })
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    prop::collection::vec(trouble(), 0..4)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn it_stands_after_any_trouble_and_destroy_leaves_nothing(
        (profile, manifest) in backend().prop_flat_map(|(profile, ways)| (Just(profile), manifest_with(3, ways))),
        jobs in 1..5usize,
        applying in troubles(),
        destroying in troubles(),
    ) {
        let mut world = World::new(&manifest.name, profile, jobs);
        world.suffer(Some(&manifest), applying);
        world.apply(&manifest);
        world.stands(&manifest);
        world.suffer(None, destroying);
        world.destroy();
    }

    #[test]
    fn another_manifest_can_take_its_place_in_the_midst_of_trouble(
        (profile, (first, second)) in backend().prop_flat_map(|(profile, ways)| (Just(profile), two_manifests(ways))),
        jobs in 1..5usize,
        before in troubles(),
        whole in any::<bool>(),
        after in troubles(),
    ) {
        let mut world = World::new(&first.name, profile, jobs);
        world.suffer(Some(&first), before);
        if whole {
            world.apply(&first);
        }
        world.suffer(Some(&second), after);
        world.apply(&second);
        world.stands(&second);
        world.destroy();
    }
}
