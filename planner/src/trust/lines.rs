//! A request in words, and the difference between two.

use std::collections::BTreeSet;

use super::request::{Asked, HostFile, Key, Request, Use};
use crate::address::Address;
use crate::guarantee::Guarantee;
use crate::manifest::Allowance;
use crate::source::Outside;

/// What a line of a request is about. What is worst to overlook comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// A wall of the bottle that is taken away.
    GiveUp,
    /// A host to which all that is read could go.
    Send,
    /// A secret or a file that would be read.
    Read,
    /// A folder that could be changed.
    Write,
}

impl Grant {
    /// `gives up its walls by`, `may send to`, `may read`, `may change`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::GiveUp => "gives up its walls by",
            Self::Send => "may send to",
            Self::Read => "may read",
            Self::Write => "may change",
        }
    }
}

/// One thing that is asked for. Its text is the manifest's, and has to be made harmless before it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Its kind.
    pub grant: Grant,
    /// The rest of the sentence.
    pub text: String,
}

/// A difference between two requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Whether it was not asked for before; else it is asked for no longer.
    pub is_new: bool,
    /// What it is.
    pub line: Line,
    /// The bottle, or `shared`.
    pub bottle: String,
}

impl Request {
    /// Who asks for what, by bottle; what the bottles share comes first, under `shared`.
    #[must_use]
    pub fn lines(&self) -> Vec<(&str, Vec<Line>)> {
        let send = |text| Line { grant: Grant::Send, text };
        let proxy = self.proxy.iter().map(|image| send(format!("whatever its own proxy lets through: image {image}")));
        let resolvers = self.resolvers.iter().map(|it| send(format!("the addresses that {it} gives for hosts")));
        let shared: Vec<Line> = self.shared.iter().map(file).chain(proxy).chain(resolvers).collect();
        let shared = (!shared.is_empty()).then_some((Address::SHARED, shared));
        let bottles = self.bottles.iter().map(|(bottle, asked)| (bottle.as_str(), asked.lines()));
        shared.into_iter().chain(bottles).collect()
    }
}

impl Asked {
    /// What is read, what can be changed, and then the hosts, each on a line of its own.
    fn lines(&self) -> Vec<Line> {
        let read = |text| Line { grant: Grant::Read, text };
        let variables =
            self.variables.iter().map(|it| read(format!("{} of the environment, as {}", it.name, it.guest)));
        let typed = self.typed.iter().map(|it| read(format!("what is typed at `{}`, as {}", it.prompt, it.guest)));
        let keys = self.keys.iter().map(|it| read(key(it)));
        let given_up = self.given_up.iter().map(|it| {
            let loses: Vec<&str> = it.loses().into_iter().map(Guarantee::name).collect();
            Line { grant: Grant::GiveUp, text: format!("{it}, which loses {}", loses.join(", ")) }
        });
        let anywhere =
            self.given_up.contains(&Allowance::HostNetwork).then_some("everybody, by the host's own network");
        let anywhere = anywhere.into_iter().map(|text| Line { grant: Grant::Send, text: text.to_owned() });
        let hosts = self.hosts.iter().map(|host| Line { grant: Grant::Send, text: host.clone() });
        let reads = variables.chain(typed).chain(keys).chain(self.files.iter().map(file));
        given_up.chain(reads).chain(anywhere).chain(hosts).collect()
    }
}

fn key(key: &Key) -> String {
    let Key { path, outside, alias, hostname, port, user } = key;
    let at = if *port == 22 { hostname.clone() } else { format!("{hostname}:{port}") };
    format!("ssh key {path}{}, to sign with for {user}@{at} ({alias})", leads(outside.as_ref()))
}

fn file(file: &HostFile) -> Line {
    let HostFile { path, outside, used } = file;
    let leads = leads(Some(outside));
    let grant = if matches!(used, Use::Mount { .. }) { Grant::Write } else { Grant::Read };
    let text = match used {
        Use::Copy { to } => format!("{path}{leads}, copied to {to}"),
        Use::Skill => format!("{path}{leads}, a skill"),
        Use::Prompt => format!("{path}{leads}, the prompt"),
        Use::Workspace { to } => format!("{path}{leads}, copied to {to} as the workspace"),
        Use::Mount { to } => format!("{path}{leads}, mounted writable at {to}"),
        Use::Bake { to } => format!("{path}{leads}, baked into an image at {to}, which may send it anywhere"),
        Use::Build => format!("{path}{leads}, to build an image from, which may send it anywhere"),
        Use::Recipe => format!("{path}{leads}, to build an image by"),
    };
    Line { grant, text }
}

/// Where a link leads: nothing else tells, and the link is the repository's.
fn leads(outside: Option<&Outside>) -> String {
    match outside {
        Some(Outside::Link { to }) => format!(" (a link to {to})"),
        _ => String::new(),
    }
}

/// What is new and what is gone, the new first: walls, hosts, then secrets and files, then what can be changed.
#[must_use]
pub fn changes(before: &Request, now: &Request) -> Vec<Change> {
    fn all(request: &Request) -> BTreeSet<(&str, Line)> {
        let lines = request.lines().into_iter();
        lines.flat_map(|(bottle, lines)| lines.into_iter().map(move |line| (bottle, line))).collect()
    }
    let (before, now) = (all(before), all(now));
    let only = |these: &BTreeSet<(&str, Line)>, others: &BTreeSet<(&str, Line)>, is_new: bool| {
        let only = these.difference(others).cloned();
        let mut found: Vec<Change> =
            only.map(|(bottle, line)| Change { is_new, line, bottle: bottle.to_owned() }).collect();
        found.sort();
        found
    };
    let mut found = only(&now, &before, true);
    found.extend(only(&before, &now, false));
    found
}
