//! Comments on pull requests: within their limit, and safe against what a manifest says.

use std::fs;

use crate::said::said;
use crate::stage::Stage;

/// What GitHub takes, in characters, and a MySQL `TEXT`, in bytes.
const LIMIT: usize = 65_535;

fn many(count: usize) -> Stage {
    let stage = Stage::of("team");
    let mut manifest = stage.manifest();
    for number in 21..=count {
        manifest.push_str(&format!(
            "\n[bottle.agent-{number}]\nenv = {{ QUEUE = \"{number}\", TOKEN = {{ env = \"QUEUE_TOKEN\" }} }}\n"
        ));
    }
    fs::write(stage.project().join("bottle.toml"), manifest).unwrap();
    stage
}

#[test]
fn a_hundred_bottles_fit_and_what_is_cut_is_counted() {
    let stage = many(100);
    for profile in ["docker@20.10", "docker@28.5"] {
        let text = said(&mut stage.bottle(&format!("plan --backend {profile}"))).stdout;
        let comment = said(&mut stage.bottle(&format!("plan --backend {profile} --format markdown"))).stdout;
        assert!(comment.len() < LIMIT, "{}", comment.len());
        assert!(comment.len() > LIMIT / 2, "{}", comment.len());
        // Every bottle is counted, and all guarantees are told of.
        assert!(
            ["10", "11"].iter().any(|count| comment.contains(&format!("\n  agent-100: {count} to create\n"))),
            "{comment}"
        );
        assert!(comment.contains("\n+ agent-100: "), "{comment}");
        assert!(comment.contains("\n  agent.unprivileged held "), "{comment}");
        let is_operation = |line: &&str| line.starts_with("+ ") && line.contains('/');
        let (all, shown) = (text.lines().filter(is_operation).count(), comment.lines().filter(is_operation).count());
        assert!(0 < shown && shown < all);
        let said = format!(", {} of {all} operations, are not shown: a comment has no room for them.", all - shown);
        assert!(comment.contains(&said), "{said}\n{}", &comment[comment.len() - 300..]);
    }
    let first = many(20);
    let line = format!("diff {}/bottle.toml --format markdown", first.project().display());
    let comment = said(&mut stage.bottle(&line)).stdout;
    assert!(comment.len() < LIMIT && comment.contains("are not shown"), "{}", comment.len());
}

/// The text outside of fences, the fences themselves, and what is in them.
fn outside(comment: &str) -> (String, String) {
    let (mut out, mut inside) = (String::new(), String::new());
    let mut fence: Option<String> = None;
    for line in comment.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            None if ticks.len() >= 3 => fence = Some(ticks),
            Some(open) if ticks.len() >= open.len() && line.trim_end() == ticks => fence = None,
            Some(_) => inside.push_str(&format!("{line}\n")),
            None => out.push_str(&format!("{line}\n")),
        }
    }
    assert_eq!(fence, None, "a fence is open at the end");
    (out, inside)
}

const HOSTILE: &str = "```\\n</details>\\n@everyone #123 <img src=x> [a](http://x) \\u202E\\u200B\\u2066\\u3164 ~~~ `````````````````````````````````````````";

fn hostile() -> Stage {
    let stage = Stage::of("sidecar");
    stage.edit(
        "user = \"node\"\n",
        &format!(
            "user = \"node\"\nprompt = {{ text = \"{HOSTILE}\" }}\ncommand = [\"sh\", \"-c\", \"{HOSTILE}\"]\n\
             env = {{ A = \"{}\", B = {{ ask = \"` @everyone </details> #123\" }} }}\n",
            HOSTILE.replace("\\n", " ")
        ),
    );
    stage
}

#[test]
fn nothing_of_a_manifest_is_markup() {
    let stage = hostile();
    let before = Stage::of("sidecar");
    let lines = [
        "plan --backend docker@28.5 --format markdown".to_owned(),
        format!("diff {}/bottle.toml --backend docker@28.5 --format markdown", before.project().display()),
        format!("diff bottle.toml {}/bottle.toml --backend docker@28.5 --format markdown", before.project().display()),
    ];
    for line in lines {
        let said = said(&mut stage.bottle(&line));
        assert_eq!(said.exit, Some(0), "{}", said.stderr);
        let (out, inside) = outside(&said.stdout);
        for sign in ["@everyone", "#123", "<img", "http://x", "~~~"] {
            assert!(!out.contains(sign), "{sign}\n{out}");
        }
        assert!(inside.contains("@everyone"), "{inside}");
        assert_eq!(out.matches("<details>").count(), out.matches("</details>").count(), "{out}");
        for hidden in ['\u{202e}', '\u{200b}', '\u{2066}', '\u{3164}'] {
            assert!(!said.stdout.contains(hidden), "{hidden:?}");
        }
    }
}
