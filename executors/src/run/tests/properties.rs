//! What holds for any plan, any failures, and a crash anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use bottle_planner::observation::Done;
use bottle_planner::plan::{Entry, TaskKind, Verdict};
use proptest::prelude::*;

use super::double::*;
use crate::crash::{Crash, CrashPoint, Death, Moment};
use crate::journal::{self, Journal, Record};

#[derive(Clone, Debug)]
struct Node {
    verdict: Verdict,
    builds: bool,
    fails: bool,
    /// Which of those before it are needed.
    needs: Vec<prop::sample::Index>,
}

fn node() -> impl Strategy<Value = Node> {
    let verdict = prop::sample::select(vec![
        Verdict::Create,
        Verdict::Create,
        Verdict::Update,
        Verdict::Replace,
        Verdict::Delete,
        Verdict::Keep,
    ]);
    let needs = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    (verdict, prop::bool::weighted(0.2), prop::bool::weighted(0.1), needs)
        .prop_map(|(verdict, builds, fails, needs)| Node { verdict, builds, fails, needs })
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    prop::collection::vec(node(), 1..40)
}

fn name(place: usize) -> String {
    format!("n{place:02}")
}

fn scene(nodes: &[Node], jobs: usize) -> Scene {
    let entries = nodes.iter().enumerate().map(|(place, node)| {
        let needs: BTreeSet<String> =
            node.needs.iter().filter(|_| place > 0).map(|need| name(need.index(place))).collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        let step = if node.builds { build() } else { exec() };
        let mut entry: Entry = entry(&name(place), step, &needs);
        entry.verdict = node.verdict;
        if matches!(node.verdict, Verdict::Replace | Verdict::Delete) {
            entry.removal = Some(removal(&name(place), &needs));
        }
        if node.verdict == Verdict::Delete {
            entry.operation = None;
        }
        entry
    });
    let mut scene = Scene::new(entries.collect());
    scene.jobs = jobs;
    let fails = nodes.iter().enumerate().filter(|(_, node)| node.fails);
    scene.engine.fails = fails.flat_map(|(place, _)| [name(place), format!("remove:{}", name(place))]).collect();
    scene
}

/// Tasks by the name under which the double knows them, with what they wait for.
fn tasks(scene: &Scene) -> Vec<(String, Vec<String>)> {
    let tasks = scene.plan.tasks();
    let name = |at: usize| match tasks[at].kind {
        TaskKind::Run(_) => tasks[at].address.to_string(),
        TaskKind::Remove(_) => format!("remove:{}", tasks[at].address),
    };
    (0..tasks.len()).map(|at| (name(at), tasks[at].waits.iter().map(|wait| name(*wait)).collect())).collect()
}

/// What becomes of every task, the plain way: plan order is an order in which all waits come first.
fn expected(scene: &Scene) -> BTreeMap<String, &'static str> {
    let mut ends: BTreeMap<String, &'static str> = BTreeMap::new();
    let mut left = tasks(scene);
    while !left.is_empty() {
        left.retain(|(task, waits)| {
            if !waits.iter().all(|wait| ends.contains_key(wait)) {
                return true;
            }
            let end = if waits.iter().any(|wait| ends[wait] != "done") {
                "skipped"
            } else if scene.engine.fails.contains(task) {
                "failed"
            } else {
                "done"
            };
            ends.insert(task.clone(), end);
            false
        });
    }
    ends
}

/// A journal that knows everything as it was before, with another digest.
fn journal_of_before(scene: &Scene) -> Journal {
    let mut journal = Journal::on(scene.disk.clone());
    for entry in &scene.plan.entries {
        let done = Done {
            digest: digest_of("before"),
            inputs: Vec::new(),
            container: Some(entry.address.to_string()),
            since: None,
        };
        journal.push(&Record::end(&entry.address, &done));
    }
    journal.commit().unwrap();
    journal
}

