use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::{bottle, files, read};
use crate::guarantee::Guarantee;
use crate::intent::{self, Role, Step};
use crate::manifest::{
    Agent, Bottle, Copy, Egress, EnvValue, Exec, Image, Limits, Manifest, Prompt, Runtime, Sandbox, SshKey, Via,
    Workspace, WorkspaceMode, env, places,
};
use crate::name::{BottleName, ProjectName};
use crate::source::SourcePath;

const HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// Every key at once.
pub(super) fn full() -> String {
    format!(
        r#"
version = 1
name = "acme"

[bottle.implementer]
sandbox  = "shared-kernel"
image    = {{ build = ".", dockerfile = "Dockerfile" }}
user     = "node"
command  = ["sleep", "infinity"]
requires = ["egress.allowlisted", "proxy.isolated"]
skills   = ["skills/review"]
prompt   = {{ file = "prompts/implementer.md" }}
workspace = {{ from = ".", to = "/home/node/workspace", how = "copy" }}

[bottle.implementer.env]
GIT_AUTHOR_NAME = "implementer"
GITHUB_TOKEN    = {{ env = "GH_PAT" }}
GITEA_TOKEN     = {{ ask = "paste your Gitea token" }}

[bottle.implementer.egress]
allow = ["API.anthropic.com", "*.githubusercontent.com", "api.anthropic.com"]
via   = "sidecar"

[[bottle.implementer.ssh]]
host       = "gitea"
hostname   = "gitea.example.org"
port       = 30009
user       = "git"
key        = "~/.ssh/id_ed25519"
known_host = "{HOST_KEY}"

[[bottle.implementer.copy]]
from  = "settings.json"
to    = "/home/node/.claude/settings.json"
owner = "node"
mode  = "0600"

[[bottle.implementer.exec]]
run  = ["npm", "ci"]
user = "node"
"#
    )
}

fn implementer() -> Bottle {
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    Bottle {
        name: BottleName::new("implementer").unwrap(),
        sandbox: Some(Sandbox::SharedKernel),
        image: Image::Build {
            context: SourcePath::new("."),
            dockerfile: "Dockerfile".to_owned(),
            args: BTreeMap::new(),
        },
        user: Some("node".to_owned()),
        home: "/home/node".to_owned(),
        agent: Agent::Claude,
        command: strings(&["sleep", "infinity"]),
        requires: vec![Guarantee::EgressAllowlisted, Guarantee::ProxyIsolated],
        runtime: Runtime::Auto,
        limits: Limits::default(),
        skills: vec![SourcePath::new("skills/review")],
        prompt: Some(Prompt::File(SourcePath::new("prompts/implementer.md"))),
        workspace: Some(Workspace {
            from: SourcePath::new("."),
            to: "/home/node/workspace".to_owned(),
            how: WorkspaceMode::Copy,
        }),
        env: BTreeMap::from([
            ("GIT_AUTHOR_NAME".to_owned(), EnvValue::Literal("implementer".to_owned())),
            ("GITHUB_TOKEN".to_owned(), EnvValue::FromHost("GH_PAT".to_owned())),
            ("GITEA_TOKEN".to_owned(), EnvValue::Ask("paste your Gitea token".to_owned())),
        ]),
        egress: Egress { allow: strings(&["*.githubusercontent.com", "api.anthropic.com"]), via: Some(Via::Sidecar) },
        ssh: vec![SshKey {
            host: "gitea".to_owned(),
            hostname: "gitea.example.org".to_owned(),
            port: 30009,
            user: "git".to_owned(),
            key: SourcePath::new("~/.ssh/id_ed25519"),
            known_host: HOST_KEY.to_owned(),
        }],
        copy: vec![Copy {
            from: SourcePath::new("settings.json"),
            to: "/home/node/.claude/settings.json".to_owned(),
            owner: Some("node".to_owned()),
            mode: Some(0o600),
        }],
        given_up: Vec::new(),
        exec: vec![Exec { run: strings(&["npm", "ci"]), user: Some("node".to_owned()) }],
    }
}

#[test]
fn a_full_bottle() {
    let expected = Manifest {
        name: ProjectName::new("acme").unwrap(),
        pool: Manifest::DEFAULT_POOL.parse().unwrap(),
        sidecar_image: Image::Ref(Manifest::DEFAULT_SIDECAR.to_owned()),
        sidecar_resolvers: vec![Manifest::DEFAULT_RESOLVER],
        bottles: IndexMap::from([(BottleName::new("implementer").unwrap(), implementer())]),
    };
    assert_eq!(read(&full()).unwrap(), expected);
}

#[test]
fn a_bottle_that_says_the_least() {
    let manifest = read(&bottle("")).unwrap();
    let expected = Bottle {
        name: BottleName::new("one").unwrap(),
        sandbox: None,
        image: Image::Ref("node".to_owned()),
        user: None,
        home: "/root".to_owned(),
        requires: Vec::new(),
        skills: Vec::new(),
        prompt: None,
        workspace: None,
        env: BTreeMap::new(),
        egress: Egress::default(),
        ssh: Vec::new(),
        copy: Vec::new(),
        exec: Vec::new(),
        ..implementer()
    };
    assert_eq!(manifest.bottles.values().collect::<Vec<_>>(), [&expected]);
}

