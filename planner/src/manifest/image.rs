//! `image`: a reference, or a folder to build from.

use std::collections::BTreeMap;

use super::env::is_variable;
use super::error::{Code, ManifestError, shown};
use super::keys::{self, Key};
use super::model::Image;
use super::read::{Reader, Span, Value};
use super::sources::Want;
use crate::source::SourcePath;

pub(super) const DOCKERFILE: &str = "Dockerfile";

impl Reader<'_> {
    pub(super) fn image(&mut self, key: &Key, value: &Value<'_>) -> Option<Image> {
        let table = self.table(key, value)?;
        let which = self.either(&keys::IMAGE, ["ref", "build"], table, value.span());
        let (mut reference, mut context) = (None, None);
        let mut dockerfile = Some((DOCKERFILE.to_owned(), None));
        let mut args = BTreeMap::new();
        for (key, name, value) in self.entries(&keys::IMAGE, table) {
            match key.name {
                "ref" => reference = self.reference(key, value),
                "build" => context = self.source(key, value, Want::Folder).map(|(path, _)| (path, value.span())),
                _ if which == Some("ref") => self.only_for_builds(key, name.span()),
                "dockerfile" => dockerfile = self.dockerfile(key, value).map(|name| (name, Some(value.span()))),
                "args" => args = self.build_arguments(key, value),
                _ => {}
            }
        }
        match which? {
            "ref" => reference.map(Image::Ref),
            _ => {
                let ((context, built), (dockerfile, named)) = (context?, dockerfile?);
                self.recipe(&context, &dockerfile, named.unwrap_or(built))?;
                Some(Image::Build { context, dockerfile, args })
            }
        }
    }

    fn only_for_builds(&mut self, key: &Key, span: Span) {
        self.report(
            ManifestError::at(Code::Conflict, span, format!("`{}` goes with `build`, not with `ref`", key.name))
                .label("nothing is built here")
                .help("an image of a registry is taken as it is; leave this out, or write `build` for `ref`"),
        );
    }

    fn reference(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        let text = self.string(key, value)?;
        match reference(text) {
            Ok(()) => Some(text.to_owned()),
            Err((problem, instead)) => {
                self.report(
                    ManifestError::at(Code::Image, value.span(), format!("`{}` {problem}", shown(text)))
                        .label("not an image reference")
                        .help(instead),
                );
                None
            }
        }
    }

    /// The name of a Dockerfile, which lies in the context.
    fn dockerfile(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        let text = self.string(key, value)?;
        let name = text.strip_prefix("./").unwrap_or(text);
        let inside = !name.is_empty()
            && !name.starts_with(['/', '~', '-'])
            && !name.ends_with('/')
            && !name.split('/').any(|part| part == "..")
            && !name.chars().any(char::is_control);
        if inside {
            return Some(name.to_owned());
        }
        self.report(
            ManifestError::at(Code::Path, value.span(), format!("`{}` is not a file of the context", shown(text)))
                .label("not below `build`")
                .help("a Dockerfile is named by its path below the folder of `build`: `dockerfile = \"docker/Dockerfile\"`"),
        );
        None
    }

    fn recipe(&mut self, context: &SourcePath, dockerfile: &str, span: Span) -> Option<()> {
        self.stands(&context.join(dockerfile), span, Want::File).map(|_| ())
    }

    fn build_arguments(&mut self, key: &Key, value: &Value<'_>) -> BTreeMap<String, String> {
        let mut args = BTreeMap::new();
        let Some(table) = self.table(key, value) else { return args };
        for (name, value) in table {
            let text = name.get_ref().as_ref();
            if !is_variable(text) {
                self.report(
                    ManifestError::at(
                        Code::Image,
                        name.span(),
                        format!("`{}` cannot be a build argument", shown(text)),
                    )
                    .label("not a name")
                    .help("a Dockerfile's `ARG` is letters, digits and `_`, and does not begin with a digit"),
                );
                continue;
            }
            match value.get_ref().as_str() {
                Some(argument) if argument.contains('\0') => self.report(
                    ManifestError::at(Code::Image, value.span(), format!("the build argument `{text}` has a NUL in it"))
                        .label("NUL ends an argument")
                        .help("no command can be given such an argument; leave the NUL out"),
                ),
                Some(argument) => {
                    args.insert(text.to_owned(), argument.to_owned());
                }
                None if value.get_ref().is_table() => self.report(
                    ManifestError::at(
                        Code::WrongType,
                        value.span(),
                        format!("the build argument `{text}` must be a string, not a table"),
                    )
                    .label("expected a string")
                    .help(
                        "build arguments stay readable in the image's history, so no secret can be one; hand secrets to the \
                         bottle by `env`",
                    ),
                ),
                None => self.wrong_type(key, value, "a table of strings"),
            }
        }
        args
    }
}

