//! Replies to verdicts.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Ask, Say};
use super::attempt::{Attempt, Control, Shows, Vantage, Wants};
use super::scene::Scene;
use super::script::Reply;
use super::{How, Probe, Verdict};

/// Everything that was answered, by who asked what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// The answers.
    pub given: BTreeMap<(Vantage, Ask), Reply>,
    /// Why nothing could be asked from somewhere.
    pub mute: BTreeMap<Vantage, String>,
    /// Whose greetings reached our listener, whatever came back.
    pub heard: BTreeSet<(Vantage, Ask)>,
}

impl Replies {
    fn heard(&self, vantage: &Vantage, ask: &Ask) -> bool {
        self.heard.contains(&(vantage.clone(), ask.clone()))
    }

    fn of(&self, vantage: &Vantage, ask: &Ask) -> Reply {
        if let Some(reply) = self.given.get(&(vantage.clone(), ask.clone())) {
            return reply.clone();
        }
        let why = self.mute.get(vantage).cloned();
        Reply::Cannot(why.unwrap_or_else(|| "the script that asked gave no answer to it".to_owned()))
    }
}

/// What a probe came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict; that of a limit is that it held.
    pub verdict: Verdict,
    /// What remains to be said: attempts that stayed unknown and were not needed, or what a limit lets through.
    pub notes: Vec<String>,
    /// Whether it is a limit, and something is let through.
    pub limits: bool,
}

/// What a probe says of a bottle.
#[must_use]
pub fn judge(probe: &Probe, scene: &Scene, replies: &Replies) -> Judged {
    let verdict = |(verdict, notes): (Verdict, Vec<String>)| Judged { verdict, notes, limits: false };
    match probe.how {
        How::Inside(_) if scene.by_helper => {
            let why = "a helper beside the agent sees neither its files nor its processes".to_owned();
            verdict((Verdict::Unknown(why), Vec::new()))
        }
        How::Engine(of) => verdict((of(scene), Vec::new())),
        How::Guest(attempts) | How::Inside(attempts) => verdict(sum(&attempts(scene), scene, replies)),
        How::Stated(what) => Judged { verdict: Verdict::Held, notes: vec![what(scene)], limits: true },
        How::Limit(attempts) => {
            let tried: Vec<(bool, String)> = attempts(scene).iter().map(|attempt| limit(attempt, replies)).collect();
            let limits = tried.iter().any(|(through, _)| *through);
            Judged { verdict: Verdict::Held, notes: tried.into_iter().map(|(_, note)| note).collect(), limits }
        }
    }
}

/// Several attempts as one verdict: broken when one is; held when something held, and everything necessary.
fn sum(attempts: &[Attempt], scene: &Scene, replies: &Replies) -> (Verdict, Vec<String>) {
    let mut broken = Vec::new();
    let mut missing = Vec::new();
    let mut notes = Vec::new();
    let mut held = false;
    for attempt in attempts {
        match one(attempt, scene, replies) {
            Verdict::Held => held = true,
            Verdict::Broken(reason) => broken.push(reason),
            Verdict::Unknown(reason) if attempt.necessary => missing.push(reason),
            Verdict::Unknown(reason) => notes.push(reason),
        }
    }
    broken.dedup();
    missing.dedup();
    notes.dedup();
    if !broken.is_empty() {
        return (Verdict::Broken(broken.join("; ")), notes);
    }
    if held && missing.is_empty() {
        return (Verdict::Held, notes);
    }
    let why = if missing.is_empty() { std::mem::take(&mut notes) } else { missing };
    let why = if why.is_empty() { "there was nothing to ask".to_owned() } else { why.join("; ") };
    (Verdict::Unknown(why), notes)
}

fn one(attempt: &Attempt, scene: &Scene, replies: &Replies) -> Verdict {
    let seen = seen(attempt, scene, replies);
    if seen != Verdict::Held {
        return seen;
    }
    match unshown(attempt, &attempt.control, scene, replies) {
        None => Verdict::Held,
        Some(why) => Verdict::Unknown(why),
    }
}

