use super::{errors, read};
use crate::guarantee::Guarantee;
use crate::manifest::{Bottle, Code, EnvValue, Image, Limits, WorkspaceMode};
use crate::source::SourcePath;

fn bottle_of(text: &str, name: &str) -> Bottle {
    let manifest = read(text).unwrap();
    manifest.bottles.into_values().find(|bottle| bottle.name.as_str() == name).unwrap()
}

const THREE: &str = r#"
version = 1
name = "acme"

[defaults]
image = { ref = "node:1" }
user = "low"
requires = ["dns.closed", "host.closed"]
limits = { cpus = "1", memory = "1g" }
workspace = { from = "plain", to = "/w", how = "git" }
skills = ["skills/review"]
env = { A = "low", B = "low", C = "low" }
egress = { allow = ["low.example"], via = "firewall" }
exec = [{ run = ["low"] }]

[bottle.middle]
command = ["middle"]
requires = ["ipv6.closed", "dns.closed"]
limits = { memory = "2g", pids = 2 }
env = { B = "middle", C = { env = "MIDDLE" } }
egress = { allow = ["a.middle.example"] }
exec = [{ run = ["middle"] }]

[bottle.top]
extends = "middle"
image = { build = "." }
user = "top"
limits = { pids = 3 }
workspace = { from = "." }
skills = ["skills/write"]
env = { C = "top" }
egress = { via = "sidecar" }
exec = [{ run = ["top", "1"] }, { run = ["top", "2"] }]
"#;

#[test]
fn layers_lie_over_one_another() {
    let text = THREE.replace("how = \"git\"", "how = \"mount\"");
    let top = bottle_of(&text, "top");
    assert!(matches!(top.image, Image::Build { .. }));
    assert_eq!((top.user.as_deref(), top.home.as_str()), (Some("top"), "/home/top"));
    assert_eq!(top.command, ["middle"]);
    assert_eq!(top.requires, [Guarantee::DnsClosed, Guarantee::HostClosed, Guarantee::Ipv6Closed]);
    assert_eq!(top.limits, Limits { cpus: Some("1".to_owned()), memory: Some("2g".to_owned()), pids: 3 });
    // A workspace is one thing: nothing of the lower one is left.
    let workspace = top.workspace.unwrap();
    assert_eq!((workspace.from.as_str(), workspace.to.as_str()), (".", "/home/top/workspace"));
    assert_eq!(workspace.how, WorkspaceMode::Copy);
    assert_eq!(top.skills, [SourcePath::new("skills/review"), SourcePath::new("skills/write")]);
    let env: Vec<_> = top.env.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let literal = |text: &str| EnvValue::Literal(text.to_owned());
    assert_eq!(env, [("A", literal("low")), ("B", literal("middle")), ("C", literal("top"))]);
    assert_eq!(top.egress.allow, ["a.middle.example", "low.example"]);
    assert_eq!(top.egress.via, Some(crate::manifest::Via::Sidecar));
    assert_eq!(top.exec.iter().map(|exec| exec.run.join(" ")).collect::<Vec<_>>(), ["low", "middle", "top 1", "top 2"]);

    let middle = bottle_of(&text, "middle");
    assert_eq!(middle.env["C"], EnvValue::FromHost("MIDDLE".to_owned()));
    assert_eq!(middle.image, Image::Ref("node:1".to_owned()));
    assert_eq!(middle.exec.len(), 2);
}

#[test]
fn a_template_is_no_bottle() {
    let text = "version = 1\nname = \"acme\"\n[bottle.base]\ntemplate = true\nuser = \"node\"\n\
                [bottle.one]\nextends = \"base\"\nimage = { ref = \"node\" }\n";
    let manifest = read(text).unwrap();
    assert_eq!(manifest.bottles.len(), 1);
    assert_eq!(manifest.bottles[0].user.as_deref(), Some("node"));
    // Without the key it is one, and lacks an image.
    assert_eq!(errors(&text.replace("template = true", "")), [(Code::MissingKey, "base")]);
}

#[test]
fn extends_must_end() {
    let manifest = |bottles: &str| format!("version = 1\nname = \"acme\"\ndefaults.image.ref = \"node\"\n{bottles}");
    let circle = manifest(
        "bottle.a.extends = \"b\"\nbottle.b.extends = \"c\"\nbottle.c.extends = \"b\"\nbottle.d.extends = \"d\"\nbottle.e.extends = \"x\"\n",
    );
    assert_eq!(
        errors(&circle),
        [(Code::ExtendsCycle, "\"c\""), (Code::ExtendsCycle, "\"d\""), (Code::ExtendsUnknown, "\"x\"")]
    );
    let found = read(&circle).unwrap_err();
    assert!(found.errors()[0].to_string().ends_with("b -> c -> b"), "{}", found.errors()[0]);
    assert!(found.errors()[1].to_string().ends_with("d -> d"), "{}", found.errors()[1]);
    assert_eq!(errors(&manifest("defaults.extends = \"a\"\nbottle.a = {}")), [(Code::Conflict, "\"a\"")]);
}

#[test]
fn extends_must_not_go_on_for_long() {
    let chain = |length: usize| {
        let mut text = "version = 1\nname = \"acme\"\ndefaults.image.ref = \"node\"\nbottle.b0 = {}\n".to_owned();
        for number in 1..=length {
            text.push_str(&format!("bottle.b{number}.extends = \"b{}\"\n", number - 1));
        }
        text
    };
    assert_eq!(errors(&chain(15)), []);
    assert_eq!(errors(&chain(16)), [(Code::ExtendsDepth, "\"b15\"")]);
    assert_eq!(errors(&chain(20_000)), [(Code::ExtendsDepth, "\"b15\"")]);
}

#[test]
fn what_collides_across_layers_is_reported_once() {
    let text = "version = 1\nname = \"acme\"\n[defaults]\nimage.ref = \"node\"\nskills = [\"skills/review\", \"other/review\"]\n\
                [bottle.a]\nuser = \"a\"\n[bottle.b]\nuser = \"b\"\n[bottle.c]\nuser = \"c\"\nskills = [\"skills/review\"]\n";
    assert_eq!(errors(text), [(Code::Skill, "\"other/review\""), (Code::Skill, "\"skills/review\"")]);
}

#[test]
fn a_manifest_cannot_multiply_itself_without_end() {
    let hosts: Vec<String> = (0..20_000).map(|number| format!("\"h{number}.example\"")).collect();
    let mut text = format!(
        "version = 1\nname = \"acme\"\ndefaults.image.ref = \"node\"\ndefaults.egress.allow = [{}]\n",
        hosts.join(",")
    );
    for number in 0..20_000 {
        text.push_str(&format!("bottle.b{number}={{}}\n"));
    }
    let found = errors(&text);
    assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::TooLarge]);
}
