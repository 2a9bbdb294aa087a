//! What `unsafe` asks for is there, and nothing beside it.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::engine::{inspect, shell};
use crate::project::Project;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("given-up::unsafe", "unsafe", what_is_allowed_and_nothing_else)]
}

/// `SYS_PTRACE` alone, as `/proc/PID/status` has it: bit 19.
const SYS_PTRACE: &str = "0000000000080000";

fn what_is_allowed_and_nothing_else(project: &Project) {
    project.run(&["apply", "--yes"]).exits(0);
    let agent = |bottle: &str| format!("bottle_{}_{bottle}", project.name);
    let has = |bottle: &str, set: &str| {
        let user = if bottle == "debugger" { "root" } else { "node" };
        let line = shell(&agent(bottle), user, &format!("grep {set}: /proc/self/status"));
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    for set in ["CapEff", "CapBnd"] {
        assert_eq!(has("debugger", set), SYS_PTRACE, "{set}");
        assert_eq!(has("tester", set), "0000000000000000", "{set}");
    }
    let host = |bottle: &str| inspect("container", &agent(bottle))["HostConfig"].clone();
    let debugger = host("debugger");
    assert_eq!((&debugger["Privileged"], &debugger["PidMode"]), (&json!(false), &json!("")));
    assert_eq!(debugger["SecurityOpt"], json!(["no-new-privileges"]));
    assert_ne!(debugger["NetworkMode"], "host");
    let tester = host("tester");
    assert_eq!(
        (&tester["NetworkMode"], &tester["CapAdd"], &tester["Devices"]),
        (&json!("host"), &Value::Null, &json!([]))
    );
    assert_eq!(tester["SecurityOpt"], json!(["no-new-privileges"]));
    // The host's network is as declared, and none that somebody joined by hand.
    let again = project.run(&["plan", "--detailed-exitcode"]).exits(0);
    assert!(again.stdout.contains("! egress.allowlisted not held [tester] given up"), "{}", again.stdout);
}
