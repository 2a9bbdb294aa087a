//! The work of a plan: what runs, what is taken away, and what waits for what.

use std::collections::HashMap;

use super::{Entry, Plan, Reason, Verdict};
use crate::address::Address;
use crate::intent::Step;
use crate::operation::{Operation, Removal, Removed, provides_image};

/// One thing to do.
#[derive(Clone, Debug)]
pub struct Task<'plan> {
    /// The entry it belongs to.
    pub address: &'plan Address,
    /// What is done.
    pub kind: TaskKind<'plan>,
    /// The tasks that must have succeeded before, by their place in the list; sorted, each once.
    pub waits: Vec<usize>,
}

/// What a task does.
#[derive(Clone, Copy, Debug)]
pub enum TaskKind<'plan> {
    /// Runs an operation.
    Run(&'plan Operation),
    /// Takes something away.
    Remove(&'plan Removal),
}

impl Plan {
    /// What is to be done, and what waits for what. Linear in the plan.
    ///
    /// A thing is taken away only once the image of what replaces it is there, so that a build that fails leaves the old one be. An
    /// image without a name goes after all builds: one of them may take it from the cache and give it a name.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task<'_>> {
        let mut tasks = Vec::new();
        let mut removes: HashMap<&Address, usize> = HashMap::new();
        let mut runs: HashMap<&Address, usize> = HashMap::new();
        let mut detaches: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut detaches_of: HashMap<&str, Vec<usize>> = HashMap::new();
        // What goes because something that it is built on is made anew, by that something.
        let mut outdated: HashMap<&Address, Vec<usize>> = HashMap::new();
        for entry in &self.entries {
            if let Some(removal) = &entry.removal {
                removes.insert(&entry.address, tasks.len());
                for reason in &entry.reasons {
                    if let Reason::NeedRemade { need } = reason {
                        outdated.entry(need).or_default().push(tasks.len());
                    }
                }
                if let Removed::Membership { container, .. } = &removal.what {
                    detaches.entry(container).or_default().push(tasks.len());
                    if let Some(bottle) = entry.address.bottle() {
                        detaches_of.entry(bottle).or_default().push(tasks.len());
                    }
                }
                tasks.push(Task { address: &entry.address, kind: TaskKind::Remove(removal), waits: Vec::new() });
            }
            if let (Some(operation), true) = (&entry.operation, entry.verdict != Verdict::Keep) {
                runs.insert(&entry.address, tasks.len());
                tasks.push(Task { address: &entry.address, kind: TaskKind::Run(operation), waits: Vec::new() });
            }
        }

        let images: HashMap<&Address, usize> = runs
            .iter()
            .filter(|(_, at)| matches!(tasks[**at].kind, TaskKind::Run(run) if provides_image(&run.step).is_some()))
            .map(|(address, at)| (*address, *at))
            .collect();
        let built =
            |at: &&usize| matches!(tasks[**at].kind, TaskKind::Run(Operation { step: Step::BuildImage(_), .. }));
        let builds: Vec<usize> = runs.values().filter(built).copied().collect();
        let before = self.before(&runs);
        let waits: Vec<(usize, Vec<usize>)> = self
            .entries
            .iter()
            .flat_map(|entry| {
                let run = runs.get(&entry.address).map(|at| {
                    let mut waits = Self::run_waits(entry, &before, &removes, &detaches);
                    // A container knows its networks by their ids. One that outlived its network would, once there is another of that
                    // name, look as declared and never start.
                    if matches!(&entry.operation, Some(Operation { step: Step::CreateNetwork(_), .. })) {
                        waits.extend(outdated.get(&entry.address).into_iter().flatten());
                    }
                    // A gate is to see the bottle as its agent will find it.
                    if let (Some(Operation { step: Step::Gate(_), .. }), Some(bottle)) =
                        (&entry.operation, entry.address.bottle())
                    {
                        waits.extend(detaches_of.get(bottle).into_iter().flatten());
                    }
                    (*at, waits)
                });
                let remove = removes.get(&entry.address).map(|at| {
                    let mut waits = Self::removal_waits(entry, &images, &removes);
                    if entry.removal.as_ref().is_some_and(|removal| removal.what.is_unnamed_image()) {
                        waits.extend(&builds);
                    }
                    (*at, waits)
                });
                [run, remove]
            })
            .flatten()
            .collect();
        for (at, mut waits) in waits {
            waits.sort_unstable();
            waits.dedup();
            tasks[at].waits = waits;
        }
        tasks
    }

    /// What is to be waited for by whoever needs an entry: its own run, or, where it stays, the runs that it needs itself. So an agent
    /// that is started again waits for what is mended of its sidecar, although the sidecar stays.
    fn before<'plan>(&'plan self, runs: &HashMap<&'plan Address, usize>) -> HashMap<&'plan Address, Vec<usize>> {
        let mut before: HashMap<&Address, Vec<usize>> = HashMap::with_capacity(self.entries.len());
        // Needs come first in a plan.
        for entry in &self.entries {
            let Some(operation) = &entry.operation else { continue };
            let Some(at) = runs.get(&entry.address) else {
                let needs = operation.needs.iter().filter_map(|(_, need)| before.get(need));
                let mut waits: Vec<usize> = needs.flatten().copied().collect();
                waits.sort_unstable();
                waits.dedup();
                before.insert(&entry.address, waits);
                continue;
            };
            before.insert(&entry.address, vec![*at]);
            // What mends a membership that a container was made with belongs to its making, and is needed by nothing else.
            if let Step::Attach(_) = &operation.step {
                let create = entry.address.beside("create");
                let mends = operation.needs.iter().all(|(_, need)| *need != create);
                if let (true, Some(waits)) = (mends, before.get_mut(&create)) {
                    waits.push(*at);
                }
            }
        }
        before
    }

    fn run_waits(
        entry: &Entry,
        before: &HashMap<&Address, Vec<usize>>,
        removes: &HashMap<&Address, usize>,
        detaches: &HashMap<&str, Vec<usize>>,
    ) -> Vec<usize> {
        let mut waits = Vec::new();
        let Some(operation) = &entry.operation else { return waits };
        waits.extend(operation.needs.iter().filter_map(|(_, need)| before.get(need)).flatten());
        waits.extend(removes.get(&entry.address));
        if let Step::Start(container) = &operation.step {
            waits.extend(detaches.get(container.0.as_str()).into_iter().flatten());
        }
        waits
    }

    fn removal_waits(
        entry: &Entry,
        images: &HashMap<&Address, usize>,
        removes: &HashMap<&Address, usize>,
    ) -> Vec<usize> {
        let mut waits = Vec::new();
        if let Some(removal) = &entry.removal {
            waits.extend(removal.after.iter().filter_map(|address| removes.get(address)));
        }
        if let Some(operation) = &entry.operation {
            waits.extend(operation.needs.iter().filter_map(|(_, need)| images.get(need)));
        }
        waits
    }
}
