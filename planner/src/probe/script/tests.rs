//! The scripts in the shells, and with the tools, that this machine has. A shell or a tool that is not here is left out; some must be.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::*;
use crate::probe::ask::Say;

const NONCE: &str = "0123abcd";

/// Runs a script in a shell, as an executor does.
fn run(shell: &[&str], path: Option<&Path>, script: &str) -> String {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{shell:?}: {}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn is_here(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status().unwrap().success()
}

fn shells() -> Vec<&'static [&'static str]> {
    let all: [&[&str]; 3] = [&["dash"], &["busybox", "sh"], &["bash"]];
    let here: Vec<_> = all.into_iter().filter(|shell| is_here(shell[0])).collect();
    assert!(!here.is_empty());
    here
}

/// A service that answers everybody, and what was said to it.
fn service(answer: &'static [u8]) -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
                client.write_all(answer).unwrap();
                let (mut heard, mut chunk) = (Vec::new(), [0; 1024]);
                while let Ok(count @ 1..) = client.read(&mut chunk) {
                    heard.extend_from_slice(&chunk[..count]);
                }
                let _ = sender.send(heard);
            });
        }
    });
    (port, said)
}

/// A port on which nobody listens.
fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn tcp(port: u16, say: Say) -> Ask {
    Ask::Tcp { host: "127.0.0.1".to_owned(), port, say }
}

#[test]
fn every_tool_tells_an_answer_from_a_refusal() {
    let (port, _said) = service(b"the token\r\n");
    let asks = [tcp(port, Say::Greeting), tcp(closed(), Say::Greeting)];
    let mut asked = 0;
    for tool in STREAMS.split(' ').filter(|tool| is_here(tool)) {
        asked += 1;
        let output = run(&["sh"], None, &script_with(&asks, NONCE, tool, "none"));
        let replies = replies(&output, &asks, NONCE);
        assert_eq!(replies.get(&asks[0]), Some(&Reply::Open("the token".to_owned())), "{tool}: {output}");
        let refusal = &replies[&asks[1]];
        assert!(*refusal == Reply::Refused || matches!(refusal, Reply::Shut(_)) && tool == "curl", "{tool}: {output}");
    }
    assert!(asked > 1);
}

#[test]
fn every_shell_sends_all_bytes_as_they_are() {
    let all: Vec<u8> = (0..=255).collect();
    for shell in shells() {
        let (port, said) = service(b"x\n");
        let asks = [tcp(port, Say::Bytes(all.clone()))];
        run(shell, None, &script(&asks, NONCE));
        assert_eq!(said.recv_timeout(Duration::from_secs(20)).unwrap(), all, "{shell:?}");
    }
}

#[test]
fn words_never_break_out() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let touch = format!("touch {}", trace.display());
    let words = [
        format!("'; {touch}; '"),
        format!("$({touch})"),
        format!("`{touch}`"),
        format!("\n{touch}\n"),
        format!("\" ; {touch} ; \""),
        format!("\\'; {touch} #"),
        format!("&& {touch}"),
    ];
    let mut asks = Vec::new();
    for word in words {
        asks.push(Ask::Lookup { name: word.clone(), server: Some(word.clone()) });
        asks.push(Ask::Ping(word.clone()));
        asks.push(Ask::Udp { host: word.clone(), port: 9, say: Say::Bytes(word.clone().into_bytes()) });
        asks.push(Ask::Tcp { host: word.clone(), port: 9, say: Say::Bytes(word.into_bytes()) });
    }
    for shell in shells() {
        run(shell, None, &script(&asks, NONCE));
        assert!(!trace.exists(), "{shell:?}: a word was taken for a command");
    }
}

#[test]
fn datagrams_are_answered_with_every_tool() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok((count, from)) = socket.recv_from(&mut bytes) {
            let _ = sender.send(String::from_utf8_lossy(&bytes[..count]).into_owned());
            let _ = socket.send_to(b"the token\n", from);
        }
    });
    let asks = [Ask::Udp { host: "127.0.0.1".to_owned(), port, say: Say::Greeting }];
    for tool in DATAGRAMS.split(' ').filter(|tool| is_here(tool)) {
        let output = run(&["sh"], None, &script_with(&asks, NONCE, "none", tool));
        let replies = replies(&output, &asks, NONCE);
        assert_eq!(replies.get(&asks[0]), Some(&Reply::Open("the token".to_owned())), "{tool}: {output}");
        let greeting = said.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(greeting.trim_end(), Say::greeting(NONCE, 0), "{tool}");
    }
}

