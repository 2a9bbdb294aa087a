//! Saved plans and approvals, for every manifest: what is written is read back, and nothing else is.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics has failed, which is what it is for")]

use bottle_planner::approval::Approval;
use bottle_planner::digest::Digest;
use bottle_planner::intent::{Step, Tracking};
use bottle_planner::manifest::{Manifest, parse};
use bottle_planner::name::BottleName;
use bottle_planner::observation::Observation;
use bottle_planner::plan::{BackendReason, Plan, Purpose, Target, Verdict, build, destroy};
use bottle_planner::profile::{Backend, Known, Profile};
use bottle_planner::render;
use bottle_planner::saved::{SavedError, SavedPlan, fingerprint, read, sources, write};
use generated_manifests::{MemoryFiles, files, manifest};
use proptest::prelude::*;

const PROFILES: &[&str] = &["docker@20.10", "docker@28.5", "simulator@28.5", "container@1.2"];

fn plan_on(manifest: &Manifest, files: &MemoryFiles, profile: &Profile, observation: Option<&Observation>) -> Plan {
    build(manifest, files, Target { profile, chosen: &BackendReason::Named, observation, part: None }).expect("a plan")
}

fn plan(manifest: &Manifest, profile: &str) -> Plan {
    plan_on(manifest, &files(), &Profile::named(profile).expect("a profile"), None)
}

fn saved(manifest: &Manifest, plan: Plan) -> SavedPlan {
    let sources = sources(manifest, &files()).expect("a digest");
    SavedPlan { manifest: "../bottle.toml".to_owned(), sources, observed: None, plan }
}

fn small(text: &str) -> Manifest {
    parse("bottle.toml", text.as_bytes(), &files()).expect("a manifest")
}

/// A bottle without a network.
fn smallest() -> SavedPlan {
    let manifest = small("version = 1\nname = \"b\"\n[bottle.a]\nimage = { ref = \"i\" }\nuser = \"node\"\n");
    let plan = plan(&manifest, "docker@28.5");
    saved(&manifest, plan)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_written_is_read_back(manifest in manifest(4), profile in proptest::sample::select(PROFILES)) {
        let saved = saved(&manifest, plan(&manifest, profile));
        let text = write(&saved).expect("a text");
        prop_assert_eq!(&write(&saved).expect("a text"), &text);
        let back = read(&text).expect("what was written");
        prop_assert_eq!(render::text(&back.plan), render::text(&saved.plan));
        prop_assert_eq!(back, saved);
    }

    #[test]
    fn no_changed_byte_is_read(at in any::<proptest::sample::Index>(), mask in 1u8..=255) {
        let text = write(&smallest()).expect("a text");
        prop_assert!(refused(&text, at.index(text.len()), mask));
    }

    #[test]
    fn an_approval_is_for_what_is_declared(manifest in manifest(4), profile in proptest::sample::select(PROFILES)) {
        let offline = plan(&manifest, profile);
        let profile = Profile::named(profile).expect("a profile");
        let nothing = Observation::default();
        let live = plan_on(&manifest, &files(), &profile, Some(&nothing));
        prop_assert_eq!(Approval::of(&offline), Approval::of(&live));
        // Neither what explains, nor how far it is, nor the order.
        let mut told = live.clone();
        told.chosen = BackendReason::Default;
        told.rewrites.clear();
        told.entries.reverse();
        for entry in &mut told.entries {
            entry.verdict = Verdict::Keep;
            entry.reasons.clear();
        }
        prop_assert_eq!(Approval::of(&told), Approval::of(&live));
        // Each operation counts, and so does each bottle.
        for at in 0..live.entries.len() {
            let mut less = live.clone();
            less.entries.remove(at);
            prop_assert_ne!(Approval::of(&less), Approval::of(&live), "without {}", live.entries[at].address);
        }
        let bottles: Vec<BottleName> = live.bottles.keys().cloned().collect();
        for bottle in bottles {
            let mut more = live.clone();
            more.bottles.get_mut(&bottle).expect("it").allow.push("evil.example.org".to_owned());
            prop_assert_ne!(Approval::of(&more), Approval::of(&live));
        }
    }
}

