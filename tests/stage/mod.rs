//! A project on this machine for one test: a folder with a manifest, a home, a place for state, and nothing of the real environment.

use std::fs;
use std::path::{Path, PathBuf};

/// What a test works in. It is gone with the value.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    kept: tempfile::TempDir,
}

impl Stage {
    /// A copy of a fixture's project.
    pub(crate) fn of(fixture: &str) -> Self {
        // No test cuts the power, so what is written durably may be in memory, where that costs nothing.
        let memory = Path::new("/dev/shm");
        let kept = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let stage = Self { folder: tempfile::tempdir().unwrap(), kept: kept.unwrap() };
        copy(&fixture_folder(fixture).join("project"), &stage.project());
        // The key that a fixture names.
        let ssh = stage.home().join(".ssh");
        fs::create_dir_all(&ssh).unwrap();
        fs::write(ssh.join("id_ed25519"), "no key of anybody's\n").unwrap();
        stage
    }

    /// The manifest's folder.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// `$HOME`.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// `$BOTTLE_STATE`.
    pub(crate) fn state(&self) -> PathBuf {
        self.kept.path().join("state")
    }

    /// The manifest's text.
    pub(crate) fn manifest(&self) -> String {
        fs::read_to_string(self.project().join("bottle.toml")).unwrap()
    }

    /// Writes the manifest anew, with one text in it replaced.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let manifest = self.manifest();
        assert_eq!(manifest.matches(from).count(), 1, "{from:?} in {manifest}");
        fs::write(self.project().join("bottle.toml"), manifest.replace(from, to)).unwrap();
    }
}

/// Where a fixture lies.
pub(crate) fn fixture_folder(fixture: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            // With its permissions: they are part of what is copied into a bottle.
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
