//! What is held of each bottle once a run has let it go or changed it, for the journal: so that a later plan can say what would be lost.

use std::collections::HashMap;

use bottle_planner::guarantee::Guarantee;
use bottle_planner::intent::{ObjectName, Role, Step};
use bottle_planner::name::BottleName;
use bottle_planner::plan::{Plan, Task, TaskKind};

/// The bottles of a run.
pub(super) struct Guarantees<'run>(HashMap<&'run str, Bottle<'run>>);

struct Bottle<'run> {
    agent: &'run ObjectName,
    held: Vec<Guarantee>,
    /// Whether its agent is held until it is released.
    released: bool,
    /// How many of its tasks are not done.
    open: usize,
}

/// What is held of a bottle by now.
pub(super) struct Held<'run> {
    pub(super) bottle: &'run str,
    pub(super) agent: &'run ObjectName,
    pub(super) guarantees: Vec<Guarantee>,
}

impl<'run> Guarantees<'run> {
    pub(super) fn of(plan: &'run Plan, tasks: &[Task<'_>]) -> Self {
        let mut bottles: HashMap<&str, Bottle<'_>> = HashMap::new();
        let operations = plan.entries.iter().filter_map(|entry| entry.operation.as_ref());
        for operation in operations.clone() {
            let Step::CreateContainer(container) = &operation.step else { continue };
            let named = operation.address.bottle().and_then(|name| BottleName::new(name).ok());
            let Some((name, summary)) = named.and_then(|name| plan.bottles.get_key_value(&name)) else { continue };
            if container.role == Role::Agent {
                let bottle = Bottle { agent: &container.name, held: summary.held(), released: false, open: 0 };
                bottles.insert(name.as_str(), bottle);
            }
        }
        for operation in operations {
            if let (Step::Release(_), Some(bottle)) = (&operation.step, operation.address.bottle())
                && let Some(bottle) = bottles.get_mut(bottle)
            {
                bottle.released = true;
            }
        }
        for task in tasks {
            if let Some(bottle) = task.address.bottle().and_then(|bottle| bottles.get_mut(bottle)) {
                bottle.open += 1;
            }
        }
        Self(bottles)
    }

    /// Takes in that a task was done. What is held is told when it let the agent go, or was the last of its bottle.
    pub(super) fn done(&mut self, task: &Task<'run>) -> Option<Held<'run>> {
        let name = task.address.bottle()?;
        let bottle = self.0.get_mut(name)?;
        bottle.open = bottle.open.saturating_sub(1);
        let lets_go = match &task.kind {
            TaskKind::Run(operation) => match &operation.step {
                Step::Release(_) => true,
                Step::Start(container) => container == bottle.agent && !bottle.released,
                _ => false,
            },
            TaskKind::Remove(_) => false,
        };
        (lets_go || bottle.open == 0).then(|| Held {
            bottle: name,
            agent: bottle.agent,
            guarantees: bottle.held.clone(),
        })
    }
}