proptest! {
    #[test]
    fn every_task_ends_as_its_needs_allow(nodes in nodes(), jobs in 1..5usize) {
        let scene = scene(&nodes, jobs);
        let report = scene.run_with(journal_of_before(&scene));
        let expected = expected(&scene);
        for kind in ["done", "failed", "skipped"] {
            let told: BTreeSet<String> = scene.events.of(kind).into_iter().collect();
            let should: BTreeSet<String> =
                expected.iter().filter(|(_, end)| **end == kind).map(|(task, _)| task.clone()).collect();
            prop_assert_eq!(told, should, "{}", kind);
        }
        let count = |kind| expected.values().filter(|end| **end == kind).count();
        prop_assert_eq!(report.counts.done, count("done"));
        prop_assert_eq!(report.counts.failed, count("failed"));
        prop_assert_eq!(report.counts.skipped, count("skipped"));
        prop_assert_eq!(report.failures.len(), count("failed"));
        prop_assert_eq!(report.complete(), count("done") == expected.len());
        prop_assert!(scene.engine.most.load(Ordering::SeqCst) <= jobs);
        prop_assert!(scene.engine.most_builds.load(Ordering::SeqCst) <= 1);
    }

    #[test]
    fn nothing_is_asked_before_what_it_waits_for_was_done(nodes in nodes(), jobs in 1..5usize) {
        let scene = scene(&nodes, jobs);
        scene.run();
        let log = scene.engine.log();
        let place = |mark: Mark| log.iter().position(|other| *other == mark);
        for (task, waits) in tasks(&scene) {
            let Some(asked) = place(Mark::Asked(task)) else { continue };
            for wait in waits {
                prop_assert!(place(Mark::Did(wait)).is_some_and(|done| done < asked));
            }
        }
    }

    #[test]
    fn a_begin_and_the_ends_before_it_are_durable_when_the_engine_is_asked(nodes in nodes(), jobs in 1..5usize) {
        let scene = scene(&nodes, jobs);
        scene.run_with(journal_of_before(&scene));
        let seen = scene.engine.seen.lock().unwrap();
        for (task, waits) in tasks(&scene) {
            let Some(bytes) = seen.get(&task) else { continue };
            let address = at(task.trim_start_matches("remove:"));
            let text = String::from_utf8(bytes.clone()).unwrap();
            let begin = if task.starts_with("remove:") { "removing" } else { "begin" };
            let begun = format!(r#"{{"{begin}":{{"address":"{address}""#);
            prop_assert!(text.contains(&begun));
            prop_assert!(!journal::replay(bytes).unwrap().done.contains_key(&address), "what it was is forgotten");
            for wait in waits {
                let ended = match wait.strip_prefix("remove:") {
                    Some(removed) => format!(r#"{{"removed":{{"address":"{removed}""#),
                    None => format!(r#"{{"end":{{"address":"{wait}","digest":"{}"#, digest_of(&wait).short()),
                };
                prop_assert!(text.contains(&ended), "{} before {}", wait, task);
            }
        }
    }

    #[test]
    fn with_one_job_tasks_are_asked_in_plan_order(nodes in nodes()) {
        let scene = scene(&nodes, 1);
        scene.run();
        let expected = expected(&scene);
        let order: Vec<String> =
            tasks(&scene).into_iter().map(|(task, _)| task).filter(|task| expected[task] != "skipped").collect();
        prop_assert_eq!(scene.engine.asked(), order);
    }

    #[test]
    fn after_a_crash_anywhere_nothing_is_known_that_was_not_answered(
        nodes in nodes(),
        jobs in 1..5usize,
        place in any::<prop::sample::Index>(),
        moment in prop::sample::select(vec![Moment::Before, Moment::Begin, Moment::Answer, Moment::End]),
    ) {
        let mut scene = scene(&nodes, jobs);
        let tasks = tasks(&scene);
        prop_assume!(!tasks.is_empty());
        let (task, _) = &tasks[place.index(tasks.len())];
        let address = at(task.trim_start_matches("remove:"));
        let point = CrashPoint { removal: task.starts_with("remove:"), address, moment };
        scene.crash = Some(Crash { at: point.clone(), death: Death::Run });
        let report = scene.run_with(journal_of_before(&scene));
        let reached = expected(&scene)[task] != "skipped";
        prop_assert_eq!(report.halted.is_some(), reached);

        let known = scene.known().done;
        let log = scene.engine.log();
        for (address, done) in &known {
            let of_it = |mark: &&Mark| {
                let (Mark::Asked(task) | Mark::Did(task) | Mark::Refused(task)) = mark;
                task.trim_start_matches("remove:") == address.as_str()
            };
            match log.iter().rfind(of_it) {
                Some(last) => {
                    prop_assert_eq!(last, &Mark::Did(address.to_string()));
                    prop_assert_eq!(&done.digest, &digest_of(address.as_str()));
                }
                None => prop_assert_eq!(&done.digest, &digest_of("before")),
            }
        }
        let asked = scene.engine.asked();
        for told in scene.events.of("done").iter().filter(|told| !told.starts_with("remove:")) {
            prop_assert_eq!(known.get(&at(told)).map(|done| &done.digest), Some(&digest_of(told)));
        }
        if reached {
            let known_now = known.get(&point.address).is_some_and(|done| done.digest == digest_of(point.address.as_str()));
            match moment {
                Moment::Before | Moment::Begin => prop_assert!(!asked.contains(task) && !known_now),
                Moment::Answer => prop_assert!(asked.contains(task) && !known_now),
                Moment::End => prop_assert_eq!(known_now, !point.removal && expected(&scene)[task] == "done"),
            }
        }
    }
}
