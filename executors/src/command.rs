//! A command of a plan made ready: its words, variables and standard input put together from what is known now.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bottle_planner::address::Address;
use bottle_planner::intent::{Archive, ObjectName, StageName, Step, steers};
use bottle_planner::operation::{Arg, Command, Part, Stdin};

use crate::archive::{self, GuestFile};
use crate::engine::{Context, Ended, Failure, SecretValue};
use crate::process::{Feed, Finished, Process};
use crate::said::{self, Given};
use crate::tar_stream;

/// A command whose parts are all known.
pub(crate) struct Ready {
    address: Address,
    /// The words, the program first.
    pub(crate) words: Vec<OsString>,
    /// All words as they are shown: objects by their names.
    shown: Vec<String>,
    env: Vec<(String, Arc<SecretValue>)>,
    input: Input,
}

enum Input {
    Nothing,
    Files(Arc<Vec<GuestFile>>),
    Secret(Arc<SecretValue>),
    Text(String),
}

/// What an engine knows that makes commands ready.
pub(crate) struct Making<'a> {
    /// Secrets that were handed on.
    pub(crate) given: &'a Given,
    /// The word by which its command knows an object.
    pub(crate) object: fn(&ObjectName, &Context<'_>) -> String,
    /// The folder of a stage; `None` where there are none.
    pub(crate) stage: &'a dyn Fn(&StageName) -> Option<PathBuf>,
}

impl Ready {
    /// The failure of this command.
    pub(crate) fn failure(&self, ended: Ended, said: impl Into<String>) -> Failure {
        Failure { address: self.address.clone(), argv: self.shown.clone(), ended, said: said.into() }
    }

    /// The first word.
    pub(crate) fn program(&self) -> &OsStr {
        self.words.first().map_or(OsStr::new(""), OsString::as_os_str)
    }

    /// The words after it.
    pub(crate) fn arguments(&self) -> &[OsString] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The secrets in its environment.
    pub(crate) fn env(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.env.iter().map(|(name, value)| (name.as_str(), OsStr::from_bytes(value.reveal())))
    }

    fn feed(&self) -> Option<Feed> {
        match &self.input {
            Input::Nothing => None,
            Input::Files(files) => {
                let files = Arc::clone(files);
                Some(Box::new(move |to| tar_stream::write(&files, to)))
            }
            Input::Secret(value) => {
                let value = Arc::clone(value);
                Some(Box::new(move |to| to.write_all(value.reveal())))
            }
            Input::Text(text) => {
                let text = text.clone();
                Some(Box::new(move |to| to.write_all(text.as_bytes())))
            }
        }
    }

    /// Runs `program` with the words after the first, whatever its exit code.
    pub(crate) fn attempt(
        &self,
        program: &Path,
        more_env: &[(&str, &OsStr)],
        limit: Duration,
        context: &Context<'_>,
    ) -> Result<Finished, Failure> {
        let env: Vec<(&str, &OsStr)> = self.env().chain(more_env.iter().copied()).collect();
        let hurry = context.hurry;
        let process = Process { program, args: self.arguments(), env: &env, feed: self.feed(), limit, hurry };
        process.run().map_err(|error| self.failure(Ended::NotStarted, format!("{}: {error}", program.display())))
    }

    /// The failure that a command's end was.
    pub(crate) fn failed(&self, finished: &Finished, given: &Given) -> Failure {
        let mut words = Vec::new();
        if let Some(error) = &finished.starved {
            words.push(error.to_string());
        }
        let stderr = given.said(&finished.stderr);
        let said = if stderr.is_empty() { given.said(&finished.stdout) } else { stderr };
        if !said.is_empty() {
            words.push(said);
        }
        self.failure(finished.ended.clone(), words.join("\n"))
    }
}