/// What an attempt says before anything shows that it could have succeeded.
pub(super) fn seen(attempt: &Attempt, scene: &Scene, replies: &Replies) -> Verdict {
    let Attempt { ask, wants, .. } = attempt;
    let reply = replies.of(&Vantage::Agent, ask);
    match wants {
        Wants::NoListener if replies.heard(&Vantage::Agent, ask) => {
            Verdict::Broken(format!("{ask}: it reached our listener on the host"))
        }
        Wants::NoListener => no_listener(ask, &reply, scene),
        Wants::NoAnswer => no_answer(ask, &reply),
        Wants::NoConnection => no_connection(ask, &reply),
        Wants::NoName => no_name(ask, &reply),
        Wants::NoResolver if reply == Reply::Nobody => {
            Verdict::Broken(format!("{ask}: a resolver says that nobody has it, so somebody outside was asked"))
        }
        Wants::NoResolver => no_name(ask, &reply),
        Wants::Refusal(hanging_up) => refusal(ask, &reply, *hanging_up),
        Wants::Reading(verdict) => match &reply {
            Reply::Open(text) => verdict(text, scene),
            Reply::Cannot(why) => Verdict::Unknown(why.clone()),
            _ => Verdict::Unknown(format!("{ask}: no answer")),
        },
    }
}

/// Why a control did not show what it had to, if it did not.
fn unshown(attempt: &Attempt, control: &Control, scene: &Scene, replies: &Replies) -> Option<String> {
    let (vantage, ask, shows) = match control {
        Control::Evident => return None,
        Control::From(vantage) => {
            let shows = match attempt.wants {
                Wants::NoListener => Shows::Listener,
                Wants::NoAnswer => Shows::Anybody,
                Wants::NoResolver => Shows::Resolver,
                Wants::NoConnection | Wants::NoName | Wants::Refusal(_) | Wants::Reading(_) => Shows::Answer,
            };
            (vantage, &attempt.ask, shows)
        }
        Control::Like(vantage, ask, shows) => (vantage, ask, *shows),
    };
    let reply = replies.of(vantage, ask);
    let shown = match (shows, &reply) {
        (Shows::Listener, _) if replies.heard(vantage, ask) => true,
        (Shows::Listener, Reply::Open(text)) => text.contains(&scene.listener.token),
        (Shows::Anybody, Reply::Open(_) | Reply::Connected | Reply::Refused) | (Shows::Answer, Reply::Open(_)) => true,
        (Shows::Resolver, Reply::Open(_) | Reply::Nobody) => true,
        (Shows::LetThrough, Reply::Open(text)) => status(text).is_some_and(|status| !(400..500).contains(&status)),
        // A tunnel whose far end is silent for a while was not refused.
        (Shows::LetThrough, Reply::Connected) => true,
        _ => false,
    };
    if shown {
        return None;
    }
    let place = match vantage {
        Vantage::Agent => "in the bottle",
        Vantage::Egress => "from the egress network",
        Vantage::Beside(_) => "from beside it",
    };
    let said = match reply {
        Reply::Open(text) => format!("was answered {}", short(&text)),
        Reply::Connected => "was not answered".to_owned(),
        Reply::Refused => "was refused".to_owned(),
        Reply::Nobody => "nobody has that name".to_owned(),
        Reply::Shut(_) => "got nothing".to_owned(),
        Reply::Cannot(why) => why,
    };
    Some(format!("{}: no control, {ask} {place}: {said}", attempt.ask))
}

fn no_listener(ask: &Ask, reply: &Reply, scene: &Scene) -> Verdict {
    match reply {
        Reply::Open(text) if text.contains(&scene.listener.token) => {
            Verdict::Broken(format!("{ask}: our listener on the host answered"))
        }
        Reply::Open(text) => Verdict::Unknown(format!("{ask}: somebody else answered: {}", short(text))),
        Reply::Connected => Verdict::Unknown(format!("{ask}: there was a connection, and no answer")),
        Reply::Refused | Reply::Nobody | Reply::Shut(_) => Verdict::Held,
        Reply::Cannot(why) => Verdict::Unknown(why.clone()),
    }
}

