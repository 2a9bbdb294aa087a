//! Digests of what comes from the host's files: copies and build contexts.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};

use super::CompileError;
use crate::digest::{Digest, Hasher};
use crate::source::{Entry, FileError, Files, Kind, SourcePath};

fn unreadable(path: &SourcePath) -> impl FnOnce(FileError) -> CompileError {
    let path = path.clone();
    move |why| CompileError::Unreadable { path, why }
}

/// The digest of what was not looked at, where that is why there is none.
fn or_unread(digest: Result<Digest, CompileError>) -> Result<Digest, CompileError> {
    match digest {
        Err(CompileError::Unreadable { why: FileError::Unseen, .. }) => Ok(Digest::unread()),
        digest => digest,
    }
}

/// The digest of a file or folder: names, kinds, executable bits and bytes; no owners and no times.
pub(super) fn digest(files: &dyn Files, path: &SourcePath) -> Result<Digest, CompileError> {
    or_unread(content(files, path))
}

fn content(files: &dyn Files, path: &SourcePath) -> Result<Digest, CompileError> {
    let mut hasher = Hasher::default();
    match files.kind(path).map_err(unreadable(path))? {
        Kind::Folder => {
            for entry in files.list(path).map_err(unreadable(path))? {
                take_in(&mut hasher, files, path, &entry)?;
            }
        }
        kind => take_in_one(&mut hasher, files, path, "", &kind)?,
    }
    Ok(hasher.finish())
}

fn take_in(hasher: &mut Hasher, files: &dyn Files, below: &SourcePath, entry: &Entry) -> Result<(), CompileError> {
    take_in_one(hasher, files, &below.join(&entry.path), &entry.path, &entry.kind)
}

fn take_in_one(
    hasher: &mut Hasher,
    files: &dyn Files,
    path: &SourcePath,
    name: &str,
    kind: &Kind,
) -> Result<(), CompileError> {
    hasher.field(name);
    match kind {
        Kind::File { executable } => {
            hasher.field(if *executable { "x" } else { "f" });
            hasher.field(files.read(path).map_err(unreadable(path))?);
        }
        Kind::Folder => {
            hasher.field("d");
        }
        Kind::Link(target) => {
            hasher.field("l").field(target);
        }
        Kind::Unseen { state } => {
            hasher.field("u").field(state);
        }
        Kind::Other => {
            return Err(CompileError::Unreadable {
                path: path.clone(),
                why: FileError::Unreadable("it is a socket, a pipe or a device".to_owned()),
            });
        }
    }
    Ok(())
}

/// The digest of what an image is built from: the context without what `.dockerignore` leaves out, the Dockerfile, the arguments.
pub(super) fn build_digest(
    files: &dyn Files,
    context: &SourcePath,
    dockerfile: &str,
    args: &BTreeMap<String, String>,
) -> Result<Digest, CompileError> {
    or_unread(recipe_and_context(files, context, dockerfile, args))
}

fn recipe_and_context(
    files: &dyn Files,
    context: &SourcePath,
    dockerfile: &str,
    args: &BTreeMap<String, String>,
) -> Result<Digest, CompileError> {
    let mut hasher = Hasher::default();
    let recipe = context.join(dockerfile);
    hasher.field(dockerfile).field(files.read(&recipe).map_err(unreadable(&recipe))?);
    for (name, value) in args {
        hasher.field(name).field(value);
    }
    let ignore = Ignore::of(files, context, dockerfile)?;
    for entry in files.list(context).map_err(unreadable(context))? {
        if !ignore.leaves_out(&entry.path) && entry.kind != Kind::Other {
            take_in(&mut hasher, files, context, &entry)?;
        }
    }
    Ok(hasher.finish())
}

/// The files that may say what is left out of a context, the first that is there counting.
pub(crate) fn ignore_files(dockerfile: &str) -> [String; 2] {
    [format!("{dockerfile}.dockerignore"), ".dockerignore".to_owned()]
}

/// The rules of a `.dockerignore`: a path is left out when the last rule that matches it or a folder above it says so.
struct Ignore {
    rules: Vec<(bool, GlobMatcher)>,
}

impl Ignore {
    /// Reads `<dockerfile>.dockerignore`, which goes before `.dockerignore`.
    fn of(files: &dyn Files, context: &SourcePath, dockerfile: &str) -> Result<Self, CompileError> {
        for name in ignore_files(dockerfile) {
            let path = context.join(&name);
            match files.read(&path) {
                Ok(text) => return Ok(Self::parse(&String::from_utf8_lossy(&text))),
                Err(FileError::Missing) => {}
                Err(why) => return Err(CompileError::Unreadable { path, why }),
            }
        }
        Ok(Self { rules: Vec::new() })
    }

    fn parse(text: &str) -> Self {
        let rules = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .filter_map(|line| {
                let (leaves_out, pattern) = match line.strip_prefix('!') {
                    Some(pattern) => (false, pattern.trim()),
                    None => (true, line),
                };
                let pattern = pattern.trim_start_matches("./").trim_matches('/');
                // A pattern that is no glob leaves nothing out: hashing too much rebuilds too often, never too seldom.
                let glob = GlobBuilder::new(pattern).literal_separator(true).build().ok()?;
                Some((leaves_out, glob.compile_matcher()))
            })
            .collect();
        Self { rules }
    }

    fn leaves_out(&self, path: &str) -> bool {
        let mut out = false;
        for (leaves_out, glob) in &self.rules {
            let above = path.match_indices('/').map(|(end, _)| &path[..end]);
            if *leaves_out != out && above.chain([path]).any(|part| glob.is_match(part)) {
                out = *leaves_out;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    #[test]
    fn the_last_rule_that_matches_decides() {
        let ignore = Ignore::parse("# comment\nnode_modules\n*.log\n!keep.log\n**/secret\n/target/\n");
        for out in ["node_modules", "node_modules/a/b.js", "a.log", "a/b/secret", "target/debug"] {
            assert!(ignore.leaves_out(out), "{out}");
        }
        for kept in ["keep.log", "src/a.log", "src/node_modules", "secrets"] {
            assert!(!ignore.leaves_out(kept), "{kept}");
        }
    }
}
