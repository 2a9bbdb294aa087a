//! The script that asks several things side by side in one shell, and the reading of its answers.

use std::collections::BTreeMap;

use super::ask::Ask;

const PRELUDE: &str = include_str!("prelude.sh");
/// What can hold a conversation, the one that is taken first in front.
const STREAMS: &str = "nc busybox socat bash python3 node curl";
const DATAGRAMS: &str = "socat bash python3 node";
/// How many run at a time: each is about five processes, and a bottle has a limit of those.
const AT_ONCE: usize = 24;

/// What came of something that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was answered, by this.
    Open(String),
    /// There was a connection on which nothing was said.
    Connected,
    /// A refusal came back: somebody is there.
    Refused,
    /// A resolver answered that nobody has this name.
    Nobody,
    /// Nothing came back; what the program that tried said of it.
    Shut(String),
    /// It could not be asked, because of this.
    Cannot(String),
}

/// A script for `sh -s` that asks all of these. `nonce` marks its answers: what else is printed counts for nothing.
#[must_use]
pub fn script(asks: &[Ask], nonce: &str) -> String {
    script_with(asks, nonce, STREAMS, DATAGRAMS)
}

fn script_with(asks: &[Ask], nonce: &str, streams: &str, datagrams: &str) -> String {
    // One compound command: the shell has read all of it before anything in it can read the rest of the script.
    let mut text = format!("{{\nnonce={nonce}\nstreams='{streams}'\ndatagrams='{datagrams}'\n{PRELUDE}\n");
    for chunk in asks.iter().enumerate().collect::<Vec<_>>().chunks(AT_ONCE) {
        for (number, ask) in chunk {
            text.push_str(&ask.call(*number));
            text.push_str(" &\n");
        }
        text.push_str("wait\n");
    }
    text.push_str("} </dev/null\n");
    text
}

/// For how long a script of so many questions may run, in seconds.
#[must_use]
pub fn time_limit(asks: usize) -> u64 {
    10 + 5 * asks.div_ceil(AT_ONCE) as u64
}

/// The replies in a script's output, by what was asked. One that is missing was not given.
#[must_use]
pub fn replies(output: &str, asks: &[Ask], nonce: &str) -> BTreeMap<Ask, Reply> {
    let mut replies = BTreeMap::new();
    for line in output.lines() {
        let mut words = line.splitn(4, ' ');
        if words.next() != Some(nonce) {
            continue;
        }
        let (number, word, text) = (words.next(), words.next(), words.next().unwrap_or_default().to_owned());
        let Some(ask) = number.and_then(|number| asks.get(number.parse::<usize>().ok()?)) else { continue };
        let reply = match word {
            Some("open") => Reply::Open(text),
            Some("connected") => Reply::Connected,
            Some("refused") => Reply::Refused,
            Some("nobody") => Reply::Nobody,
            Some("shut") => Reply::Shut(text),
            Some("cannot") => Reply::Cannot(text),
            _ => continue,
        };
        replies.insert(ask.clone(), reply);
    }
    replies
}

#[cfg(test)]
mod tests;
