//! `image`, and how a reference finds its image.

use std::path::Path;

use serde_json::json;

use super::print_json;
use crate::engine::Described;
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::{Service, now};
use crate::settings::{Settings, short_digest};
use crate::shapes;
use crate::state::{Image, State};

/// `name:latest` for `name`.
pub(super) fn with_tag(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    if last.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

/// The full name by which pulled and tagged images are stored. Built ones have none.
fn normalized(reference: &str) -> String {
    let tagged = with_tag(reference);
    match tagged.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => tagged,
        Some(_) => format!("docker.io/{tagged}"),
        None => format!("docker.io/library/{tagged}"),
    }
}

/// The stored reference that a reference means. The name that a build gave comes first, and it stays with the content also after a
/// `tag` to another reference.
pub(super) fn lookup(state: &State, reference: &str) -> Option<String> {
    let tagged = with_tag(reference);
    let named = |stored: &&String| state.images[*stored].annotation.as_ref() == Some(&tagged);
    let exact = state.images.keys().filter(named).find(|stored| **stored == tagged);
    let found = exact.or_else(|| state.images.keys().find(named));
    found.cloned().or_else(|| Some(normalized(reference)).filter(|full| state.images.contains_key(full)))
}

/// An image that is there, or else pulled.
pub(super) fn fetch(service: &mut Service<'_>, reference: &str) -> Result<(String, Image), Failure> {
    let stored = match lookup(service.state(), reference) {
        Some(stored) => stored,
        None => pull(service, reference)?,
    };
    let image = service.state().images[&stored].clone();
    Ok((stored, image))
}

/// Takes an image from where a registry's would come from. The text of the error is not known.
fn pull(service: &mut Service<'_>, reference: &str) -> Result<String, Failure> {
    let stored = normalized(reference);
    let image = match &service.engine {
        Some(engine) => engine.image(&with_tag(reference)).map(|described| of_engine(described, None, false)),
        None => in_registry(service.settings, reference),
    };
    let not_there = || Failure::new(format_args!("notFound: \"image with reference {stored}\""));
    let image = image.ok_or_else(not_there)?;
    service.state().images.insert(stored.clone(), image);
    service.save()?;
    Ok(stored)
}

pub(super) fn of_engine(described: Described, annotation: Option<String>, built: bool) -> Image {
    Image {
        annotation,
        digest: described.digest(),
        created: now(),
        built,
        size: described.size,
        architecture: described.architecture.clone(),
        config: described.config,
    }
}

fn in_registry(settings: &Settings, reference: &str) -> Option<Image> {
    let has = settings.registry.iter().any(|known| with_tag(known) == with_tag(reference));
    has.then(|| simulated(&with_tag(reference), json!({"Cmd": ["sleep", "infinity"]}), None))
}

/// An image that no engine has.
pub(super) fn simulated(content: &str, config: serde_json::Value, annotation: Option<String>) -> Image {
    Image {
        built: annotation.is_some(),
        annotation,
        digest: short_digest(content, 64),
        created: now(),
        config,
        size: 0,
        architecture: "arm64".to_owned(),
    }
}

pub(super) fn image(mut service: Service<'_>, verb: &str, parsed: &Parsed) -> Done {
    match verb {
        "list" => list(&mut service, parsed),
        "inspect" => inspect(&mut service, parsed),
        "pull" => pull(&mut service, &parsed.arguments[0]).map(drop),
        "push" => Err(Failure::double("it has no registry to push to")),
        "tag" => tag(&mut service, parsed),
        "save" => save(&mut service, parsed),
        "load" => load(&mut service, parsed),
        "delete" => delete(&mut service, parsed),
        _ => prune(&mut service, parsed),
    }
}

fn list(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let state = service.state();
    let items = state.images.iter().map(|(reference, image)| shapes::image(reference, image)).collect();
    print_json(parsed, items, || {
        if !parsed.has("quiet") {
            println!("NAME  TAG  DIGEST");
        }
        for (reference, image) in &state.images {
            match reference.rsplit_once(':') {
                Some((name, tag)) if !parsed.has("quiet") => println!("{name}  {tag}  {}", &image.digest[..24]),
                _ => println!("{reference}"),
            }
        }
    })
}

