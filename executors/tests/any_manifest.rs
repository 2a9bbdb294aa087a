//! Any manifest on the simulator, through the scheduler and the journal: after any failures, any number of deaths at any point and meddling by
//! hand, `apply` gives what was declared and `destroy` gives nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod any_manifest_world;

use std::collections::BTreeMap;

use any_manifest_world::{Trouble, World, trouble};
use bottle_planner::manifest::{Bottle, Manifest};
use bottle_planner::name::BottleName;
use generated_manifests::{bottle, manifest, manifest_of};
use proptest::prelude::*;

const PROFILES: [&str; 2] = ["simulator@20.10", "simulator@28.5"];

fn profile() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&PROFILES[..])
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

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Stays), Just(Fate::Goes), bottle().prop_map(|bottle| Fate::Changes(Box::new(bottle)))]
}

/// A manifest, and the one that it becomes.
fn two_manifests() -> impl Strategy<Value = (Manifest, Manifest)> {
    manifest(3).prop_flat_map(|first| {
        let count = first.bottles.len();
        let next = (prop::collection::vec(fate(), count), prop::option::of(bottle()));
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
        manifest in manifest(3),
        profile in profile(),
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
        (first, second) in two_manifests(),
        profile in profile(),
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
