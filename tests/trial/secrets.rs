//! Secrets that are planted, and the search for them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Folders, Recorder};

/// Makes the ssh key of the full fixture and gives values to its variables. What it asks for at a terminal becomes a variable.
pub(crate) fn host_secrets(project: &Folders, gh_pat: &str, gitea: &str) -> [(&'static str, OsString); 2] {
    project.edit("bottle.toml", "{ ask = \"paste your Gitea token\" }", "{ env = \"GITEA_TOKEN\" }");
    fs::create_dir(project.home().join(".ssh")).unwrap();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "key of a test", "-f"])
        .arg(key(project))
        .status()
        .unwrap();
    assert!(made.success());
    [("GH_PAT", gh_pat.into()), ("GITEA_TOKEN", gitea.into())]
}

/// The file of the key that [`host_secrets`] makes.
pub(crate) fn key(project: &Folders) -> PathBuf {
    project.home().join(".ssh/id_ed25519")
}

/// Every line of the key's body: any of them found anywhere is a leak.
pub(crate) fn key_lines(project: &Folders) -> Vec<String> {
    let text = fs::read_to_string(key(project)).unwrap();
    // The first line of the body is the same for many keys.
    text.lines().filter(|line| !line.starts_with('-')).skip(1).map(str::to_owned).collect()
}

/// Which of the needles are in a text.
pub(crate) fn found(hay: &[u8], needles: &[String]) -> Vec<String> {
    let is_in = |needle: &&String| hay.windows(needle.len()).any(|window| window == needle.as_bytes());
    needles.iter().filter(is_in).cloned().collect()
}

/// All bytes of all files below a folder, and their names.
fn everything(folder: &Path, into: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        into.extend(path.display().to_string().into_bytes());
        if path.is_dir() {
            everything(&path, into);
        } else {
            into.extend(fs::read(&path).unwrap());
        }
    }
}

/// The values are in the agent's environment, and neither in the state folder nor in the words of any call.
#[track_caller]
pub(crate) fn only_in_the_environment(
    project: &Folders,
    variables: &[String],
    recorder: &Recorder,
    needles: &[String],
) {
    assert!(variables.contains(&"GITHUB_TOKEN=planted-gh-pat".to_owned()), "{variables:?}");
    assert!(variables.contains(&"GITEA_TOKEN=planted-gitea-token".to_owned()), "{variables:?}");

    let mut state = Vec::new();
    everything(&project.state(), &mut state);
    assert_eq!(found(&state, &["implementer/agent/create".to_owned()]).len(), 1, "the journal was not searched");
    assert_eq!(found(&state, needles), [""; 0], "in the state folder");

    let calls = recorder.calls();
    assert!(calls.iter().any(|call| call.iter().any(|word| word == "--env=GITHUB_TOKEN")), "{calls:?}");
    assert_eq!(found(format!("{calls:?}").as_bytes(), needles), [""; 0], "in an argv");
}
