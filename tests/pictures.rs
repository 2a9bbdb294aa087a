//! The pictures of the fixtures, byte for byte, and that they can be looked at: nothing lies on top of anything else.
//!
//! Written anew by `UPDATE_GOLDEN=1 cargo test --test pictures`. Then look at them: it is what readers will see.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod said;
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use said::said;
use similar::TextDiff;
use stage::{Stage, fixture_folder};

/// Fixture, backend, arguments, and the file's ending.
const PICTURES: [(&str, &str, &str, &str); 11] = [
    ("bare", "docker@28.5", "", "topology.svg"),
    ("family", "docker@28.5", "--of topology --format mermaid", "topology.mmd"),
    ("family", "docker@28.5", "", "topology.svg"),
    ("full", "docker@28.5", "", "topology.svg"),
    ("sidecar", "docker@28.5", "", "topology.svg"),
    ("sidecar", "docker@28.5", "--of topology --format dot", "topology.dot"),
    ("sidecar", "docker@28.5", "--of intent", "intent.dot"),
    ("sidecar", "docker@28.5", "--of intent --format mermaid", "intent.mmd"),
    ("sidecar", "docker@28.5", "--of operations", "operations.dot"),
    ("sidecar", "docker@28.5", "--of operations --format mermaid", "operations.mmd"),
    ("team", "docker@28.5", "", "topology.svg"),
];

fn graph(stage: &Stage, backend: &str, arguments: &str) -> String {
    let said = said(&mut stage.bottle(&format!("graph --backend {backend} {arguments}")));
    assert_eq!((said.exit, said.stderr.as_str()), (Some(0), ""), "{backend} {arguments}: {}", said.stdout);
    said.stdout
}

/// The texts that a test found to be others than those written down.
#[derive(Default)]
struct Golden {
    wrong: String,
}

impl Golden {
    fn check(&mut self, path: PathBuf, now: &str) {
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(path, now).unwrap();
            return;
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        if golden != now {
            let difference = TextDiff::from_lines(&golden, now).unified_diff().header("golden", "now").to_string();
            let _ = writeln!(self.wrong, "{}\n{difference}", path.display());
        }
    }
}

#[test]
fn pictures_are_as_written_down() {
    let mut golden = Golden::default();
    for (fixture, backend, arguments, ending) in PICTURES {
        let now = graph(&Stage::of(fixture), backend, arguments);
        golden.check(fixture_folder(fixture).join(format!("{backend}.{ending}")), &now);
        if (fixture, backend, ending) == ("family", "docker@28.5", "topology.svg") {
            golden.check(fixture_folder("").join("../docs/topology.svg"), &now);
        }
    }
    for way in ["sidecar", "host-loopback", "firewall"] {
        let stage = Stage::of("sidecar");
        stage.edit("[bottle.implementer.egress]\n", &format!("[bottle.implementer.egress]\nvia = \"{way}\"\n"));
        let path = fixture_folder("sidecar").join(format!("container@1.2.{way}.topology.svg"));
        golden.check(path, &graph(&stage, "container@1.2", ""));
    }
    let wrong = golden.wrong;
    assert!(wrong.is_empty(), "{wrong}\nif that is meant: UPDATE_GOLDEN=1 cargo test --test pictures");
}

/// Many bottles, each unlike the others: every way out, long names, long lists, mounts.
fn crowd() -> Stage {
    let stage = Stage::of("bare");
    let mut manifest = "version = 1\nname = \"a-crowd-of-23-letters-x\"\n".to_owned();
    let long = format!("{}.{}.example.com", "a".repeat(63), "b".repeat(60));
    for number in 0..20_usize {
        let way = ["sidecar", "host-loopback", "firewall", "none"][number % 4];
        let hosts: Vec<String> = (0..=number).map(|host| format!("\"h{host}.example.com\"")).collect();
        let folder = format!("folder-{number}/of a rather long name/{}", "x".repeat(number * 3));
        fs::create_dir_all(stage.project().join(&folder)).unwrap();
        let _ = write!(
            manifest,
            "\n[bottle.a-name-that-is-long-{number}]\nimage = {{ ref = \"registry.example.com:5000/{}/image:1\" }}\nuser = \"node\"\n\
             egress = {{ allow = [\"{long}\", {}], via = \"{way}\" }}\n",
            "team-".repeat(number) + "x",
            hosts.join(", "),
        );
        if number % 3 == 0 {
            let _ = writeln!(manifest, "workspace = {{ from = \"{folder}\", how = \"mount\" }}");
        }
    }
    fs::write(stage.project().join("bottle.toml"), manifest).unwrap();
    stage
}

/// A rectangle: left, top, right, bottom.
type Rect = (f64, f64, f64, f64);

fn inside((left, top, right, bottom): Rect, of: Rect) -> bool {
    left >= of.0 && top >= of.1 && right <= of.2 && bottom <= of.3
}

