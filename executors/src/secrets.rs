//! Secrets of the host, read at the moment of use.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::{Mutex, PoisonError};

use bottle_planner::intent::Secret;
use bottle_planner::source::SourcePath;

use crate::engine::{SecretError, SecretValue, Secrets};
use crate::host_files::HostFiles;
use crate::trust::Trusted;

/// The largest file that is taken for a secret, in bytes: the largest key that ssh tools write is far below it.
const LARGEST: u64 = 1 << 20;

/// Puts a prompt to whoever runs the command.
pub type Ask = Box<dyn Fn(&str) -> Result<SecretValue, String> + Send + Sync>;

/// Secrets from the environment, from files, and from whoever runs the command.
pub struct HostSecrets {
    trusted: Trusted,
    files: HostFiles,
    ask: Ask,
    answers: Mutex<BTreeMap<String, Result<SecretValue, String>>>,
}

impl HostSecrets {
    /// The secrets that a manifest's owner agreed to, and no others. `ask` is called once for each prompt, one prompt at a time; what it says
    /// when it fails is shown.
    #[must_use]
    pub fn new(trusted: Trusted, ask: Ask) -> Self {
        let files = trusted.files();
        Self { trusted, files, ask, answers: Mutex::default() }
    }

    fn asked(&self, prompt: &str) -> Result<SecretValue, String> {
        // Held while the question stands: two operations that want the same answer put one question.
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.entry(prompt.to_owned()).or_insert_with(|| (self.ask)(prompt).and_then(usable));
        match answer {
            Ok(value) => Ok(SecretValue::new(value.reveal().to_vec())),
            Err(why) => Err(why.clone()),
        }
    }
}

impl fmt::Debug for HostSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSecrets").field("trusted", &self.trusted).finish_non_exhaustive()
    }
}

impl Secrets for HostSecrets {
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        match secret {
            secret if !self.trusted.covers(secret) => Err("nobody has trusted the manifest with it".to_owned()),
            Secret::HostEnv(name) => variable(name),
            Secret::Ask(prompt) => self.asked(prompt),
            Secret::File(path) => file(path, &self.files),
        }
        .map_err(|why| SecretError { secret: secret.clone(), why })
    }
}

fn variable(name: &str) -> Result<SecretValue, String> {
    match std::env::var_os(name) {
        None => Err(format!("it is not set; set {name} in the environment in which you run this")),
        Some(value) if value.is_empty() => Err(format!("it is empty; set {name} to the secret's value")),
        Some(value) => Ok(SecretValue::new(value.into_vec())),
    }
}

/// An empty answer is a slip, and one with a zero byte could be given to no command.
fn usable(value: SecretValue) -> Result<SecretValue, String> {
    if value.reveal().is_empty() {
        return Err("nothing was entered".to_owned());
    }
    if value.reveal().contains(&0) {
        return Err("the answer has a zero byte, which no environment can hold".to_owned());
    }
    Ok(value)
}

fn file(path: &SourcePath, files: &HostFiles) -> Result<SecretValue, String> {
    let resolved = files.locate(path).map_err(|why| why.to_string())?;
    let metadata = fs::metadata(&resolved).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    })?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(LARGEST)).unwrap_or(0) + 1);
    let read = fs::File::open(&resolved).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    let value = SecretValue::new(bytes);
    read.map_err(|error| error.to_string())?;
    match value.reveal().len() as u64 {
        0 => Err("it is empty".to_owned()),
        1..=LARGEST => Ok(value),
        _ => Err(format!("it is larger than {} KiB, so it is no key", LARGEST >> 10)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use std::path::Path;

    use bottle_planner::name::BottleName;
    use bottle_planner::trust::{Asked, Key, Request, Typed, Variable};

    use super::*;

    /// Everything that is read below was agreed to.
    fn request() -> Request {
        let asked = Asked {
            typed: ["a token", "another", "t"].map(|it| Typed { prompt: it.into(), guest: "T".into() }).into(),
            variables: ["BOTTLE_TEST_NEVER_SET", "PATH"]
                .map(|it| Variable { name: it.into(), guest: "V".into() })
                .into(),
            keys: ["key", "empty", "large", "missing", "."].map(key).into(),
            ..Asked::default()
        };
        Request { bottles: [(BottleName::new("b").unwrap(), asked)].into(), ..Request::default() }
    }

    fn key(path: &str) -> Key {
        let (alias, hostname) = ("h".to_owned(), "h.example".to_owned());
        Key { path: SourcePath::new(path), outside: None, alias, hostname, port: 22, user: "git".to_owned() }
    }

    #[test]
    fn what_was_not_agreed_to_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other"), b"k\n").unwrap();
        let secrets = unasked(folder.path());
        for secret in [
            Secret::HostEnv("HOME".into()),
            Secret::Ask("more".into()),
            Secret::File(SourcePath::new("other")),
            Secret::File(SourcePath::new("./key")),
        ] {
            let why = secrets.read(&secret).unwrap_err().why;
            assert_eq!(why, "nobody has trusted the manifest with it", "{secret}");
        }
    }

    fn with_ask(root: &Path, ask: impl Fn(&str) -> Result<SecretValue, String> + Send + Sync + 'static) -> HostSecrets {
        HostSecrets::new(Trusted::with(request(), root.to_owned()), Box::new(ask))
    }

    fn unasked(root: &Path) -> HostSecrets {
        with_ask(root, |_| Err("not to be asked".to_owned()))
    }

    #[test]
    fn a_prompt_is_put_once_however_many_want_its_answer() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let secrets = with_ask(Path::new("/"), move |prompt| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(SecretValue::new(format!("to {prompt}").into_bytes()))
        });
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let value = secrets.read(&Secret::Ask("a token".into())).unwrap();
                    assert_eq!(value.reveal(), b"to a token");
                });
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        secrets.read(&Secret::Ask("another".into())).unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn no_answer_is_an_error_and_is_not_asked_for_again() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let secrets = with_ask(Path::new("/"), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(SecretValue::new(Vec::new()))
        });
        for _ in 0..2 {
            assert_eq!(secrets.read(&Secret::Ask("t".into())).unwrap_err().why, "nothing was entered");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = unasked(Path::new("/")).read(&Secret::HostEnv("BOTTLE_TEST_NEVER_SET".into())).unwrap_err();
        assert!(error.to_string().contains("set BOTTLE_TEST_NEVER_SET"), "{error}");
        let path = unasked(Path::new("/")).read(&Secret::HostEnv("PATH".into())).unwrap();
        assert_eq!(path.reveal(), std::env::var("PATH").unwrap().as_bytes());
    }

    #[test]
    fn files_are_read_below_the_root_and_refused_when_they_are_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), b"k\n").unwrap();
        fs::write(folder.path().join("empty"), b"").unwrap();
        fs::write(folder.path().join("large"), vec![b'x'; (LARGEST + 1) as usize]).unwrap();
        let secrets = unasked(folder.path());
        let read = |name: &str| secrets.read(&Secret::File(SourcePath::new(name)));
        assert_eq!(read("key").unwrap().reveal(), b"k\n");
        for (name, why) in [
            ("missing", "there is no such file"),
            ("empty", "it is empty"),
            (".", "it is not a file"),
            ("large", "it is larger than 1024 KiB, so it is no key"),
        ] {
            assert_eq!(read(name).unwrap_err().why, why, "{name}");
        }
    }
}
