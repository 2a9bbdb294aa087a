//! Paths of the host: how they are written, and what must stand there.

use super::error::{Code, ManifestError, shown};
use super::keys::Key;
use super::read::{Reader, Span, Value};
use crate::source::{FileError, Kind, SourcePath};

/// The longest path of Linux, in bytes, with the NUL at its end: `PATH_MAX`.
pub(super) const LONGEST: usize = 4096;

/// What a key needs at its path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    File,
    Folder,
    Either,
}

impl Reader<'_> {
    /// A path of the host where something of the wanted kind stands, and what it is.
    pub(super) fn source(&mut self, key: &Key, value: &Value<'_>, want: Want) -> Option<(SourcePath, Kind)> {
        let text = self.string(key, value)?;
        self.source_at(text, value.span(), want)
    }

    /// The path of a secret. It is read when it is used, so a plan can be made where it is not: on a colleague's machine, or a forge's.
    pub(super) fn secret_file(&mut self, text: &str, span: Span) -> Option<SourcePath> {
        let path = self.spelt(text, span.clone())?;
        if self.look(&path) != Err(FileError::Missing) {
            self.stands(&path, span, Want::File)?;
        }
        Some(path)
    }

    /// The same as [`Reader::source`] for a path already taken out of its value.
    pub(super) fn source_at(&mut self, text: &str, span: Span, want: Want) -> Option<(SourcePath, Kind)> {
        let path = self.spelt(text, span.clone())?;
        let kind = self.stands(&path, span, want)?;
        Some((path, kind))
    }

    /// A folder to be mounted: a home as well, which is judged with the rest of the bottle.
    pub(super) fn mounted(&mut self, key: &Key, value: &Value<'_>) -> Option<(SourcePath, Kind)> {
        let text = self.string(key, value)?;
        if text.trim_end_matches('/') != "~" {
            return self.source_at(text, value.span(), Want::Folder);
        }
        let path = SourcePath::new(text);
        let kind = self.stands(&path, value.span(), Want::Folder)?;
        Some((path, kind))
    }

    fn spelt(&mut self, text: &str, span: Span) -> Option<SourcePath> {
        if let Some((problem, instead)) = misspelt(text) {
            self.report(
                ManifestError::at(Code::Path, span, format!("`{}` {problem}", shown(text)))
                    .label("not a usable path")
                    .help(instead),
            );
            return None;
        }
        Some(SourcePath::new(text))
    }

    /// What stands at a path, if it is what is wanted.
    pub(super) fn stands(&mut self, path: &SourcePath, span: Span, want: Want) -> Option<Kind> {
        let name = shown(path.as_str());
        let kind = match self.look(path) {
            Ok(kind) => kind,
            // What is there is seen once the manifest is trusted, and checked then.
            Err(FileError::Unseen) => {
                return Some(match want {
                    Want::File => Kind::File { executable: false },
                    Want::Folder | Want::Either => Kind::Folder,
                });
            }
            Err(FileError::Missing) => {
                self.report(
                    ManifestError::at(Code::FileMissing, span, format!("`{name}` is not there"))
                        .label("there is no such file or folder")
                        .help(
                            "a plan depends on what is in it; paths are relative to the manifest's folder, absolute, \
                             or begin with `~/`",
                        ),
                );
                return None;
            }
            Err(FileError::Unreadable(why)) => {
                self.report(
                    ManifestError::at(Code::FileUnreadable, span, format!("`{name}` cannot be read"))
                        .label(shown(&why))
                        .help("a plan depends on what is in it; mend the path or its permissions"),
                );
                return None;
            }
        };
        let wrong = match (want, &kind) {
            (Want::File, Kind::File { .. })
            | (Want::Folder, Kind::Folder)
            | (Want::Either, Kind::File { .. } | Kind::Folder)
            | (_, Kind::Unseen { .. }) => return Some(kind),
            (Want::File, Kind::Folder) => "a folder, and a file is needed",
            (Want::Folder, Kind::File { .. }) => "a file, and a folder is needed",
            (_, Kind::Link(_)) => "a link that leads nowhere",
            _ => "a socket, a pipe or a device, which cannot be copied",
        };
        self.report(
            ManifestError::at(Code::FileKind, span, format!("`{name}` is {wrong}"))
                .label(if want == Want::Folder { "expected a folder" } else { "expected a file" })
                .help(match want {
                    Want::File => "name the file itself",
                    Want::Folder => "name the folder that holds it",
                    Want::Either => "name a file or a folder",
                }),
        );
        None
    }

    /// What stands at a path. It is looked at once, however many bottles name it.
    pub(super) fn look(&mut self, path: &SourcePath) -> Result<Kind, FileError> {
        if let Some(seen) = self.seen.get(path) {
            return seen.clone();
        }
        let found = self.files.kind(path);
        self.seen.insert(path.clone(), found.clone());
        found
    }
}

/// Why a text is no path of the host, and what to write instead.
fn misspelt(text: &str) -> Option<(&'static str, String)> {
    if text.is_empty() {
        return Some(("is empty", "write `.` for the manifest's own folder".to_owned()));
    }
    if text.len() > LONGEST {
        return Some((
            "is longer than any path",
            format!("systems open paths of less than {LONGEST} bytes; is it one?"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Some((
            "has a control character in it",
            "such a name cannot be shown in a plan as it is; rename the file".to_owned(),
        ));
    }
    if text.contains("://") {
        return Some((
            "is a URL, not a path",
            "a plan that fetched things would not be the same tomorrow; fetch it first and name the file".to_owned(),
        ));
    }
    if text.starts_with('-') {
        return Some((
            "would be taken for an option by an engine's command line",
            format!("write `./{}`", shown(text)),
        ));
    }
    if text.trim_end_matches('/') == "~" {
        return Some((
            "is a whole home, keys and tokens included",
            "name the files or folders below it that the bottle needs: `~/...`".to_owned(),
        ));
    }
    if text.starts_with('~') && !text.starts_with("~/") {
        return Some((
            "is the home of another user",
            "only `~/`, the home of whoever runs `bottle`, is known; write the path in full".to_owned(),
        ));
    }
    None
}
