//! The workflows of forges: their shell is run as the forges' runners run it, against a forge on this machine and a `bottle` that
//! says what the test has it say.

mod forge;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use forge::{Forge, TOKEN};
use serde_json::{Value, json};

use super::document;

/// Each workflow with the name that its token writes by, and the action of an event that puts a label on.
const WORKFLOWS: [(&str, &str, &str); 2] = [
    ("workflows/github-actions.yml", "github-actions[bot]", "labeled"),
    ("workflows/gitea-actions.yml", "gitea-actions", "label_updated"),
];
const LABEL: &str = "guarantee-lost-approved";
/// A name of a branch and a title that a shell must not see.
const HOSTILE: &str = "$(touch${IFS}pwned)`touch${IFS}pwned`';touch${IFS}pwned;'";

const STUB: &str = r#"#!/bin/sh
printf '%s\n' "$@" > "$RUNNER_TEMP/argv"
env > "$RUNNER_TEMP/environment"
git cat-file -e "$2" && test -f "$3" || exit 1
cat "$RUNNER_TEMP/says"
exit "$(cat "$RUNNER_TEMP/exit")"
"#;

fn workflow(path: &str) -> Value {
    serde_saphyr::from_str(&document(path)).unwrap()
}

/// A pull request whose branch and title are hostile, and a runner.
struct Runner {
    workflow: Value,
    forge: Forge,
    folder: tempfile::TempDir,
    base: String,
    head: String,
}

impl Runner {
    fn new(path: &str, bot: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("acme/bottles");
        fs::create_dir_all(&repository).unwrap();
        let mut runner =
            Self { workflow: workflow(path), forge: Forge::new(bot), base: String::new(), head: String::new(), folder };
        runner.git(&["init", "--quiet"]);
        fs::write(repository.join("bottle.toml"), "base\n").unwrap();
        runner.base = runner.commit();
        runner.push();
        let stub = runner.path("bin/bottle");
        fs::create_dir_all(runner.path("bin")).unwrap();
        fs::write(&stub, STUB).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        runner
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, words: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]).args(words);
        let output = command.current_dir(self.path("acme/bottles")).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self) -> String {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", HOSTILE]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Another commit of the pull request.
    fn push(&mut self) {
        let manifest = self.path("acme/bottles/bottle.toml");
        fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + "pulled\n").unwrap();
        self.head = self.commit();
        self.git(&["update-ref", "refs/pull/7/head", "HEAD"]);
    }

    fn script(&self, job: &str, step: &str) -> String {
        let steps = self.workflow["jobs"][job]["steps"].as_array().unwrap();
        let step = steps.iter().find(|one| one["name"] == step).unwrap();
        step["run"].as_str().unwrap().to_owned()
    }

    fn run(&self, job: &str, step: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new("bash");
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", &self.script(job, step)]);
        command.current_dir(self.folder.path()).env_clear().env("PATH", path).env("HOME", self.folder.path());
        for (name, value) in self.workflow["env"].as_object().unwrap() {
            command.env(name, value.as_str().unwrap());
        }
        command
            .env("RUNNER_TEMP", self.folder.path())
            .env("GITHUB_EVENT_PATH", self.path("event.json"))
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_SERVER_URL", format!("file://{}", self.folder.path().display()))
            .env("GITHUB_API_URL", &self.forge.url)
            .env("GITHUB_REPOSITORY", "acme/bottles")
            .envs(variables.iter().copied());
        command.output().unwrap()
    }

    /// An event with the labels that are on the pull request; `label` is the one that it is about.
    fn event(&self, action: &str, labels: &[&str], label: &str) {
        let labels: Vec<Value> = labels.iter().map(|name| json!({ "id": 1, "name": name })).collect();
        let mut event = json!({
            "action": action,
            "pull_request": {
                "number": 7, "title": HOSTILE, "body": HOSTILE, "labels": labels,
                "base": { "sha": self.base, "ref": HOSTILE }, "head": { "sha": self.head, "ref": HOSTILE },
            },
        });
        if action == "labeled" {
            event["label"] = json!({ "name": label });
        }
        fs::write(self.path("event.json"), event.to_string()).unwrap();
    }

    /// Runs the workflow for the event that was written; whether it passes.
    fn passes(&self, exit: i32, says: &str) -> bool {
        fs::write(self.path("exit"), exit.to_string()).unwrap();
        fs::write(self.path("says"), says).unwrap();
        fs::write(self.path("output"), "").unwrap();
        // A runner begins anew each time; the same commit need not be fetched again.
        if fs::read_to_string(self.path("fetched")).unwrap_or_default() != self.head {
            let _ = fs::remove_dir_all(self.path("tree"));
            let fetched = self.run("plan", "fetch", &[("TOKEN", TOKEN)]);
            assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
            let pulled = fs::read_to_string(self.path("tree/bottle.toml")).unwrap();
            assert_eq!(pulled, fs::read_to_string(self.path("acme/bottles/bottle.toml")).unwrap());
            fs::write(self.path("fetched"), &self.head).unwrap();
        }
        let compared = self.run("plan", "compare", &[]);
        assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
        let argv = format!("diff\n{}:bottle.toml\nbottle.toml\n--format\nmarkdown\n--detailed-exitcode\n", self.base);
        assert_eq!(fs::read_to_string(self.path("argv")).unwrap(), argv);
        assert!(
            !fs::read_to_string(self.path("environment")).unwrap().contains(TOKEN),
            "the token is near the manifest"
        );
        let output = fs::read_to_string(self.path("output")).unwrap();
        let exit = output.lines().find_map(|line| line.strip_prefix("exit=")).unwrap();
        let (_, rest) = output.split_once("comparison<<").unwrap();
        let (word, rest) = rest.split_once('\n').unwrap();
        let comparison = rest.trim_end().strip_suffix(word).unwrap().trim_end();
        let passed = self.judges(exit, comparison);
        assert!(!self.path("pwned").exists() && !self.path("tree/pwned").exists(), "the pull request ran something");
        passed
    }

    fn judges(&self, exit: &str, comparison: &str) -> bool {
        let variables = [("TOKEN", TOKEN), ("EXIT", exit), ("COMPARISON", comparison)];
        let judged = self.run("guarantees", "comment and judge", &variables);
        let told = String::from_utf8_lossy(&judged.stderr).into_owned();
        assert_eq!(told, "");
        judged.status.success()
    }

    /// The comment of ours, which there is only one of.
    fn ours(&self) -> String {
        let comments = self.forge.comments();
        let bot = self.workflow["env"]["BOT"].as_str().unwrap();
        let ours: Vec<&Value> = comments.iter().filter(|comment| comment["user"]["login"] == bot).collect();
        assert_eq!(ours.len(), 1, "{comments:#?}");
        ours[0]["body"].as_str().unwrap().to_owned()
    }
}

