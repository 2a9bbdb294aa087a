//! Manifests of git revisions.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::said::{Said, said};
use crate::stage::Stage;

fn git(folder: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args([
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "init.defaultBranch=main",
    ]);
    let output = command.args(words).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with a fixture's project in the folder `sub`, and one commit.
fn committed(fixture: &str) -> Stage {
    let stage = Stage::of(fixture);
    let top = stage.project();
    let sub = top.join("sub");
    fs::create_dir(&sub).unwrap();
    for entry in fs::read_dir(&top).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "sub" {
            fs::rename(top.join(&name), sub.join(&name)).unwrap();
        }
    }
    git(&top, &["init", "-q"]);
    git(&top, &["add", "-A"]);
    git(&top, &["commit", "-qm", "one"]);
    stage
}

fn ask(stage: &Stage, line: &str) -> Said {
    said(stage.bottle(line).current_dir(stage.project().join("sub")))
}

#[test]
fn a_working_tree_is_what_was_committed_until_it_is_changed() {
    let stage = committed("full");
    let sub = stage.project().join("sub");
    // What no commit has makes no difference: what is ignored, and git's own folder.
    fs::write(stage.project().join(".git/info/exclude"), "ignored\n").unwrap();
    fs::write(sub.join("ignored"), "x").unwrap();
    for line in [
        "plan --against HEAD --detailed-exitcode",
        "diff HEAD:sub/bottle.toml --detailed-exitcode",
        "diff main:./bottle.toml HEAD:sub/bottle.toml --detailed-exitcode",
    ] {
        let said = ask(&stage, line);
        assert!(said.exit == Some(0) && said.stdout.ends_with("\nnothing changes\n"), "{line} {said:?}");
    }
    // A file that was never added would be added.
    fs::write(sub.join("skills/review/more.md"), "more").unwrap();
    let said = ask(&stage, "plan --against HEAD --detailed-exitcode");
    assert!(said.exit == Some(2) && said.stdout.contains("~ implementer/agent/skill:review\n"), "{said:?}");
    git(&stage.project(), &["add", "-A"]);
    git(&stage.project(), &["commit", "-qm", "two"]);
    assert_eq!(ask(&stage, "plan --against HEAD --detailed-exitcode").exit, Some(0));
    let said = ask(&stage, "diff HEAD~1:sub/bottle.toml HEAD:sub/bottle.toml --detailed-exitcode");
    assert!(said.exit == Some(2) && said.stdout.contains("~ implementer/agent/skill:review\n"), "{said:?}");
}

/// A hook, a filter or a text conversion would be run code of the repository's.
#[test]
fn nothing_of_the_repository_runs() {
    let stage = committed("full");
    let (top, ran) = (stage.project(), stage.home().join("ran"));
    let touch = format!("touch {}; cat", ran.display());
    for (key, value) in [
        ("filter.bad.smudge", touch.as_str()),
        ("filter.bad.clean", &touch),
        ("diff.bad.textconv", &touch),
        ("core.fsmonitor", &touch),
        ("core.pager", &touch),
    ] {
        git(&top, &["config", key, value]);
    }
    fs::write(top.join(".gitattributes"), "* filter=bad diff=bad\n").unwrap();
    let _ = fs::remove_file(&ran);
    assert_eq!(ask(&stage, "plan --against HEAD").exit, Some(0));
    assert_eq!(ask(&stage, "diff HEAD:sub/bottle.toml HEAD:sub/bottle.toml").exit, Some(0));
    assert!(!ran.exists(), "code of the repository was run");
    git(&top, &["add", "-A"]);
    assert!(ran.exists(), "the control: git itself would have run it");
}

