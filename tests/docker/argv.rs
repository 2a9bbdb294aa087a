//! What a plan shows is what is run: word for word.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::engine::docker;
use crate::project::Project;
use crate::trial;
use crate::trials::Recorder;
use crate::trials::host_secrets;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("argv::as_planned", "full", as_planned)]
}

/// Calls that only ask. `docker cp` from a container to standard output asks too, and is part of a plan.
fn asks(call: &[String]) -> bool {
    let words: Vec<&str> = call.iter().map(String::as_str).skip(1).collect();
    matches!(words.as_slice(), ["version" | "info" | "ps" | "logs", ..] | [_, "ls" | "inspect", ..])
}

/// A planned word with what only the engine knows: objects stand for their ids, paths for those of this machine.
fn resolved(project: &Project, word: &Value) -> String {
    let Value::Array(parts) = word else { return word.as_str().unwrap().to_owned() };
    let root = project.root().canonicalize().unwrap();
    let part = |part: &Value| {
        let (kind, value) = part.as_object().unwrap().iter().next().unwrap();
        let value = value.as_str().unwrap();
        match kind.as_str() {
            "literal" | "secret-name" => value.to_owned(),
            "object" if value.ends_with("_internal") || value.ends_with("_egress") => {
                docker(&["network", "inspect", "--format", "{{.Id}}", value])
            }
            "object" => docker(&["container", "inspect", "--format", "{{.Id}}", value]),
            "host-path" => root.join(value).display().to_string(),
            kind => panic!("a part of the kind {kind}"),
        }
    };
    parts.iter().map(part).collect()
}

fn as_planned(project: &Project) {
    let env = host_secrets(project, "one", "two");
    let recorder = Recorder::new(project, &["docker"]);
    let mut with = env.to_vec();
    with.push(recorder.path());
    let plan = project.plan();
    project.apply_with(&[], &with);

    let entries = plan["entries"].as_array().unwrap();
    let planned: BTreeSet<Vec<String>> = entries
        .iter()
        .filter(|entry| entry["verdict"] != "keep")
        .map(|entry| {
            let argv = entry["operation"]["command"]["argv"].as_array().unwrap();
            argv.iter().map(|word| resolved(project, word)).collect()
        })
        .collect();
    // One fewer where `create` takes several networks.
    assert!(planned.len() >= 15, "{planned:?}");
    let run: BTreeSet<Vec<String>> = recorder.calls().into_iter().filter(|call| !asks(call)).collect();
    let only = |these: &BTreeSet<Vec<String>>, those: &BTreeSet<Vec<String>>| -> Vec<String> {
        these.difference(those).map(|argv| argv.join(" ")).collect()
    };
    let (unrun, unplanned) = (only(&planned, &run), only(&run, &planned));
    assert!(
        unrun.is_empty() && unplanned.is_empty(),
        "planned and not run: {unrun:#?}\nrun and not planned: {unplanned:#?}"
    );
}
