//! A plan from its approval to its end: shown, asked about, run, and summed up as an exit code.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use bottle_executors::crash::{self, Crash, CrashPoint, Death};
use bottle_executors::engine::{Engine, Secrets as _};
use bottle_executors::run::{self, Report, Reporter, Run};
use bottle_executors::secrets::HostSecrets;
use bottle_executors::signals::Signals;
use bottle_planner::intent::Secret;
use bottle_planner::operation::Stdin;
use bottle_planner::plan::{Plan, TaskKind};

use crate::arguments::{Format, Running};
use crate::exit::{Exit, Fault};
use crate::state::Held;
use crate::terminal::{self, Bars, Events, Lines};

/// A plan that may be carried out.
pub(crate) struct Approved<'plan> {
    plan: &'plan Plan,
    running: &'plan Running,
}

impl<'plan> Approved<'plan> {
    /// Shows a plan and asks. `None` when there is nothing to do, or `forbidden` says that it may not be done; a no is a fault.
    pub(crate) fn ask(
        plan: &'plan Plan,
        running: &'plan Running,
        question: &str,
        forbidden: impl FnOnce() -> bool,
    ) -> Result<Option<Self>, Fault> {
        match running.format {
            Format::Text => terminal::plan(plan),
            Format::Json => Events::open(plan),
        }
        if forbidden() || plan.is_empty() {
            return Ok(None);
        }
        if running.format == Format::Json && !running.yes {
            return Err(Fault::usage(
                "`--format json` asks nothing, so the plan cannot be approved".to_owned(),
                "say `--yes` once you have seen it: `bottle plan`",
            ));
        }
        if running.format == Format::Json && !asked_for(plan).is_empty() {
            return Err(Fault::usage(
                "`--format json` asks nothing, and the manifest has values that are asked for".to_owned(),
                "give them by `{ env = \"NAME\" }`",
            ));
        }
        if running.yes || terminal::confirm(question)? { Ok(Some(Self { plan, running })) } else { Err(refused()) }
    }
}

fn refused() -> Fault {
    Fault { exit: Exit::Error, report: miette::miette!(code = "bottle::refused", "not approved; nothing was changed") }
}

/// The prompts of a plan's secrets that somebody has to answer.
fn asked_for(plan: &Plan) -> BTreeSet<Secret> {
    let mut asked = BTreeSet::new();
    for task in plan.tasks() {
        let TaskKind::Run(operation) = task.kind else { continue };
        let stdin = match &operation.command.stdin {
            Stdin::Secret(secret) => Some(secret),
            Stdin::Nothing | Stdin::Archive { .. } => None,
        };
        let secrets = operation.command.env.iter().map(|(_, secret)| secret).chain(stdin);
        asked.extend(secrets.filter(|secret| matches!(secret, Secret::Ask(_))).cloned());
    }
    asked
}

/// Carries out a plan.
pub(crate) fn carry_out(
    approved: &Approved<'_>,
    held: &mut Held,
    engine: &dyn Engine,
    root: &Path,
) -> Result<Exit, Fault> {
    let Approved { plan, running } = approved;
    let crash = crash_point()?;
    let secrets = HostSecrets::new(root.to_owned(), Box::new(terminal::ask));
    // Before anything is begun, so that no question comes up in the middle of it.
    for secret in asked_for(plan) {
        secrets.read(&secret)?;
    }
    let signals = Signals::install().map_err(|error| Fault {
        exit: Exit::Error,
        report: miette::miette!(code = "bottle::signals", "signals cannot be taken over: {error}"),
    })?;
    let reporter: Arc<dyn Reporter> = match running.format {
        Format::Json => Arc::new(Events),
        Format::Text if terminal::is_terminal() => Arc::new(Bars::of(plan)),
        Format::Text => Arc::new(Lines::new()),
    };
    let run = Run {
        root,
        secrets: &secrets,
        jobs: NonZeroUsize::new(running.jobs.into()).unwrap_or(NonZeroUsize::MIN),
        reporter: reporter.as_ref(),
        signals: &signals,
        crash: crash.as_ref(),
    };
    let report = run::run(plan, &held.observation, engine, &mut held.journal, &run);
    Ok(sum_up(report))
}

fn crash_point() -> Result<Option<Crash>, Fault> {
    let Some(text) = std::env::var_os(crash::VARIABLE) else { return Ok(None) };
    let at: CrashPoint = text.to_string_lossy().parse()?;
    Ok(Some(Crash { at, death: Death::Process }))
}

fn sum_up(report: Report) -> Exit {
    for failure in &report.failures {
        terminal::complain(&miette::Report::new(terminal::Failed::of(failure)));
    }
    let complete = report.complete();
    if let Some(halt) = report.halted {
        terminal::complain(&miette::Report::new(halt));
        return Exit::Error;
    }
    if report.interrupted {
        terminal::note("stopped half-way: `bottle apply` goes on from here, `bottle destroy` takes it away");
        return Exit::Stopped;
    }
    if complete { Exit::Done } else { Exit::Error }
}
