//! Archives: files for a guest, with the folders that lead to them.

use super::{Archive, ArchiveEntry, Content, Owner};

/// The owner that a manifest's `user` or `owner` means.
///
/// A number without a group gets group 0, as `chown` would leave it on files that arrive as root's.
pub(super) fn owner(user: Option<&str>) -> Owner {
    let Some(user) = user else { return Owner::ROOT };
    let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
    match (uid.parse(), gid.parse()) {
        (Ok(uid), Ok(gid)) => Owner::Id { uid, gid },
        _ if uid == "root" => Owner::ROOT,
        _ => Owner::Name(uid.to_owned()),
    }
}

/// One file or folder at a path, preceded by the folders between the home and it, all made the owner's: the agent's user.
///
/// Engines make missing folders root's, and an agent that cannot write into `~/.claude` does not start. Folders at or above the
/// home, or outside it, are the image's and are left as they are.
pub(super) fn at(home: &str, path: &str, content: Content, owner: &Owner, mode: Option<u32>) -> Archive {
    let mut entries = Vec::new();
    if let Some(below) = path.strip_prefix(home).and_then(|rest| rest.strip_prefix('/')) {
        for (end, _) in below.match_indices('/') {
            entries.push(ArchiveEntry {
                path: format!("{home}/{}", &below[..end]),
                content: Content::Folder,
                owner: owner.clone(),
                mode: below[..end].split('/').next().filter(|first| *first == ".ssh").map(|_| 0o700),
            });
        }
    }
    entries.push(ArchiveEntry { path: path.to_owned(), content, owner: owner.clone(), mode });
    Archive { entries }
}

impl Archive {
    /// The users whose numbers must be known before the archive can be written, sorted, each once.
    #[must_use]
    pub fn owner_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .entries
            .iter()
            .filter_map(|entry| match &entry.owner {
                Owner::Name(name) => Some(name.clone()),
                Owner::Id { .. } => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
