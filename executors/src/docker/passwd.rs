//! The text of a container's `/etc/passwd`, from the tar stream of `docker cp CONTAINER:/etc/passwd -`.

use std::io::Read as _;

use tar::EntryType;

/// The largest one that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// # Errors
/// Says what is wrong with the file.
pub(super) fn unpack(stream: &[u8]) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the image's /etc/passwd could not be read: {error}");
    let mut archive = tar::Archive::new(stream);
    let entry = archive.entries().map_err(unreadable)?.next();
    let entry = entry.ok_or("the image's /etc/passwd could not be read: nothing came")?.map_err(unreadable)?;
    if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
        return Err(
            "the image's /etc/passwd is not a file, so no user of it is known; give `user` and `owner` as numbers"
                .to_owned(),
        );
    }
    let mut bytes = Vec::new();
    entry.take(LARGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_text() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_mode(0o644);
        builder.append_data(&mut header, "passwd", &b"root"[..]).unwrap();
        assert_eq!(unpack(&builder.into_inner().unwrap()).unwrap(), "root");
    }

    #[test]
    fn what_is_no_passwd_is_an_error() {
        assert!(unpack(b"").unwrap_err().contains("nothing came"));
        assert!(unpack(b"no tar at all").is_err());
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "passwd", "/nix/store/passwd").unwrap();
        let why = unpack(&builder.into_inner().unwrap()).unwrap_err();
        assert!(why.contains("is not a file"), "{why}");
    }
}
