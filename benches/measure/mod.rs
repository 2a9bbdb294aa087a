//! Repeated measurements and how they are shown, and the bottles that all benchmarks measure with.

use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The command under test.
pub(crate) const BOTTLE: &str = env!("CARGO_BIN_EXE_bottle");

/// Values measured in one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// `min / median / max`, in thousandths of what was measured: milliseconds for seconds.
    pub(crate) fn in_thousandths(&self) -> String {
        let sorted = self.sorted();
        let at = |at: usize| sorted.get(at).copied().unwrap_or(f64::NAN) * 1000.0;
        format!("{:>9.2} {:>9.2} {:>9.2}", at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1)))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// How long something took, in seconds, and what came of it.
pub(crate) fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let value = work();
    (began.elapsed().as_secs_f64(), value)
}

/// Runs a command to its end without showing what it says, and tells how long it took, in seconds.
///
/// # Panics
/// When it fails: a figure of something that did not happen is worse than none.
pub(crate) fn time(command: &mut Command) -> f64 {
    let (took, output) = seconds(|| command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output());
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    took
}

/// The same for a command that may have to be run again before it succeeds, which counts: a busy engine refuses to remove a network
/// whose last container has only just gone.
pub(crate) fn time_until_done(mut command: impl FnMut() -> Command) -> f64 {
    let quiet = |mut command: Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let (took, done) = seconds(|| (0..3).any(|_| quiet(command()).is_ok_and(|status| status.success())));
    assert!(done, "{:?} failed three times", command());
    took
}

/// The most memory that a command had, in MB. It is looked at while it runs, which costs time: not for a run that is timed.
pub(crate) fn peak_memory(command: &mut Command) -> f64 {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut peak = 0.0_f64;
    while running(&mut child) {
        peak = peak.max(high_water_mark(&child.id().to_string()));
        thread::sleep(Duration::from_millis(2));
    }
    peak
}

fn running(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}

/// The most memory that a process has had so far, in MB: the kernel's `VmHWM`; 0 where the kernel does not say.
pub(crate) fn high_water_mark(process: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0) / 1024.0
}

/// A manifest of `count` bottles as somebody would write it.
pub(crate) fn manifest(count: usize, image: &str, sidecar: Option<&str>) -> String {
    let mut text = format!(
        "version = 1\nname = \"bench\"\n\n[network]\npool = \"10.128.0.0/9\"\n\n[defaults]\nimage = {{ ref = \"{image}\" }}\n\
         user = \"node\"\nprompt = {{ text = \"Take the next task of your queue.\" }}\n\n\
         [defaults.egress]\nallow = [\"api.example.org\"]\n"
    );
    if let Some(sidecar) = sidecar {
        let _ = write!(text, "\n[sidecar]\nimage = {{ ref = \"{sidecar}\" }}\n");
    }
    for number in 1..=count {
        let _ = write!(text, "\n[bottle.agent-{number}]\nenv = {{ QUEUE = \"{number}\" }}\n");
    }
    text
}
