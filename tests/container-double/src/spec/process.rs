//! The process that a container begins with.

use serde_json::Value;

use super::{environment, resources};
use crate::failure::Failure;
use crate::parse::Parsed;
use crate::state::{Process, User};

/// What options and an image's configuration come to.
pub(crate) fn initial(parsed: &Parsed, image: &Value) -> Result<Process, Failure> {
    let list = |key: &str| -> Vec<String> {
        let items = image[key].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let text = |key: &str| image[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let given = environment::variables(parsed.values("env-file"), parsed.values("env"))?;
    // An entry point from the command line takes the place of the image's, and its command goes too.
    let mut words = match parsed.value("entrypoint").filter(|entrypoint| !entrypoint.is_empty()) {
        Some(entrypoint) => vec![entrypoint.to_owned()],
        None => list("Entrypoint"),
    };
    if !parsed.rest.is_empty() {
        words.extend(parsed.rest.iter().cloned());
    } else if parsed.value("entrypoint").is_none() {
        words.extend(list("Cmd"));
    }
    if words.is_empty() {
        return Err(Failure::new("command/entrypoint not specified for container process"));
    }
    let (user, groups) = user(parsed, text("User"))?;
    Ok(Process {
        executable: words.remove(0),
        arguments: words,
        environment: environment::over(&list("Env"), &given),
        directory: parsed
            .value("workdir")
            .map(str::to_owned)
            .or_else(|| text("WorkingDir"))
            .unwrap_or_else(|| "/".into()),
        terminal: parsed.has("tty"),
        interactive: parsed.has("interactive"),
        user,
        groups,
        limits: resources::limits(parsed.values("ulimit"))?,
    })
}

/// `--user`, or `--uid` with `--gid`; `--gid` alone adds a group.
fn user(parsed: &Parsed, of_image: Option<String>) -> Result<(User, Vec<u32>), Failure> {
    let number = |option: &str| parsed.value(option).and_then(|value| value.parse::<u32>().ok());
    let (uid, gid) = (number("uid"), number("gid"));
    if parsed.has("user") && (uid.is_some() || gid.is_some()) {
        return Err(Failure::double("how --user goes with --uid or --gid is not known"));
    }
    if uid.is_some() && gid.is_none() {
        return Err(Failure::double("which group --uid without --gid gives is not known"));
    }
    let raw = parsed.value("user").map(str::to_owned).or(of_image);
    Ok(match (uid, gid) {
        (Some(uid), Some(gid)) => (User::Ids(uid, gid), vec![]),
        (_, gid) => (raw.map(User::Raw).unwrap_or_default(), gid.into_iter().collect()),
    })
}