#[test]
fn revisions_are_no_options_and_missing_ones_say_so() {
    let stage = committed("sidecar");
    for revision in ["--output=x", "-x", "main..HEAD", "a b", ""] {
        let said =
            said(stage.bottle("plan").current_dir(stage.project().join("sub")).arg(format!("--against={revision}")));
        assert!(said.exit == Some(1) && said.stderr.contains("is no revision"), "{revision} {said:?}");
    }
    let missing = ask(&stage, "plan --against nowhere");
    assert!(missing.exit == Some(1) && missing.stderr.contains("this clone has no revision `nowhere`"), "{missing:?}");
    let missing = ask(&stage, "diff HEAD:nothing.toml");
    assert!(missing.stderr.contains("has no file `nothing.toml`"), "{missing:?}");
    assert!(!stage.project().join("sub/x").exists());
    // A tree or a file is no commit.
    assert_eq!(ask(&stage, "plan --against HEAD^{tree}").exit, Some(1));
}

#[test]
fn a_side_that_is_not_there_says_what_a_side_is() {
    let stage = committed("sidecar");
    let missing = ask(&stage, "diff nosuch.toml");
    assert!(missing.exit == Some(64) && missing.stderr.contains("a file, REV:PATH, or a saved plan"), "{missing:?}");
    assert!(!missing.stderr.contains("--file"), "{missing:?}");
    let bare = ask(&stage, "diff main");
    assert!(bare.stderr.contains("main:bottle.toml") && bare.stderr.contains("plan --against main"), "{bare:?}");
}

/// What is wrong with a manifest is shown with its lines: they must be the manifest's own.
#[test]
fn a_manifest_that_links_elsewhere_shows_nothing_of_it() {
    let stage = committed("sidecar");
    let (sub, secret) = (stage.project().join("sub"), stage.home().join("credentials"));
    fs::write(&secret, "version = 1\nhunter2 = hunter2\n").unwrap();
    fs::write(stage.project().join(".git/hidden"), "hunter2 = hunter2\n").unwrap();
    for target in [secret.as_path(), Path::new("../.git/hidden")] {
        fs::remove_file(sub.join("bottle.toml")).unwrap();
        symlink(target, sub.join("bottle.toml")).unwrap();
        for line in
            ["diff HEAD:sub/bottle.toml bottle.toml", "plan --against HEAD", "plan", "diff bottle.toml bottle.toml"]
        {
            let said = ask(&stage, line);
            assert!(said.exit == Some(1) && said.stderr.contains("link"), "{line} {said:?}");
            assert!(!format!("{said:?}").contains("hunter2"), "{line} {said:?}");
        }
    }
}

#[test]
fn bare_and_shallow_clones_will_do() {
    let stage = committed("full");
    let top = stage.project();
    fs::write(top.join("sub/prompts/implementer.md"), "Another.\n").unwrap();
    git(&top, &["commit", "-qam", "two"]);
    let (bare, shallow) = (stage.home().join("bare.git"), stage.home().join("shallow"));
    let url = format!("file://{}", top.display());
    git(&top, &["clone", "-q", "--bare", &url, &bare.display().to_string()]);
    git(&top, &["clone", "-q", "--depth=1", &url, &shallow.display().to_string()]);
    let line = "diff main~1:sub/bottle.toml main:sub/bottle.toml";
    let said = said(stage.bottle(line).current_dir(&bare).env("GIT_DIR", "."));
    assert!(said.stdout.contains("~ implementer/agent/prompt\n"), "{said:?}");
    // A folder that only looks like a repository could come with anything.
    let unnamed = crate::said::said(stage.bottle(line).current_dir(&bare));
    assert!(unnamed.exit == Some(1) && unnamed.stdout.is_empty(), "{unnamed:?}");
    let said = crate::said::said(stage.bottle(line).current_dir(&shallow));
    assert!(said.exit == Some(1) && said.stderr.contains("it is a shallow clone"), "{said:?}");
    assert!(said.stderr.contains("git fetch --depth=1"), "{said:?}");
    let line = "diff main:sub/bottle.toml HEAD:sub/bottle.toml";
    assert_eq!(crate::said::said(stage.bottle(line).current_dir(&shallow)).exit, Some(0));
}

