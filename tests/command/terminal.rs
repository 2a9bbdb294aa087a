//! Questions, put to a person at a real terminal.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::name::ProjectName;
use bottle_planner::observation::Labels;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::simulated::{TOKEN, assert_nothing_left};
use crate::stage::Stage;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is typed where a secret is asked for.
const TYPED: &str = "typed-and-never-to-be-seen";

/// A command at a terminal of its own.
struct Terminal {
    keyboard: fs::File,
    child: Child,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    /// Starts a command at a terminal. `None`, and a word about it, where there is no `setsid` to give it one.
    fn start(command: &Command) -> Option<Self> {
        if Command::new("setsid").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none(), "`setsid` of util-linux is needed");
            eprintln!("SKIPPED: `setsid` of util-linux is not on this machine");
            return None;
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = || fs::File::options().read(true).write(true).open(&name).unwrap();
        let mut at_terminal = Command::new("setsid");
        at_terminal.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        at_terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
        at_terminal.current_dir(command.get_current_dir().unwrap());
        let child = at_terminal.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        drop(at_terminal);

        let mut eyes = fs::File::from(master.try_clone().unwrap());
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal ends in an error once nobody has it open.
            while let Ok(count @ 1..) = eyes.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Some(Self { keyboard: fs::File::from(master), child, screen, shown: String::new() })
    }

    /// Waits until something is on the screen.
    fn until(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{text:?} does not come: {}", self.shown),
            }
        }
    }

    /// Waits until what is typed is not shown.
    fn until_blind(&self) {
        let deadline = Instant::now() + PATIENCE;
        while tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(Instant::now() < deadline, "what is typed would be shown: {}", self.shown);
            std::thread::yield_now();
        }
    }

    fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Everything that was on the screen, and how the command ended.
    fn end(mut self) -> (String, Option<i32>) {
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        let exit = self.child.wait().unwrap().code();
        (self.shown, exit)
    }
}

#[test]
fn a_yes_applies_and_anything_else_changes_nothing() {
    for (answer, exit, containers) in [("n", 1, 0), ("", 1, 0), ("yess", 1, 0), ("y", 0, 2), ("YES", 0, 2)] {
        let stage = Stage::of("sidecar");
        let Some(mut terminal) = Terminal::start(&stage.simulated("apply")) else { return };
        terminal.until("Apply this to lone on simulator@28.5? [y/N] ");
        assert_nothing_left(&stage.seen("lone"));
        terminal.type_line(answer);
        let (shown, code) = terminal.end();
        assert_eq!(code, Some(exit), "{answer:?}: {shown}");
        assert_eq!(stage.seen("lone").containers.len(), containers, "{shown}");
        assert!(shown.contains("\x1b[32m+ implementer/agent/start"), "in colour: {shown}");
        assert_eq!(exit == 1, shown.contains("not approved; nothing was changed"), "{shown}");
    }
}

#[test]
fn trust_is_asked_for_before_the_plan_is() {
    let stage = Stage::of("full");
    stage.edit(r#"GITEA_TOKEN = { ask = "paste your Gitea token" }"#, "");
    let Some(mut terminal) = Terminal::start(&stage.untrusted("apply")) else { return };
    terminal.until("Trust it with this? [y/N] ");
    assert!(terminal.shown.contains("may read GH_PAT of the environment"), "{}", terminal.shown);
    terminal.type_line("n");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(7), "{shown}");
    assert!(!shown.contains("Apply this"), "{shown}");
    assert_nothing_left(&stage.seen("acme"));

    let Some(mut terminal) = Terminal::start(&stage.untrusted("apply")) else { return };
    terminal.until("Trust it with this? [y/N] ");
    terminal.type_line("y");
    terminal.until("Apply this to acme");
    terminal.until("[y/N] ");
    assert_nothing_left(&stage.seen("acme"));
    terminal.type_line("y");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches("+ implementer/agent/start").count(), 1, "no other plan, so it is shown once: {shown}");
    assert_eq!(stage.seen("acme").containers.len(), 2);
}

#[test]
fn a_destroy_is_asked_about_too() {
    let stage = Stage::of("bare");
    stage.done("apply --yes");
    for (answer, exit, containers) in [("no", 1, 1), ("yes", 0, 0)] {
        let Some(mut terminal) = Terminal::start(&stage.simulated("destroy")) else { return };
        terminal.until("[y/N] ");
        terminal.type_line(answer);
        let (shown, code) = terminal.end();
        assert_eq!(code, Some(exit), "{shown}");
        assert_eq!(stage.seen("bare").containers.len(), containers);
    }
}

