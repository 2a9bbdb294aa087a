//! The processes of this user, as `ps` lists them on Linux and macOS alike.

use std::ffi::OsStr;
use std::path::Path;

use crate::engine::EngineError;
use crate::question::Asked;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    /// Its number, which is used again.
    pub(super) pid: i32,
    /// Since when it runs, in UTC, to the second; only ever compared.
    pub(super) start: String,
    /// Its words, joined.
    pub(super) command: String,
}

impl Running {
    /// What no other process is or will be called.
    pub(super) fn id(&self) -> String {
        format!("{}@{}", self.pid, self.start)
    }
}

/// All that run and are this user's.
pub(super) fn read() -> Result<Vec<Running>, EngineError> {
    // Each column as a word of its own: what follows a `=` is a heading to BSD, commas and all.
    let args = ["-A", "-ww", "-o", "uid=", "-o", "pid=", "-o", "stat=", "-o", "lstart=", "-o", "command="];
    let env = [("LC_ALL", OsStr::new("C")), ("TZ", OsStr::new("UTC0"))];
    let answer = Asked { program: Path::new("ps"), name: "ps", env: &env }.ask(&args)?;
    let uid = rustix::process::geteuid().as_raw();
    let text = String::from_utf8_lossy(&answer.finished.stdout.bytes);
    Ok(text.lines().filter_map(|line| parse(line, uid)).collect())
}

/// One line: user, number, state, five words of a time, command. A process that has ended and is still listed does not run.
fn parse(line: &str, uid: u32) -> Option<Running> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(word)
    };
    let owner: u32 = word()?.parse().ok()?;
    let pid = word()?.parse().ok()?;
    let state = word()?;
    let start = [word()?, word()?, word()?, word()?, word()?].join(" ");
    if owner != uid || state.starts_with('Z') {
        return None;
    }
    Some(Running { pid, start, command: rest.trim_start().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_both_systems_write_it() {
        let running = parse("  501 93211 Ss   Tue Nov  3 09:08:07 2026     /opt/pipelock run --config /a b/c", 501);
        let expected = Running {
            pid: 93211,
            start: "Tue Nov 3 09:08:07 2026".to_owned(),
            command: "/opt/pipelock run --config /a b/c".to_owned(),
        };
        assert_eq!(running.as_ref(), Some(&expected));
        assert_eq!(expected.id(), "93211@Tue Nov 3 09:08:07 2026");
        assert_eq!(parse("1000 7 Z    Tue Nov 24 23:08:34 2026 [sleep] <defunct>", 1000), None);
        assert_eq!(parse("0 7 S    Tue Nov 24 23:08:34 2026 sleep 1", 1000), None);
        assert_eq!(parse("what is this", 1000), None);
    }

    #[test]
    fn this_process_is_listed_as_the_same_each_time() {
        let own = || {
            let pid = i32::try_from(std::process::id()).unwrap();
            read().unwrap().into_iter().find(|running| running.pid == pid).unwrap()
        };
        let first = own();
        assert!(first.command.contains("bottle_executors"), "{first:?}");
        assert_eq!(first.command, own().command);
    }
}
