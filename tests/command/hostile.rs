//! Manifests that mean harm to who reads a plan of them: in every key that takes text, what steers a terminal, turns text around, hides it, or is
//! markup to whatever shows it. Refused or taken, nothing of it may come out as anything but text.

use std::fmt::Write as _;
use std::fs;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::said::{Said, said};
use crate::stage::Stage;

/// What is written where text is taken.
const TEXTS: [&str; 8] = [
    // Escapes of terminals, in seven bits and in eight.
    "\u{1b}]0;owned\u{7}\u{1b}[31mred\u{1b}[2J\u{8}\u{7f} \u{9b}31m\u{90}q\u{9c}",
    // What turns text around, hides it, or is not there.
    "a\u{202e}b\u{2066}c\u{2069}d\u{200b}e\u{200d}f\u{feff}g\u{ad}h\u{e0041}i\u{180e}j\u{fe0f}k\u{3164}l\u{2060}m\u{61c}n\u{200f}",
    // Ends of lines, of all kinds.
    "a\nb\r\nc\rd\u{85}e\u{2028}f\u{2029}g\u{c}h\u{b}i\n\n+ implementer: evil.example\n- x",
    // Markdown and HTML.
    "</details><img src=x onerror=alert(1)><script>x</script> ![i](//e.example/y.png) [l](javascript:x) @everyone <https://e.example> **b** <!--",
    "\n````\n```\n~~~\n</details>\n\n# heading\n\n<b>x</b> @mention\n`````````\n",
    // XML.
    "]]></text></title></style><script>x</script><text>&xxe;&#27; --> \"'/> \u{fffe}\u{ffff}",
    // DOT and Mermaid.
    "\"]; evil -> x; // /* \\N \\\" \\\\\" `b` #quot; %%{init: {}}%% ::: |x| end click a \"javascript:1\" \\",
    "\"]\n  end\n  click a href \"javascript:1\"\n  evil[\"x\"] --> b\n}\n",
];

/// Keys that take text, as bottles: `TEXT` is a string of TOML, and `PATH` is what a text makes of a path that is there.
const BOTTLES: [&str; 28] = [
    "image = { ref = TEXT }",
    "image = { build = PATH, args = { A = TEXT } }",
    "image = { build = \".\", dockerfile = TEXT }",
    "image = { build = \".\", args = { TEXT = \"x\" } }",
    "image = { build = \".\", args = { A = TEXT } }",
    "image = { ref = \"i\" }\nuser = TEXT",
    "image = { ref = \"i\" }\nhome = TEXT",
    "image = { ref = \"i\" }\ncommand = [\"sh\", \"-c\", TEXT]",
    "image = { ref = \"i\" }\ncommand = [TEXT]",
    "image = { ref = \"i\" }\nuser = \"node\"\nskills = [PATH]",
    "image = { ref = \"i\" }\nuser = \"node\"\nprompt = { text = TEXT }",
    "image = { ref = \"i\" }\nuser = \"node\"\nprompt = { file = PATH }",
    "image = { ref = \"i\" }\nuser = \"node\"\nworkspace = { from = PATH, how = \"mount\" }",
    "image = { ref = \"i\" }\nuser = \"node\"\nworkspace = { from = PATH, to = \"/w\", how = \"copy\" }",
    "image = { ref = \"i\" }\nuser = \"node\"\nworkspace = { from = \".\", to = TEXT }",
    "image = { ref = \"i\" }\nenv = { A = TEXT }",
    "image = { ref = \"i\" }\nenv = { A = { env = TEXT } }",
    "image = { ref = \"i\" }\nenv = { A = { ask = TEXT } }",
    "image = { ref = \"i\" }\nenv = { TEXT = \"x\" }",
    "image = { ref = \"i\" }\negress = { allow = [TEXT] }",
    "image = { ref = \"i\" }\nlimits = { cpus = TEXT, memory = TEXT }",
    "image = { ref = \"i\" }\nrequires = [TEXT]\nsandbox = TEXT\nruntime = TEXT",
    "image = { ref = \"i\" }\nuser = \"node\"\ncopy = [{ from = PATH, to = \"/w/x\" }]",
    "image = { ref = \"i\" }\nuser = \"node\"\ncopy = [{ from = \".\", to = TEXT, owner = TEXT, mode = TEXT }]",
    "image = { ref = \"i\" }\nuser = \"node\"\nexec = [{ run = [\"echo\", TEXT] }]",
    "image = { ref = \"i\" }\nuser = \"node\"\nssh = [{ host = TEXT, hostname = TEXT, user = TEXT, key = PATH, known_host = TEXT }]",
    "image = { ref = \"i\" }\nTEXT = TEXT",
    "extends = TEXT",
];

