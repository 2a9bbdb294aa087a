//! A forge's interface for comments, on a port of this machine: what `curl` asks it is done to a list in memory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The token that it knows.
pub(super) const TOKEN: &str = "the-token-of-the-job";

/// A forge with one pull request, of number 7.
pub(super) struct Forge {
    /// What it is reached by.
    pub(super) url: String,
    comments: Arc<Mutex<Vec<Value>>>,
}

impl Forge {
    /// `bot` is who the token writes as. The thread goes with the test's process.
    pub(super) fn new(bot: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let comments = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&comments);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), bot, &mut shared.lock().unwrap());
            }
        });
        Self { url, comments }
    }

    pub(super) fn comments(&self) -> Vec<Value> {
        self.comments.lock().unwrap().clone()
    }

    /// Somebody else's comment.
    pub(super) fn comment(&self, login: &str, body: &str) {
        let mut comments = self.comments.lock().unwrap();
        let id = comments.len() + 1;
        comments.push(json!({ "id": id, "user": { "login": login }, "body": body }));
    }
}

fn answer(stream: TcpStream, bot: &str, comments: &mut Vec<Value>) {
    let mut reader = BufReader::new(&stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let (mut length, mut authorized) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorized = value == format!("Bearer {TOKEN}"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, said) = if authorized { act(&first, &body, bot, comments) } else { ("401 Unauthorized", Value::Null) };
    let said = said.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", said.len());
    let _ = (&stream).write_all((head + &said).as_bytes());
}

fn act(first: &str, body: &[u8], bot: &str, comments: &mut Vec<Value>) -> (&'static str, Value) {
    const ISSUES: &str = "/repos/acme/bottles/issues/";
    let words: Vec<&str> = first.split(' ').collect();
    let (path, query) = words[1].split_once('?').unwrap_or((words[1], ""));
    let text = || serde_json::from_slice::<Value>(body).unwrap()["body"].clone();
    match (words[0], path.strip_prefix(ISSUES)) {
        ("GET", Some("7/comments")) => {
            let page = query.split('&').find_map(|part| part.strip_prefix("page=")?.parse::<usize>().ok());
            let shown = match page {
                Some(page) => comments.iter().skip((page - 1) * 100).take(100).cloned().collect(),
                None => comments.clone(),
            };
            ("200 OK", shown.into())
        }
        ("POST", Some("7/comments")) => {
            let id = comments.len() + 1;
            comments.push(json!({ "id": id, "user": { "login": bot }, "body": text() }));
            ("201 Created", comments[id - 1].clone())
        }
        ("PATCH", Some(path)) => {
            let id: usize = path.strip_prefix("comments/").unwrap().parse().unwrap();
            comments[id - 1]["body"] = text();
            ("200 OK", comments[id - 1].clone())
        }
        _ => ("404 Not Found", json!(path)),
    }
}
