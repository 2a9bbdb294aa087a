//! The state of every task, and the one function by which states change.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bottle_planner::intent::Step;
use bottle_planner::plan::{Task, TaskKind};

/// Where a task is. Tasks are known by their place in the plan's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for this many others.
    Waiting { on: usize },
    /// It could be started.
    Ready,
    /// Its begin is being written.
    Beginning,
    /// The engine was asked.
    Running,
    /// The engine has done it, and that is being written.
    Ending,
    /// It is done, and that is durable.
    Done,
    /// It failed.
    Failed,
    /// It waited for something that failed.
    Skipped { because: usize },
    /// The run was stopped before it.
    NotStarted,
    /// The engine has done it, and that could not be written: the next plan will look again.
    Lost,
}

impl State {
    /// Whether it takes up one of the jobs.
    fn occupies(self) -> bool {
        matches!(self, Self::Beginning | Self::Running)
    }

    fn may_become(self, to: Self) -> bool {
        match self {
            Self::Waiting { on } => match to {
                Self::Waiting { on: fewer } => fewer + 1 == on,
                Self::Ready => on <= 1,
                Self::Skipped { .. } | Self::NotStarted => true,
                _ => false,
            },
            Self::Ready => matches!(to, Self::Beginning | Self::NotStarted),
            Self::Beginning => matches!(to, Self::Running | Self::NotStarted),
            Self::Running => matches!(to, Self::Ending | Self::Failed | Self::Lost),
            Self::Ending => matches!(to, Self::Done | Self::Lost),
            Self::Done | Self::Failed | Self::Skipped { .. } | Self::NotStarted | Self::Lost => false,
        }
    }
}

/// Tasks of which only so many may run side by side.
struct Pool {
    /// How many may.
    room: usize,
    /// How many do.
    taken: usize,
    /// Those that could be started; the first of the plan comes first.
    ready: BinaryHeap<Reverse<usize>>,
}

/// Image builds: each takes all processors by itself, and two of the same layers side by side do the work twice.
const BUILDS: usize = 0;
const OTHERS: usize = 1;

/// All tasks.
pub(super) struct Board {
    states: Vec<State>,
    /// Who waits for a task.
    followers: Vec<Vec<usize>>,
    /// The pool of a task.
    pool_of: Vec<usize>,
    pools: [Pool; 2],
    jobs: usize,
    /// Tasks skipped since they were last asked for.
    skipped: Vec<usize>,
}

impl Board {
    pub(super) fn new(tasks: &[Task<'_>], jobs: usize) -> Self {
        let pool = |room| Pool { room, taken: 0, ready: BinaryHeap::new() };
        let mut board = Self {
            states: tasks.iter().map(|task| State::Waiting { on: task.waits.len() }).collect(),
            followers: vec![Vec::new(); tasks.len()],
            pool_of: tasks.iter().map(|task| if builds(task) { BUILDS } else { OTHERS }).collect(),
            pools: [pool(1), pool(jobs)],
            jobs,
            skipped: Vec::new(),
        };
        for (at, task) in tasks.iter().enumerate() {
            for waited in &task.waits {
                board.followers[*waited].push(at);
            }
            if task.waits.is_empty() {
                board.set(at, State::Ready);
            }
        }
        board
    }

    pub(super) fn state(&self, task: usize) -> State {
        self.states[task]
    }

    /// The first task of the plan that can be started now.
    pub(super) fn startable(&self) -> Option<usize> {
        if self.occupied() >= self.jobs {
            return None;
        }
        let with_room = self.pools.iter().filter(|pool| pool.taken < pool.room);
        with_room.filter_map(|pool| pool.ready.peek()).map(|Reverse(at)| *at).min()
    }

    /// How many tasks take up a job.
    pub(super) fn occupied(&self) -> usize {
        self.pools.iter().map(|pool| pool.taken).sum()
    }

    /// How many tasks are in a state that `is` holds for. Looks at all of them.
    pub(super) fn count(&self, is: impl Fn(State) -> bool) -> usize {
        self.states.iter().filter(|state| is(**state)).count()
    }

    /// The tasks that were skipped since this was last asked, in plan order.
    pub(super) fn take_skipped(&mut self) -> Vec<usize> {
        let mut skipped = std::mem::take(&mut self.skipped);
        skipped.sort_unstable();
        skipped
    }

    /// Nothing more is started.
    pub(super) fn close(&mut self) {
        for task in 0..self.states.len() {
            if matches!(self.states[task], State::Waiting { .. } | State::Ready) {
                self.set(task, State::NotStarted);
            }
        }
    }

    /// The transition: the only place where states change, and with them who may start, who never will, and what room is left.
    pub(super) fn set(&mut self, task: usize, to: State) {
        let mut changes = vec![(task, to)];
        while let Some((task, to)) = changes.pop() {
            let skipped_already = matches!(self.states[task], State::Skipped { .. });
            if skipped_already && matches!(to, State::Skipped { .. }) {
                continue;
            }
            let from = std::mem::replace(&mut self.states[task], to);
            debug_assert!(from.may_become(to), "task {task}: {from:?} -> {to:?}");

            let pool = &mut self.pools[self.pool_of[task]];
            match (from.occupies(), to.occupies()) {
                (false, true) => pool.taken += 1,
                (true, false) => pool.taken -= 1,
                _ => {}
            }
            match to {
                State::Ready => pool.ready.push(Reverse(task)),
                // It is the first of its pool: only `startable` tasks are begun.
                State::Beginning => {
                    pool.ready.pop();
                }
                // Its followers may begin now: their begin is written together with its end or after it.
                State::Ending => {
                    for follower in &self.followers[task] {
                        match self.states[*follower] {
                            State::Waiting { on: 0 | 1 } => changes.push((*follower, State::Ready)),
                            State::Waiting { on } => changes.push((*follower, State::Waiting { on: on - 1 })),
                            _ => {}
                        }
                    }
                }
                State::Failed | State::Skipped { .. } => {
                    let because = if let State::Skipped { because } = to { because } else { task };
                    if to != State::Failed {
                        self.skipped.push(task);
                    }
                    for follower in &self.followers[task] {
                        if matches!(self.states[*follower], State::Waiting { .. }) {
                            changes.push((*follower, State::Skipped { because }));
                        }
                    }
                }
                State::Waiting { .. } | State::Running | State::Done | State::NotStarted | State::Lost => {}
            }
        }
    }
}

fn builds(task: &Task<'_>) -> bool {
    matches!(task.kind, TaskKind::Run(operation) if matches!(operation.step, Step::BuildImage(_)))
}
