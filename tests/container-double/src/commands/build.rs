//! `build`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::images::{of_engine, simulated, with_tag};
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::{Service, now};
use crate::settings::short_digest;

/// A Dockerfile of this many bytes is refused.
const TOO_LONG: usize = 16 * 1024;

pub(super) fn build(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let context = PathBuf::from(parsed.arguments.first().map_or(".", String::as_str));
    if !context.is_dir() {
        return Err(Failure::validation(format_args!("context dir does not exist {}", context.display())));
    }
    let tags: Vec<String> = match parsed.values("tag") {
        [] => vec![with_tag(&short_digest(&format!("{} {}", now(), service.settings.state.display()), 32))],
        tags => tags.iter().map(|tag| with_tag(tag)).collect(),
    };
    for tag in &tags {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/:".contains(c);
        let (name, version) = tag.rsplit_once(':').unwrap_or((tag, ""));
        let version_fits = version.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if name.is_empty() || !name.chars().all(fits) || !version_fits {
            return Err(Failure::validation(format_args!("invalid reference {tag}")));
        }
    }
    let (text, file) = dockerfile(parsed, &context)?;
    if text.len() >= TOO_LONG {
        return Err(Failure::validation("dockerfile is too long: 16 KiB are too many"));
    }
    for option in ["output", "ssh", "cache-in", "cache-out", "secret", "arch", "os", "platform"] {
        if parsed.has(option) && service.engine.is_some() {
            return Err(Failure::double(format_args!("it cannot do build --{option}")));
        }
    }

    let images = if let Some(engine) = &service.engine {
        let mut words = vec![];
        for option in ["build-arg", "label", "target"] {
            words.extend(parsed.values(option).iter().map(|value| format!("--{option}={value}")));
        }
        words.extend(["no-cache", "pull"].iter().filter(|flag| parsed.has(flag)).map(|flag| format!("--{flag}")));
        words.extend(tags.iter().map(|tag| format!("--tag={tag}")));
        // One from stdin is written down: the engine would read it from ours, which is at its end.
        let written = service.settings.state.join("Dockerfile");
        if file.is_none() {
            fs::write(&written, &text)?;
        }
        words.push(format!("--file={}", file.as_deref().unwrap_or(&written).display()));
        engine.build(&words, &context)?;
        let image = |tag: &String| engine.image(tag).map(|described| of_engine(described, Some(tags[0].clone()), true));
        tags.iter()
            .map(image)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Failure::double("its engine lost what it built"))?
    } else {
        let labels: serde_json::Map<String, serde_json::Value> = parsed
            .values("label")
            .iter()
            .map(|label| label.split_once('=').unwrap_or((label, "")))
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let content = format!("{}\n{labels:?}\n{:?}", String::from_utf8_lossy(&text), parsed.values("build-arg"));
        let config = json!({"Cmd": ["sleep", "infinity"], "Labels": labels});
        // All names of one build lead to the first: the others may be missed by a lookup.
        tags.iter().map(|_| simulated(&content, config.clone(), Some(tags[0].clone()))).collect()
    };
    service.state().builder = true;
    for (tag, image) in tags.into_iter().zip(images) {
        println!("{tag}");
        service.state().images.insert(tag, image);
    }
    service.save()
}

/// The text, and where it stands unless it came by stdin.
fn dockerfile(parsed: &Parsed, context: &Path) -> Result<(Vec<u8>, Option<PathBuf>), Failure> {
    match parsed.value("file") {
        Some("-") => {
            let mut text = vec![];
            std::io::stdin().lock().read_to_end(&mut text)?;
            Ok((text, None))
        }
        Some(file) => {
            let missing = |_| Failure::validation(format_args!("dockerfile does not exist {file}"));
            Ok((fs::read(file).map_err(missing)?, Some(file.into())))
        }
        None => {
            let found =
                ["Dockerfile", "Containerfile"].map(|name| context.join(name)).into_iter().find(|path| path.is_file());
            let file = found.ok_or_else(|| Failure::validation("dockerfile not found in context dir"))?;
            Ok((fs::read(&file)?, Some(file)))
        }
    }
}