#[test]
fn the_first_run_comments_and_the_next_ones_change_that_comment() {
    for (path, bot, _) in WORKFLOWS {
        let mut runner = Runner::new(path, bot);
        // More than a page of comments, one of which only looks like ours.
        runner.forge.comment("mallory", "<!-- bottle plan; approved: x; labelled: no -->");
        for number in 0..100 {
            runner.forge.comment("somebody", &format!("comment {number}"));
        }
        let before = runner.forge.comments();
        runner.event("opened", &[], "");
        assert!(runner.passes(2, "+ implementer: example.org"), "{path}");
        let first = runner.ours();
        assert!(first.contains("+ implementer: example.org") && first.contains("No guarantee is lost"), "{first}");
        assert!(first.contains(&runner.head), "{first}");
        runner.push();
        runner.event("synchronize", &[], "");
        assert!(runner.passes(0, ""), "{path}");
        let second = runner.ours();
        assert!(second.contains("No difference") && second.contains(&runner.head), "{second}");
        assert!(!second.contains("example.org"), "{second}");
        assert_eq!(runner.forge.comments()[..101], before[..], "nobody else's comment is touched");
    }
}

#[test]
fn a_lost_guarantee_fails_unless_its_commit_has_the_label() {
    for (path, bot, labeled) in WORKFLOWS {
        let mut runner = Runner::new(path, bot);
        runner.event("opened", &[], "");
        assert!(!runner.passes(3, "- dns.closed"), "{path}");
        assert!(runner.ours().contains("**A guarantee is lost.**"), "{}", runner.ours());
        runner.event(labeled, &["other"], "other");
        assert!(!runner.passes(3, "- dns.closed"), "another label");
        runner.event(labeled, &["other", LABEL], LABEL);
        assert!(runner.passes(3, "- dns.closed"), "{path}: {}", runner.ours());
        assert!(runner.ours().contains("for this commit"), "{}", runner.ours());
        // Whatever happens to the pull request, as long as neither commit nor label is another.
        runner.event("edited", &["other", LABEL], "");
        assert!(runner.passes(3, "- dns.closed"), "{path}: {}", runner.ours());
        // The label was for another commit, and stays so when another label is put on.
        runner.push();
        runner.event("synchronize", &["other", LABEL], "");
        assert!(!runner.passes(3, "- dns.closed"), "{path}: {}", runner.ours());
        assert!(runner.ours().contains("another commit"), "{}", runner.ours());
        runner.event(labeled, &["other", "third", LABEL], "third");
        assert!(!runner.passes(3, "- dns.closed"), "{path}: {}", runner.ours());
        // Off and on again.
        runner.event(if labeled == "labeled" { "unlabeled" } else { labeled }, &["other"], "");
        assert!(!runner.passes(3, "- dns.closed"), "{path}");
        runner.event(labeled, &["other", LABEL], LABEL);
        assert!(runner.passes(3, "- dns.closed"), "{path}: {}", runner.ours());
        runner.event(if labeled == "labeled" { "unlabeled" } else { labeled }, &["other"], "");
        assert!(!runner.passes(3, "- dns.closed"), "{path}: taken back");
    }
}