fn inspect(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let state = service.state();
    let gone: Vec<&str> =
        parsed.arguments.iter().filter(|name| lookup(state, name).is_none()).map(String::as_str).collect();
    if !gone.is_empty() {
        return Err(Failure::new(format_args!("image not found: {}", gone.join(", "))));
    }
    let found = parsed.arguments.iter().filter_map(|name| lookup(state, name));
    let items: Vec<_> = found.map(|stored| shapes::image(&stored, &state.images[&stored])).collect();
    println!("{}", crate::json::pretty(&items.into()));
    Ok(())
}

fn tag(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let (source, target) = (&parsed.arguments[0], &parsed.arguments[1]);
    let state = service.state();
    let stored = lookup(state, source).ok_or_else(|| Failure::new(format_args!("image with reference {source}")))?;
    // The name that a build gave goes along.
    let image = Image { built: true, ..state.images[&stored].clone() };
    let full = normalized(target);
    if let Some(engine) = &service.engine {
        engine.tag_image(&image.digest, &with_tag(target))?;
    }
    service.state().images.insert(full, image);
    service.save()?;
    println!("{target}");
    Ok(())
}

fn save(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let output =
        parsed.value("output").ok_or_else(|| Failure::validation("Missing expected argument '--output <output>'"))?;
    let state = service.state();
    let gone: Vec<&str> =
        parsed.arguments.iter().filter(|name| lookup(state, name).is_none()).map(String::as_str).collect();
    if !gone.is_empty() {
        return Err(Failure::new(format_args!("one or more image references are invalid: {}", gone.join(", "))));
    }
    match &service.engine {
        Some(engine) => engine.save_images(&parsed.arguments, Path::new(output)),
        None => Err(Failure::double("it saves nothing without an engine")),
    }
}

fn load(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let input =
        parsed.value("input").ok_or_else(|| Failure::validation("Missing expected argument '--input <input>'"))?;
    let Some(engine) = &service.engine else { return Err(Failure::double("it loads nothing without an engine")) };
    let mut loaded = vec![];
    for name in engine.load_images(Path::new(input))? {
        loaded.extend(engine.image(&name).map(|described| (normalized(&name), of_engine(described, None, false))));
    }
    for (reference, image) in loaded {
        println!("{reference}");
        service.state().images.insert(reference, image);
    }
    service.save()
}

fn delete(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let names = if super::all_or_some(parsed, "image", "image reference")? {
        service.state().images.keys().cloned().collect()
    } else {
        parsed.arguments.clone()
    };
    let mut gone: Vec<String> = vec![];
    for name in names {
        let stored = if parsed.has("all") { Some(name.clone()) } else { lookup(service.state(), &name) };
        let Some(stored) = stored else {
            gone.push(format!("{name:?}"));
            continue;
        };
        forget(service, &stored);
        println!("{stored}");
    }
    service.save()?;
    if gone.is_empty() || parsed.has("force") {
        return Ok(());
    }
    Err(Failure::new(format_args!("failed to delete one or more images: [{}]", gone.join(", "))))
}

fn forget(service: &mut Service<'_>, stored: &str) {
    let image = service.state().images.remove(stored);
    if let (Some(engine), Some(image)) = (&service.engine, image.filter(|image| image.built)) {
        engine.forget_image(stored, &image.digest);
    }
}

/// Without `--all`, what has no tag: here everything has one.
fn prune(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let state = service.state();
    let used: Vec<&String> = state.containers.values().map(|container| &container.image).collect();
    let unused: Vec<String> =
        state.images.keys().filter(|name| parsed.has("all") && !used.contains(name)).cloned().collect();
    for stored in unused {
        forget(service, &stored);
        println!("untagged {stored}");
    }
    service.save()
}