fn no_answer(ask: &Ask, reply: &Reply) -> Verdict {
    match reply {
        Reply::Open(text) => Verdict::Broken(format!("{ask}: answered {}", short(text))),
        Reply::Connected => Verdict::Broken(format!("{ask}: there is a connection")),
        Reply::Refused => Verdict::Broken(format!("{ask}: a refusal came back, so packets get there")),
        Reply::Nobody | Reply::Shut(_) => Verdict::Held,
        Reply::Cannot(why) => Verdict::Unknown(why.clone()),
    }
}

fn no_connection(ask: &Ask, reply: &Reply) -> Verdict {
    match reply {
        Reply::Open(text) => Verdict::Broken(format!("{ask}: answered {}", short(text))),
        Reply::Connected => Verdict::Broken(format!("{ask}: there is a connection")),
        Reply::Refused | Reply::Nobody | Reply::Shut(_) => Verdict::Held,
        Reply::Cannot(why) => Verdict::Unknown(why.clone()),
    }
}

fn no_name(ask: &Ask, reply: &Reply) -> Verdict {
    match reply {
        Reply::Open(text) => Verdict::Broken(format!("{ask}: {}", short(text))),
        Reply::Connected | Reply::Refused | Reply::Nobody | Reply::Shut(_) => Verdict::Held,
        Reply::Cannot(why) => Verdict::Unknown(why.clone()),
    }
}

fn refusal(ask: &Ask, reply: &Reply, hanging_up: bool) -> Verdict {
    let said = match ask {
        Ask::Tcp { say: Say::Bytes(say), .. } => {
            String::from_utf8_lossy(say).lines().next().unwrap_or_default().to_owned()
        }
        ask => ask.to_string(),
    };
    match reply {
        Reply::Open(text) => match status(text) {
            Some(429) => Verdict::Unknown(format!("{said}: the proxy limits how often it is asked")),
            Some(400..=499) => Verdict::Held,
            Some(501) => Verdict::Unknown(format!("{said}: the proxy does not do that")),
            _ => Verdict::Broken(format!("{said}: not refused, but answered {}", short(text))),
        },
        Reply::Connected | Reply::Shut(_) if hanging_up => Verdict::Held,
        Reply::Connected | Reply::Shut(_) | Reply::Nobody | Reply::Refused => {
            Verdict::Unknown(format!("{said}: the proxy gave no answer"))
        }
        Reply::Cannot(why) => Verdict::Unknown(why.clone()),
    }
}

/// What an attempt of a limit came to, and whether it is let through.
fn limit(attempt: &Attempt, replies: &Replies) -> (bool, String) {
    let ask = &attempt.ask;
    let said = match ask {
        Ask::Tcp { say: Say::Bytes(say), .. } => {
            String::from_utf8_lossy(say).lines().next().unwrap_or_default().to_owned()
        }
        ask => ask.to_string(),
    };
    let reply = replies.of(&Vantage::Agent, ask);
    let (through, what) = match (&attempt.wants, reply) {
        (Wants::NoListener, Reply::Cannot(why)) => (false, format!("not asked, {why}")),
        (Wants::NoListener, _) if replies.heard(&Vantage::Agent, ask) => {
            (true, "it reached our listener on the host".to_owned())
        }
        (Wants::NoListener, _) => (false, "nothing reached our listener on the host".to_owned()),
        (_, Reply::Open(text)) if *ask == Ask::Unshare => (text.trim() == "yes", text.trim().to_owned()),
        (_, Reply::Open(text)) if status(&text).is_some_and(|status| (400..=499).contains(&status)) => {
            (false, "refused".to_owned())
        }
        // A tunnel that has no answer yet is being made.
        (_, Reply::Open(_) | Reply::Connected) => (true, "let through".to_owned()),
        (_, Reply::Refused | Reply::Nobody | Reply::Shut(_)) => (false, "no answer".to_owned()),
        (_, Reply::Cannot(why)) => (false, format!("not asked, {why}")),
    };
    (through, format!("{said}: {what}"))
}

/// The status of an answer over HTTP/1.
fn status(text: &str) -> Option<u16> {
    text.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

/// As much of an answer as a reason shows.
fn short(text: &str) -> String {
    let text: String = text.chars().take(80).collect();
    format!("{:?}", text.trim())
}
