//! Trials of the command on an engine: how they are run, and what each of them works in.

pub(crate) mod folders;
mod recorder;
mod secrets;

use std::process::ExitCode;
use std::time::{Duration, Instant};

pub(crate) use folders::Folders;
use libtest_mimic::{Arguments, Trial};
pub(crate) use recorder::Recorder;
pub(crate) use secrets::{found, host_secrets, key, key_lines, only_in_the_environment};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many trials run at once unless the command line says otherwise: each mostly waits for the engine.
const AT_ONCE: usize = 4;
/// How many may at most: so many have address pools of their own.
const AT_MOST: usize = 8;

/// Runs trials, some at once. Where what they need is not there, one line says why and all count as ignored; where the variable `CI` is
/// set, that is a failure.
pub(crate) fn run<T>(mut trials: Vec<Trial>, needed: impl FnOnce() -> Result<T, String>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(AT_ONCE).min(AT_MOST));
    if !arguments.list
        && let Err(why) = needed()
    {
        if std::env::var_os("CI").is_some_and(|ci| !ci.is_empty()) {
            eprintln!("{why}; CI is set, so this is a failure");
            return ExitCode::FAILURE;
        }
        eprintln!("{why}; all trials are ignored");
        trials = trials.into_iter().map(|trial| trial.with_ignored_flag(true)).collect();
        arguments.ignored = false;
        arguments.include_ignored = false;
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "{what}: not so after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(30));
    }
}
