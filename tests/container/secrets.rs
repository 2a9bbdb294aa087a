//! Secrets: by name everywhere, by value in the agent's process alone.

use libtest_mimic::Trial;

use crate::project::Project;
use crate::trials::{Recorder, found, host_secrets, key, key_lines, only_in_the_environment};
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
    only_in_the_environment(project, &variables, &recorder, &needles);
}
