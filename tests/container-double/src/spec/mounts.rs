//! `--mount`, `--volume` and `--tmpfs`.

use std::collections::BTreeMap;
use std::path::{Path, absolute};

use super::names;
use crate::failure::Failure;
use crate::service::now;
use crate::settings::short_digest;
use crate::state::{Mount, MountKind, Volume};

/// The mounts of a container; volumes that are not there are made.
pub(crate) fn mounts(
    mounts: &[String],
    volumes: &[String],
    tmpfs: &[String],
    id: &str,
    known: &mut BTreeMap<String, Volume>,
) -> Result<Vec<Mount>, Failure> {
    let mut all = vec![];
    // The whole word is the path: it takes no options.
    for target in tmpfs {
        all.push(Mount {
            kind: MountKind::Tmpfs,
            source: String::new(),
            target: target.clone(),
            read_only: false,
            options: vec![],
        });
    }
    for option in mounts {
        all.push(mount(option)?);
    }
    for option in volumes {
        all.push(volume(option, id)?);
    }
    for mount in &all {
        if mount.kind == MountKind::Volume {
            names::volume(&mount.source)?;
            let new = || Volume { created: now(), labels: BTreeMap::new(), options: BTreeMap::new(), size: None };
            known.entry(mount.source.clone()).or_insert_with(new);
        }
    }
    Ok(all)
}

/// `type=<>,source=<>,target=<>,readonly`. Of the short forms of these keys nothing is known: refused.
fn mount(option: &str) -> Result<Mount, Failure> {
    let invalid = |why: &str| Failure::new(format_args!("invalid mount {option}: {why}"));
    let mut mount = Mount {
        kind: MountKind::Virtiofs,
        source: String::new(),
        target: String::new(),
        read_only: false,
        options: vec![],
    };
    let mut kind = None;
    for part in option.split(',') {
        match part.split('=').collect::<Vec<_>>().as_slice() {
            ["readonly"] => mount.read_only = true,
            ["type", value] => {
                kind = Some(match *value {
                    "virtiofs" | "bind" => MountKind::Virtiofs,
                    "tmpfs" => MountKind::Tmpfs,
                    "volume" => MountKind::Volume,
                    other => return Err(invalid(&format!("unsupported mount type {other}"))),
                });
            }
            ["source", value] => mount.source = (*value).to_owned(),
            ["target", value] => mount.target = (*value).to_owned(),
            ["size" | "mode", _] => mount.options.push(part.to_owned()),
            _ => return Err(invalid(&format!("invalid directive format {part}"))),
        }
    }
    // Whether a type is taken for granted is not known.
    mount.kind = kind.ok_or_else(|| invalid("no type"))?;
    if mount.target.is_empty() || !mount.target.starts_with('/') {
        return Err(invalid("the target must be an absolute path"));
    }
    match mount.kind {
        MountKind::Tmpfs if !mount.source.is_empty() => Err(invalid("a tmpfs has no source")),
        MountKind::Virtiofs | MountKind::Volume if !mount.options.is_empty() => {
            Err(invalid("size and mode are options of a tmpfs"))
        }
        MountKind::Virtiofs => {
            mount.source = existing(&mount.source)?;
            if !Path::new(&mount.source).is_dir() {
                return Err(Failure::new(format_args!("path '{}' is not a directory", mount.source)));
            }
            Ok(mount)
        }
        _ => Ok(mount),
    }
}

fn volume(option: &str, id: &str) -> Result<Mount, Failure> {
    let invalid = || Failure::new(format_args!("invalid volume format {option}"));
    let (source, target, options) = match option.split(':').collect::<Vec<_>>().as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return Err(invalid()),
    };
    if !target.starts_with('/') {
        return Err(invalid());
    }
    let (kind, source) = match source {
        None => (MountKind::Volume, format!("anonymous-{}", short_digest(&format!("{id} {target}"), 12))),
        Some("." | "..") => (MountKind::Virtiofs, existing(source.unwrap_or_default())?),
        Some(path) if path.contains('/') => (MountKind::Virtiofs, existing(path)?),
        Some(name) => (MountKind::Volume, name.to_owned()),
    };
    let read_only = options.split(',').any(|option| option == "ro");
    Ok(Mount { kind, source, target: target.to_owned(), read_only, options: vec![] })
}

/// A path of the host as an absolute one. It must be there: nothing makes it.
fn existing(path: &str) -> Result<String, Failure> {
    let missing = || Failure::new(format_args!("path '{path}' does not exist"));
    if path.is_empty() || !Path::new(path).exists() {
        return Err(missing());
    }
    Ok(absolute(path).map_err(|_| missing())?.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_a_folder_without_commas_or_equals_signs() {
        let good = mount("type=bind,source=/tmp,target=/x,readonly").unwrap();
        assert!(good.read_only && good.source == "/tmp");
        let text = |option: &str| mount(option).unwrap_err().text;
        assert_eq!(text("type=bind,source=/etc/hostname,target=/x"), "Error: path '/etc/hostname' is not a directory");
        assert_eq!(text("type=bind,source=/none,target=/x"), "Error: path '/none' does not exist");
        for bad in ["type=bind,source=/a=b,target=/x", "type=bind,source=/a,b,target=/x", "source=/tmp,target=/x"] {
            assert!(mount(bad).is_err(), "{bad}");
        }
        assert!(mount("type=bind,source=/tmp,target=/x,size=1").is_err());
    }

    #[test]
    fn a_volume_has_three_parts_at_most() {
        assert_eq!(volume("/etc/hostname:/x:ro", "a").unwrap().kind, MountKind::Virtiofs);
        assert_eq!(volume("name:/x", "a").unwrap().kind, MountKind::Volume);
        assert!(volume("/a:/b:ro:z", "a").is_err());
        assert_eq!(volume("/none:/b", "a").unwrap_err().text, "Error: path '/none' does not exist");
    }
}
