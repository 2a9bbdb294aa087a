//! With `--format json`, standard output is JSON or nothing, whatever goes wrong.

use std::fs;

use serde_json::Value;

use crate::said::said;
use crate::stage::Stage;

/// One document, or one to a line.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok() || text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok())
}

#[test]
fn standard_output_is_json_or_empty() {
    let manifests = [
        ("as it is", None),
        ("not there", Some("")),
        ("not TOML", Some("version = 1\nname = acme\n")),
        ("of another version", Some("version = 2\n")),
        ("with an unknown key", Some("version = 1\nname = \"lone\"\n[bottle.a]\nimage.ref = \"node\"\nusr = \"x\"\n")),
        (
            "with a guarantee that is not held",
            Some("version = 1\nname = \"lone\"\n[bottle.a]\nimage.ref = \"node\"\nrequires = [\"kernel.own\"]\n"),
        ),
        (
            "with a file that is not there",
            Some("version = 1\nname = \"lone\"\n[bottle.a]\nimage.build = \"nowhere\"\n"),
        ),
        ("without a bottle", Some("version = 1\nname = \"lone\"\n")),
    ];
    let commands = [
        "plan --format json --backend simulator",
        "plan --format json --backend docker@28.5 --detailed-exitcode",
        "plan --format json --backend docker@28.5 --backend container@1.2",
        "plan --format json --backend fish",
        "plan --format json --frob",
        "plan nobody --format json --backend simulator",
        "apply --format json --backend simulator",
        "apply --yes --format json --backend simulator",
        "apply --yes --format json --backend docker@28.5",
        "apply nobody --yes --format json --backend simulator",
        "status --format json --backend simulator",
        "status --format json --backend simulator --detailed-exitcode",
        "status --format json --backend docker@99.9",
        "destroy nobody --yes --format json --backend simulator",
        "destroy --yes --format json --backend simulator",
        "destroy --yes --format json --backend simulator --project-name nowhere",
        "destroy --format json --backend simulator",
    ];
    for (what, text) in manifests {
        let stage = Stage::of("sidecar");
        let path = stage.project().join("bottle.toml");
        match text {
            None => {}
            Some("") => fs::remove_file(path).unwrap(),
            Some(text) => fs::write(path, text).unwrap(),
        }
        for line in commands {
            let said = said(&mut stage.bottle(line));
            let exit = said.exit.unwrap();
            assert!(is_json(&said.stdout), "{line}, a manifest {what}: {}", said.stdout);
            assert!(
                exit == 0 || exit == 2 || !said.stderr.is_empty(),
                "{line}, a manifest {what}: {exit}, and no word"
            );
            assert_ne!(exit, 70, "{line}, a manifest {what}: {}", said.stderr);
        }
    }
}
