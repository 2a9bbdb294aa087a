//! The build context that lays files over a base image.

use super::{Archive, ArchiveEntry, Content, Owner};

/// Where the Dockerfile stands in the context.
const DOCKERFILE: &str = "/Dockerfile";
/// Where the files stand in it.
const ROOT: &str = "/root";

/// A Dockerfile and the files. The owner is set by `COPY`, since builders take the numbers of a context for nobody's.
pub(crate) fn context(base: &super::ImageName, files: &Archive) -> Archive {
    let mut dockerfile = format!("FROM {base}\n");
    let mut entries = vec![];
    for (number, entry) in files.entries.iter().enumerate() {
        let place = format!("{ROOT}/{number}");
        let owner = match &entry.owner {
            Owner::Id { uid, gid } => format!("{uid}:{gid}"),
            Owner::Name(name) => name.clone(),
        };
        let words = serde_json::json!([place, entry.path]);
        dockerfile.push_str(&format!("COPY --chown={owner} {words}\n"));
        entries.push(ArchiveEntry {
            path: place,
            content: entry.content.clone(),
            owner: Owner::ROOT,
            mode: entry.mode,
        });
    }
    let dockerfile = ArchiveEntry {
        path: DOCKERFILE.to_owned(),
        content: Content::Text(dockerfile),
        owner: Owner::ROOT,
        mode: None,
    };
    entries.insert(0, dockerfile);
    Archive { entries }
}