/// A key outside of the repository is not read, and a link that leads out of it is not followed.
#[test]
fn what_is_outside_is_unknown_and_equal() {
    let stage = committed("full");
    let (top, sub) = (stage.project(), stage.project().join("sub"));
    let outside = stage.home().join("notes");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a"), "one").unwrap();
    symlink(&outside, sub.join("notes")).unwrap();
    symlink("skills/review", sub.join("alias")).unwrap();
    let manifest = fs::read_to_string(sub.join("bottle.toml")).unwrap();
    let more = "\n[[bottle.implementer.copy]]\nfrom = \"notes\"\nto = \"/home/node/notes\"\n\n[[bottle.implementer.copy]]\nfrom = \"alias\"\n\
                to = \"/home/node/alias\"\n\n[[bottle.implementer.copy]]\nfrom = \"~/notes\"\nto = \"/home/node/more\"\n";
    fs::write(sub.join("bottle.toml"), manifest + more).unwrap();
    git(&top, &["add", "-A"]);
    git(&top, &["commit", "-qm", "two"]);
    fs::write(outside.join("a"), "two").unwrap();
    let said = ask(&stage, "plan --against HEAD --detailed-exitcode");
    assert!(said.exit == Some(0) && said.stdout.ends_with("nothing changes\n"), "{said:?}");
    // Gone altogether, it is as unknown.
    fs::remove_dir_all(&outside).unwrap();
    assert_eq!(ask(&stage, "diff HEAD:sub/bottle.toml main:sub/bottle.toml --detailed-exitcode").exit, Some(0));
    // A link within is followed.
    fs::write(sub.join("skills/review/SKILL.md"), "other").unwrap();
    fs::create_dir(&outside).unwrap();
    let said = ask(&stage, "plan --against HEAD");
    assert!(said.stdout.contains("~ implementer/agent/copy:/home/node/alias\n"), "{said:?}");
}

#[test]
fn another_commit_of_a_submodule_is_another_content() {
    let stage = committed("sidecar");
    let (top, library) = (stage.project(), stage.home().join("library"));
    fs::create_dir(&library).unwrap();
    git(&library, &["init", "-q"]);
    git(&library, &["commit", "-q", "--allow-empty", "-m", "one"]);
    git(
        &top,
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            &library.display().to_string(),
            "sub/vendor/library",
        ],
    );
    let sub = top.join("sub");
    let manifest = fs::read_to_string(sub.join("bottle.toml")).unwrap();
    let more = "\n[[bottle.implementer.copy]]\nfrom = \"vendor\"\nto = \"/home/node/vendor\"\n";
    fs::write(sub.join("bottle.toml"), manifest + more).unwrap();
    git(&top, &["add", "-A"]);
    git(&top, &["commit", "-qm", "two"]);
    assert_eq!(ask(&stage, "plan --against HEAD --detailed-exitcode").exit, Some(0));
    git(&sub.join("vendor/library"), &["commit", "-q", "--allow-empty", "-m", "two"]);
    git(&top, &["add", "-A"]);
    let said = ask(&stage, "plan --against HEAD --detailed-exitcode");
    assert!(said.exit == Some(2) && said.stdout.contains("~ implementer/agent/copy:/home/node/vendor\n"), "{said:?}");
}

#[test]
fn a_manifest_that_is_new_is_all_new() {
    let stage = committed("sidecar");
    let sub = stage.project().join("sub");
    fs::copy(sub.join("bottle.toml"), sub.join("other.toml")).unwrap();
    let said = ask(&stage, "plan --file other.toml --against HEAD --detailed-exitcode");
    assert_eq!(said.exit, Some(2), "{said:?}");
    assert!(
        said.stdout.contains("\n+ implementer: new\n") && said.stdout.contains("\n+ implementer: api.anthropic.com\n"),
        "{said:?}"
    );
    assert!(said.stderr.contains("`HEAD` has no such manifest"), "{said:?}");
}
