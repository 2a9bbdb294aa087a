//! `list`, `inspect`, `logs`, `stats` and `export`.

use super::print_json;
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::{Service, missing};
use crate::settings::short_digest;
use crate::shapes;
use crate::state::Container;

pub(super) fn list(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let state = service.state();
    let mut containers: Vec<&Container> =
        state.containers.values().filter(|container| parsed.has("all") || container.running).collect();
    // In no order that could be relied on, and the same each time.
    containers.sort_by_key(|container| short_digest(&container.id, 16));
    let builder = state.builder.then(|| shapes::builder(state));
    let items = builder.into_iter().chain(containers.iter().map(|each| shapes::container(each, state))).collect();
    print_json(parsed, items, || {
        if parsed.has("quiet") {
            containers.iter().for_each(|container| println!("{}", container.id));
            return;
        }
        println!("ID  IMAGE  OS  ARCH  STATE  IP  CPUS  MEMORY  STARTED");
        for container in &containers {
            let addresses: Vec<String> = shapes::addresses(container, state);
            println!(
                "{}  {}  linux  {}  {}  {}  {}  {} MB  {}",
                container.id,
                container.image,
                container.architecture,
                shapes::status(container),
                addresses.join(","),
                container.cpus,
                container.memory >> 20,
                container.started.as_deref().unwrap_or_default()
            );
        }
    })
}

pub(super) fn inspect(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let state = service.state();
    let gone: Vec<&str> =
        parsed.arguments.iter().filter(|id| !state.containers.contains_key(*id)).map(String::as_str).collect();
    if !gone.is_empty() {
        return Err(Failure::new(format_args!("container not found: {}", gone.join(", "))));
    }
    let found = parsed.arguments.iter().filter_map(|id| state.containers.get(id));
    let items: Vec<_> = found.map(|container| shapes::container(container, state)).collect();
    println!("{}", crate::json::pretty(&items.into()));
    Ok(())
}

pub(super) fn logs(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let id = &parsed.arguments[0];
    let started = service.state().containers.get(id).ok_or_else(|| missing(id))?.started.is_some();
    if parsed.has("boot") {
        return Err(Failure::double("it boots nothing, so that there is no log of it"));
    }
    let engine = service.engine.take().filter(|_| started);
    drop(service);
    engine.map_or(Ok(()), |engine| engine.logs(id, parsed.has("follow"), parsed.value("n")))
}

pub(super) fn stats(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let state = service.state();
    let mut items = vec![];
    for id in &parsed.arguments {
        if !state.containers.contains_key(id) {
            return Err(Failure::new(format_args!("no such container: {id}")));
        }
    }
    let chosen = |container: &&Container| parsed.arguments.is_empty() || parsed.arguments.contains(&container.id);
    for container in state.containers.values().filter(|container| container.running).filter(chosen) {
        // Nothing is measured: the shape only.
        items.push(serde_json::json!({
            "id": container.id, "memoryUsageBytes": 0, "memoryLimitBytes": container.memory, "cpuUsageUsec": 0,
            "networkRxBytes": 0, "networkTxBytes": 0, "blockReadBytes": 0, "blockWriteBytes": 0, "numProcesses": 1,
        }));
    }
    if parsed.value("format") != Some("json") {
        return Err(Failure::double("it has stats as JSON only"));
    }
    print_json(parsed, items, || {})
}

pub(super) fn export(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let id = &parsed.arguments[0];
    let running = service.state().containers.get(id).ok_or_else(|| missing(id))?.running;
    if running && service.settings.version == "1.1.0" {
        return Err(Failure::new(format_args!("container {id} is running")));
    }
    match &service.engine {
        Some(engine) => engine.export(id, parsed.value("output")),
        None => Err(Failure::double("it exports nothing without an engine")),
    }
}
