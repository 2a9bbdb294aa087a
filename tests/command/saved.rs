//! Saved plans: written, shown, carried out as they were reviewed, and refused where they cannot be.

use std::fs;
use std::path::PathBuf;

use bottle_planner::plan::{BackendReason, Target, destroy};
use bottle_planner::profile::Profile;
use bottle_planner::saved;

use crate::said::said;
use crate::simulated::{TOKEN, assert_nothing_left};
use crate::stage::Stage;

impl Stage {
    fn path(&self, name: &str) -> PathBuf {
        self.project().join(name)
    }

    #[track_caller]
    fn refuses(&self, line: &str, exit: i32, parts: &[&str]) {
        let said = self.plainly(line);
        assert_eq!(said.exit, Some(exit), "{line}: {}{}", said.stdout, said.stderr);
        let told = said.told();
        for part in parts {
            assert!(told.contains(part), "{part:?} in {}", said.stderr);
        }
    }
}

fn full() -> Stage {
    let stage = Stage::of("full");
    stage.edit(r#"GITEA_TOKEN = { ask = "paste your Gitea token" }"#, "");
    stage
}

#[test]
fn a_saved_plan_is_shown_as_it_was_and_applied_without_a_question() {
    let stage = full();
    let plan = stage.done("plan --out x.plan");
    assert!(plan.told().contains("saved: `bottle apply x.plan` carries it out"), "{}", plan.stderr);
    for format in ["text", "json", "markdown"] {
        let shown = stage.plainly(&format!("show x.plan --format {format}"));
        assert_eq!((shown.exit, shown.stderr.as_str()), (Some(0), ""));
        assert_eq!(shown.stdout, stage.done(&format!("plan --format {format}")).stdout);
    }
    // From another place, with the manifest found from where the plan lies.
    assert_eq!(stage.plainly("trust --yes").exit, Some(0));
    let mut apply = stage.bottle("apply --format json");
    let applied = said(apply.arg(stage.path("x.plan")).current_dir("/").env("GH_PAT", TOKEN));
    assert_eq!(applied.exit, Some(0), "{}", applied.stderr);
    assert_eq!(stage.to_do(""), [""; 0]);
}

#[test]
fn it_holds_no_secret_and_no_place() {
    let stage = full();
    stage.done("plan --out x.plan");
    let folder = stage.project().parent().unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(stage.path("x.plan")).unwrap();
    for secret in [TOKEN, "no key of anybody's", &folder] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("GH_PAT") && text.contains("~/.ssh/id_ed25519"), "they are there by name");
    // The same plan is the same file, anywhere.
    let there = full();
    there.done("plan --out x.plan");
    assert_eq!(fs::read_to_string(there.path("x.plan")).unwrap(), text);
    // Another folder says how to get to the manifest.
    fs::create_dir(stage.home().join("plans")).unwrap();
    stage.done("plan --out ../home/plans/x.plan");
    let text = fs::read_to_string(stage.home().join("plans/x.plan")).unwrap();
    assert!(text.contains(r#""manifest":"../../project/bottle.toml""#), "{text}");
    assert_eq!(stage.plainly("trust --yes").exit, Some(0));
    assert_eq!(stage.plainly("apply ../home/plans/x.plan").exit, Some(0));
}

#[test]
fn a_part_is_applied_as_a_part() {
    let stage = Stage::of("family");
    stage.done("plan scribe --out part");
    // A name that could be a bottle's is given as a path.
    stage.refuses("apply part", 1, &["no bottle `part`"]);
    for line in ["apply ./part scribe", "apply --plan part scribe"] {
        assert_eq!(stage.plainly(line).exit, Some(64), "{line}");
    }
    assert_nothing_left(&stage.seen("family"));
    // What another bottle becomes is none of its business.
    stage.edit("[bottle.scribe]\n", "[bottle.auditor]\n\n[bottle.scribe]\n");
    assert_eq!(stage.plainly("apply --plan part").exit, Some(0));
    assert_eq!(stage.seen("family").containers.len(), 2);
}

#[test]
fn a_plan_of_another_manifest_is_stale() {
    let stage = Stage::of("sidecar");
    stage.done("plan --out x.plan");
    let text = stage.manifest();
    // Another text of the same meaning is the same manifest.
    fs::write(stage.path("bottle.toml"), format!("# reviewed\n{text}")).unwrap();
    assert_eq!(stage.plainly("apply x.plan").exit, Some(0));
    stage.done("destroy --yes");

    stage.done("plan --out x.plan");
    stage.edit("\"api.anthropic.com\"", "\"api.anthropic.com\", \"evil.example.org\"");
    stage.refuses(
        "apply x.plan",
        4,
        &[
            "x.plan is stale",
            "the manifest, or a file that it names, has another meaning",
            "implementer may reach: api.anthropic.com -> api.anthropic.com, evil.example.org",
            "still to create, of something else; content: ",
            "nothing was changed",
        ],
    );
    // Even where there is no plan for it any more.
    fs::write(stage.path("bottle.toml"), text.replace("[bottle.implementer", "[bottle.other")).unwrap();
    stage.refuses("apply x.plan", 4, &["has another meaning", "implementer/agent/create"]);
    assert_nothing_left(&stage.seen("lone"));
    // Another manifest can be named, and is looked at as closely.
    fs::write(stage.path("kept.toml"), text).unwrap();
    assert_eq!(stage.plainly("apply x.plan --file kept.toml").exit, Some(0));
}

#[test]
fn a_plan_of_what_is_no_longer_there_is_stale() {
    let stage = Stage::of("sidecar");
    stage.done("plan --out first.plan");
    assert_eq!(stage.plainly("apply first.plan").exit, Some(0));
    let approval = stage.approval("plan");
    let as_declared = "implementer/agent/create: create (not there) -> keep (as declared)";
    let goes_on = format!("`bottle apply --approved {approval}` does what is left");
    let parts = ["what there is of the project is not what was seen", as_declared, &goes_on, "nothing was changed"];
    stage.refuses("apply first.plan", 4, &parts);

    stage.engine().by_hand().stop("bottle_lone_implementer").unwrap();
    stage.done("plan --out second.plan");
    stage.done("apply --yes");
    let mended = "implementer/agent/start: update (stopped with exit code 137) -> keep (as declared)";
    stage.refuses("apply second.plan", 4, &[mended]);
    // What has happened elsewhere makes no difference.
    stage.engine().by_hand().stop("bottle_lone_implementer").unwrap();
    stage.done("plan --out second.plan");
    stage.edit("limits", "# limits");
    stage.refuses("apply second.plan", 4, &["has another meaning", "replace ("]);
}

#[test]
fn a_plan_for_another_backend_is_stale() {
    let stage = Stage::of("sidecar");
    stage.done("plan --out x.plan");
    let parts = ["the backend: simulator@28.5 -> simulator@20.10", "lone", "nothing was changed"];
    stage.refuses("apply x.plan --backend simulator@20.10", 4, &parts[..1]);
    assert_nothing_left(&stage.seen("lone"));
}

/// Without an engine there is no knowing what will be taken away, so such a plan is good for an engine that has nothing.
#[test]
fn a_plan_made_without_an_engine_is_good_for_an_empty_one() {
    let stage = Stage::of("sidecar");
    stage.done("plan --offline --out x.plan");
    assert_eq!(stage.plainly("apply x.plan").exit, Some(0));
    stage.refuses("apply x.plan", 4, &["planned without asking an engine", "--approved"]);
}

#[test]
fn each_refusal_has_its_own_reason_and_touches_nothing() {
    let stage = Stage::of("bare");
    stage.done("plan --out x.plan");
    let text = fs::read_to_string(stage.path("x.plan")).unwrap();
    let manifest = stage.manifest();
    let put = |text: &str| fs::write(stage.path("x.plan"), text).unwrap();

    stage.refuses("apply y.plan", 1, &["cannot read the saved plan y.plan"]);
    stage.refuses("apply bottle.toml", 1, &["bottle.toml: it is no saved plan", "`bottle plan --out FILE` writes one"]);
    put(&stage.done("plan --format json").stdout);
    stage.refuses("apply x.plan", 1, &["`bottle.plan`", "is for programs"]);
    put(&text.replace("\"version\":1", "\"version\":2"));
    stage.refuses("apply x.plan", 1, &["a saved plan of version 2, and this bottle knows version 1"]);
    put(&text[..text.len() / 2]);
    stage.refuses("apply x.plan", 1, &["cut short or changed", "have it reviewed again"]);
    put(&text.replace("node:22-slim", "evil:22-slim"));
    stage.refuses("apply x.plan", 1, &["cut short or changed", "its checksum is that of another text"]);
    let mut bytes = text.clone().into_bytes();
    bytes[500] = 0xff;
    fs::write(stage.path("x.plan"), bytes).unwrap();
    stage.refuses("apply x.plan", 1, &["cut short or changed", "it is not all text"]);

    put(&text);
    stage.edit("name = \"bare\"", "name = \"other\"");
    stage.refuses("apply x.plan", 1, &["project `bare`", "project `other`", "with `--file`"]);
    fs::remove_file(stage.path("bottle.toml")).unwrap();
    stage.refuses("apply x.plan", 1, &["cannot read the manifest", "`--file`"]);
    fs::write(stage.path("bottle.toml"), &manifest).unwrap();

    let mut end = saved::read(&text).unwrap();
    let profile = Profile::named("simulator").unwrap();
    let target = Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: None };
    end.plan = destroy(&end.plan.project, target);
    put(&saved::write(&end).unwrap());
    stage.refuses("apply x.plan", 1, &["a plan of what `destroy` takes away", "`bottle destroy` makes its plan"]);

    assert_nothing_left(&stage.seen("bare"));
    assert!(!stage.kept("bare").exists(), "nothing was even looked at");
}

/// A file that claims to be a plan can hold anything, and is shown for all that.
#[test]
fn a_plan_by_somebody_else_cannot_drive_a_terminal() {
    let stage = Stage::of("sidecar");
    stage.done("plan --out x.plan");
    let mut hostile = saved::read(&fs::read_to_string(stage.path("x.plan")).unwrap()).unwrap();
    for summary in hostile.plan.bottles.values_mut() {
        summary.allow.push("\u{1b}]0;owned\u{7}".to_owned());
    }
    fs::write(stage.path("x.plan"), saved::write(&hostile).unwrap()).unwrap();
    for line in ["show x.plan", "show x.plan --undo", "show x.plan --format markdown", "show x.plan --format json"] {
        let shown = stage.plainly(line);
        assert_eq!(shown.exit, Some(0), "{}", shown.stderr);
        assert!(shown.stdout.contains("owned") && !shown.stdout.contains(['\u{1b}', '\u{7}']), "{}", shown.stdout);
    }
    // And is no more than shown.
    stage.refuses("apply x.plan", 4, &["may reach: api.anthropic.com, \\u{1b}]0;owned\\u{7} -> api.anthropic.com"]);
    assert_nothing_left(&stage.seen("lone"));
}

#[test]
fn only_a_saved_plan_is_written_over() {
    let stage = Stage::of("bare");
    for _ in 0..2 {
        stage.done("plan --out x.plan");
    }
    // Of whatever version, and even where it was cut short.
    let text = fs::read_to_string(stage.path("x.plan")).unwrap();
    fs::write(stage.path("x.plan"), &text[..40]).unwrap();
    stage.done("plan --out x.plan");
    assert_eq!(fs::read_to_string(stage.path("x.plan")).unwrap(), text);

    let manifest = stage.manifest();
    std::os::unix::fs::symlink("x.plan", stage.path("link.plan")).unwrap();
    for taken in ["bottle.toml", "link.plan", "."] {
        let refused = stage.say(&format!("plan --out {taken}"));
        assert_eq!(refused.exit, Some(1), "{taken}");
        assert!(refused.told().contains("is there, and it is no saved plan"), "{}", refused.stderr);
    }
    assert_eq!(stage.manifest(), manifest);
    assert!(stage.path("link.plan").is_symlink());
    let nowhere = stage.say("plan --out nowhere/x.plan");
    assert_eq!(nowhere.exit, Some(1));
    assert!(nowhere.told().contains("cannot save the plan as nowhere/x.plan"), "{}", nowhere.stderr);
    let left: Vec<_> = fs::read_dir(stage.project()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_plan_that_apply_would_refuse_is_not_saved() {
    let stage = Stage::of("sidecar");
    stage.edit(r#""dns.closed"]"#, r#""dns.closed", "kernel.own"]"#);
    assert_eq!(stage.say("plan --out x.plan").exit, Some(3));
    assert!(!stage.path("x.plan").exists());
}
