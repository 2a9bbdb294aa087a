//! `stop`, `kill`, `delete` and `prune`.

use super::{all_or_some, first_error};
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::Service;

/// How long `stop` waits, in seconds.
pub(super) const PATIENCE: u64 = 5;

fn chosen(service: &mut Service<'_>, parsed: &Parsed) -> Result<Vec<String>, Failure> {
    if all_or_some(parsed, "container", "container ID")? {
        return Ok(service.state().containers.keys().cloned().collect());
    }
    let mut ids = parsed.arguments.clone();
    ids.dedup();
    Ok(ids)
}

pub(super) fn stop(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let seconds = parsed.value("time").and_then(|time| time.parse().ok()).unwrap_or(PATIENCE);
    let (known, missing): (Vec<String>, Vec<String>) =
        chosen(&mut service, parsed)?.into_iter().partition(|id| service.held.state.containers.contains_key(id));
    stop_these(service, &known, parsed.value("signal"), seconds)?;
    known.iter().for_each(|id| println!("{id}"));
    first_error(missing.iter().map(|id| format!("notFound: \"get failed: container {id} not found\"")).collect())
}

/// Stops what runs of these, the state left to others meanwhile.
pub(super) fn stop_these<'a>(
    mut service: Service<'a>,
    ids: &[String],
    signal: Option<&str>,
    seconds: u64,
) -> Result<Service<'a>, Failure> {
    let is_running = |id: &&String| service.held.state.containers.get(*id).is_some_and(|container| container.running);
    let running: Vec<String> = ids.iter().filter(is_running).cloned().collect();
    if running.is_empty() {
        return Ok(service);
    }
    if let Some(engine) = service.engine.take() {
        let settings = service.settings;
        drop(service);
        engine.stop(&running, signal, seconds)?;
        // What the engine says has stopped is settled.
        return Service::open(settings);
    }
    for id in &running {
        service.settle(id)?;
    }
    Ok(service)
}

pub(super) fn kill(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let signal = parsed.value("signal").unwrap_or("KILL");
    let mut errors = vec![];
    let all = parsed.has("all");
    for id in chosen(&mut service, parsed)? {
        match service.state().containers.get(&id).map(|container| container.running) {
            None => errors.push(format!("notFound: \"get failed: container {id} not found\"")),
            Some(false) if all => {}
            Some(false) => errors.push(
                "failed to kill container (cause: \"invalidState: \"no runtime client exists: container is stopped\"\")".into(),
            ),
            Some(true) => {
                if let Some(engine) = &service.engine {
                    engine.kill(&id, signal)?;
                }
                let ends = service.engine.is_none() || ["KILL", "SIGKILL", "9"].contains(&signal);
                if ends {
                    service.settle(&id)?;
                }
                println!("{id}");
            }
        }
    }
    first_error(errors)
}

pub(super) fn delete(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let (all, force) = (parsed.has("all"), parsed.has("force"));
    let mut errors = vec![];
    let wrapped = |cause: String| format!("internalError: \"failed to delete container\" (cause: \"{cause}\")");
    for id in chosen(&mut service, parsed)? {
        match service.state().containers.get(&id).map(|container| container.running) {
            // Also with --force.
            None => errors.push(wrapped(format!("notFound: \"container with ID {id} not found\""))),
            Some(true) if all && !force => {}
            Some(true) if !force => {
                errors.push(wrapped(format!("invalidState: \"container {id} is running and can not be deleted\"")));
            }
            Some(_) => {
                service.remove(&id)?;
                println!("{id}");
            }
        }
    }
    first_error(errors)
}

pub(super) fn prune(mut service: Service<'_>) -> Done {
    let stopped = service.state().containers.values().filter(|container| !container.running);
    let stopped: Vec<String> = stopped.map(|container| container.id.clone()).collect();
    for id in stopped {
        service.remove(&id)?;
        println!("{id}");
    }
    Ok(())
}
