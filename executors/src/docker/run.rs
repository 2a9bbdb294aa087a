//! An operation carried out: its words, variables and standard input made from what is known now, then one command.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bottle_planner::address::Address;
use bottle_planner::intent::{Archive, Exec, ObjectName, Step};
use bottle_planner::operation::{Action, Arg, Command, Operation, Part, Stdin};

use super::{Docker, owners, said};
use crate::archive::{self, GuestFile};
use crate::engine::{Context, Ended, Failure, Outcome, SecretValue};
use crate::process::{Feed, Finished};
use crate::tar_stream;

/// A command whose parts are all known.
pub(super) struct Ready {
    address: Address,
    /// The words after the program.
    pub(super) words: Vec<OsString>,
    /// All words as they are shown: objects by their names.
    shown: Vec<String>,
    env: Vec<(String, Arc<SecretValue>)>,
    input: Input,
}

enum Input {
    Nothing,
    Files(Arc<Vec<GuestFile>>),
    Secret(Arc<SecretValue>),
}

impl Ready {
    /// The failure of this command.
    pub(super) fn failure(&self, ended: Ended, said: impl Into<String>) -> Failure {
        Failure { address: self.address.clone(), argv: self.shown.clone(), ended, said: said.into() }
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
        }
    }
}

impl Docker {
    pub(super) fn carry_out(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure> {
        let Action::Command(command) = &operation.action else { return Err(not_dockers(&operation.address)) };
        let ready = self.ready(&operation.address, command, Some(&operation.step), context)?;
        let limit = Duration::from_secs(operation.time_limit.into());
        if let Step::AwaitReady(readiness) = &operation.step {
            return self.await_ready(&ready, readiness, limit, context);
        }
        let finished = self.attempt(&ready, limit, context)?;
        if !finished.succeeded() {
            if let Step::Exec(exec) = &operation.step
                && !self.know_values(exec, context)
            {
                let why = "what it said is not shown, since the container's secrets could not be looked up to be taken out of it";
                return Err(ready.failure(finished.ended, why));
            }
            return Err(self.failed(&ready, &finished));
        }
        match &operation.step {
            Step::CreateContainer(_) | Step::CreateNetwork(_) => {
                let id = last_line(&finished.stdout.bytes);
                if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(ready.failure(finished.ended, format!("it printed {id:?} where an id was expected")));
                }
                Ok(Outcome { made: Some(id), outputs: Vec::new() })
            }
            Step::LearnOwners(wanted) => match owners::learn(&finished.stdout.bytes, &wanted.names) {
                Ok(outputs) => Ok(Outcome { made: None, outputs }),
                Err(why) => Err(ready.failure(finished.ended, why)),
            },
            _ => Ok(Outcome::default()),
        }
    }

    /// Makes a command's parts known. `step` is `None` for a removal.
    pub(super) fn ready(
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
        for arg in &command.argv {
            let (word, text) = word(arg, context).map_err(|why| stop(&ready, why))?;
            ready.words.push(word);
            shown.push(text);
        }
        ready.shown = shown;
        if ready.words.first().is_none_or(|program| program != "docker") {
            return Err(stop(&ready, "it is not a docker command".to_owned()));
        }
        ready.words.remove(0);

        for (name, secret) in &command.env {
            if steers_docker(name) {
                let why = format!(
                    "the variable {name} cannot hold a secret: the docker command would act by it; give the value another name"
                );
                return Err(stop(&ready, why));
            }
            let value = context.secrets.read(secret).map_err(|error| stop(&ready, error.to_string()))?;
            if value.reveal().contains(&0) {
                return Err(stop(&ready, format!("{secret}: it has a zero byte, which no environment can hold")));
            }
            ready.env.push((name.clone(), self.give(value)));
        }
        ready.input = match &command.stdin {
            Stdin::Nothing => Input::Nothing,
            Stdin::Secret(secret) => {
                let value = context.secrets.read(secret).map_err(|error| stop(&ready, error.to_string()))?;
                Input::Secret(self.give(value))
            }
            Stdin::Text(_) => return Err(stop(&ready, "text is not read yet".to_owned())),
            Stdin::Archive { files, base } => {
                let mut files = expand(files, address, step, context).map_err(|why| stop(&ready, why))?;
                for file in &mut files {
                    let below = file.path.strip_prefix(base.as_str()).map(str::to_owned);
                    file.path = below.ok_or_else(|| stop(&ready, format!("{} is not in {base}", file.path)))?;
                }
                Input::Files(Arc::new(files))
            }
        };
        Ok(ready)
    }

