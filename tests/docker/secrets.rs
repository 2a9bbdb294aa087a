//! Secrets: by name everywhere, by value in the agent's process alone.

use std::ffi::OsString;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use libtest_mimic::Trial;

use crate::engine::{attempt, docker, environment, inspect};
use crate::project::Project;
use crate::record::{Whose, record};
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
    let saved = project.scratch().join("saved.plan");
    let argv = Argv::watched(&project.name, &needles);
    for (args, mark) in [
        (&["plan", "--out", saved.to_str().unwrap()][..], "GH_PAT"),
        (&["plan"], "GH_PAT"),
        (&["plan", "--format", "json"], "GH_PAT"),
        (&["plan", "--format", "markdown"], "GH_PAT"),
        (&["apply", "--yes"], "implementer/agent/ssh:key:gitea: "),
        (&["status"], "as declared"),
        (&["status", "--format", "json"], "bottle.status"),
        (&["apply", "--yes", "--format", "json"], "bottle.events"),
        (&["verify", "--quick", "--format", "json"], "F3.secrets"),
    ] {
        let said = project.run_with(args, &with).exits(0);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(text.contains(mark), "bottle {args:?} says nothing of {mark}: {text}");
        assert_eq!(found(text.as_bytes(), &needles), [""; 0], "said by bottle {args:?}");
    }
    let argv = argv.seen();
    assert!(argv.ours > 0, "no process of the project was seen");
    assert_eq!(argv.leaks, [""; 0], "in the argv of a process");
    let text = fs::read(&saved).unwrap();
    assert_eq!(found(&text, &["GH_PAT".to_owned()]), ["GH_PAT"]);
    assert_eq!(found(&text, &needles), [""; 0], "in a saved plan");
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
    for container in [&agent, &sidecar] {
        let log = attempt(&["logs", container]);
        assert_eq!(found(&[log.stdout, log.stderr].concat(), &needles), [""; 0], "in the log of {container}");
    }
    // Everything that the engine knows of the project, but for the environment that the agent was given.
    for object in project.objects() {
        let (kind, name) = object.split_once(' ').unwrap();
        let mut seen = inspect(kind, name);
        if name == agent {
            let given = seen["Config"]["Env"].take().to_string();
            assert_eq!(found(given.as_bytes(), &needles[..2]).len(), 2, "the agent has both");
        }
        assert_eq!(found(seen.to_string().as_bytes(), &needles), [""; 0], "in the inspection of {object}");
    }
    failures(project, &with, &needles);
    record(Whose::Bottle, "F3.nowhere", "held", "");
}

/// What is said when something fails with the secrets at hand.
fn failures(project: &Project, with: &[(&'static str, OsString)], needles: &[String]) {
    let manifest = project.read("bottle.toml");
    project.declare("[[bottle.implementer.exec]]\nrun = [\"sh\", \"-c\", \"env >&2; exit 7\"]");
    // Another value: the first is replaced, so that there is something to make again.
    let mut others = with.to_vec();
    let other = "planted-another-pat".to_owned();
    others.iter_mut().find(|(name, _)| *name == "GH_PAT").unwrap().1 = other.clone().into();
    let needles = [needles, &[other]].concat();
    for args in [
        &["apply", "--yes"][..],
        &["apply", "--yes", "--format", "json"],
        &["apply", "--approved", "000000000000"],
        &["plan", "--no-such-option"],
    ] {
        let said = project.run_with(args, &others);
        assert_ne!(said.code, Some(0), "bottle {args:?} was to fail");
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(!text.is_empty());
        assert_eq!(found(text.as_bytes(), &needles), [""; 0], "said by bottle {args:?}, which failed");
    }
    project.write("bottle.toml", &manifest);
}

/// The words of every process of this machine, looked at over and over.
struct Argv {
    over: Arc<AtomicBool>,
    watching: JoinHandle<SeenArgv>,
}

#[derive(Default)]
struct SeenArgv {
    /// How often a process that works on the project was seen.
    ours: usize,
    /// Words that hold a secret.
    leaks: Vec<String>,
}

impl Argv {
    fn watched(project: &str, needles: &[String]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (project, needles, until) = (format!("bottle_{project}_"), needles.to_vec(), Arc::clone(&over));
        let watching = thread::spawn(move || {
            let mut seen = SeenArgv::default();
            while !until.load(Ordering::Relaxed) {
                for process in fs::read_dir("/proc").unwrap().flatten() {
                    // A process may be gone already.
                    let Ok(words) = fs::read(process.path().join("cmdline")) else { continue };
                    if !found(&words, std::slice::from_ref(&project)).is_empty() {
                        seen.ours += 1;
                    }
                    if !found(&words, &needles).is_empty() {
                        seen.leaks.push(String::from_utf8_lossy(&words).into_owned());
                    }
                }
                thread::sleep(Duration::from_millis(15));
            }
            seen
        });
        Self { over, watching }
    }

    fn seen(self) -> SeenArgv {
        self.over.store(true, Ordering::Relaxed);
        self.watching.join().unwrap()
    }
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
