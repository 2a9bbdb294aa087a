//! The commands.

mod build;
mod copy;
mod create;
mod exec;
mod images;
mod lifecycle;
mod networks;
mod show;
mod system;
mod volumes;

use crate::failure::{Done, Failure};
use crate::parse::{Edition, Parsed, parse_as};
use crate::service::Service;
use crate::settings::Settings;
use crate::state;

/// Carries out a command line.
pub(crate) fn carry_out(argv: &[String]) -> Done {
    let settings = Settings::read()?;
    let up = state::read(&settings.state).is_none_or(|state| state.up);
    let edition = Edition { since_1_2: settings.version != "1.1.0", networks: settings.macos >= 26, up };
    let parsed = parse_as(argv, edition)?;
    if let Some(help) = &parsed.help {
        println!("{}", help.trim_end());
        return Ok(());
    }
    let command = parsed.command.as_slice();
    if command == ["version"] {
        println!("container CLI version {} (a double of it for tests)", settings.version);
        return Ok(());
    }
    let mut service = Service::open(&settings)?;
    if !service.state().up && !matches!(command, ["system" | "builder" | "registry", ..]) {
        return Err(if matches!(command, ["list" | "inspect"]) { Failure::down_in_list() } else { Failure::down() });
    }
    match command {
        ["create"] => create::create(service, &parsed),
        ["run"] => create::run(service, &parsed),
        ["start"] => create::start(service, &parsed),
        ["stop"] => lifecycle::stop(service, &parsed),
        ["kill"] => lifecycle::kill(service, &parsed),
        ["delete"] => lifecycle::delete(service, &parsed),
        ["prune"] => lifecycle::prune(service),
        ["exec"] => exec::exec(service, &parsed),
        ["copy"] => copy::copy(service, &parsed),
        ["list"] => show::list(service, &parsed),
        ["inspect"] => show::inspect(service, &parsed),
        ["logs"] => show::logs(service, &parsed),
        ["stats"] => show::stats(service, &parsed),
        ["export"] => show::export(service, &parsed),
        ["build"] => build::build(service, &parsed),
        ["image", verb] => images::image(service, verb, &parsed),
        ["network", verb] => networks::network(service, verb, &parsed),
        ["volume", verb] => volumes::volume(service, verb, &parsed),
        ["system", verb] => system::system(service, verb, &parsed),
        ["builder", verb] => system::builder(service, verb, &parsed),
        ["registry", "list"] => print_json(&parsed, vec![], || println!("HOSTNAME  USERNAME  MODIFIED  CREATED")),
        other => Err(Failure::double(format_args!("it does not have `{}`", other.join(" ")))),
    }
}

/// Prints a list in the form that `--format` asks for.
fn print_json(parsed: &Parsed, items: Vec<serde_json::Value>, table: impl FnOnce()) -> Done {
    match parsed.value("format").unwrap_or("table") {
        "table" => table(),
        "json" => println!("{}", crate::json::compact(&items.into())),
        other => return Err(Failure::double(format_args!("it does not write {other}"))),
    }
    Ok(())
}

/// `--all` or names, and not both. Refused with exit code 1: `container` throws its own error there.
fn all_or_some(parsed: &Parsed, what: &str, called: &str) -> Result<bool, Failure> {
    let all = parsed.has("all");
    match (all, parsed.arguments.is_empty()) {
        (false, true) => Err(Failure::new(format_args!("no {what}s specified and --all not supplied"))),
        (true, false) => {
            Err(Failure::new(format_args!("explicitly supplied {called}(s) conflict with the --all flag")))
        }
        _ => Ok(all),
    }
}

/// What is said of several at once: the first error, with the code that errors in lists have.
fn first_error(errors: Vec<String>) -> Done {
    errors.into_iter().next().map_or(Ok(()), |error| Err(Failure::new(error)))
}
