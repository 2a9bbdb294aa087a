//! `limits`: processors, memory, processes.

use super::error::{Code, ManifestError, shown};
use super::keys::{self, Key};
use super::model::Limits;
use super::read::{Reader, Span, Value};

/// The least memory that Docker takes: 6 MiB.
const LEAST_MEMORY: u64 = 6 << 20;
/// The most processes that Linux can number: `PID_MAX_LIMIT`.
pub(super) const MOST_PIDS: u32 = 1 << 22;

/// Limits as one table has them.
#[derive(Clone, Debug, Default)]
pub(super) struct SomeLimits {
    pub(super) cpus: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) pids: Option<u32>,
}

impl SomeLimits {
    /// Lays others over these, key by key.
    pub(super) fn under(&mut self, over: &Self) {
        let Self { cpus, memory, pids } = over;
        if cpus.is_some() {
            self.cpus.clone_from(cpus);
        }
        if memory.is_some() {
            self.memory.clone_from(memory);
        }
        self.pids = pids.or(self.pids);
    }

    pub(super) fn or_default(self) -> Limits {
        let Self { cpus, memory, pids } = self;
        Limits { cpus, memory, pids: pids.unwrap_or(Limits::default().pids) }
    }
}

impl Reader<'_> {
    pub(super) fn limits(&mut self, key: &Key, value: &Value<'_>) -> SomeLimits {
        let mut limits = SomeLimits::default();
        let Some(table) = self.table(key, value) else { return limits };
        for (key, _, value) in self.entries(&keys::LIMITS, table) {
            match key.name {
                "cpus" => limits.cpus = self.cpus(key, value),
                "memory" => limits.memory = self.memory(key, value),
                "pids" => limits.pids = self.pids(key, value),
                _ => {}
            }
        }
        limits
    }

    fn limit(&mut self, key: &Key, span: Span, message: String, help: &str) {
        self.report(
            ManifestError::at(Code::Limit, span, message)
                .label("out of range or not a number")
                .help(format!("{help}: `{}`", key.example)),
        );
    }

    /// Processors: a number is as good as its text.
    fn cpus(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        let data = value.get_ref();
        let text = match (data.as_str(), data.as_integer(), data.as_float()) {
            (Some(text), ..) => text,
            (_, Some(number), _) if number.radix() == 10 => number.as_str(),
            (.., Some(number)) => number.as_str(),
            _ => {
                self.wrong_type(key, value, "a string or a number");
                return None;
            }
        };
        let digits = |text: &str| !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        if digits(whole) && digits(part) && text.bytes().any(|b| matches!(b, b'1'..=b'9')) {
            return Some(text.to_owned());
        }
        self.limit(
            key,
            value.span(),
            format!("`{}` is no number of processors", shown(text)),
            "zero would be no limit to some engines; write a number above it, with a dot for parts",
        );
        None
    }

    fn memory(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        let text = self.string(key, value)?;
        let digits = text.strip_suffix(['k', 'm', 'g']).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let factor = match text.chars().last() {
            Some('k') => 1 << 10,
            Some('m') => 1 << 20,
            _ => 1 << 30,
        };
        let bytes = digits.and_then(|digits| digits.parse::<u64>().ok()).and_then(|number| number.checked_mul(factor));
        let problem = match bytes {
            Some(bytes) if bytes >= LEAST_MEMORY => return Some(text.to_owned()),
            Some(_) => "is less than the 6 MiB that an engine takes",
            None => "is no amount of memory",
        };
        self.limit(
            key,
            value.span(),
            format!("`{}` {problem}", shown(text)),
            "write a whole number and `k`, `m` or `g`, for units of 1024 bytes and its powers",
        );
        None
    }

    fn pids(&mut self, key: &Key, value: &Value<'_>) -> Option<u32> {
        let number = self.integer(key, value)?;
        let pids = u32::try_from(number).ok().filter(|pids| (1..=MOST_PIDS).contains(pids));
        if pids.is_none() {
            self.limit(
                key,
                value.span(),
                format!("a bottle cannot have {} processes", if number < 1 { "so few" } else { "so many" }),
                "write a number from 1 to 4194304; there is always a limit, since a fork bomb takes the host down",
            );
        }
        pids
    }
}
