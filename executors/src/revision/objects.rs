//! The tree of a commit, and the content of its files.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::repository::{GitError, Revision};

/// What stands at a path of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Folder,
    File { executable: bool, name: String },
    Link { name: String },
    Submodule { commit: String },
}

/// All paths of a commit.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) paths: BTreeMap<String, Object>,
    /// Those that are not UTF-8.
    pub(super) odd: Vec<Vec<u8>>,
}

impl Tree {
    pub(super) fn of(revision: &Revision) -> Result<Self, GitError> {
        let words = ["ls-tree", "-r", "-t", "-z", "--full-tree", &revision.commit];
        let said = revision.repository.ask(&words)?;
        let mut tree = Self::default();
        for record in said.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            let unread = || GitError::Failed("`git ls-tree` answered in a form that is not known".to_owned());
            let tab = record.iter().position(|byte| *byte == b'\t').ok_or_else(unread)?;
            let head = std::str::from_utf8(&record[..tab]).map_err(|_| unread())?;
            let mut words = head.split(' ');
            let (Some(mode), Some(_), Some(name)) = (words.next(), words.next(), words.next()) else {
                return Err(unread());
            };
            let name = name.to_owned();
            let object = match mode {
                "040000" => Object::Folder,
                "120000" => Object::Link { name },
                "160000" => Object::Submodule { commit: name },
                mode => Object::File { executable: mode == "100755", name },
            };
            match std::str::from_utf8(&record[tab + 1..]) {
                Ok(path) => drop(tree.paths.insert(path.to_owned(), object)),
                Err(_) => tree.odd.push(record[tab + 1..].to_vec()),
            }
        }
        Ok(tree)
    }
}

/// A `git cat-file` that answers as long as it is asked.
#[derive(Debug)]
pub(super) struct Contents {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Contents {
    pub(super) fn of(revision: &Revision) -> Result<Self, GitError> {
        let mut command = revision.repository.command(&["cat-file", "--batch"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(GitError::Command)?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        match from {
            Some(from) => Ok(Self { child, to, from: BufReader::new(from) }),
            None => Err(GitError::Failed("`git cat-file` has no output".to_owned())),
        }
    }

    /// The content of an object by its name in hex, as `git ls-tree` gave it.
    pub(super) fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let Some(to) = &mut self.to else { return Err(io::ErrorKind::BrokenPipe.into()) };
        to.write_all(format!("{name}\n").as_bytes())?;
        to.flush()?;
        let mut head = String::new();
        self.from.read_line(&mut head)?;
        let size = head.trim_end().strip_prefix(name).and_then(|rest| rest.strip_prefix(" blob "));
        let Some(size) = size.and_then(|size| size.parse::<u64>().ok()) else {
            return Err(io::Error::other("this clone does not have its content"));
        };
        let mut content = Vec::new();
        (&mut self.from).take(size).read_to_end(&mut content)?;
        let mut end = [0];
        self.from.read_exact(&mut end)?;
        if content.len() as u64 == size { Ok(content) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        // Without anything to read, it ends.
        drop(self.to.take());
        let _ = self.child.wait();
    }
}