/// An image with a shell, busybox under its own name, and nothing else.
#[test]
fn with_hardly_a_tool_it_still_ends_in_time() {
    if !Path::new("/bin/busybox").exists() {
        eprintln!("there is no busybox here: not run");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["busybox", "sleep"] {
        std::os::unix::fs::symlink("/bin/busybox", folder.path().join(name)).unwrap();
    }
    // It takes connections and says nothing for long.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let asks = [
        tcp(silent.local_addr().unwrap().port(), Say::Greeting),
        Ask::Lookup { name: "nobody.invalid".to_owned(), server: None },
        Ask::Udp { host: "127.0.0.1".to_owned(), port: 9, say: Say::Greeting },
        Ask::Ping("127.0.0.1".to_owned()),
        Ask::Unshare,
    ];
    let output = run(&["/bin/dash"], Some(folder.path()), &script(&asks, NONCE));
    let replies = replies(&output, &asks, NONCE);
    assert_eq!(replies.get(&asks[0]), Some(&Reply::Connected), "{output}");
    for ask in &asks[1..] {
        assert!(matches!(replies[ask], Reply::Cannot(_)), "{ask}: {output}");
    }
}

/// busybox's `timeout` becomes what it limits, and the shell has a word on its end.
#[test]
fn what_the_shell_says_of_the_limit_is_no_answer() {
    if !Path::new("/bin/busybox").exists() {
        eprintln!("there is no busybox here: not run");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["busybox", "sleep", "timeout", "nc", "true"] {
        std::os::unix::fs::symlink("/bin/busybox", folder.path().join(name)).unwrap();
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let asks = [tcp(silent.local_addr().unwrap().port(), Say::Greeting)];
    let output = run(&["/bin/dash"], Some(folder.path()), &script(&asks, NONCE));
    assert_eq!(replies(&output, &asks, NONCE)[&asks[0]], Reply::Connected, "{output}");
}

#[test]
fn what_is_read_is_read_by_the_shell_alone() {
    let folder = tempfile::tempdir().unwrap();
    let asks = [
        Ask::Lines("/proc/self/status", &["Uid:*", "Cap*"]),
        Ask::Lines("/nowhere", &[]),
        Ask::Sockets(&["/nowhere.sock"]),
        Ask::Processes("no-such-process"),
        Ask::Addresses6,
        // /etc/hosts, which programs look into before they ask anybody.
        Ask::Lookup { name: "localhost".to_owned(), server: None },
        Ask::Lookup { name: "ocalhost".to_owned(), server: None },
    ];
    let output = run(&["/bin/sh"], Some(folder.path()), &script(&asks, NONCE));
    let replies = replies(&output, &asks, NONCE);
    assert!(
        matches!(&replies[&asks[0]], Reply::Open(text) if text.contains("Uid:") && text.contains("CapEff:")),
        "{output}"
    );
    assert!(matches!(&replies[&asks[1]], Reply::Cannot(_)), "{output}");
    assert_eq!(replies[&asks[2]], Reply::Open("found:".to_owned()));
    assert_eq!(replies[&asks[3]], Reply::Open("found:".to_owned()));
    assert!(matches!(&replies[&asks[4]], Reply::Open(_)), "{output}");
    assert!(matches!(&replies[&asks[5]], Reply::Open(text) if text.contains(" localhost")), "{output}");
    assert!(matches!(&replies[&asks[6]], Reply::Cannot(_)), "{output}");
}

#[test]
fn only_marked_lines_are_answers() {
    let asks = [tcp(1, Say::Greeting), tcp(2, Say::Greeting)];
    let output =
        "0 open forged\nother 0 open forged\n0123abcd 7 open no such number\n0123abcd 1 shut\n0123abcd 0 shouted x\n";
    let replies = replies(output, &asks, NONCE);
    assert_eq!(replies.into_iter().collect::<Vec<_>>(), [(asks[1].clone(), Reply::Shut(String::new()))]);
}