#[test]
fn what_could_not_be_planned_fails() {
    for (path, bot, labeled) in WORKFLOWS {
        let runner = Runner::new(path, bot);
        runner.event(labeled, &[LABEL], LABEL);
        for exit in [1, 64, 70, 101] {
            assert!(!runner.passes(exit, "half a compari"), "{path}: {exit}");
            assert!(
                runner.ours().contains("could not be planned") && !runner.ours().contains("half"),
                "{}",
                runner.ours()
            );
        }
        // The first job did not get that far.
        assert!(!runner.judges("", ""), "{path}");
    }
}

#[test]
fn what_is_too_long_for_a_comment_is_left_in_the_log() {
    for (path, bot, _) in WORKFLOWS {
        let runner = Runner::new(path, bot);
        runner.event("opened", &[], "");
        assert!(runner.passes(2, &"é".repeat(40_000)));
        assert!(runner.ours().len() < 1_000 && runner.ours().contains("in the log"), "{}", runner.ours());
    }
}

/// What the comparison says is no order to the runner, neither in its log nor in its outputs.
#[test]
fn text_of_the_manifest_gives_the_runner_no_orders() {
    for (path, bot, _) in WORKFLOWS {
        let runner = Runner::new(path, bot);
        runner.event("opened", &[], "");
        let says = "::add-mask::x\nexit=0\ncomparison<<EOF\nEOF\n";
        assert!(!runner.passes(3, says), "{path}");
        assert!(runner.ours().contains(says.trim_end()), "{}", runner.ours());
        let compared = runner.run("plan", "compare", &[]);
        let log = String::from_utf8(compared.stdout).unwrap();
        let word = log.lines().next().unwrap().strip_prefix("::stop-commands::").unwrap();
        assert!(word.len() > 20 && log.ends_with(&format!("::{word}::\n")), "{log}");
    }
}

#[test]
fn they_hold_no_secret_and_put_nothing_into_a_shell() {
    for (path, ..) in WORKFLOWS {
        let text = document(path);
        assert!(!text.contains("secrets."), "{path}");
        assert!(!text.contains("uses:"), "{path} runs what others wrote");
        let workflow = workflow(path);
        assert_eq!(workflow["permissions"], json!({}), "{path}");
        assert_eq!(workflow["jobs"]["plan"]["permissions"], json!({ "contents": "read" }), "{path}");
        assert_eq!(workflow["jobs"]["guarantees"]["if"], "${{ always() }}", "a job that is skipped counts as passed");
        for job in workflow["jobs"].as_object().unwrap().values() {
            let writes = job["permissions"].as_object().unwrap().values().any(|right| right == "write");
            for step in job["steps"].as_array().unwrap() {
                let run = step["run"].as_str().unwrap();
                assert!(!run.contains("${{"), "{path}: {run}");
                assert!(run.starts_with("set -euo pipefail\n"), "{path}: {run}");
                assert!(!writes || !(run.contains("git ") || run.contains("bottle diff")), "{path}: {run}");
            }
        }
    }
}

#[test]
fn both_forges_are_documented() {
    let readme = document("workflows/README.md");
    for (path, ..) in WORKFLOWS {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        assert!(readme.contains(name), "{name}");
    }
    assert!(readme.contains(LABEL));
}