/// Keys of the manifest itself.
const TOPS: [&str; 6] = [
    "version = TEXT",
    "name = TEXT",
    "TEXT = TEXT",
    "sidecar = { image = { ref = TEXT }, resolvers = [TEXT] }",
    "network = { pool = TEXT }",
    "bottle = { TEXT = { image = { ref = \"i\" } } }",
];

/// What is shown of a manifest that can be planned, each with its form.
const SHOWN: [(&str, Form); 23] = [
    ("plan --backend docker@28.5", Form::Text),
    ("plan --backend docker@20.10", Form::Text),
    ("plan --backend docker@28.5 --format json", Form::Json),
    ("plan --backend docker@28.5 --format markdown", Form::Markdown),
    ("plan --backend docker@28.5 --why", Form::Text),
    ("plan --backend docker@28.5 --undo", Form::Text),
    ("trust --show", Form::Text),
    ("diff other.toml bottle.toml", Form::Text),
    ("diff other.toml bottle.toml --full", Form::Text),
    ("diff other.toml bottle.toml --format json", Form::Json),
    ("diff other.toml bottle.toml --format markdown", Form::Markdown),
    ("plan --backend container@1.2", Form::Text),
    ("plan --backend container@1.2 --format json", Form::Json),
    ("plan --backend container@1.2 --format markdown", Form::Markdown),
    ("plan --backend docker --backend container", Form::Text),
    ("status --backend simulator", Form::Text),
    ("status --backend simulator --format json", Form::Json),
    ("graph --backend container@1.2", Form::Svg),
    ("graph --of topology --format dot", Form::Dot),
    ("graph --of operations --format dot", Form::Dot),
    ("graph --of intent --format mermaid", Form::Mermaid),
    ("graph --of operations --format mermaid --live --backend simulator", Form::Mermaid),
    ("graph --live --backend simulator", Form::Svg),
];

/// What carries a manifest out, in this order.
const CARRIED_OUT: [(&str, Form); 6] = [
    ("trust --yes", Form::Text),
    ("apply --backend simulator --yes", Form::Text),
    ("status --backend simulator --format json", Form::Json),
    ("destroy --backend simulator --yes --format json", Form::JsonLines),
    ("apply --backend simulator --yes --format json", Form::JsonLines),
    ("destroy --backend simulator --yes", Form::Text),
];

#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    Json,
    JsonLines,
    Markdown,
    Svg,
    Dot,
    Mermaid,
}

/// A text as TOML has it: escaped, so that it is what it is, or bare, which may be no TOML at all.
fn quoted(text: &str, bare: bool) -> String {
    if bare {
        return format!("\"{text}\"");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == ' ' {
            out.push(c);
        } else {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }
    }
    out + "\""
}

/// The lines of a manifest with a text in them. What stands at `PATH` is made: a folder with a Dockerfile, or a file for what wants one.
fn filled(stage: &Stage, lines: &str, text: &str, bare: bool) -> String {
    let name: String = text.chars().filter(|c| !matches!(c, '/' | '\0')).take(60).collect();
    let path = format!("h/{name}");
    let at = stage.project().join(&path);
    if lines.contains("PATH") && !at.exists() {
        if lines.contains("file = ") || lines.contains("key = ") {
            fs::create_dir_all(stage.project().join("h")).unwrap();
            fs::write(&at, "x").unwrap();
        } else {
            fs::create_dir_all(&at).unwrap();
            fs::write(at.join("Dockerfile"), "FROM scratch\n").unwrap();
            fs::write(at.join("SKILL.md"), "x").unwrap();
        }
    }
    lines.replace("PATH", &quoted(&path, bare)).replace("TEXT", &quoted(text, bare))
}

fn write(stage: &Stage, manifest: &str) {
    fs::write(stage.project().join("bottle.toml"), manifest).unwrap();
}

/// Runs it as at a terminal that takes colours, so that nothing is filtered out on the way.
fn show(stage: &Stage, line: &str) -> Said {
    said(stage.bottle(line).env("CLICOLOR_FORCE", "1").env("GH_PAT", "x"))
}

/// Whether a character has no place in any output: written down here once more, from Unicode's tables.
fn is_raw(c: char) -> bool {
    let hidden = [
        0xad..=0xad,
        0x34f..=0x34f,
        0x61c..=0x61c,
        0x180b..=0x180f,
        0x200b..=0x200f,
        0x2028..=0x202e,
        0x2060..=0x206f,
        0x3164..=0x3164,
        0xfe00..=0xfe0f,
        0xfeff..=0xfeff,
        0xfff9..=0xfffb,
        0xfffe..=0xffff,
        0xe0000..=0xe0fff,
    ];
    (c.is_control() && c != '\n') || hidden.iter().any(|range| range.contains(&u32::from(c)))
}

