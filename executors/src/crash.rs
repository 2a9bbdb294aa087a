//! Crash points: a run that ends at a chosen moment as if it had been killed, so that what comes after can be tested.

use std::fmt;
use std::str::FromStr;

use bottle_planner::address::Address;

/// The variable by which the command asks for one.
pub const VARIABLE: &str = "BOTTLE_CRASH";

/// Where a run ends: `implementer/agent/create@answer`, or `remove:implementer/agent/create@answer` for the taking away of what
/// that operation made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// Whether it is the removal at that address.
    pub removal: bool,
    /// The address.
    pub address: Address,
    /// The moment.
    pub moment: Moment,
}

/// A moment in the life of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was written of it.
    Before,
    /// Its begin is durable, and the engine was not asked.
    Begin,
    /// The engine has answered, and nothing was written of that.
    Answer,
    /// Its end is durable.
    End,
}

/// How a run ends at its crash point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The process is killed, by SIGKILL.
    Process,
    /// The run alone: nothing more is begun or written, and the call comes back once what is in flight has ended.
    Run,
}

/// A crash point and what happens there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Where.
    pub at: CrashPoint,
    /// What ends there.
    pub death: Death,
}

/// Why a text is no crash point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{VARIABLE}={0:?} is no crash point")]
#[diagnostic(
    code(bottle::crash),
    help("write `ADDRESS@MOMENT` or `remove:ADDRESS@MOMENT`; a moment is `before`, `begin`, `answer` or `end`")
)]
pub struct NoCrashPoint(String);

impl FromStr for CrashPoint {
    type Err = NoCrashPoint;

    fn from_str(text: &str) -> Result<Self, NoCrashPoint> {
        let wrong = || NoCrashPoint(text.to_owned());
        let (place, moment) = text.rsplit_once('@').ok_or_else(wrong)?;
        let moment = match moment {
            "before" => Moment::Before,
            "begin" => Moment::Begin,
            "answer" => Moment::Answer,
            "end" => Moment::End,
            _ => return Err(wrong()),
        };
        let (removal, address) = place.strip_prefix("remove:").map_or((false, place), |address| (true, address));
        if address.is_empty() {
            return Err(wrong());
        }
        Ok(Self { removal, address: Address::recorded(address), moment })
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removal = if self.removal { "remove:" } else { "" };
        let moment = match self.moment {
            Moment::Before => "before",
            Moment::Begin => "begin",
            Moment::Answer => "answer",
            Moment::End => "end",
        };
        write!(f, "{removal}{}@{moment}", self.address)
    }
}

/// Ends this process without any farewell.
pub(crate) fn die() -> ! {
    // A signal that cannot be sent leaves the other way to end at once.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_point_is_read_as_it_is_written() {
        for text in
            ["x/agent/create@answer", "remove:x/agent/create@before", "shared/node@sha256:00/pull@end", "a@begin"]
        {
            assert_eq!(text.parse::<CrashPoint>().unwrap().to_string(), text);
        }
        let removal: CrashPoint = "remove:x/agent/create@before".parse().unwrap();
        assert!(removal.removal);
        assert_eq!(removal.address, Address::recorded("x/agent/create"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "x/agent/create", "x/agent/create@", "x/agent/create@later", "@begin", "remove:@end"] {
            assert!(text.parse::<CrashPoint>().is_err(), "{text:?}");
        }
    }
}