/// Whether a text is refused once one of its bytes is another.
fn refused(text: &str, at: usize, mask: u8) -> bool {
    let mut bytes = text.to_owned().into_bytes();
    bytes[at] ^= mask;
    // What is no text is refused by whoever reads the file.
    String::from_utf8(bytes).map_or(true, |changed| read(&changed).is_err())
}

/// Each position in turn, each with another one of the masks that leave it a text.
#[test]
fn no_byte_can_be_changed_anywhere() {
    let text = write(&smallest()).expect("a text");
    for at in 0..text.len() {
        let mask = u8::try_from(at % 127 + 1).expect("seven bits");
        assert!(refused(&text, at, mask), "byte {at} of {text}");
    }
}

#[test]
fn a_plan_that_was_cut_short_is_refused_wherever() {
    let text = write(&smallest()).expect("a text");
    for at in 0..text.len() {
        let error = read(&text[..at]).expect_err("a part of it");
        // What does not even begin as one may be anything.
        assert!(matches!(error, SavedError::Damaged(_)) || at < 30, "{at}: {error}");
    }
    assert!(read(&format!("{text}\n")).is_err());
    assert!(read(&text.replacen(',', ", ", 1)).is_err(), "the same to a parser is not the same");
}

#[test]
fn each_refusal_has_its_own_reason() {
    let text = write(&smallest()).expect("a text");
    assert_eq!(read(""), Err(SavedError::Foreign));
    assert_eq!(read("version = 1\nname = \"bare\"\n"), Err(SavedError::Foreign));
    assert_eq!(read(&render::json(&smallest().plan)), Err(SavedError::OtherFormat("bottle.plan".to_owned())));
    assert_eq!(read(&text.replacen("\"version\":1", "\"version\":2", 1)), Err(SavedError::Version(2)));
    // A later version may be any JSON at all.
    let later = "{\"format\":\"bottle.saved-plan\",\"version\":7,\"parts\":[]}";
    assert_eq!(read(later), Err(SavedError::Version(7)));
    assert!(matches!(read(&text.replace("node", "root")), Err(SavedError::Damaged(_))));
}