/// The output without the colours that are ours.
fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let end = rest[at + 2..].find(|c: char| !c.is_ascii_digit() && c != ';').map(|end| at + 2 + end);
        match end {
            Some(end) if rest[end..].starts_with('m') => rest = &rest[end + 1..],
            _ => {
                out.push_str("\u{1b}[");
                rest = &rest[at + 2..];
            }
        }
    }
    out + rest
}

fn assert_harmless(said: &Said, form: Form, about: &str) {
    for out in [&said.stdout, &said.stderr] {
        assert!(!out.contains("\u{1b}[31mred"), "{about}\n{out:?}");
        let raw = without_colours(out).chars().find(|c| is_raw(*c));
        assert_eq!(raw, None, "{about}\n{out:?}");
    }
    assert!(matches!(said.exit, Some(0..=3)), "{about}: {:?}\n{}", said.exit, said.stderr);
    if said.stdout.is_empty() {
        return;
    }
    match form {
        Form::Text => {}
        Form::Json => assert!(serde_json::from_str::<Value>(&said.stdout).is_ok(), "{about}\n{}", said.stdout),
        Form::JsonLines => {
            for line in said.stdout.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "{about}\n{line}");
            }
        }
        Form::Markdown => assert_markdown(&said.stdout, about),
        Form::Svg => assert_svg(&said.stdout, about),
        Form::Dot => assert_dot(&said.stdout, about),
        Form::Mermaid => assert_mermaid(&said.stdout, about),
    }
}

/// Outside of code there is nothing but what the command itself says.
fn assert_markdown(text: &str, about: &str) {
    let mut in_code = false;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Html(html) | Event::InlineHtml(html) => {
                let title = html.strip_prefix("<details><summary>").and_then(|rest| rest.strip_suffix("</summary>\n"));
                let is_ours = |title: &str| title.chars().all(|c| c.is_ascii_lowercase() || matches!(c, ' ' | ','));
                assert!(title.is_some_and(is_ours) || &*html == "</details>\n", "{about}: {html:?}\n{text}");
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("{about}: a link\n{text}"),
            Event::Text(words) if !in_code => assert!(!words.contains('@'), "{about}: {words:?}\n{text}"),
            _ => {}
        }
    }
}

fn assert_svg(text: &str, about: &str) {
    let document = roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{about}: {error}\n{text}"));
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        let known = ["svg", "title", "style", "rect", "g", "text", "path", "circle"];
        assert!(known.contains(&name), "{about}: <{name}>\n{text}");
        let children = node.children().filter(roxmltree::Node::is_element).count();
        assert!(!matches!(name, "title" | "text" | "style") || children == 0, "{about}: <{name}> has elements\n{text}");
        for attribute in node.attributes() {
            let known =
                ["viewBox", "width", "height", "role", "x", "y", "rx", "class", "text-anchor", "d", "cx", "cy", "r"];
            assert!(known.contains(&attribute.name()), "{about}: {}\n{text}", attribute.name());
        }
    }
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("style")).count(), 1, "{about}");
}

/// What is left of a text without its quoted strings; `\` takes the next character along where it does so in the language.
fn without_strings(text: &str, escapes: bool) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '"' {
            out.push(c);
            continue;
        }
        out.push('"');
        loop {
            match chars.next() {
                Some('\\') if escapes => _ = chars.next(),
                Some('"') | None => break,
                Some(_) => {}
            }
        }
    }
    out
}

fn assert_dot(text: &str, about: &str) {
    for line in without_strings(text, true).lines() {
        let line = line.trim();
        let known = [
            "digraph \" {",
            "graph [",
            "node [",
            "edge [",
            "subgraph \" {",
            "label=\"",
            "\" [label=\"",
            "\" -> \"",
            "}",
            "",
        ];
        let is_known = known.iter().any(|known| line == *known || (known.len() > 1 && line.starts_with(known)));
        let plain = line.chars().all(|c| c.is_ascii_alphanumeric() || " \"{}[]=,->_".contains(c));
        assert!(is_known && plain, "{about}: {line}\n{text}");
    }
}

fn assert_mermaid(text: &str, about: &str) {
    assert!(!text.contains('`') && !text.replace("<br/>", "").contains('<'), "{about}\n{text}");
    for line in without_strings(text, false).lines() {
        let line = line.trim();
        let known = ["---", "title: \"", "flowchart ", "subgraph g_", "end", "n_", "classDef ", "linkStyle "];
        let is_known = known.iter().any(|known| line == *known || (known.len() > 1 && line.starts_with(known)));
        let plain = line.chars().all(|c| c.is_ascii_alphanumeric() || " \"[]:_-.>=|#,".contains(c));
        assert!(is_known && plain, "{about}: {line}\n{text}");
    }
}

