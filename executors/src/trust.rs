//! What owners have agreed to, kept in the state folder: one record for each manifest, written whole or not at all.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bottle_planner::digest::Digest;
use bottle_planner::intent::Secret;
use bottle_planner::trust::Request;
use serde::{Deserialize, Serialize};

use crate::host_files::HostFiles;
use crate::state_dir::StateError;

/// Below the base of the state. No backend is called so.
const FOLDER: &str = "trust";
const FORMAT: &str = "bottle.trust";
const VERSION: u32 = 1;

/// That an owner agreed to all that a manifest asks for, or that it asks for nothing. Only this module makes one, and nothing of the
/// host's secrets is read without.
#[derive(Clone, Debug)]
pub struct Trusted {
    request: Request,
    root: PathBuf,
}

impl Trusted {
    /// For what reads nothing of the host, such as the end of a project. `root` is the manifest's folder.
    #[must_use]
    pub fn with_nothing(root: PathBuf) -> Self {
        Self { request: Request::default(), root }
    }

    #[cfg(test)]
    pub(crate) fn with(request: Request, root: PathBuf) -> Self {
        Self { request, root }
    }

    /// The files that may be looked at.
    #[must_use]
    pub fn files(&self) -> HostFiles {
        HostFiles::granted(self.root.clone(), &self.request)
    }

    /// Whether a secret is among what was agreed to.
    pub(crate) fn covers(&self, secret: &Secret) -> bool {
        self.request.bottles.values().any(|asked| match secret {
            Secret::HostEnv(name) => asked.variables.iter().any(|variable| variable.name == *name),
            Secret::Ask(prompt) => asked.typed.iter().any(|typed| typed.prompt == *prompt),
            Secret::File(path) => asked.keys.iter().any(|key| key.path == *path),
        })
    }
}

/// How a manifest stands with its owner.
#[derive(Clone, Debug)]
pub enum Standing {
    /// It may read what it asks for.
    Trusted(Trusted),
    /// It may not.
    Untrusted {
        /// What was agreed to before it was changed; `None` when nothing ever was, or the record cannot be read.
        before: Option<Request>,
        /// What is wrong with the record.
        damage: Option<Damage>,
    },
}

/// A record that cannot be read counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record of trust {} counts for nothing: {why}", path.display())]
pub struct Damage {
    path: PathBuf,
    why: String,
}

/// The records.
#[derive(Clone, Debug)]
pub struct Ledger {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Record {
    format: String,
    version: u32,
    /// For people. The record's own name says whose it is.
    manifest: String,
    digest: Digest,
    request: Request,
}

/// Which manifest: its folder, canonical, and the name of its file there.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'m> {
    /// The folder.
    pub root: &'m Path,
    /// The name of the file.
    pub file: &'m Path,
}

impl Ledger {
    /// The records below the base of the state.
    #[must_use]
    pub fn below(base: &Path) -> Self {
        Self { folder: base.join(FOLDER) }
    }

    /// How a manifest stands that asks for this.
    #[must_use]
    pub fn standing(&self, manifest: Manifest<'_>, request: &Request) -> Standing {
        let trusted = || Standing::Trusted(Trusted { request: request.clone(), root: manifest.root.to_owned() });
        if request.is_empty() {
            return trusted();
        }
        match self.read(manifest) {
            Ok(Some(before)) if before == *request => trusted(),
            Ok(before) => Standing::Untrusted { before, damage: None },
            Err(damage) => Standing::Untrusted { before: None, damage: Some(damage) },
        }
    }

    /// Writes down that the owner agrees to all that a manifest asks for.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn record(&self, manifest: Manifest<'_>, request: &Request) -> Result<Trusted, StateError> {
        let path = self.path(manifest);
        let record = Record {
            format: FORMAT.to_owned(),
            version: VERSION,
            manifest: manifest.root.join(manifest.file).to_string_lossy().into_owned(),
            digest: request.digest(),
            request: request.clone(),
        };
        let written = || -> io::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
            // Made for nobody else to read, as temporary files are.
            let mut fresh = tempfile::NamedTempFile::new_in(&self.folder)?;
            serde_json::to_writer_pretty(&mut fresh, &record)?;
            fresh.write_all(b"\n")?;
            fresh.as_file().sync_all()?;
            fresh.persist(&path)?;
            fs::File::open(&self.folder)?.sync_all()
        };
        written().map_err(|error| StateError::file(&path, "written", &error))?;
        Ok(Trusted { request: request.clone(), root: manifest.root.to_owned() })
    }

    /// Takes it back. Whether there was anything to take back.
    ///
    /// # Errors
    /// When the record is there and cannot be removed.
    pub fn revoke(&self, manifest: Manifest<'_>) -> Result<bool, StateError> {
        let path = self.path(manifest);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StateError::file(&path, "removed", &error)),
        }
    }

    fn path(&self, manifest: Manifest<'_>) -> PathBuf {
        let key = Digest::of(manifest.root.join(manifest.file).as_os_str().as_bytes());
        self.folder.join(format!("{}.json", key.whole()))
    }

    fn read(&self, manifest: Manifest<'_>) -> Result<Option<Request>, Damage> {
        let path = self.path(manifest);
        let damage = |why: String| Damage { path: path.clone(), why };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(damage(error.to_string())),
        };
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| damage(error.to_string()))?;
        if record.format != FORMAT || record.version != VERSION {
            return Err(damage(format!("it is {} {}, not {FORMAT} {VERSION}", record.format, record.version)));
        }
        if record.digest != record.request.digest() {
            return Err(damage("its digest is not that of its request".to_owned()));
        }
        Ok(Some(record.request))
    }
}

