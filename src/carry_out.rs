//! A plan from its approval to its end: shown, asked about, run, and summed up as an exit code.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bottle_executors::crash::{self, Crash, CrashPoint, Death};
use bottle_executors::engine::{Ended, Engine, Failure, SecretError, Secrets as _};
use bottle_executors::run::{self, Report, Reporter, Run};
use bottle_executors::secrets::HostSecrets;
use bottle_executors::signals::Signals;
use bottle_executors::trust::Trusted;
use bottle_planner::approval::Approval;
use bottle_planner::intent::Secret;
use bottle_planner::operation::Stdin;
use bottle_planner::plan::{Plan, Purpose, TaskKind};

use crate::arguments::{Format, Running};
use crate::exit::{Exit, Fault};
use crate::state::Held;
use crate::terminal::{self, Bars, Events, Lines};

/// Shows a plan before anything else is said of it.
pub(crate) fn show(plan: &Plan, running: &Running) {
    match running.format {
        Format::Text => terminal::plan(plan),
        Format::Json => Events::open(plan),
    }
}

/// Whether there is somebody who can be asked.
pub(crate) fn can_ask(running: &Running) -> bool {
    !running.yes && running.format == Format::Text && terminal::somebody_is_there()
}

/// Refuses a plan that is not the one which `--approved` speaks of.
pub(crate) fn check_approval(plan: &Plan, running: &Running) -> Result<(), Fault> {
    let is = Approval::of(plan);
    match &running.approved {
        Some(approved) if *approved != is => {
            Err(Fault::new(Exit::Stale, NotApproved { approved: approved.clone(), is, purpose: plan.purpose }))
        }
        _ => Ok(()),
    }
}

/// Another plan was approved.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("another plan was approved\napproved {approved}\nthis is  {is}")]
#[diagnostic(code(bottle::approval), help("nothing was changed: {}", what_differs(*purpose)))]
struct NotApproved {
    approved: Approval,
    is: Approval,
    purpose: Purpose,
}

fn what_differs(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Apply => {
            "what is declared, the backend, or the part that was named is another one than what was approved; have this plan reviewed"
        }
        Purpose::Destroy => "what is there to go is not what was approved; have this plan reviewed",
    }
}

/// Refuses where a plan that nobody is asked about needs answers, and only programs listen.
pub(crate) fn check_questions(plan: &Plan, running: &Running) -> Result<(), Fault> {
    let asks = || secrets_of(plan).iter().any(|secret| matches!(secret, Secret::Ask(_)));
    if running.format == Format::Json && asks() {
        return Err(Fault::usage(
            "`--format json` asks nothing, and the manifest has values that are asked for".to_owned(),
            "give them by `{ env = \"NAME\" }`",
        ));
    }
    Ok(())
}

/// Has a plan approved: by `--yes` or `--approved`, or by a person, for whom it is then made once more, since reading takes time.
pub(crate) fn approve(
    plan: &Plan,
    running: &Running,
    question: &str,
    plan_again: impl FnOnce() -> Result<Plan, Fault>,
) -> Result<(), Fault> {
    let said = running.yes || running.approved.is_some();
    if running.format == Format::Json && !said {
        return Err(Fault::usage(
            "`--format json` asks nothing, so the plan cannot be approved".to_owned(),
            "say `--yes` once you have seen it, or `--approved` and its approval: `bottle plan`",
        ));
    }
    check_questions(plan, running)?;
    if said {
        return Ok(());
    }
    if !terminal::confirm(question)? {
        return Err(refused());
    }
    if plan_again()? == *plan { Ok(()) } else { Err(Fault::new(Exit::Stale, Stale)) }
}

/// The plan that was approved is not the one that would be carried out.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("what is there has changed since the plan was shown")]
#[diagnostic(
    code(bottle::stale),
    help("nothing was changed by this command; run it again to see what the plan is now")
)]
struct Stale;

fn refused() -> Fault {
    Fault { exit: Exit::Error, report: miette::miette!(code = "bottle::refused", "not approved; nothing was changed") }
}

/// The secrets that a plan's work reads.
fn secrets_of(plan: &Plan) -> BTreeSet<Secret> {
    let mut read = BTreeSet::new();
    for task in plan.tasks() {
        let TaskKind::Run(operation) = task.kind else { continue };
        let Some(command) = operation.command() else { continue };
        let stdin = match &command.stdin {
            Stdin::Secret(secret) => Some(secret),
            Stdin::Nothing | Stdin::Archive { .. } | Stdin::Text(_) => None,
        };
        read.extend(command.env.iter().map(|(_, secret)| secret).chain(stdin).cloned());
    }
    read
}

/// Secrets that cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} of the secrets that the plan reads cannot be had; nothing was changed", missing.len())]
#[diagnostic(code(bottle::secrets))]
struct MissingSecrets {
    #[related]
    missing: Vec<SecretError>,
}

/// Something that was agreed to could not be looked at.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("a path that the manifest names leads elsewhere than what it was trusted with; nothing was changed")]
#[diagnostic(
    code(bottle::trust::elsewhere),
    help(
        "a link in the manifest's folder was changed, or leads back into that folder and through another link: name the file itself"
    )
)]
struct LeadsElsewhere;

/// Carries out a plan, for a command such as `bottle apply`.
pub(crate) fn carry_out(
    plan: &Plan,
    running: &Running,
    held: &mut Held,
    engine: &dyn Engine,
    trusted: Trusted,
    command: &'static str,
) -> Result<Exit, Fault> {
    let crash = crash_point()?;
    if plan.has_unread() {
        return Err(Fault::new(Exit::Untrusted, LeadsElsewhere));
    }
    let files = trusted.files();
    let secrets = HostSecrets::new(trusted, Box::new(terminal::ask));
    // Before anything is begun, so that nothing is missed and no question comes up in the middle of it. Values are read again when they are
    // used; only answers are kept until then.
    let missing: Vec<SecretError> = secrets_of(plan).iter().filter_map(|secret| secrets.read(secret).err()).collect();
    if !missing.is_empty() {
        return Err(MissingSecrets { missing }.into());
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
        files: &files,
        secrets: &secrets,
        jobs: NonZeroUsize::new(running.jobs.into()).unwrap_or(NonZeroUsize::MIN),
        reporter: reporter.as_ref(),
        signals: &signals,
        crash: crash.as_ref(),
    };
    let report = run::run(plan, &held.observation, engine, &mut held.journal, &run);
    Ok(sum_up(report, command))
}

fn crash_point() -> Result<Option<Crash>, Fault> {
    let Some(text) = std::env::var_os(crash::VARIABLE) else { return Ok(None) };
    let at: CrashPoint = text.to_string_lossy().parse()?;
    Ok(Some(Crash { at, death: Death::Process }))
}

fn sum_up(report: Report, command: &'static str) -> Exit {
    for failure in &report.failures {
        terminal::complain(&miette::Report::new(terminal::Failed::of(failure, command)));
    }
    let complete = report.complete();
    if let Some(halt) = report.halted {
        terminal::complain(&miette::Report::new(halt));
        return Exit::Error;
    }
    if report.interrupted {
        terminal::note(&format!("stopped half-way: `{command}` goes on from here"));
        return Exit::Stopped;
    }
    let refuted = |failure: &Failure| failure.ended == Ended::Refuted;
    if complete {
        Exit::Done
    } else if !report.failures.is_empty() && report.failures.iter().all(refuted) {
        Exit::Weaker
    } else {
        Exit::Error
    }
}
