//! Commands in a running container.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ObjectName, OutputRef, Secret};

/// A command in a running container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The container.
    pub container: ObjectName,
    /// As whom; `None` is the container's user.
    pub user: Option<String>,
    /// Variables added for this command.
    pub env: BTreeMap<String, String>,
    /// The argv.
    pub command: Vec<Word>,
    /// What it reads.
    pub stdin: ExecStdin,
    /// The container's variables whose values are secrets: none of them may be in what is shown of its own words.
    pub hides: Vec<String>,
    /// How long what it did lasts.
    pub lasts: Lasts,
}

/// Where root looks for programs in a guest. The container's own `PATH` is the image's or the manifest's, and may begin with a folder that
/// the agent can write: what root runs from there would be the agent's.
pub(crate) const ROOTS_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Exec {
    /// A command as root, whose effect lasts until the container stops.
    pub(crate) fn as_root(container: &ObjectName, command: Vec<Word>, stdin: ExecStdin) -> Self {
        Self {
            container: container.clone(),
            user: Some("root".to_owned()),
            env: BTreeMap::from([("PATH".to_owned(), ROOTS_PATH.to_owned())]),
            command,
            stdin,
            hides: Vec::new(),
            lasts: Lasts::Run,
        }
    }
}

/// A word, or a piece of text, that may hold what is only known later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// The text itself.
    Text(String),
    /// What an earlier operation will know.
    Output(OutputRef),
    /// The gateway's address of a network; decided when subnets are.
    Gateway(ObjectName),
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What an exec reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecStdin {
    /// Nothing.
    #[default]
    Nothing,
    /// A secret.
    Secret(Secret),
    /// A text put together from pieces.
    Text(Vec<Word>),
}

/// How long the effect of an exec lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lasts {
    /// As long as the container exists: it wrote files.
    Container,
    /// Until the container stops: it started a process.
    Run,
}