/// What a manifest may look at while its owner has not agreed to all of it: its own folder, and what was agreed to before, as far as it
/// leads where it led.
#[must_use]
pub fn files_of_untrusted(root: PathBuf, before: Option<&Request>) -> HostFiles {
    match before {
        Some(before) => HostFiles::granted(root, before),
        None => HostFiles::new(root),
    }
}

#[cfg(test)]
mod tests {
    use bottle_planner::name::BottleName;
    use bottle_planner::trust::{Asked, Variable};

    use super::*;

    fn request(variables: &[&str]) -> Request {
        let variable = |name: &&str| Variable { name: (*name).to_owned(), guest: "V".to_owned() };
        let asked = Asked { variables: variables.iter().map(variable).collect(), ..Asked::default() };
        Request { bottles: [(BottleName::new("one").unwrap(), asked)].into(), ..Request::default() }
    }

    fn at<'m>(root: &'m str, file: &'m str) -> Manifest<'m> {
        Manifest { root: Path::new(root), file: Path::new(file) }
    }

    fn is_trusted(ledger: &Ledger, manifest: Manifest<'_>, request: &Request) -> bool {
        matches!(ledger.standing(manifest, request), Standing::Trusted(_))
    }

    #[test]
    fn a_record_is_for_one_manifest_and_one_request() {
        let base = tempfile::tempdir().unwrap();
        let ledger = Ledger::below(base.path());
        let (manifest, asked) = (at("/a", "bottle.toml"), request(&["TOKEN"]));
        assert!(is_trusted(&ledger, manifest, &Request::default()), "nothing needs no trust");
        assert!(!is_trusted(&ledger, manifest, &asked));
        ledger.record(manifest, &asked).unwrap();
        assert!(is_trusted(&ledger, manifest, &asked));
        assert!(!is_trusted(&ledger, at("/b", "bottle.toml"), &asked));
        assert!(!is_trusted(&ledger, at("/a", "other.toml"), &asked));
        let more = request(&["TOKEN", "AWS"]);
        let Standing::Untrusted { before, damage: None } = ledger.standing(manifest, &more) else { panic!("trusted") };
        assert_eq!(before, Some(asked.clone()));
        assert!(!is_trusted(&ledger, manifest, &request(&[])), "less is another request, too");

        let path = ledger.path(manifest);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&ledger.folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&ledger.folder).unwrap().count(), 1, "nothing but the record is left");
        assert_eq!((ledger.revoke(manifest), ledger.revoke(manifest)), (Ok(true), Ok(false)));
        assert!(!is_trusted(&ledger, manifest, &asked));
    }

    #[test]
    fn a_damaged_record_counts_for_nothing() {
        let base = tempfile::tempdir().unwrap();
        let ledger = Ledger::below(base.path());
        let (manifest, asked) = (at("/a", "bottle.toml"), request(&["TOKEN"]));
        ledger.record(manifest, &asked).unwrap();
        let good = fs::read_to_string(ledger.path(manifest)).unwrap();
        let torn = &good[..good.len() / 2];
        let edited = good.replace("TOKEN", "AWS");
        for (bad, now) in
            [(torn, &asked), ("", &asked), (&edited, &request(&["AWS"])), (&good.replace("1", "2"), &asked)]
        {
            fs::write(ledger.path(manifest), bad).unwrap();
            match ledger.standing(manifest, now) {
                Standing::Untrusted { before: None, damage: Some(_) } => {}
                other => panic!("{other:?} for {bad}"),
            }
        }
        ledger.record(manifest, &asked).unwrap();
        assert!(is_trusted(&ledger, manifest, &asked));
    }
}
