//! Plans that stand beside the manifest.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use crate::said::said;
use crate::stage::Stage;

const NAME: &str = "bottle.docker@28.5.plan";

fn snapshot(stage: &Stage) -> String {
    fs::read_to_string(stage.project().join(NAME)).unwrap()
}

#[test]
fn a_snapshot_is_taken_for_no_saved_plan() {
    let stage = Stage::of("sidecar");
    assert_eq!(said(&mut stage.bottle("plan --snapshot --backend docker@28.5")).exit, Some(0));
    for line in ["show", "apply", "diff bottle.toml"] {
        let said = said(&mut stage.bottle(&format!("{line} {NAME}")));
        assert!(said.exit == Some(1) && said.stderr.contains("is a snapshot for review"), "{line} {said:?}");
        assert!(said.stderr.contains("bottle plan --check") && said.stderr.contains("bottle plan --out"), "{said:?}");
    }
}

#[test]
fn a_snapshot_is_checked_and_refreshed() {
    let stage = Stage::of("full");
    let none = said(&mut stage.bottle("plan --check"));
    assert!(none.exit == Some(1) && none.stderr.contains("there is no snapshot"), "{none:?}");
    assert_eq!(said(&mut stage.bottle("plan --snapshot --backend docker@28.5 --backend docker@20.10")).exit, Some(0));
    assert_eq!(said(&mut stage.bottle("plan --check")).exit, Some(0));
    fs::write(stage.project().join("prompts/implementer.md"), "Another.\n").unwrap();
    let stale = said(&mut stage.bottle("plan --check"));
    assert_eq!(stale.exit, Some(1), "{stale:?}");
    for line in [
        "--- bottle.docker@20.10.plan",
        "--- bottle.docker@28.5.plan",
        "-    < /home/node/.bottle-prompt.md from prompts/implementer.md",
    ] {
        assert!(stale.stdout.contains(line), "{line}\n{}", stale.stdout);
    }
    assert!(stale.stdout.lines().count() < 40, "{}", stale.stdout);
    // Without a backend, those that are there.
    let refreshed = said(&mut stage.bottle("plan --snapshot"));
    assert_eq!(refreshed.stderr, "wrote bottle.docker@20.10.plan\nwrote bottle.docker@28.5.plan\n");
    assert_eq!(said(&mut stage.bottle("plan --check")).exit, Some(0));
    assert_eq!(said(&mut stage.bottle("plan --check --backend docker@29.0")).exit, Some(1));
}

#[test]
fn only_manifest_files_and_profile_are_in_its_bytes() {
    let first = Stage::of("full");
    assert_eq!(said(&mut first.bottle("plan --snapshot --backend docker@28.5")).exit, Some(0));
    let bytes = snapshot(&first);
    // Another folder, by the default backend instead of by name.
    let second = Stage::of("full");
    assert_eq!(said(&mut second.bottle("plan --snapshot")).exit, Some(0));
    assert_eq!(snapshot(&second), bytes);
    // Another working directory, home, language, time zone, user name and umask.
    let third = Stage::of("full");
    let mut other = Command::new("sh");
    other.args(["-c", "umask 077; exec \"$0\" plan --snapshot --backend docker@28.5 --file \"$1\""]);
    other.arg(env!("CARGO_BIN_EXE_bottle")).arg(third.project().join("bottle.toml")).current_dir("/").env_clear();
    other.env("HOME", first.home()).env("LC_ALL", "tr_TR.UTF-8").env("TZ", "Pacific/Apia").env("USER", "somebody");
    other.env("PATH", std::env::var_os("PATH").unwrap());
    assert_eq!(said(&mut other).exit, Some(0));
    assert_eq!(snapshot(&third), bytes);
    let mode = |stage: &Stage| fs::metadata(stage.project().join(NAME)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&third), 0o600, "the umask decides who may read it");
    assert_ne!(mode(&first) & 0o400, 0);
}

#[test]
fn what_is_no_snapshot_is_never_overwritten() {
    let stage = Stage::of("sidecar");
    let (path, other) = (stage.project().join(NAME), stage.home().join("other"));
    fs::write(&path, "my own plan\n").unwrap();
    for line in ["plan --snapshot --backend docker@28.5 --backend docker@20.10", "plan --check --backend docker@28.5"] {
        let refused = said(&mut stage.bottle(line));
        assert!(refused.exit == Some(1) && refused.stderr.contains("is no snapshot of a plan"), "{refused:?}");
    }
    assert_eq!(snapshot(&stage), "my own plan\n");
    assert!(!stage.project().join("bottle.docker@20.10.plan").exists(), "the other was written all the same");
    fs::remove_file(&path).unwrap();
    fs::write(&other, "# Written by `bottle plan --snapshot`\n").unwrap();
    symlink(&other, &path).unwrap();
    assert_eq!(said(&mut stage.bottle("plan --snapshot --backend docker@28.5")).exit, Some(1));
    assert_eq!(fs::read_to_string(&other).unwrap(), "# Written by `bottle plan --snapshot`\n");
}

#[test]
fn nothing_is_written_of_a_plan_that_cannot_be() {
    let stage = Stage::of("sidecar");
    let refused = said(&mut stage.bottle("plan --snapshot --backend docker@28.5 --backend container@1.2"));
    assert_eq!(refused.exit, Some(3), "{refused:?}");
    assert!(!stage.project().join(NAME).exists());
    let left: Vec<_> = fs::read_dir(stage.project()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["bottle.toml"]);
}
