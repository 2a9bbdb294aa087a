//! `stop`, `kill`, `delete` and `prune`.

use super::{all_or_some, first_error};
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::session::Session;

/// How long `stop` waits, in seconds.
const PATIENCE: u64 = 5;

fn chosen(session: &mut Session<'_>, parsed: &Parsed) -> Result<Vec<String>, Failure> {
    if all_or_some(parsed, "container", "container ID")? {
        return Ok(session.state().containers.keys().cloned().collect());
    }
    let mut ids = parsed.arguments.clone();
    ids.dedup();
    Ok(ids)
}

pub(super) fn stop(mut session: Session<'_>, parsed: &Parsed) -> Done {
    let seconds = parsed.value("time").and_then(|time| time.parse().ok()).unwrap_or(PATIENCE);
    let mut errors = vec![];
    for id in chosen(&mut session, parsed)? {
        match session.state().containers.get(&id).map(|container| container.running) {
            None => errors.push(format!("notFound: \"get failed: container {id} not found\"")),
            Some(running) => {
                if running {
                    if let Some(engine) = &session.engine {
                        engine.stop(&id, parsed.value("signal"), seconds)?;
                    }
                    session.settle(&id)?;
                }
                println!("{id}");
            }
        }
    }
    first_error(errors)
}

pub(super) fn kill(mut session: Session<'_>, parsed: &Parsed) -> Done {
    let signal = parsed.value("signal").unwrap_or("KILL");
    let mut errors = vec![];
    let all = parsed.has("all");
    for id in chosen(&mut session, parsed)? {
        match session.state().containers.get(&id).map(|container| container.running) {
            None => errors.push(format!("notFound: \"get failed: container {id} not found\"")),
            Some(false) if all => {}
            Some(false) => errors.push(
                "failed to kill container (cause: \"invalidState: \"no runtime client exists: container is stopped\"\")".into(),
            ),
            Some(true) => {
                if let Some(engine) = &session.engine {
                    engine.kill(&id, signal)?;
                }
                let ends = session.engine.is_none() || ["KILL", "SIGKILL", "9"].contains(&signal);
                if ends {
                    session.settle(&id)?;
                }
                println!("{id}");
            }
        }
    }
    first_error(errors)
}

pub(super) fn delete(mut session: Session<'_>, parsed: &Parsed) -> Done {
    let (all, force) = (parsed.has("all"), parsed.has("force"));
    let mut errors = vec![];
    let wrapped = |cause: String| format!("internalError: \"failed to delete container\" (cause: \"{cause}\")");
    for id in chosen(&mut session, parsed)? {
        match session.state().containers.get(&id).map(|container| container.running) {
            // Also with --force.
            None => errors.push(wrapped(format!("notFound: \"container with ID {id} not found\""))),
            Some(true) if all && !force => {}
            Some(true) if !force => {
                errors.push(wrapped(format!("invalidState: \"container {id} is running and can not be deleted\"")));
            }
            Some(_) => {
                session.remove(&id)?;
                println!("{id}");
            }
        }
    }
    first_error(errors)
}

pub(super) fn prune(mut session: Session<'_>) -> Done {
    let stopped = session.state().containers.values().filter(|container| !container.running);
    let stopped: Vec<String> = stopped.map(|container| container.id.clone()).collect();
    for id in stopped {
        session.remove(&id)?;
        println!("{id}");
    }
    Ok(())
}