#[test]
fn what_is_left_out() {
    let text = format!(
        "user = \"dev\"\nworkspace = {{ from = \"plain\" }}\nlimits = {{ cpus = 1.5, memory = \"512m\", pids = 9 }}\n\
         [[bottle.one.ssh]]\nhost = \"Gitea.example.org\"\nkey = \"~/.ssh/id_ed25519\"\nknown_host = \"{HOST_KEY}\"\n\
         [[bottle.one.copy]]\nfrom = \"plain/\"\nto = \"~//x/./y/\"\n[[bottle.one.exec]]\nrun = [\"true\"]"
    );
    let manifest = read(&bottle(&text)).unwrap();
    let one = &manifest.bottles[0];
    assert_eq!(one.home, "/home/dev");
    let workspace = one.workspace.as_ref().unwrap();
    assert_eq!((workspace.to.as_str(), workspace.how), ("/home/dev/workspace", WorkspaceMode::Copy));
    assert_eq!(one.limits, Limits { cpus: Some("1.5".to_owned()), memory: Some("512m".to_owned()), pids: 9 });
    let key = &one.ssh[0];
    assert_eq!((key.port, key.user.as_str()), (22, "git"));
    assert_eq!((key.host.as_str(), key.hostname.as_str()), ("Gitea.example.org", "gitea.example.org"));
    let copy = &one.copy[0];
    assert_eq!((copy.from.as_str(), copy.to.as_str()), ("plain", "/home/dev/x/y"));
    assert_eq!((copy.owner.as_deref(), copy.mode), (None, None));
    assert_eq!(one.exec[0].user, None);
}

#[test]
fn a_key_need_not_be_where_the_plan_is_made() {
    let text = format!("[[bottle.one.ssh]]\nhost = \"gitea\"\nkey = \"~/.ssh/elsewhere\"\nknown_host = \"{HOST_KEY}\"");
    assert_eq!(read(&bottle(&text)).unwrap().bottles[0].ssh[0].key.as_str(), "~/.ssh/elsewhere");
    let text = text.replace("~/.ssh/elsewhere", "plain");
    assert!(read(&bottle(&text)).is_err(), "what is there must be a file");
}

#[test]
fn a_numeric_user_needs_a_home_only_where_one_is_used() {
    let text = "user = \"1000:1000\"\n[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/settings.json\"";
    assert_eq!(read(&bottle(text)).unwrap().bottles[0].home, "/nonexistent");
    let text = "user = \"1000\"\nhome = \"/srv/me/\"\nworkspace = { from = \"plain\" }";
    assert_eq!(read(&bottle(text)).unwrap().bottles[0].workspace.as_ref().unwrap().to, "/srv/me/workspace");
}

#[test]
fn the_project_s_keys() {
    let text = "[network]\npool = \"192.168.0.0/20\"\n[sidecar]\nimage = { ref = \"example.org/pipelock:1\" }";
    let manifest = read(&bottle(text)).unwrap();
    assert_eq!(manifest.pool.to_string(), "192.168.0.0/20");
    assert_eq!(manifest.sidecar_image, Image::Ref("example.org/pipelock:1".to_owned()));
}

#[test]
fn a_project_without_bottles_and_a_byte_order_mark_are_fine() {
    let manifest = read("\u{feff}version = 1\nname = \"acme\"\n").unwrap();
    assert!(manifest.bottles.is_empty());
}

#[test]
fn bottles_come_sorted_by_name() {
    let text = "version = 1\nname = \"acme\"\ndefaults.image.ref = \"node\"\n[bottle.b]\n[bottle.a]\n[bottle.a-1]\n";
    let manifest = read(text).unwrap();
    assert_eq!(manifest.bottles.keys().map(BottleName::as_str).collect::<Vec<_>>(), ["a", "a-1", "b"]);
}

/// What bottle sets and writes itself is known in two modules: here as what a manifest may not take, there as what is done.
#[test]
fn what_bottle_does_itself_is_reserved() {
    let mut text = full();
    text =
        text.replace("GIT_AUTHOR_NAME = \"implementer\"", "").replace("GITHUB_TOKEN", "X").replace("GITEA_TOKEN", "Y");
    let manifest = read(&text).unwrap();
    let compiled = intent::compile(&manifest, &files(), &intent::Ways::default()).unwrap();
    let mut variables = 0;
    let mut written = Vec::new();
    for address in ["implementer/agent/create", "implementer/agent/prompt", "implementer/agent/ssh:config"] {
        match compiled.graph.get(&crate::address::Address::recorded(address)) {
            Some(Step::CreateContainer(agent)) if agent.role == Role::Agent => {
                for name in agent.env.keys().filter(|name| !["X", "Y"].contains(&name.as_str())) {
                    variables += 1;
                    let reserved = env::RESERVED.contains(&name.to_ascii_lowercase().as_str());
                    assert!(reserved || name == env::SSH_SOCKET, "{name}");
                }
            }
            Some(Step::CopyIn(copy)) => written.extend(copy.files.entries.iter().map(|entry| entry.path.clone())),
            step => panic!("{address}: {step:?}"),
        }
    }
    assert!(variables > 8, "{variables}");
    written.sort();
    let places = [places::PROMPT, ".ssh", ".ssh/config", ".ssh/known_hosts"];
    assert_eq!(written, places.map(|place| format!("/home/node/{place}")));
}