/// The bottles of the table with each text; those that are taken are left in one manifest, so that all formats are shown them at once.
#[test]
fn whatever_a_manifest_says_nothing_but_text_comes_out() {
    let long = "an end that never comes, @all </details> ".repeat(200);
    std::thread::scope(|scope| {
        for (number, text) in TEXTS.iter().copied().chain([long.as_str()]).enumerate() {
            scope.spawn(move || assert_harmless_everywhere(text, number));
        }
    });
}

/// All that is said of the manifests that one text makes. Each text stands bare in a third of the keys.
fn assert_harmless_everywhere(text: &str, turn: usize) {
    let stage = Stage::of("bare");
    fs::write(stage.project().join("Dockerfile"), "FROM scratch\n").unwrap();
    let (version, name) = ("version = 1\n", "name = \"hostile\"\n");
    let spellings = |number: usize| if number % 3 == turn % 3 { &[false, true][..] } else { &[false] };
    let mut taken = format!("{version}{name}");
    for (number, lines) in BOTTLES.iter().enumerate() {
        for bare in spellings(number) {
            let bottle = format!("\n[bottle.b{number}]\n{}\n", filled(&stage, lines, text, *bare));
            write(&stage, &format!("{version}{name}{bottle}"));
            let said = show(&stage, "plan --backend docker@28.5");
            assert_harmless(&said, Form::Text, &bottle);
            // What cannot be told counts as lying outside, and a secret that is asked for cannot be had without a person.
            let reads = said.stdout.contains("\n    may read ./");
            if said.exit == Some(0) && !bare && !reads && !lines.contains("ask = ") {
                taken.push_str(&bottle);
            }
        }
    }
    for (number, lines) in TOPS.iter().enumerate() {
        for bare in spellings(number) {
            let top = filled(&stage, lines, text, *bare);
            let version = if lines.starts_with("version") { "" } else { version };
            let name = if lines.starts_with("name") { "" } else { name };
            write(&stage, &format!("{version}{name}{top}\n\n[bottle.b]\nimage = {{ ref = \"i\" }}\n"));
            assert_harmless(&show(&stage, "plan --backend docker@28.5"), Form::Text, &top);
        }
    }
    let bottles = taken.matches("[bottle.").count();
    assert!(bottles >= 5, "what is refused is not shown: {bottles} of the table are taken\n{taken}");
    write(&stage, &taken);
    let other = format!("{version}{name}\n[bottle.b]\nimage = {{ ref = \"i\" }}\n");
    fs::write(stage.project().join("other.toml"), other).unwrap();
    for (line, form) in SHOWN.iter().chain(&CARRIED_OUT) {
        let said = show(&stage, line);
        assert_eq!(said.exit, Some(0), "{line}\n{}", said.stderr);
        assert!(!said.stdout.is_empty(), "{line}");
        assert_harmless(&said, *form, line);
    }
}

/// The checks find what they are for.
#[test]
fn harm_would_be_seen() {
    let finds = |form, text: &str| {
        let said = Said { stdout: text.to_owned(), stderr: String::new(), exit: Some(0) };
        std::panic::catch_unwind(|| assert_harmless(&said, form, "")).is_err()
    };
    for text in ["\u{1b}]0;x\u{7}", "\u{9b}31m", "\u{202e}", "\u{200b}", "\r", "\u{1b}[2J"] {
        assert!(finds(Form::Text, text), "{text:?}");
    }
    assert!(!finds(Form::Text, "\u{1b}[1mbold\u{1b}[0m, and words\n"));
    for text in ["a <b>x</b>", "hello @you", "![i](//e/y.png)", "```\nx\n```\n</details><script>"] {
        assert!(finds(Form::Markdown, text), "{text}");
    }
    assert!(
        finds(Form::Svg, "<svg><script/></svg>")
            && finds(Form::Svg, "<svg onload=\"x\"/>")
            && finds(Form::Svg, "<svg>")
    );
    assert!(finds(Form::Dot, "digraph \"x\" {\n  \"a\"; evil -> x\n}\n"));
    assert!(
        finds(Form::Mermaid, "flowchart TB\n  click n_a \"x\"\n")
            && finds(Form::Mermaid, "flowchart TB\n  n_a[\"`x`\"]\n")
    );
    assert!(finds(Form::Json, "{") && finds(Form::JsonLines, "{}\n{"));
}
