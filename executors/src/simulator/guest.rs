//! What is in a guest: the files that are put there, and as much of its image as matters.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bottle_planner::intent::Archive;
use sha2::{Digest as _, Sha256};

use super::state::{Stored, What, hex};
use super::step::Refusal;
use crate::archive::{self, ArchiveError, Body, GuestFile};
use crate::host_files::HostFiles;

/// Files on their way into a guest, in order.
pub(super) type Files = Vec<(String, Stored)>;

/// The folders of a simulated image. Below `/home`, everyone has one.
const FOLDERS: [&str; 18] = [
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/usr/local/bin",
    "/var",
    "/var/lib",
];
/// A folder that nobody listed and the way to a file leads through.
const MISSING_PARENT: Stored = Stored { uid: 0, gid: 0, mode: 0o755, what: What::Folder };

/// The numbers of a user of a simulated image, as its `/etc/passwd` has them: every name is found.
pub(super) fn user(name: &str) -> (u32, u32) {
    match name {
        "root" => (0, 0),
        "node" => (1000, 1000),
        name => {
            let hash = Sha256::digest(name);
            let number = 1001 + u32::from(u16::from_be_bytes([hash[0], hash[1]]));
            (number, number)
        }
    }
}

/// Whether a simulated image has a folder.
fn in_image(path: &str) -> bool {
    FOLDERS.contains(&path) || path.strip_prefix("/home/").is_some_and(|name| !name.contains('/'))
}

/// Reads the files of an archive from the host.
pub(super) fn read(
    archive: &Archive,
    host: &HostFiles,
    owner: &dyn Fn(&str) -> Option<(u32, u32)>,
) -> Result<Files, Refusal> {
    let files = archive::expand(archive, host, owner).map_err(Refusal::before)?;
    files.into_iter().map(stored).collect::<Result<_, _>>().map_err(Refusal::before)
}

fn stored(file: GuestFile) -> Result<(String, Stored), ArchiveError> {
    let GuestFile { path, uid, gid, mode, body } = file;
    let what = match body {
        Body::Folder => What::Folder,
        Body::Text(text) => What::File(hex(&Sha256::digest(text))),
        Body::HostFile(from) => {
            let mut file = archive::open(&from)?;
            let digest = sha256(&mut file);
            What::File(
                digest.map_err(|error| ArchiveError { path: from.display().to_string(), why: error.to_string() })?,
            )
        }
        Body::Link(target) => What::Link(target),
    };
    let path = if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path };
    Ok((path, Stored { uid, gid, mode, what }))
}

fn sha256(from: &mut dyn Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(read) => hasher.update(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What a guest has anew once a tar stream of files was unpacked at its root, on top of what stands there.
///
/// As the engine does it: folders that no entry makes become root's, and a folder is never replaced by anything else, nor the
/// other way round.
pub(super) fn lay<'a>(
    files: Files,
    stands: &dyn Fn(&str) -> Option<&'a Stored>,
) -> Result<BTreeMap<String, Stored>, Refusal> {
    let mut laid: BTreeMap<String, Stored> = BTreeMap::new();
    for (path, stored) in files {
        for (end, _) in path.match_indices('/').skip(1) {
            let above = &path[..end];
            match laid.get(above).or_else(|| stands(above)).map(|stored| &stored.what) {
                Some(What::File(_)) => return Err(Refusal::daemon(format!("mkdir {above}: not a directory"))),
                Some(_) => {}
                None if in_image(above) => {}
                None => {
                    laid.insert(above.to_owned(), MISSING_PARENT);
                }
            }
        }
        let before = laid.get(&path).or_else(|| stands(&path)).map(|stored| &stored.what);
        let before_is_folder = before.map_or(in_image(&path), |what| *what == What::Folder);
        let is_folder = stored.what == What::Folder;
        if before_is_folder && !is_folder {
            return Err(Refusal::daemon(format!("cannot overwrite directory \"{path}\" with non-directory \"/\"")));
        }
        if before.is_some() && !before_is_folder && is_folder {
            return Err(Refusal::daemon(format!("cannot overwrite non-directory \"{path}\" with directory \"/\"")));
        }
        laid.insert(path, stored);
    }
    Ok(laid)
}
