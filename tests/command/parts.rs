//! Some bottles of several, projects without a manifest, and manifests of one name.

use std::fs;

use crate::said::said;
use crate::simulated::assert_nothing_left;
use crate::stage::Stage;

fn names(stage: &Stage, project: &str) -> Vec<String> {
    stage.seen(project).containers.into_iter().map(|container| container.name).collect()
}

const IMPLEMENTER: [&str; 2] = ["bottle_family_implementer", "bottle_family_implementer_pipelock"];
const SCRIBE: [&str; 2] = ["bottle_family_scribe", "bottle_family_scribe_pipelock"];

#[test]
fn bottles_come_and_go_by_name() {
    let stage = Stage::of("family");
    stage.done("apply --yes scribe");
    assert_eq!(names(&stage, "family"), SCRIBE);
    assert_eq!(stage.to_do("scribe"), [""; 0]);
    stage.done("apply --yes implementer scribe");
    assert_eq!(names(&stage, "family"), [IMPLEMENTER, SCRIBE].concat());
    stage.done("destroy --yes scribe");
    assert_eq!(names(&stage, "family"), IMPLEMENTER);
    // What the other bottle shares is still there.
    assert_eq!(stage.to_do("implementer"), [""; 0]);
    stage.done("apply --yes");
    assert_eq!(stage.to_do(""), [""; 0]);
    stage.done("destroy --yes");
    assert_nothing_left(&stage.seen("family"));
}

#[test]
fn a_bottle_that_is_no_longer_declared_goes_with_the_next_apply_of_all() {
    let stage = Stage::of("team");
    stage.done("apply --yes agent-19 agent-20");
    stage.edit("[bottle.agent-20]\nenv = { QUEUE = \"20\" }\n", "");
    stage.done("apply --yes agent-19");
    assert!(names(&stage, "team").contains(&"bottle_team_agent-20".to_owned()));
    let said = stage.done("apply --yes");
    assert!(said.stdout.contains("- agent-20/agent/create"), "{}", said.stdout);
    assert!(!names(&stage, "team").iter().any(|name| name.contains("agent-20")));
}

#[test]
fn a_bottle_that_nobody_knows_is_an_error_that_names_those_there_are() {
    let stage = Stage::of("family");
    stage.done("apply --yes scribe");
    for line in ["plan writer", "apply --yes writer", "destroy --yes writer", "destroy --yes scribe writer"] {
        let said = stage.say(line);
        assert_eq!(said.exit, Some(1), "{line}: {}", said.stdout);
        assert!(said.told().contains("no bottle `writer`"), "{}", said.stderr);
        assert!(said.told().contains("implementer, reviewer, scribe"), "{}", said.stderr);
    }
    assert_eq!(names(&stage, "family"), SCRIBE);
    // One that is declared and not there is gone already.
    stage.done("destroy --yes reviewer");
}

#[test]
fn destroy_needs_no_manifest() {
    let stage = Stage::of("family");
    stage.done("apply --yes");
    fs::remove_file(stage.project().join("bottle.toml")).unwrap();
    let mistaken = stage.done("destroy --yes --project-name famly");
    assert!(mistaken.stdout.contains("nothing to do"), "{}", mistaken.stdout);
    assert!(mistaken.told().contains("this engine has: family"), "{}", mistaken.stderr);
    let said = stage.say("destroy --yes --project-name family scribe writer");
    assert_eq!(said.exit, Some(1));
    assert!(said.told().contains("no bottle `writer`"), "{}", said.stderr);
    assert!(said.told().contains("implementer, reviewer, scribe"), "{}", said.stderr);
    stage.done("destroy --yes --project-name family scribe");
    assert_eq!(names(&stage, "family").len(), 4);
    stage.done("destroy --yes --project-name family");
    assert_nothing_left(&stage.seen("family"));
    assert_eq!(stage.done("status").stdout, "simulator@28.5 has no bottles\n");
}

#[test]
fn a_manifest_that_cannot_be_read_is_no_reason_to_keep_a_project() {
    let stage = Stage::of("bare");
    stage.done("apply --yes");
    stage.edit("user = \"node\"", "usr = \"node\"");
    let said = stage.say("destroy --yes");
    assert_eq!(said.exit, Some(1));
    assert!(said.told().contains("`--project-name NAME` destroys without a manifest"), "{}", said.stderr);
    stage.done("destroy --yes --project-name bare");
    assert_nothing_left(&stage.seen("bare"));
}

#[test]
fn another_folder_of_the_same_name_has_to_say_that_it_takes_over() {
    let stage = Stage::of("bare");
    stage.done("apply --yes");
    let moved = stage.home().join("moved");
    fs::create_dir(&moved).unwrap();
    fs::write(moved.join("bottle.toml"), stage.manifest().replace("user = \"node\"", "user = \"root\"")).unwrap();
    let there = |line: &str| said(stage.simulated(line).current_dir(&moved));
    let refused = there("apply --yes");
    assert_eq!(refused.exit, Some(1));
    let told = refused.told();
    assert!(told.contains("project `bare` was last applied from") && told.contains("--take-over"), "{told}");
    assert_eq!(stage.to_do(""), [""; 0], "nothing was changed");
    assert_eq!(there("apply --yes --take-over").exit, Some(0));
    assert_eq!(there("apply --yes").exit, Some(0));
    // Now it is the first folder that is another one.
    assert_eq!(stage.say("apply --yes").exit, Some(1));
    // What is gone is nobody's.
    stage.done("destroy --yes");
    stage.done("apply --yes");
}
