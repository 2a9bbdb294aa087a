//! `exec`.

use crate::engine::Exec;
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::{Service, missing};
use crate::spec::environment;

pub(super) fn exec(mut service: Service<'_>, parsed: &Parsed) -> Done {
    let id = parsed.arguments[0].clone();
    let container = service.state().containers.get(&id).ok_or_else(|| missing(&id))?;
    if !container.running {
        return Err(Failure::new(format_args!("container {id} is not running")));
    }
    let environment = environment::variables(parsed.values("env-file"), parsed.values("env"))?;
    let ids = match (parsed.value("uid"), parsed.value("gid")) {
        (None, None) => None,
        (Some(uid), Some(gid)) => Some(format!("{uid}:{gid}")),
        _ => return Err(Failure::double("what --uid or --gid alone means for exec is not known")),
    };
    // `--ulimit` is parsed and ignored, as 1.2.2 does.
    let exec = Exec {
        environment: &environment,
        user: parsed.value("user").or(ids.as_deref()),
        directory: parsed.value("workdir"),
        interactive: parsed.has("interactive"),
        terminal: parsed.has("tty"),
        detach: parsed.has("detach"),
        argv: &parsed.rest,
    };
    let engine = service.engine.take();
    drop(service);
    if let Some(engine) = engine {
        let ended = engine.exec(&id, &exec)?;
        if let Some(complaint) = ended.complaint {
            let name = &parsed.rest[0];
            let text = format!("internalError: \"failed to find target executable {name}\" (cause: \"{complaint}\")");
            return Err(Failure::new(text));
        }
        if ended.code != 0 {
            return Err(Failure::process(ended.code));
        }
    } else if exec.interactive {
        // What is streamed in is read, as a process would.
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    }
    if exec.detach {
        println!("{id}");
    }
    Ok(())
}