    /// Runs a command whatever its exit code.
    pub(super) fn attempt(&self, ready: &Ready, limit: Duration, context: &Context<'_>) -> Result<Finished, Failure> {
        let env: Vec<(&str, &OsStr)> =
            ready.env.iter().map(|(name, value)| (name.as_str(), OsStr::from_bytes(value.reveal()))).collect();
        self.process(&ready.words, &env, ready.feed(), limit, context.hurry)
            .map_err(|error| ready.failure(Ended::NotStarted, format!("{}: {error}", self.program.display())))
    }

    /// Gets to know the values of a container's variables that its command must not have shown. This run need not have given them: they
    /// are as old as the container. `false` when they cannot be had.
    fn know_values(&self, exec: &Exec, context: &Context<'_>) -> bool {
        if exec.hides.is_empty() {
            return true;
        }
        let id = id_of(&exec.container, context);
        let asked = self.ask(&["container", "inspect", "--format", "{{json .Config.Env}}", "--", &id]);
        let Ok(variables) = asked.and_then(|answer| answer.one::<Vec<String>>()) else { return false };
        for variable in variables {
            if let Some((name, value)) = variable.split_once('=')
                && exec.hides.iter().any(|hidden| hidden == name)
            {
                self.give(SecretValue::new(value.as_bytes().to_vec()));
            }
        }
        true
    }

    /// The failure that a command's end was.
    pub(super) fn failed(&self, ready: &Ready, finished: &Finished) -> Failure {
        let mut words = Vec::new();
        if let Some(error) = &finished.starved {
            words.push(error.to_string());
        }
        let secrets = self.given();
        let stderr = said::said(&finished.stderr, &secrets);
        let said = if stderr.is_empty() { said::said(&finished.stdout, &secrets) } else { stderr };
        if !said.is_empty() {
            words.push(said);
        }
        ready.failure(finished.ended.clone(), words.join("\n"))
    }
}

/// The failure of what is no command of the engine's.
pub(super) fn not_dockers(address: &Address) -> Failure {
    let said = "docker has no command for it: the plan was made for another backend".to_owned();
    Failure { address: address.clone(), argv: Vec::new(), ended: Ended::NotStarted, said }
}

/// The id by which the engine knows an object, or its name where no id is known.
pub(super) fn id_of(name: &ObjectName, context: &Context<'_>) -> String {
    let ids = context.ids.lock().unwrap_or_else(PoisonError::into_inner);
    ids.get(name).unwrap_or(&name.0).clone()
}

/// A word, and how it is shown.
fn word(arg: &Arg, context: &Context<'_>) -> Result<(OsString, String), String> {
    let mut word = OsString::new();
    let mut shown = String::new();
    for part in &arg.0 {
        match part {
            Part::Literal(text) | Part::SecretName(text) => {
                word.push(text);
                shown.push_str(text);
            }
            Part::HostPath(path) => {
                let path = archive::resolve(path, context.root);
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
            Part::Stage(name) => return Err(format!("docker has no stage {}", name.0)),
            Part::Object(name) => {
                word.push(id_of(name, context));
                shown.push_str(&name.0);
            }
        }
    }
    Ok((word, shown))
}

/// Whether the docker command, or the system that loads it, would itself act by a variable.
fn steers_docker(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "PATH",
        "HOME",
        "TMPDIR",
        "GODEBUG",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSH_AUTH_SOCK",
        "XDG_CONFIG_HOME",
    ];
    const PREFIXES: [&str; 5] = ["DOCKER_", "BUILDKIT_", "BUILDX_", "LD_", "DYLD_"];
    let name = name.to_ascii_uppercase();
    NAMES.contains(&name.as_str()) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
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
    archive::expand(files, context.root, &learnt).map_err(|error| format!("{}: {}", error.path, error.why))
}

fn last_line(bytes: &[u8]) -> String {
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

    #[test]
    fn no_secret_may_be_given_by_a_name_that_docker_acts_by() {
        for name in ["DOCKER_HOST", "PATH", "LD_PRELOAD", "https_proxy", "BUILDKIT_HOST"] {
            assert!(steers_docker(name), "{name}");
        }
        for name in ["GITHUB_TOKEN", "MY_DOCKER_TOKEN", "NPM_TOKEN"] {
            assert!(!steers_docker(name), "{name}");
        }
    }
}