/// The grammar of references: `[REGISTRY/]PATH[:TAG][@sha256:DIGEST]`.
fn reference(text: &str) -> Result<(), (String, String)> {
    let example = "write one such as `node:22-slim`, best with its digest: `node:22-slim@sha256:...`";
    if text.is_empty() {
        return Err(("is empty".to_owned(), example.to_owned()));
    }
    if text.starts_with('-') {
        return Err(("begins with a dash".to_owned(), format!("an engine would take it for an option; {example}")));
    }
    if text.contains("://") {
        let bare = text.split_once("://").map_or("", |(_, rest)| rest);
        return Err(("is a URL".to_owned(), format!("references have no scheme; write `{}`", shown(bare))));
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-/:@".contains(*c)) {
        return Err((format!("has {c:?} in it"), format!("no reference has; {example}")));
    }
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err((
                "has no valid digest after the `@`".to_owned(),
                "a digest is `sha256:` and 64 lower-case hexadecimal digits".to_owned(),
            ));
        }
    }
    // A colon after the last slash begins the tag; before it, a registry's port.
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    if tag.is_some_and(|tag| tag.is_empty() || tag.len() > 128 || tag.starts_with(['.', '-'])) {
        return Err(("has no valid tag after the `:`".to_owned(), example.to_owned()));
    }
    let repository = match path.split_once('/') {
        Some((registry, rest)) if registry.contains(['.', ':']) || registry == "localhost" => {
            let port = registry.split_once(':').map_or("0", |(_, port)| port);
            if port.parse::<u16>().is_err() || registry.starts_with(['.', ':']) {
                return Err(("has no valid registry".to_owned(), example.to_owned()));
            }
            rest
        }
        _ => path,
    };
    if let Some(c) = repository.chars().find(char::is_ascii_uppercase) {
        return Err((
            format!("has {c:?} in its name"),
            format!(
                "names of images are lower case; write `{}`",
                shown(&text.replace(repository, &repository.to_lowercase()))
            ),
        ));
    }
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
            && !part.contains(':')
    };
    if !repository.split('/').all(part) {
        return Err(("has a part that is no name".to_owned(), example.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn references() {
        let digest = "0123456789abcdef".repeat(4);
        for good in [
            "node",
            "node:22-slim",
            "ghcr.io/luckypipewrench/pipelock:2.3.0",
            "localhost:5000/a/b:T_1",
            "claude-bottle:latest",
            "library/node",
            &format!("node@sha256:{digest}"),
            &format!("node:22@sha256:{digest}"),
            "a/b/c",
            "a__b:1",
        ] {
            assert_eq!(reference(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-v",
            "--privileged",
            "a b",
            "a\n",
            "node:",
            "node@",
            "node@sha256:12",
            "node@md5:12",
            "Node",
            "ghcr.io/Acme/x",
            "/a",
            "a//b",
            "a/",
            ":tag",
            "https://ghcr.io/a",
            "a:$x",
            "é",
            "a:b:c",
            "localhost:x/a",
            "node:-a",
            ".a",
        ] {
            assert!(reference(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn upper_case_is_put_right() {
        let (_, instead) = reference("ghcr.io/Acme/Agent:V1").unwrap_err();
        assert!(instead.contains("`ghcr.io/acme/agent:V1`"), "{instead}");
    }
}