#[test]
fn what_changed_while_somebody_read_is_not_approved() {
    let stage = Stage::of("sidecar");
    stage.done("apply --yes");
    stage.edit("pids = 512", "pids = 600");
    let Some(mut terminal) = Terminal::start(&stage.simulated("apply")) else { return };
    terminal.until("[y/N] ");
    let ids = |stage: &Stage| stage.seen("lone").containers.into_iter().map(|found| found.id).collect::<Vec<_>>();
    let before = ids(&stage);
    stage.engine().by_hand().stop("bottle_lone_implementer_pipelock").unwrap();
    terminal.type_line("y");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(4), "{shown}");
    assert!(shown.contains("has changed since the plan was shown"), "{shown}");
    assert_eq!(ids(&stage), before);
}

#[test]
fn a_question_that_nobody_answers_is_no_yes() {
    let stage = Stage::of("bare");
    let Some(mut terminal) = Terminal::start(&stage.simulated("apply")) else { return };
    terminal.until("[y/N] ");
    // The end of input, as typed.
    terminal.keyboard.write_all(b"\x04").unwrap();
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert_nothing_left(&stage.seen("bare"));
}

#[test]
fn a_question_can_be_walked_away_from() {
    let stage = Stage::of("bare");
    let Some(mut terminal) = Terminal::start(&stage.simulated("apply")) else { return };
    terminal.until("[y/N] ");
    terminal.keyboard.write_all(b"\x03").unwrap();
    let (shown, code) = terminal.end();
    assert_eq!(code, None, "by the signal itself: {shown}");
    assert_nothing_left(&stage.seen("bare"));
    stage.done("apply --yes");
}

#[test]
fn a_secret_that_is_typed_is_seen_nowhere() {
    let stage = Stage::of("full");
    let Some(mut terminal) = Terminal::start(&stage.simulated("apply")) else { return };
    terminal.until("[y/N] ");
    terminal.type_line("y");
    terminal.until("paste your Gitea token: ");
    terminal.until_blind();
    terminal.type_line(TYPED);
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches("paste your Gitea token: ").count(), 1, "asked once: {shown}");
    // Nor are those of the environment and of files.
    let key = fs::read_to_string(stage.home().join(".ssh/id_ed25519")).unwrap();
    let values = [TYPED, TOKEN, key.trim()];
    assert!(values.iter().all(|value| !shown.contains(value)), "{shown}");
    let mut files = 0;
    for_each_file(&stage.state(), &mut |path, bytes| {
        files += 1;
        for value in &values {
            assert!(!bytes.windows(value.len()).any(|window| window == value.as_bytes()), "{}", path.display());
        }
    });
    assert!(files >= 3, "the simulator, the journal, the lock");
    // Nobody is asked again for what is done.
    stage.done("apply --yes");
}

#[test]
fn what_labels_say_cannot_steer_the_terminal() {
    let stage = Stage::of("bare");
    stage.done("apply --yes");
    let name = |number| format!("odd{number}");
    for number in 0..2 {
        let address = Address::recorded(&format!("odd\x1b]0;owned\x07{number}/agent/create"));
        let project = ProjectName::new("bare").unwrap();
        let labels = Labels { project, address, digest: Digest::of(b"whatever") };
        stage.engine().by_hand().add_container(&name(number), Some(labels)).unwrap();
    }
    stage.fail("odd*0/agent/create");
    for line in ["plan", "status", "destroy --yes nobody", "destroy --yes", "apply --yes"] {
        let Some(terminal) = Terminal::start(&stage.simulated(line)) else { return };
        let (shown, _) = terminal.end();
        assert!(!shown.contains("\x1b]0;owned"), "{line}: {shown:?}");
        assert!(shown.contains("owned") || line == "apply --yes", "{line}: {shown:?}");
    }
}

#[test]
fn an_empty_answer_is_no_secret() {
    let stage = Stage::of("full");
    let Some(mut terminal) = Terminal::start(&stage.simulated("apply --yes")) else { return };
    terminal.until("paste your Gitea token: ");
    terminal.until_blind();
    terminal.type_line("");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("nothing was entered"), "{shown}");
    assert_nothing_left(&stage.seen("acme"));
}

fn for_each_file(folder: &std::path::Path, then: &mut impl FnMut(&std::path::Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { for_each_file(&path, then) } else { then(&path, &fs::read(&path).unwrap()) }
    }
}