/// Somebody who edits a saved plan can make the checksum fit, and then the approval has to as well.
#[test]
fn an_edit_with_a_checksum_of_its_own_is_refused_too() {
    let text = write(&smallest()).expect("a text");
    let end = text.find(",\"checksum\"").expect("a checksum");
    let sealed = |before: &str| {
        let checksum = Digest::of(before.as_bytes());
        format!("{before},\"checksum\":\"{}\"}}\n", checksum.whole())
    };
    assert_eq!(sealed(&text[..end]), text);
    for (from, to) in [
        ("\"way\":null", "\"way\":[\"sidecar\",\"only\"]"),
        ("\"manifest\":\"..", "\"manifest\":\"/etc"),
        ("\"capabilities\":[]", "\"capabilities\":[\"SYS_ADMIN\"]"),
        ("\"runtime\":null", "\"runtime\":\"mine\""),
        ("\"observed\":null", "\"observed\":null,\"more\":1"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let edited = sealed(&text[..end].replace(from, to));
        assert!(matches!(read(&edited), Err(SavedError::Damaged(_))), "{from}");
    }
}

/// Twelve digits of a digest, as inputs and labels show them, can be met by other content. An approval asks for all of them.
#[test]
fn content_of_the_same_short_digest_is_not_approved() {
    let text = "version = 1\nname = \"b\"\n[bottle.a]\nimage = { ref = \"i\" }\nuser = \"node\"\n[[bottle.a.copy]]\nfrom = \
                \"settings.json\"\nto = \"/home/node/s.json\"\n";
    let honest = plan(&small(text), "docker@28.5");
    let mut forged = honest.clone();
    let mut found = 0;
    for operation in forged.entries.iter_mut().filter_map(|entry| entry.operation.as_mut()) {
        if let Step::CopyIn(copy) = &mut operation.step
            && let Tracking::Content(content) = &mut copy.tracked
        {
            let twin = Digest::recorded(&format!("{}{}", content.short(), "0".repeat(52)));
            assert_eq!(twin.to_string(), content.to_string());
            *content = twin;
            found += 1;
        }
    }
    assert_eq!(found, 1);
    assert_eq!(
        render::text(&forged).replace(&Approval::of(&forged).to_string(), ""),
        render::text(&honest).replace(&Approval::of(&honest).to_string(), "")
    );
    assert_ne!(Approval::of(&forged), Approval::of(&honest));
}

#[test]
fn an_approval_without_an_engine_is_good_on_one_of_that_profile() {
    let text = "version = 1\nname = \"b\"\n[bottle.a]\nimage = { ref = \"i\" }\nuser = \"node\"\negress = { allow = [\"example.org\"] }\n";
    let manifest = small(text);
    let offline = plan(&manifest, "docker@28.5");
    let engine = |runsc| {
        let version = Profile::named("docker@28.5").expect("a profile").version;
        Profile::docker(Backend::Docker, version, Known::Seen(runsc)).expect("a profile")
    };
    let observation = Observation::default();
    let live = |profile: &Profile| plan_on(&manifest, &files(), profile, Some(&observation));
    assert_ne!(offline.profile, engine(false));
    assert_eq!(Approval::of(&live(&engine(false))), Approval::of(&offline));
    // Where the engine has gVisor, the operations are others.
    assert_ne!(Approval::of(&live(&engine(true))), Approval::of(&offline));
    assert_ne!(Approval::of(&plan(&manifest, "docker@28.4")), Approval::of(&offline));
}

#[test]
fn a_part_and_an_end_have_approvals_of_their_own() {
    let text = "version = 1\nname = \"b\"\n[bottle.a]\nimage = { ref = \"i\" }\nuser = \"node\"\n";
    let manifest = small(text);
    let whole = plan(&manifest, "docker@28.5");
    let part = [BottleName::new("a").expect("a name")].into();
    let profile = Profile::named("docker@28.5").expect("a profile");
    let target = Target { profile: &profile, chosen: &BackendReason::Named, observation: None, part: Some(&part) };
    // The same operations; but of the whole, what is not declared goes.
    let of_part = build(&manifest, &files(), target).expect("a plan");
    assert_eq!(of_part.entries, whole.entries);
    let end = destroy(&manifest.name, target);
    assert_eq!(end.purpose, Purpose::Destroy);
    let approvals = [&whole, &of_part, &end].map(Approval::of);
    assert!(approvals[0] != approvals[1] && approvals[1] != approvals[2] && approvals[0] != approvals[2]);
}

#[test]
fn an_approval_is_taken_whole_or_not_at_all() {
    let approval = Approval::of(&smallest().plan).to_string();
    assert_eq!(approval.len(), 64);
    assert_eq!(Approval::try_from(approval.clone()).expect("itself"), Approval::of(&smallest().plan));
    for wrong in [&approval[..63], &approval[..16], &approval.to_uppercase(), &format!("{approval}0"), ""] {
        assert!(Approval::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
}

#[test]
fn the_sources_are_what_a_manifest_means() {
    let text = "version = 1\nname = \"b\"\n[bottle.a]\nimage = { ref = \"i\" }\nuser = \"node\"\n[[bottle.a.copy]]\nfrom = \
                \"settings.json\"\nto = \"/home/node/s.json\"\n";
    let of = |text: &str, files: &MemoryFiles| {
        sources(&parse("bottle.toml", text.as_bytes(), files).expect("a manifest"), files).expect("a digest")
    };
    let before = of(text, &files());
    assert_eq!(of(&format!("# a comment\n{}", text.replace(" = ", "   =  ")), &files()), before);
    assert_ne!(of(&text.replace("\"i\"", "\"j\""), &files()), before);
    assert_ne!(
        of(&text.replace("[[bottle.a.copy]]", "requires = [\"dns.closed\"]\n[[bottle.a.copy]]"), &files()),
        before
    );
    assert_ne!(of(text, &MemoryFiles::new([("settings.json", "{ }\n")])), before);
    assert_eq!(fingerprint(&Observation::default()), fingerprint(&Observation::default()));
}