fn apart(a: Rect, b: Rect) -> bool {
    a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1
}

#[test]
fn boxes_are_apart_or_within_each_other_and_text_stays_in_its_box() {
    let crowd = crowd();
    let pictures = [
        ("a crowd", graph(&crowd, "container@1.2", "")),
        ("a family", graph(&Stage::of("family"), "docker@28.5", "")),
        ("a team", graph(&Stage::of("team"), "docker@20.10", "")),
        ("a bottle alone", graph(&Stage::of("bare"), "docker@28.5", "")),
    ];
    for (name, svg) in pictures {
        let document = roxmltree::Document::parse(&svg).unwrap();
        let number =
            |node: &roxmltree::Node<'_, '_>, key| node.attribute(key).map_or(0.0, |text| text.parse().unwrap());
        let rects: Vec<(String, Rect)> = document
            .descendants()
            .filter(|node| node.has_tag_name("rect"))
            .map(|node| {
                let (x, y) = (number(&node, "x"), number(&node, "y"));
                let class = node.attribute("class").unwrap().to_owned();
                (class, (x, y, x + number(&node, "width"), y + number(&node, "height")))
            })
            .collect();
        assert!(rects.len() > 4, "{name}");
        for (at, (class, rect)) in rects.iter().enumerate() {
            for (other_class, other) in &rects[..at] {
                // The cards of many are drawn as a stack.
                let stacked = class == "card" && other_class == "card";
                let fits = apart(*rect, *other) || inside(*rect, *other) || inside(*other, *rect) || stacked;
                assert!(fits, "{name}: {class} {rect:?} and {other_class} {other:?}");
            }
        }
        for text in document.descendants().filter(|node| node.has_tag_name("text")) {
            let words = text.text().unwrap_or_default();
            let size = match text.attribute("class").unwrap().split(' ').next().unwrap() {
                "title" => 18.0,
                "head" => 14.0,
                "name" | "body" => 12.0,
                "small" | "mono" => 11.0,
                _ => 10.0,
            };
            // Half of the size is less than the mean of any font; that it is more is what the planner's own measure is for.
            let width = words.chars().count() as f64 * size * 0.5;
            let (x, y) = (number(&text, "x"), number(&text, "y"));
            let left = match text.attribute("text-anchor") {
                Some("middle") => x - width / 2.0,
                Some("end") => x - width,
                _ => x,
            };
            let shown = (left, y - size * 0.7, left + width, y);
            for (class, rect) in &rects {
                let fits = apart(shown, *rect) || inside(shown, *rect);
                assert!(fits, "{name}: {words:?} {shown:?} sticks out of {class} {rect:?}");
            }
        }
    }
}

#[test]
fn nothing_else_is_needed_to_look_at_it() {
    let svg = graph(&Stage::of("family"), "docker@28.5", "");
    for word in ["<script", "href", "url(", "@import", "@font-face", "<image", "<foreignObject"] {
        assert!(!svg.contains(word), "{word}");
    }
    assert_eq!(svg.matches("http").count(), 1, "the name space alone: {svg}");
    assert!(svg.contains("prefers-color-scheme: dark"));
}

#[test]
fn what_is_closed_is_named_and_what_is_open_stands_out() {
    let closed = graph(&Stage::of("sidecar"), "docker@28.5", "");
    assert!(closed.contains("<title>host.closed weakened: ") && !closed.contains("class=\"leak\""), "{closed}");
    let stage = Stage::of("sidecar");
    stage.edit("requires = [\"egress.allowlisted\", \"proxy.isolated\", \"dns.closed\"]\n", "");
    let open = graph(&stage, "container@1.2", "");
    assert!(open.contains("<title>host.closed not held: ") && open.contains("class=\"leak\""), "{open}");
}

#[test]
fn a_live_picture_has_the_verdicts() {
    let stage = Stage::of("sidecar");
    let live = |of: &str| graph(&stage, "simulator", &format!("--live --of {of}"));
    assert!(live("operations").contains("\"implementer/agent/create\" [label=\"+ implementer/agent/create\\n"));
    assert!(live("topology").contains(" to create</text>"));
    assert_eq!(said(stage.bottle("apply --backend simulator --yes").env("GH_PAT", "x")).exit, Some(0));
    let dot = live("operations");
    assert!(
        dot.contains("\"implementer/agent/create\" [label=\"implementer/agent/create\\n") && !dot.contains("\"+ "),
        "{dot}"
    );
    assert!(!live("topology").contains(" to create</text>"));
}

#[test]
fn a_graph_is_no_svg() {
    let said = said(&mut Stage::of("bare").bottle("graph --of intent --format svg"));
    assert_eq!(said.exit, Some(64));
    assert!(said.stderr.contains("dot -Tsvg"), "{}", said.stderr);
}
