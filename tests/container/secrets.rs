//! Secrets: by name everywhere, by value in the agent's process alone.

use libtest_mimic::Trial;

use crate::project::Project;
use crate::trials::{Recorder, everything, found, host_secrets, key, key_lines};
use crate::{WAYS, each};

pub(crate) fn trials() -> Vec<Trial> {
    each(&WAYS, "secrets::nowhere", "full", nowhere)
}

fn nowhere(project: &Project) {
    let env = host_secrets(project, "planted-gh-pat", "planted-gitea-token");
    let recorder = Recorder::new(project, &["container", "pipelock"]);
    let mut with = env.to_vec();
    with.push(recorder.path());
    let mut needles = vec!["planted-gh-pat".to_owned(), "planted-gitea-token".to_owned()];
    needles.extend(key_lines(project));
    assert!(needles.len() > 4 && key(project).exists(), "the key has a body");
    for args in [&["plan", "--format", "json"][..], &["apply", "--yes"], &["status"]] {
        let said = project.run_with(args, &with);
        assert_eq!(found(format!("{}{}", said.stdout, said.stderr).as_bytes(), &needles), [""; 0], "bottle {args:?}");
    }
    // Where they belong.
    let variables = project.environment(&project.agent("implementer"));
    assert!(variables.contains(&"GITHUB_TOKEN=planted-gh-pat".to_owned()), "{variables:?}");
    assert!(variables.contains(&"GITEA_TOKEN=planted-gitea-token".to_owned()), "{variables:?}");

    let mut state = Vec::new();
    everything(&project.state(), &mut state);
    assert_eq!(found(&state, &["implementer/agent/create".to_owned()]).len(), 1, "the journal was not searched");
    assert_eq!(found(&state, &needles), [""; 0], "in the state folder");

    let calls = recorder.calls();
    assert!(calls.iter().any(|call| call.iter().any(|word| word == "--env=GITHUB_TOKEN")), "{calls:?}");
    assert_eq!(found(format!("{calls:?}").as_bytes(), &needles), [""; 0], "in an argv");
}
