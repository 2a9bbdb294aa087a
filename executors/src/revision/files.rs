//! The files of a manifest as a commit has them.

use std::sync::{Mutex, PoisonError};

use bottle_planner::source::{Entry, FileError, Files, Kind, SourcePath};

use super::objects::{Contents, Object, Tree};
use super::repository::{GitError, Revision};

/// How many links are followed before it is called a loop, as Linux does: `MAXSYMLINKS`.
const MOST_LINKS: usize = 40;

/// The files of a commit, paths taken relative to a folder of it.
///
/// What is outside of the repository, or in a submodule, cannot be looked into: it is [`Kind::Unseen`], without content.
#[derive(Debug)]
pub struct GitFiles {
    tree: Tree,
    contents: Mutex<Contents>,
    /// The manifest's folder: no slash at either end.
    folder: String,
}

/// Where a path leads.
enum Found<'t> {
    At(String, &'t Object),
    Top,
    /// The folder of git itself, which no commit has.
    Git,
    Outside,
}

impl GitFiles {
    /// The files of a manifest that lies in `folder` of a commit.
    ///
    /// # Errors
    /// When git cannot list the commit.
    pub fn new(revision: &Revision, folder: &str) -> Result<Self, GitError> {
        let folder = folder.trim_matches('/').to_owned();
        Ok(Self { tree: Tree::of(revision)?, contents: Mutex::new(Contents::of(revision)?), folder })
    }

    fn find(&self, path: &SourcePath) -> Result<Found<'_>, FileError> {
        let path = path.as_str();
        if path.starts_with('/') || path == "~" || path.starts_with("~/") {
            return Ok(Found::Outside);
        }
        let parts = |path: &str| path.split('/').rev().map(str::to_owned).collect::<Vec<_>>();
        // The next part is the last one.
        let mut open = parts(path);
        open.extend(parts(&self.folder));
        let mut at: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = open.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." if at.pop().is_none() => return Ok(Found::Outside),
                ".." => continue,
                _ => at.push(part),
            }
            let here = at.join("/");
            match self.tree.paths.get(&here) {
                None if here == ".git" => return Ok(Found::Git),
                None => return Err(FileError::Missing),
                Some(Object::Folder) => {}
                Some(Object::Link { name }) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(FileError::Unreadable("too many links lead to one another".to_owned()));
                    }
                    let target = self.target(&here, name)?;
                    if target.starts_with('/') {
                        return Ok(Found::Outside);
                    }
                    at.pop();
                    open.extend(parts(&target));
                }
                Some(found @ Object::Submodule { .. }) => return Ok(Found::At(here, found)),
                Some(found @ Object::File { .. }) => {
                    if open.iter().any(|part| !part.is_empty() && part != ".") {
                        return Err(FileError::Unreadable("a file stands in its way".to_owned()));
                    }
                    return Ok(Found::At(here, found));
                }
            }
        }
        if at.is_empty() {
            return Ok(Found::Top);
        }
        let here = at.join("/");
        self.tree.paths.get(&here).map(|object| Found::At(here, object)).ok_or(FileError::Missing)
    }

    fn content(&self, name: &str) -> Result<Vec<u8>, FileError> {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.read(name).map_err(|error| FileError::Unreadable(error.to_string()))
    }

    fn target(&self, shown: &str, name: &str) -> Result<String, FileError> {
        String::from_utf8(self.content(name)?)
            .map_err(|_| FileError::Unreadable(format!("the link {shown} leads to a name that is not UTF-8")))
    }

    fn kind_of(&self, shown: &str, object: &Object) -> Result<Kind, FileError> {
        Ok(match object {
            Object::Folder => Kind::Folder,
            Object::File { executable, .. } => Kind::File { executable: *executable },
            Object::Link { name } => Kind::Link(self.target(shown, name)?),
            Object::Submodule { commit } => Kind::Unseen { state: commit.clone() },
        })
    }
}

impl Files for GitFiles {
    /// Nobody's trust is asked for to compare: what is outside of the repository is not looked into.
    fn link_out(&self, _: &SourcePath) -> Option<String> {
        None
    }

    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError> {
        match self.find(path)? {
            Found::Top | Found::Git => Ok(Kind::Folder),
            Found::Outside => Ok(Kind::Unseen { state: String::new() }),
            Found::At(path, object) => self.kind_of(&path, object),
        }
    }

    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError> {
        match self.find(path)? {
            Found::At(_, Object::File { name, .. }) => self.content(name),
            Found::Outside | Found::At(_, Object::Submodule { .. }) => Ok(Vec::new()),
            Found::Top | Found::Git | Found::At(..) => Err(FileError::Unreadable("it is not a file".to_owned())),
        }
    }

    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError> {
        let prefix = match self.find(path)? {
            Found::Top => String::new(),
            Found::At(path, Object::Folder) => format!("{path}/"),
            Found::Outside | Found::Git | Found::At(_, Object::Submodule { .. }) => return Ok(Vec::new()),
            Found::At(..) => return Err(FileError::Unreadable("it is not a folder".to_owned())),
        };
        if let Some(odd) = self.tree.odd.iter().find(|odd| odd.starts_with(prefix.as_bytes())) {
            let name = String::from_utf8_lossy(&odd[prefix.len()..]).into_owned();
            return Err(FileError::Unreadable(format!("the name of {name} is not UTF-8")));
        }
        let below = self.tree.paths.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        below
            .map(|(path, object)| {
                let path = path[prefix.len()..].to_owned();
                let kind = self.kind_of(&path, object)?;
                Ok(Entry { path, kind })
            })
            .collect()
    }
}
