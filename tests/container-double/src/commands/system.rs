//! `system` and `builder`.

use serde_json::json;

use super::lifecycle::{PATIENCE, stop_these};
use super::print_json;
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::Service;

/// What stands for a commit and a kind of build.
const DOUBLE: &str = "double";

pub(super) fn system(mut service: Service<'_>, verb: &str, parsed: &Parsed) -> Done {
    let version = service.settings.version.clone();
    let up = service.state().up;
    match verb {
        "start" => {
            if !parsed.has("enable-kernel-install") && !parsed.has("disable-kernel-install") && !up {
                return Err(Failure::double("a start would ask on a terminal whether to install a kernel: say which"));
            }
            service.state().up = true;
            service.save()
        }
        "stop" => {
            let all: Vec<String> = service.state().containers.keys().cloned().collect();
            let mut service = stop_these(service, &all, None, PATIENCE)?;
            service.state().builder = false;
            service.state().up = false;
            service.save()
        }
        "status" => status(parsed, up, &version, &service.settings.state.display().to_string()),
        "version" => {
            let entry =
                |name: &str| json!({"appName": name, "buildType": DOUBLE, "commit": DOUBLE, "version": version});
            let server = up.then(|| entry("container-apiserver"));
            print_json(parsed, std::iter::once(entry("container")).chain(server).collect(), || {
                println!("COMPONENT  VERSION  BUILD  COMMIT\ncontainer  {version}  {DOUBLE}  {DOUBLE}");
                if up {
                    println!("container-apiserver  {version}  {DOUBLE}  {DOUBLE}");
                }
            })
        }
        other => Err(Failure::double(format_args!("it does not have `system {other}`"))),
    }
}

fn status(parsed: &Parsed, up: bool, version: &str, root: &str) -> Done {
    let text = if up { "apiserver is running" } else { "apiserver is not running and not registered with launchd" };
    match parsed.value("format").unwrap_or("table") {
        "table" => println!("{text}"),
        "json" => {
            let status = json!({
                "status": if up { "running" } else { "unregistered" }, "appRoot": root, "installRoot": root,
                "apiServerVersion": version, "apiServerCommit": DOUBLE, "apiServerBuild": DOUBLE,
                "apiServerAppName": "container-apiserver",
            });
            println!("{}", crate::json::compact(&status));
        }
        other => return Err(Failure::double(format_args!("it does not write {other}"))),
    }
    if up { Ok(()) } else { Err(Failure::process(1)) }
}

pub(super) fn builder(mut service: Service<'_>, verb: &str, parsed: &Parsed) -> Done {
    let running = service.state().builder;
    match verb {
        "start" => service.state().builder = true,
        "stop" | "delete" => service.state().builder = false,
        _ => {
            let items = if running { vec![json!({"id": "buildkit", "status": {"state": "running"}})] } else { vec![] };
            return print_json(parsed, items, || {
                println!("{}", if running { "builder is running" } else { "builder is not running" });
            });
        }
    }
    service.save()
}