impl Making<'_> {
    /// Makes a command's parts known. `step` is `None` for a removal.
    pub(crate) fn ready(
        &self,
        address: &Address,
        command: &Command,
        step: Option<&Step>,
        context: &Context<'_>,
    ) -> Result<Ready, Failure> {
        let planned = command.argv.iter().map(Arg::to_string).collect();
        let mut ready = Ready {
            address: address.clone(),
            words: Vec::new(),
            shown: planned,
            env: Vec::new(),
            input: Input::Nothing,
        };
        let stop = |ready: &Ready, why: String| ready.failure(Ended::NotStarted, why);

        let mut shown = Vec::with_capacity(command.argv.len());
        for Arg(parts) in &command.argv {
            let (word, text) = self.word(parts, context).map_err(|why| stop(&ready, why))?;
            if let Some(mount) = text.strip_prefix("--mount=")
                && mount.split(',').count() != parts_of_mount(parts)
            {
                let why =
                    format!("{text}: a comma in a folder's path would be read as the end of it; rename the folder");
                return Err(stop(&ready, why));
            }
            ready.words.push(word);
            shown.push(text);
        }
        ready.shown = shown;
        for (name, secret) in &command.env {
            if steers(name) {
                let why = format!(
                    "the variable {name} cannot hold a secret: the {} command would act by it; give the value another name",
                    ready.program().display()
                );
                return Err(stop(&ready, why));
            }
            let value = context.secrets.read(secret).map_err(|error| stop(&ready, error.to_string()))?;
            if value.reveal().contains(&0) {
                return Err(stop(&ready, format!("{secret}: it has a zero byte, which no environment can hold")));
            }
            ready.env.push((name.clone(), self.given.give(value)));
        }
        ready.input = match &command.stdin {
            Stdin::Nothing => Input::Nothing,
            Stdin::Secret(secret) => {
                let value = context.secrets.read(secret).map_err(|error| stop(&ready, error.to_string()))?;
                Input::Secret(self.given.give(value))
            }
            Stdin::Archive { files, base } => {
                let mut files = expand(files, address, step, context).map_err(|why| stop(&ready, why))?;
                for file in &mut files {
                    let below = file.path.strip_prefix(base.as_str()).map(str::to_owned);
                    file.path = below.ok_or_else(|| stop(&ready, format!("{} is not in {base}", file.path)))?;
                }
                Input::Files(Arc::new(files))
            }
            Stdin::Text(parts) => {
                let (text, _) = self.word(parts, context).map_err(|why| stop(&ready, why))?;
                let text = text.into_string().map_err(|_| stop(&ready, "what it reads is no text".to_owned()))?;
                Input::Text(text)
            }
        };
        Ok(ready)
    }

    /// A word, and how it is shown.
    fn word(&self, parts: &[Part], context: &Context<'_>) -> Result<(OsString, String), String> {
        let mut word = OsString::new();
        let mut shown = String::new();
        for part in parts {
            match part {
                Part::Literal(text) | Part::SecretName(text) => {
                    word.push(text);
                    shown.push_str(text);
                }
                Part::HostPath(path) => {
                    let path = context.files.locate(path).map_err(|why| format!("{path}: {why}"))?;
                    shown.push_str(&path.to_string_lossy());
                    word.push(path);
                }
                Part::Output(output) => {
                    let outputs = context.outputs.lock().unwrap_or_else(PoisonError::into_inner);
                    let value = outputs
                        .get(output)
                        .ok_or_else(|| format!("{} of {} is not known yet", output.name, output.address))?;
                    word.push(value);
                    shown.push_str(value);
                }
                Part::Stage(name) => {
                    let path = (self.stage)(name).ok_or_else(|| format!("there is no stage {}", name.0))?;
                    shown.push_str(&path.to_string_lossy());
                    word.push(path);
                }
                Part::Object(name) => {
                    word.push((self.object)(name, context));
                    shown.push_str(&name.0);
                }
            }
        }
        Ok((word, shown))
    }
}

/// The failure of something for which an engine runs no command.
pub(crate) fn not_for(engine: &str, address: &Address) -> Failure {
    let said = format!("{engine} has no command for it: the plan was made for another backend");
    Failure { address: address.clone(), argv: Vec::new(), ended: Ended::NotStarted, said }
}

/// How many parts a mount is meant to have: as many as its own text has, whatever the paths in it hold.
fn parts_of_mount(parts: &[Part]) -> usize {
    let own = |part: &Part| match part {
        Part::Literal(text) => text.matches(',').count(),
        _ => 0,
    };
    1 + parts.iter().map(own).sum::<usize>()
}

fn expand(
    files: &Archive,
    address: &Address,
    step: Option<&Step>,
    context: &Context<'_>,
) -> Result<Vec<GuestFile>, String> {
    let learnt = |name: &str| {
        // The owners of files in a build are set by its Dockerfile.
        if matches!(step, Some(Step::BuildImage(_))) {
            return Some((0, 0));
        }
        let outputs = context.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let of_the_bottle = outputs.iter().find(|(output, _)| {
            output.name == name
                && output.address.bottle() == address.bottle()
                && output.address.as_str().ends_with("/owners")
        });
        let (uid, gid) = of_the_bottle?.1.split_once(':')?;
        Some((uid.parse().ok()?, gid.parse().ok()?))
    };
    archive::expand(files, context.files, &learnt).map_err(|error| format!("{}: {}", error.path, error.why))
}

/// The last line that says anything, cut short.
pub(crate) fn last_line(bytes: &[u8]) -> String {
    let text = said::harmless(bytes);
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_last_line() {
        assert_eq!(last_line(b"pulling\n\nabc\n\n"), "abc");
        assert_eq!(last_line(b""), "");
    }
}
