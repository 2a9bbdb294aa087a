//! The `git` command: which repository a folder is in, and what a revision names.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bottle_planner::render::harmless;

/// Why something could not be had from git.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GitError {
    /// `git` cannot be run.
    #[error("cannot run `git`: {0}")]
    #[diagnostic(code(bottle::git::missing), help("a revision is read with the `git` command; install it"))]
    Command(#[source] io::Error),
    /// No repository, or one that git refuses.
    #[error("{} is in no repository that git reads: {said}", folder.display())]
    #[diagnostic(
        code(bottle::git::no_repository),
        help(
            "run this in a clone; where another user owns it, git asks for `git config --global --add safe.directory`"
        )
    )]
    Repository {
        /// The folder.
        folder: PathBuf,
        /// What git said.
        said: String,
    },
    /// A text that is no revision.
    #[error("`{}` is no revision: {why}", harmless(revision))]
    #[diagnostic(
        code(bottle::git::spelling),
        help("name a branch, a tag or a commit: `main`, `origin/main`, `HEAD~1`; with a file, `main:bottle.toml`")
    )]
    Spelling {
        /// The text.
        revision: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A revision that is not in the clone.
    #[error("this clone has no revision `{}`{}", harmless(revision), if *shallow { "; it is a shallow clone" } else { "" })]
    #[diagnostic(code(bottle::git::revision), help("{}", if *shallow {
        "fetch it: `git fetch --depth=1 origin BRANCH` and then name `FETCH_HEAD`, or clone with the whole history (`fetch-depth: 0`)"
    } else {
        "`git fetch` it, or see `git branch --all` and `git tag` for what there is"
    }))]
    Revision {
        /// The revision.
        revision: String,
        /// Whether the clone is shallow.
        shallow: bool,
    },
    /// Anything else that git said.
    #[error("git failed: {0}")]
    #[diagnostic(code(bottle::git::failed), help("the same question to `git` by hand may say more"))]
    Failed(String),
}

/// A repository that a folder is in.
#[derive(Clone, Debug)]
pub struct Repository {
    folder: PathBuf,
}

/// A commit of a repository.
#[derive(Clone, Debug)]
pub struct Revision {
    pub(super) repository: Repository,
    /// As it was named.
    pub(super) named: String,
    /// The commit's name in hex.
    pub(super) commit: String,
}

impl Repository {
    /// The repository of a folder: of a working tree, or a bare one.
    ///
    /// # Errors
    /// When there is no `git`, or it reads no repository there.
    pub fn of(folder: &Path) -> Result<Self, GitError> {
        let repository = Self { folder: folder.to_owned() };
        match repository.ask(&["rev-parse", "--git-dir"]) {
            Ok(_) => Ok(repository),
            Err(GitError::Failed(said)) => Err(GitError::Repository { folder: folder.to_owned(), said }),
            Err(error) => Err(error),
        }
    }

    /// The root of the working tree; `None` in a bare repository.
    ///
    /// # Errors
    /// When git fails.
    pub fn top(&self) -> Result<Option<PathBuf>, GitError> {
        if self.ask(&["rev-parse", "--is-inside-work-tree"])?.trim_ascii() != b"true" {
            return Ok(None);
        }
        let top = line(self.ask(&["rev-parse", "--show-toplevel"])?);
        Ok(Some(PathBuf::from(OsString::from_vec(top))))
    }

    /// The folder that this was opened for, relative to the root: empty, or with a slash at its end.
    ///
    /// # Errors
    /// When git fails, or the path is not UTF-8.
    pub fn prefix(&self) -> Result<String, GitError> {
        String::from_utf8(line(self.ask(&["rev-parse", "--show-prefix"])?))
            .map_err(|_| GitError::Failed("the path of the folder in its repository is not UTF-8".to_owned()))
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    /// When the text is no revision, or the clone does not have it.
    pub fn revision(&self, named: &str) -> Result<Revision, GitError> {
        if let Some(why) = misspelt(named) {
            return Err(GitError::Spelling { revision: named.to_owned(), why });
        }
        // It is read from standard input, so nothing in it can be an option.
        let question = format!("{named}^{{commit}}\n");
        let said = self.ask_with(&["cat-file", "--batch-check=%(objectname) %(objecttype)"], question.as_bytes())?;
        let said = String::from_utf8_lossy(&said);
        match said.trim().split_once(' ') {
            Some((commit, "commit")) if commit.bytes().all(|c| c.is_ascii_hexdigit()) => {
                Ok(Revision { repository: self.clone(), named: named.to_owned(), commit: commit.to_owned() })
            }
            _ => {
                let shallow = self.ask(&["rev-parse", "--is-shallow-repository"])?.trim_ascii() == b"true";
                Err(GitError::Revision { revision: named.to_owned(), shallow })
            }
        }
    }

    /// A command that reads: it runs nothing that the repository names, takes no lock, asks nobody and fetches nothing.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .arg("--no-pager")
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            // A folder that looks like a bare repository brings its own configuration along.
            .args(["-c", "safe.bareRepository=explicit", "-c", "core.sshCommand=false"])
            .arg("-C")
            .arg(&self.folder)
            .args(words)
            // Of gits that do not know the first, the second keeps every transport: no configuration allows one again.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What git says on standard output.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Vec<u8>, GitError> {
        let output = self.command(words).output().map_err(GitError::Command)?;
        said(output)
    }

    /// The same, of what it is given to read: a line, less than a pipe holds.
    fn ask_with(&self, words: &[&str], stdin: &[u8]) -> Result<Vec<u8>, GitError> {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().map_err(GitError::Command)?;
        if let Some(mut to) = child.stdin.take() {
            // A git that reads nothing says why.
            let _ = to.write_all(stdin);
        }
        said(child.wait_with_output().map_err(GitError::Command)?)
    }
}

impl Revision {
    /// As it was named.
    #[must_use]
    pub fn named(&self) -> &str {
        &self.named
    }
}

fn said(output: std::process::Output) -> Result<Vec<u8>, GitError> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().lines().next().unwrap_or("it said nothing").to_owned();
    Err(GitError::Failed(harmless(&said)))
}

fn line(mut said: Vec<u8>) -> Vec<u8> {
    if said.last() == Some(&b'\n') {
        said.pop();
    }
    said
}

/// Why a text is no revision that is looked up.
fn misspelt(named: &str) -> Option<&'static str> {
    if named.is_empty() {
        return Some("it is empty");
    }
    if named.starts_with('-') {
        return Some("it begins as an option does");
    }
    if named.len() > 1024 {
        return Some("it is longer than any");
    }
    if named.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some("there is white space or a control character in it");
    }
    if named.contains("..") {
        return Some("it is a range, and one commit is compared");
    }
    named.contains(':').then_some("there is a colon in it")
}
