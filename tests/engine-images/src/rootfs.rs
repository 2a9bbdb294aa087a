//! A root file system as a tar stream that is the same for the same content.

use std::path::Path;

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// Who owns an entry, by number.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) uid: u64,
    pub(crate) gid: u64,
}

/// Root.
pub(crate) const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// A root file system being made. Paths are absolute, a folder before what is in it.
pub(crate) struct Rootfs(Builder<Vec<u8>>);

impl Rootfs {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn folder(&mut self, path: &str, mode: u32, owner: Owner) -> Result<(), String> {
        self.append(path, &mut header(EntryType::Directory, mode, owner), &[])
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, owner: Owner, content: &[u8]) -> Result<(), String> {
        self.append(path, &mut header(EntryType::Regular, mode, owner), content)
    }

    /// A file of the host, by the same name or another one.
    pub(crate) fn host_file(&mut self, path: &str, mode: u32, owner: Owner, source: &Path) -> Result<(), String> {
        let content = std::fs::read(source).map_err(|why| format!("cannot read {}: {why}", source.display()))?;
        self.file(path, mode, owner, &content)
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) -> Result<(), String> {
        let mut header = header(EntryType::Symlink, 0o777, ROOT);
        self.0.append_link(&mut header, relative(path), target).map_err(|why| format!("cannot add {path}: {why}"))
    }

    fn append(&mut self, path: &str, header: &mut Header, content: &[u8]) -> Result<(), String> {
        header.set_size(content.len() as u64);
        self.0.append_data(header, relative(path), content).map_err(|why| format!("cannot add {path}: {why}"))
    }

    /// The stream, and a digest of it and of the instructions that go with it.
    pub(crate) fn finish(self, changes: &[&str]) -> Result<(Vec<u8>, String), String> {
        let tar = self.0.into_inner().map_err(|why| format!("cannot end a tar stream: {why}"))?;
        let mut hasher = Sha256::new();
        for change in changes {
            hasher.update(change);
            hasher.update([0]);
        }
        hasher.update(&tar);
        let digest = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((tar, digest))
    }
}

fn header(kind: EntryType, mode: u32, owner: Owner) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner.uid);
    header.set_gid(owner.gid);
    header.set_mtime(0);
    header.set_size(0);
    header
}

fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(content: &[u8], changes: &[&str]) -> String {
        let mut rootfs = Rootfs::new();
        rootfs.folder("/etc", 0o755, ROOT).unwrap();
        rootfs.file("/etc/x", 0o644, ROOT, content).unwrap();
        rootfs.link("/y", "etc/x").unwrap();
        rootfs.finish(changes).unwrap().1
    }

    #[test]
    fn the_digest_follows_content_and_instructions_only() {
        assert_eq!(digest(b"a", &["USER x"]), digest(b"a", &["USER x"]));
        assert_ne!(digest(b"a", &["USER x"]), digest(b"b", &["USER x"]));
        assert_ne!(digest(b"a", &["USER x"]), digest(b"a", &["USER y"]));
    }
}
