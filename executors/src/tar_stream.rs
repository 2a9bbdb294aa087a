//! Files for a guest as a tar stream.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use tar::{Builder, EntryType, Header};

use crate::archive::{Body, GuestFile};

/// The modification time of everything, in seconds since 1970: the first day of 2000, the same for the same files.
/// Not 0, because zip archives, and so the builds that make them, refuse files older than 1980.
const MODIFIED: u64 = 946_684_800;

/// Writes the files, in their order, with their paths relative to the root.
///
/// Long names are written in GNU's way, which every engine reads.
///
/// # Errors
/// When a file cannot be read, changes while it is read, or `to` takes no more.
pub(crate) fn write(files: &[GuestFile], to: &mut dyn Write) -> io::Result<()> {
    let mut builder = Builder::new(to);
    for file in files {
        let path = file.path.trim_matches('/');
        // The root itself is the engine's.
        if path.is_empty() {
            continue;
        }
        append(&mut builder, path, file).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => error,
            kind => io::Error::new(kind, format!("{}: {error}", shown(file))),
        })?;
    }
    builder.into_inner()?.flush()
}

fn shown(file: &GuestFile) -> String {
    match &file.body {
        Body::HostFile(path) => path.display().to_string(),
        _ => file.path.clone(),
    }
}

fn append(builder: &mut Builder<&mut dyn Write>, path: &str, file: &GuestFile) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_uid(file.uid.into());
    header.set_gid(file.gid.into());
    header.set_mode(file.mode);
    header.set_mtime(MODIFIED);
    header.set_size(0);
    match &file.body {
        Body::Folder => {
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, format!("{path}/"), io::empty())
        }
        Body::Text(text) => {
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, path, text.as_bytes())
        }
        Body::HostFile(host) => {
            let (file, size) = open(host)?;
            header.set_size(size);
            builder.append_data(&mut header, path, Exactly { file, left: size })
        }
        Body::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            builder.append_link(&mut header, path, target)
        }
    }
}

/// Opens a file, and nothing whose opening could wait for somebody.
fn open(path: &Path) -> io::Result<(File, u64)> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// As many bytes of a file as its header promised. One that grows is read no further; one that shrinks is an error, as the
/// stream would be out of step from there.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&mut self.file).take(self.left).read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, body: Body) -> GuestFile {
        GuestFile { path: path.to_owned(), uid: 1000, gid: 1001, mode: 0o640, body }
    }

    #[test]
    fn what_is_packed_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("host");
        fs::write(&host, vec![7; 100_000]).unwrap();
        let long = format!("/home/{}/file", "long".repeat(60));
        let files = [
            file("/", Body::Folder),
            file("/home/node", Body::Folder),
            file("/home/node/text", Body::Text("words".to_owned())),
            file("/home/node/host", Body::HostFile(host)),
            file(&long, Body::Text("far".to_owned())),
            file("/home/node/link", Body::Link(format!("/{}", "target".repeat(40)))),
        ];
        let mut packed = Vec::new();
        write(&files, &mut packed).unwrap();

        let mut archive = tar::Archive::new(packed.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mode().unwrap()), (1000, 1001, 0o640));
            assert_eq!(header.mtime().unwrap(), MODIFIED);
            let link = entry.link_name().unwrap().map(|link| link.display().to_string());
            seen.push((entry.path().unwrap().display().to_string(), bytes.len(), link));
        }
        let expected = [
            ("home/node/".to_owned(), 0, None),
            ("home/node/text".to_owned(), 5, None),
            ("home/node/host".to_owned(), 100_000, None),
            (long[1..].to_owned(), 3, None),
            ("home/node/link".to_owned(), 0, Some(format!("/{}", "target".repeat(40)))),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_path_that_climbs_is_refused() {
        let error = write(&[file("/home/../etc/passwd", Body::Folder)], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("/home/../etc/passwd: "), "{error}");
    }

    #[test]
    fn a_file_that_shrinks_is_an_error_and_one_that_grows_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host");
        fs::write(&path, b"12345").unwrap();
        let read = |left| {
            let mut bytes = Vec::new();
            Exactly { file: File::open(&path).unwrap(), left }.read_to_end(&mut bytes).map(|_| bytes)
        };
        assert_eq!(read(5).unwrap(), b"12345");
        assert_eq!(read(3).unwrap(), b"123");
        assert_eq!(read(6).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_missing_file_is_named() {
        let missing = file("/a", Body::HostFile("/nowhere/at/all".into()));
        let error = write(&[missing], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/at/all: "), "{error}");
    }
}
