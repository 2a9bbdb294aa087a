//! `--approved`: what was reviewed is applied, and nothing else.

use bottle_executors::crash::VARIABLE;
use serde_json::Value;

use crate::said::said;
use crate::simulated::assert_nothing_left;
use crate::stage::Stage;

impl Stage {
    /// The approval that a plan's text shows in its head.
    pub(crate) fn approval(&self, line: &str) -> String {
        let said = self.done(line);
        let head = said.stdout.lines().nth(2).unwrap();
        head.strip_prefix("approval ").unwrap_or_else(|| panic!("{}", said.stdout)).to_owned()
    }
}

#[test]
fn every_form_of_a_plan_shows_the_same_approval() {
    let stage = Stage::of("family");
    let approval = stage.approval("plan");
    assert_eq!(stage.approval("plan --offline"), approval);
    let json: Value = serde_json::from_str(&stage.done("plan --format json").stdout).unwrap();
    assert_eq!(json["approval"], *approval);
    assert!(stage.done("plan --format markdown").stdout.contains(&format!("\napproval `{approval}`\n")));
    let applied = stage.done(&format!("apply --approved {approval} --format json"));
    assert_eq!(applied.events()[1]["approval"], *approval);
    assert_eq!(stage.to_do(""), [""; 0]);
    // What is there changes nothing about what is declared.
    assert_eq!(stage.approval("plan"), approval);
    stage.engine().by_hand().stop("bottle_family_scribe").unwrap();
    stage.engine().by_hand().disconnect("bottle_family_scribe", "bottle_family_scribe_internal").unwrap();
    assert_ne!(stage.to_do(""), [""; 0]);
    assert_eq!(stage.approval("plan"), approval);
    stage.done(&format!("apply --approved {approval}"));
    assert_eq!(stage.to_do(""), [""; 0]);
}

#[test]
fn an_approval_is_good_for_what_a_death_has_left() {
    for at in ["shared/egress/create@answer", "implementer/pipelock/start@begin", "implementer/agent/create@end"] {
        let stage = Stage::of("sidecar");
        let approval = stage.approval("plan --offline");
        let apply = format!("apply --approved {approval}");
        assert_eq!(said(stage.simulated(&apply).env(VARIABLE, at)).exit, None, "{at}");
        assert_ne!(stage.to_do(""), [""; 0], "{at}");
        stage.done(&apply);
        assert_eq!(stage.to_do(""), [""; 0], "{at}");
    }
}

#[test]
fn another_plan_than_the_approved_one_is_4_and_changes_nothing() {
    let stage = Stage::of("sidecar");
    let approval = stage.approval("plan");
    stage.edit("\"api.anthropic.com\"", "\"api.anthropic.com\", \"evil.example.org\"");
    for format in ["", " --format json", " --yes"] {
        let refused = stage.say(&format!("apply --approved {approval}{format}"));
        assert_eq!(refused.exit, Some(4), "{format}: {}", refused.stderr);
        let told = refused.told();
        for part in ["another plan was approved", &approval, "nothing was changed", "what is declared"] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert_nothing_left(&stage.seen("lone"));
    }
    // Nor is it good where there is nothing to do.
    stage.done("apply --yes");
    assert_eq!(stage.say(&format!("apply --approved {approval}")).exit, Some(4));
    // Nor on an engine of another version.
    let other = said(&mut stage.bottle("plan --backend simulator@20.10"));
    assert!(!other.stdout.contains(&stage.approval("plan")));
}

#[test]
fn less_than_the_whole_approval_is_a_wrong_command_line() {
    let stage = Stage::of("bare");
    let approval = stage.approval("plan");
    for wrong in [&approval[..16], &approval[..63], "yes"] {
        let refused = stage.say(&format!("apply --approved {wrong}"));
        assert_eq!(refused.exit, Some(64), "{}", refused.stderr);
        assert!(refused.told().contains("64 hex digits"), "{}", refused.stderr);
    }
    assert_nothing_left(&stage.seen("bare"));
}

#[test]
fn a_part_has_an_approval_of_its_own() {
    let stage = Stage::of("family");
    let (whole, scribe) = (stage.approval("plan"), stage.approval("plan scribe"));
    assert_ne!(whole, scribe);
    assert_eq!(stage.say(&format!("apply scribe --approved {whole}")).exit, Some(4));
    assert_eq!(stage.say(&format!("apply --approved {scribe}")).exit, Some(4));
    assert_nothing_left(&stage.seen("family"));
    stage.done(&format!("apply scribe --approved {scribe}"));
    assert_eq!(stage.to_do("scribe"), [""; 0]);
    // What another bottle becomes is none of its business.
    stage.edit("[bottle.scribe]\n", "[bottle.auditor]\n\n[bottle.scribe]\n");
    assert_eq!(stage.approval("plan scribe"), scribe);
    assert_ne!(stage.approval("plan"), whole);
}

#[test]
fn what_is_destroyed_is_approved_by_what_goes() {
    let stage = Stage::of("family");
    stage.done("apply --yes");
    let shown = stage.say("destroy");
    assert_eq!(shown.exit, Some(64), "nobody is there to be asked");
    let approval = shown.stdout.lines().find_map(|line| line.strip_prefix("approval ")).unwrap();
    assert_eq!(stage.say(&format!("destroy --approved {}", stage.approval("plan"))).exit, Some(4));
    assert_eq!(stage.say(&format!("destroy scribe --approved {approval}")).exit, Some(4));
    assert_eq!(stage.to_do(""), [""; 0]);
    stage.done(&format!("destroy --approved {approval} --format json"));
    assert_nothing_left(&stage.seen("family"));
    // Others of the same names are others.
    stage.done("apply --yes");
    let refused = stage.say(&format!("destroy --approved {approval}"));
    assert_eq!(refused.exit, Some(4), "{}", refused.stdout);
    assert!(refused.told().contains("what is there to go is not what was approved"), "{}", refused.stderr);
}
