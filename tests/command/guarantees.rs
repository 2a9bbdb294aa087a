//! What is held by what runs, and would be lost.

use std::fs;

use crate::stage::Stage;

/// The lines of the section that stands on top where something would be lost; and whether it stands before the hosts.
fn lost(plan: &str) -> Vec<&str> {
    let Some((before, section)) = plan.split_once("\nwould be lost\n") else { return Vec::new() };
    assert_eq!(before.lines().count(), 2, "only the headline comes first: {before}");
    section.lines().take_while(|line| !line.is_empty()).collect()
}

fn lone() -> Stage {
    let stage = Stage::of("sidecar");
    stage.edit(r#"requires = ["egress.allowlisted", "proxy.isolated", "dns.closed"]"#, "");
    stage
}

#[test]
fn a_loss_is_said_before_the_hosts_and_once() {
    let stage = lone();
    stage.edit(r#"["api.anthropic.com"]"#, r#"["*.anthropic.com"]"#);
    assert_eq!(lost(&stage.done("plan").stdout), [""; 0], "nothing runs that could lose anything");
    stage.edit(r#"["*.anthropic.com"]"#, r#"["api.anthropic.com"]"#);
    stage.done("apply --yes");
    assert_eq!(lost(&stage.done("plan").stdout), [""; 0]);

    stage.edit(r#"["api.anthropic.com"]"#, r#"["*.anthropic.com"]"#);
    let plan = stage.done("plan").stdout;
    let [line] = lost(&plan)[..] else { panic!("{plan}") };
    assert!(line.starts_with("! dns.closed         weakened [implementer] held by what runs now; "), "{line}");
    assert!(stage.done("plan --format markdown").stdout.contains("would be lost: `dns.closed` of `implementer`"));
    let json: serde_json::Value = serde_json::from_str(&stage.done("plan --format json").stdout).unwrap();
    assert_eq!(json["bottles"][0]["lost"], serde_json::json!(["dns.closed"]));

    // Applied, it is what runs.
    assert_eq!(lost(&stage.done("apply --yes").stdout).len(), 1);
    assert_eq!(lost(&stage.done("plan").stdout), [""; 0]);
    // Gained again, and lost again.
    stage.edit(r#"["*.anthropic.com"]"#, r#"["api.anthropic.com"]"#);
    stage.done("apply --yes");
    stage.edit(r#"["api.anthropic.com"]"#, r#"["*.anthropic.com"]"#);
    assert_eq!(lost(&stage.done("plan").stdout).len(), 1);
}

#[test]
fn another_way_out_says_what_it_costs() {
    let stage = lone();
    let simulated = |line: &str| {
        let mut command = stage.bottle(line);
        command.args(["--backend", "simulator:container"]);
        let said = crate::said::said(&mut command);
        assert_eq!(said.exit, Some(0), "{}", said.stderr);
        said.stdout
    };
    stage.edit("egress]\n", "egress]\nvia = \"sidecar\"\n");
    simulated("apply --yes");
    stage.edit("via = \"sidecar\"", "via = \"firewall\"");
    let plan = simulated("plan");
    assert!(lost(&plan).iter().any(|line| line.starts_with("- proxy.isolated     not held [implementer] ")), "{plan}");
}

#[test]
fn what_others_lose_or_end_leaves_the_memory_of_a_bottle_be() {
    let stage = Stage::of("family");
    stage.done("apply --yes implementer scribe");
    stage.done("destroy --yes implementer");
    stage.edit("[bottle.scribe]\n", "[bottle.scribe]\negress = { allow = [\"*.example.org\"] }\n");
    let plan = stage.done("plan scribe").stdout;
    assert!(lost(&plan).iter().any(|line| line.contains("dns.closed") && line.contains("[scribe]")), "{plan}");
    // Without the journal nothing is compared, and nothing else is lost with it.
    fs::remove_dir_all(stage.kept("family")).unwrap();
    assert_eq!(lost(&stage.done("plan scribe").stdout), [""; 0]);
    // One that was destroyed and is made anew has nothing to lose.
    stage.done("destroy --yes");
    assert_eq!(lost(&stage.done("plan scribe").stdout), [""; 0]);
}

/// A wall that is taken away is a loss like any other, and stays in sight once it is gone.
#[test]
fn what_is_given_up_is_said_first_and_shown_in_every_plan() {
    let stage = lone();
    stage.done("apply --yes");
    stage.edit(
        "[bottle.implementer.egress]",
        "[[bottle.implementer.unsafe]]\nallow = { capability = \"SYS_PTRACE\" }\nloses = [\"agent.unprivileged\"]\n\n\
         [bottle.implementer.egress]",
    );
    let plan = stage.done("plan").stdout;
    let [line] = lost(&plan)[..] else { panic!("{plan}") };
    assert!(line.starts_with("- agent.unprivileged not held [implementer] "), "{line}");
    assert!(line.ends_with("given up: `unsafe` asks for capability SYS_PTRACE"), "{line}");
    assert!(plan.contains("--cap-add=SYS_PTRACE"), "{plan}");
    stage.done("apply --yes");
    let plan = stage.done("plan").stdout;
    assert_eq!(lost(&plan), [""; 0]);
    assert!(plan.contains("\n! agent.unprivileged not held given up: "), "{plan}");
}

/// The home itself is no workspace to mount, also when the manifest lies in it.
#[test]
fn a_manifest_in_the_home_does_not_mount_it() {
    let stage = lone();
    stage.edit("limits = {", "workspace = { from = \".\", how = \"mount\" }\nlimits = {");
    stage.done("plan");
    let home = stage.home();
    fs::copy(stage.project().join("bottle.toml"), home.join("bottle.toml")).unwrap();
    let mut command = stage.bottle("plan --backend docker");
    let said = crate::said::said(command.arg("--file").arg(home.join("bottle.toml")));
    assert_eq!(said.exit, Some(1), "{}", said.stdout);
    assert!(said.told().contains("cannot be mounted: it is your home"), "{}", said.stderr);
}

/// A bottle that was let go and whose own commands then failed runs, and has what it has.
#[test]
fn what_follows_the_start_may_fail() {
    let stage = Stage::of("family");
    stage.fail("scribe/agent/exec:1");
    let said = stage.say("apply --yes scribe");
    assert_eq!(said.exit, Some(1), "{}", said.stderr);
    stage.edit("[bottle.scribe]\n", "[bottle.scribe]\negress = { allow = [\"*.example.org\"] }\n");
    let plan = stage.done("plan scribe").stdout;
    assert!(lost(&plan).iter().any(|line| line.contains("dns.closed")), "{plan}");
}
