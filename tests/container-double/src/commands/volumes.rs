//! `volume`.

use super::{all_or_some, print_json};
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::{Service, now};
use crate::shapes;
use crate::spec::{labels, names, resources};
use crate::state::{MountKind, State, Volume};

pub(super) fn volume(mut service: Service<'_>, verb: &str, parsed: &Parsed) -> Done {
    let place = service.settings.state.join("volumes");
    let shape = |name: &str, volume: &Volume| shapes::volume(name, &place.join(name).display().to_string(), volume);
    let state = service.state();
    match verb {
        "create" => {
            let name = &parsed.arguments[0];
            names::volume(name)?;
            if state.volumes.contains_key(name) {
                return Err(Failure::new(format_args!("volume {name} already exists")));
            }
            let size = parsed.value("s").map(resources::memory).transpose()?;
            let pair = |option: &String| option.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
            let options = parsed.values("opt").iter().filter_map(pair).collect();
            let volume = Volume { created: now(), labels: labels::of_resource(parsed.values("label"))?, options, size };
            state.volumes.insert(name.clone(), volume);
            println!("{name}");
        }
        "inspect" => {
            let gone: Vec<&str> =
                parsed.arguments.iter().filter(|name| !state.volumes.contains_key(*name)).map(String::as_str).collect();
            if !gone.is_empty() {
                return Err(Failure::new(format_args!("volume not found: {}", gone.join(", "))));
            }
            let found = parsed.arguments.iter().filter_map(|name| state.volumes.get_key_value(name));
            let items: Vec<_> = found.map(|(name, volume)| shape(name, volume)).collect();
            println!("{}", crate::json::pretty(&items.into()));
        }
        "list" => {
            let items = state.volumes.iter().map(|(name, volume)| shape(name, volume)).collect();
            print_json(parsed, items, || {
                if !parsed.has("quiet") {
                    println!("NAME  TYPE  DRIVER  OPTIONS");
                }
                for name in state.volumes.keys() {
                    if parsed.has("quiet") { println!("{name}") } else { println!("{name}  named  local") }
                }
            })?;
        }
        "delete" => {
            let all = all_or_some(parsed, "volume", "volume name")?;
            let names = if all { state.volumes.keys().cloned().collect() } else { parsed.arguments.clone() };
            let mut failed = vec![];
            for name in names {
                if !state.volumes.contains_key(&name) || in_use(state, &name) {
                    failed.push(format!("{name:?}"));
                    continue;
                }
                state.volumes.remove(&name);
                let _ = std::fs::remove_dir_all(place.join(&name));
                println!("{name}");
            }
            service.save()?;
            if !failed.is_empty() {
                return Err(Failure::new(format_args!(
                    "failed to delete one or more volumes: [{}]",
                    failed.join(", ")
                )));
            }
        }
        _ => {
            let unused: Vec<String> = state.volumes.keys().filter(|name| !in_use(state, name)).cloned().collect();
            for name in unused {
                state.volumes.remove(&name);
                let _ = std::fs::remove_dir_all(place.join(&name));
                println!("{name}");
            }
        }
    }
    service.save()
}

fn in_use(state: &State, name: &str) -> bool {
    let mounts = state.containers.values().flat_map(|container| &container.mounts);
    mounts.filter(|mount| mount.kind == MountKind::Volume).any(|mount| mount.source == name)
}
