//! Secrets: by name everywhere, by value in the agent's process alone.

use std::ffi::OsString;
use std::fs;

use libtest_mimic::Trial;

use crate::engine::{attempt, docker, environment};
use crate::project::Project;
use crate::trial;
use crate::trials::{Recorder, found, host_secrets, key, key_lines, only_in_the_environment};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("secrets::nowhere", "full", nowhere),
        trial("secrets::missing", "full", missing),
        trial("secrets::of_the_client", "sidecar", of_the_client),
        trial("secrets::said_by_a_command", "bare", said_by_a_command),
    ]
}

/// The client of the engine gives containers what its own configuration says. Nothing of that reaches a bottle.
fn of_the_client(project: &Project) {
    let folder = project.home().join(".docker");
    fs::create_dir_all(&folder).unwrap();
    let proxy = r#"{ "proxies": { "default": { "httpProxy": "http://user:planted@192.0.2.1:3128", "ftpProxy": "ftp://planted" } } }"#;
    fs::write(folder.join("config.json"), proxy).unwrap();
    project.apply();
    for container in [project.agent("implementer"), project.sidecar("implementer")] {
        let inspected = attempt(&["container", "inspect", &container]);
        let text = String::from_utf8_lossy(&inspected.stdout);
        assert!(text.contains("HTTP_PROXY=") && !text.contains("planted"), "{text}");
    }
    // The control: without a bottle's own words the client does give it.
    let name = format!("{}-control", project.name);
    let mut control = std::process::Command::new("docker");
    control.env("DOCKER_CONFIG", &folder).args([
        "create",
        "--name",
        &name,
        "--label",
        &format!("trial={}", project.name),
    ]);
    assert!(control.args(["bottle-test/guest:2", "true"]).output().unwrap().status.success());
    let text = docker(&["container", "inspect", &name]);
    docker(&["rm", &name]);
    assert!(text.contains("planted"), "{text}");
}

fn nowhere(project: &Project) {
    let env = host_secrets(project, "planted-gh-pat", "planted-gitea-token");
    let recorder = Recorder::new(project, &["docker"]);
    let mut with = env.to_vec();
    with.push(recorder.path());
    let mut needles = vec!["planted-gh-pat".to_owned(), "planted-gitea-token".to_owned()];
    needles.extend(key_lines(project));
    assert!(needles.len() > 4, "the key has a body");

    // What is said, with a mark in each that shows that the search would find something.
    for (args, mark) in [
        (&["plan"][..], "GH_PAT"),
        (&["plan", "--format", "json"], "GH_PAT"),
        (&["plan", "--format", "markdown"], "GH_PAT"),
        (&["apply", "--yes"], "implementer/agent/ssh:key:gitea: "),
        (&["status"], "as declared"),
        (&["status", "--format", "json"], "bottle.status"),
        (&["apply", "--yes", "--format", "json"], "bottle.events"),
    ] {
        let said = project.run_with(args, &with).exits(0);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(text.contains(mark), "bottle {args:?} says nothing of {mark}: {text}");
        assert_eq!(found(text.as_bytes(), &needles), [""; 0], "said by bottle {args:?}");
    }
    // Where they belong.
    let (agent, sidecar) = (project.agent("implementer"), project.sidecar("implementer"));
    let variables = environment(&agent, "node");
    only_in_the_environment(project, &variables, &recorder, &needles);

    let image = docker(&["container", "inspect", "--format", "{{.Config.Image}}", &agent]);
    for words in
        [&["image", "save", &image][..], &["image", "history", "--no-trunc", &image], &["image", "inspect", &image]]
    {
        let output = attempt(words);
        assert!(output.status.success());
        assert_eq!(found(&output.stdout, &needles), [""; 0], "docker {words:?}");
    }
    // The layers are stored as they are, so that the search of them means something.
    let mark = "SSH keys are held by ssh-agent".to_owned();
    assert_eq!(found(&attempt(&["image", "save", &image]).stdout, std::slice::from_ref(&mark)), [mark]);

    let inspection = docker(&["container", "inspect", &sidecar]);
    assert_eq!(found(inspection.as_bytes(), &needles), [""; 0], "in the sidecar");
    assert_eq!(found(docker(&["logs", &sidecar]).as_bytes(), &needles), [""; 0], "in the sidecar's log");
}

fn missing(project: &Project) {
    let [_, gitea] = host_secrets(project, "", "value");
    let said = project.run_with(&["apply", "--yes"], std::slice::from_ref(&gitea)).exits(1);
    assert!(said.stderr.contains("GH_PAT"), "{}", said.stderr);
    project.is_gone();

    let away = project.home().join("key-elsewhere");
    fs::rename(key(project), &away).unwrap();
    let said = project.run_with(&["apply", "--yes"], &[("GH_PAT", "value".into()), gitea]).exits(1);
    assert!(said.stderr.contains("~/.ssh/id_ed25519"), "{}", said.stderr);
    project.is_gone();
    fs::rename(away, key(project)).unwrap();
}

/// A command in the agent that fails and prints what it was given.
fn said_by_a_command(project: &Project) {
    project.declare(
        "[bottle.agent.env]\nTOKEN = { env = \"GH_PAT\" }\n\
         [[bottle.agent.exec]]\nrun = [\"sh\", \"-c\", \"echo \\\"the token is $TOKEN.\\\" >&2; exit 3\"]",
    );
    // The second time the container has it already, and nobody reads it again: another value is set, or none.
    let env = |value: &str| vec![("GH_PAT", OsString::from(value))];
    for (format, env) in [("text", env("planted-gh-pat")), ("json", env("a newer one")), ("text", Vec::new())] {
        let said = project.run_with(&["apply", "--yes", "--format", format], &env).exits(1);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(text.contains("the token is ***."), "{text}");
        assert!(!text.contains("planted-gh-pat"), "{text}");
    }
    assert!(environment(&project.agent("agent"), "node").contains(&"TOKEN=planted-gh-pat".to_owned()));
}
