//! Manifests made up by proptest, and the files that they name.

mod memory;

use std::collections::BTreeMap;

use bottle_planner::manifest::{
    Agent, Bottle, Copy, Egress, EnvValue, Exec, Image, Limits, Manifest, Prompt, Runtime, SshKey, Via, Workspace,
    WorkspaceMode,
};
use bottle_planner::name::{BottleName, ProjectName};
use bottle_planner::source::SourcePath;
pub use memory::MemoryFiles;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// The files that every generated manifest may name.
#[must_use]
pub fn files() -> MemoryFiles {
    MemoryFiles::new([
        ("Dockerfile", "FROM scratch\n"),
        ("src/main.rs", "fn main() {}\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("prompt.md", "Work.\n"),
        ("settings.json", "{}\n"),
        ("skills/review/SKILL.md", "Read.\n"),
        ("skills/write/SKILL.md", "Write.\n"),
        ("key", "a private key\n"),
    ])
}

fn image() -> impl Strategy<Value = Image> {
    prop_oneof![
        Just(Image::Ref("node:22-slim".to_owned())),
        Just(Image::Ref("registry.example.org:5000/agents/base".to_owned())),
        Just(Image::Build {
            context: SourcePath::new("."),
            dockerfile: "Dockerfile".to_owned(),
            args: BTreeMap::from([("EDITION".to_owned(), "one two".to_owned())]),
        }),
    ]
}

fn text() -> impl Strategy<Value = String> {
    "[ -~]{0,12}"
}

fn env() -> impl Strategy<Value = BTreeMap<String, EnvValue>> {
    let value = prop_oneof![
        text().prop_map(EnvValue::Literal),
        Just(EnvValue::FromHost("HOST_TOKEN".to_owned())),
        Just(EnvValue::Ask("a token, please".to_owned())),
    ];
    btree_map("V[A-Z0-9_]{0,3}", value, 0..3)
}

fn host(wildcard: bool) -> impl Strategy<Value = String> {
    (any::<bool>(), "[a-z]{1,4}\\.example\\.(org|com)")
        .prop_map(move |(wild, name)| if wild && wildcard { format!("*.{name}") } else { name })
}

/// What a backend leaves open of the ways out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaysOut {
    /// A sidecar: Docker's only way.
    Sidecar,
    /// All of them.
    All,
    /// Rules in the guest alone: where no network can be made.
    Firewall,
}

fn egress(ways: WaysOut) -> impl Strategy<Value = Egress> {
    let named = |vias: Vec<Option<Via>>, wildcard| {
        (vec(host(wildcard), 0..3), proptest::sample::select(vias)).prop_map(|(mut allow, via)| {
            allow.sort();
            allow.dedup();
            Egress { allow, via }
        })
    };
    // Rules are made of addresses, and a wildcard has none.
    match ways {
        WaysOut::Sidecar => named(vec![None, Some(Via::Sidecar), Some(Via::None)], true).boxed(),
        WaysOut::All => prop_oneof![
            3 => named(vec![None, Some(Via::Sidecar), Some(Via::HostLoopback), Some(Via::None)], true),
            1 => named(vec![Some(Via::Firewall)], false),
        ]
        .boxed(),
        WaysOut::Firewall => prop_oneof![
            3 => named(vec![None, Some(Via::Firewall)], false),
            1 => named(vec![Some(Via::None)], true),
        ]
        .boxed(),
    }
}

fn ssh() -> impl Strategy<Value = Vec<SshKey>> {
    let key = |number: usize| SshKey {
        host: format!("forge{number}"),
        hostname: "forge.example.org".to_owned(),
        port: if number == 0 { 22 } else { 2222 },
        user: "git".to_owned(),
        key: SourcePath::new("key"),
        known_host: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvcmdl".to_owned(),
    };
    (0..3usize).prop_map(move |count| (0..count).map(key).collect())
}

fn workspace() -> impl Strategy<Value = Option<Workspace>> {
    let how = prop_oneof![
        Just(WorkspaceMode::Copy),
        Just(WorkspaceMode::Mount),
        Just(WorkspaceMode::Bake),
        Just(WorkspaceMode::Git),
    ];
    option::of(how.prop_map(|how| {
        let from = if how == WorkspaceMode::Git { "." } else { "src" };
        Workspace { from: SourcePath::new(from), to: "/home/node/workspace".to_owned(), how }
    }))
}

fn copies() -> impl Strategy<Value = Vec<Copy>> {
    let owner = option::of(prop_oneof![Just("node".to_owned()), Just("0:0".to_owned()), Just("root".to_owned())]);
    let mode = option::of(prop_oneof![Just(0o600), Just(0o755)]);
    vec((owner, mode), 0..3).prop_map(|copies| {
        let copy = |(number, (owner, mode))| Copy {
            from: SourcePath::new(if number == 0 { "settings.json" } else { "src" }),
            to: format!("/home/node/.config/{number}"),
            owner,
            mode,
        };
        copies.into_iter().enumerate().map(copy).collect()
    })
}

fn execs() -> impl Strategy<Value = Vec<Exec>> {
    let run = vec(text().prop_filter("a program has a name", |word| !word.is_empty()), 1..3);
    vec((run, option::of(Just("root".to_owned()))).prop_map(|(run, user)| Exec { run, user }), 0..3)
}

/// One bottle of any kind that Docker can hold.
pub fn bottle() -> impl Strategy<Value = Bottle> {
    bottle_with(WaysOut::Sidecar)
}

/// One bottle of any kind that a backend with these ways out can hold.
pub fn bottle_with(ways: WaysOut) -> impl Strategy<Value = Bottle> {
    let prompt =
        option::of(prop_oneof![Just(Prompt::File(SourcePath::new("prompt.md"))), text().prop_map(Prompt::Text),]);
    let skills = prop_oneof![
        Just(vec![]),
        Just(vec![SourcePath::new("skills/review")]),
        Just(vec![SourcePath::new("skills/review"), SourcePath::new("skills/write")]),
    ];
    let user = prop_oneof![Just(None), Just(Some("node".to_owned())), Just(Some("1000:1000".to_owned()))];
    let agent = prop_oneof![Just(Agent::Claude), Just(Agent::Codex)];
    let body = (image(), user, agent, skills, prompt, workspace());
    let rest = (env(), egress(ways), ssh(), copies(), execs());
    // Behind rules root becomes the bottle's user, so there must be one.
    let needs_user = move |egress: &Egress| egress.via == Some(Via::Firewall) || ways == WaysOut::Firewall;
    (body, rest).prop_map(move |((image, user, agent, skills, prompt, workspace), (env, egress, ssh, copy, exec))| {
        Bottle {
            user: user.or_else(|| needs_user(&egress).then(|| "node".to_owned())),
            name: unnamed(),
            sandbox: None,
            image,
            home: "/home/node".to_owned(),
            agent,
            command: vec!["sleep".to_owned(), "infinity".to_owned()],
            requires: Vec::new(),
            runtime: Runtime::Auto,
            limits: Limits::default(),
            skills,
            prompt,
            workspace,
            env,
            egress,
            ssh,
            copy,
            exec,
            given_up: Vec::new(),
        }
    })
}

#[allow(clippy::expect_used, reason = "a constant")]
fn unnamed() -> BottleName {
    BottleName::new("unnamed").expect("a name")
}

/// Any manifest of up to `most` bottles.
///
/// # Panics
/// Never: its names are names.
pub fn manifest(most: usize) -> impl Strategy<Value = Manifest> {
    manifest_with(most, WaysOut::Sidecar)
}

/// Any manifest of up to `most` bottles, for a backend that has these ways out.
///
/// # Panics
/// Never: its names are names.
pub fn manifest_with(most: usize, ways: WaysOut) -> impl Strategy<Value = Manifest> {
    let name = "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4})?".prop_filter_map("reserved", |name| BottleName::new(&name).ok());
    btree_map(name, bottle_with(ways), 1..=most).prop_map(|bottles| manifest_of("generated", bottles))
}

/// A manifest of these bottles, each given its name.
///
/// # Panics
/// When `project` is no name.
#[must_use]
#[allow(clippy::expect_used, reason = "for tests: a wrong name is a wrong test")]
pub fn manifest_of(project: &str, bottles: BTreeMap<BottleName, Bottle>) -> Manifest {
    Manifest {
        name: ProjectName::new(project).expect("a project's name"),
        pool: Manifest::DEFAULT_POOL.parse().expect("a pool"),
        sidecar_image: Image::Ref(Manifest::DEFAULT_SIDECAR.to_owned()),
        sidecar_resolvers: vec![Manifest::DEFAULT_RESOLVER],
        bottles: bottles.into_iter().map(|(name, bottle)| (name.clone(), Bottle { name, ..bottle })).collect(),
    }
}

/// A manifest of `count` bottles, each with a sidecar, a prompt and a variable: what benchmarks measure with.
///
/// # Panics
/// Never: its names are names.
#[must_use]
#[allow(clippy::expect_used, reason = "numbers make names")]
pub fn many(count: usize) -> Manifest {
    let bottle = |number: usize| Bottle {
        name: BottleName::new(&format!("agent-{number}")).expect("a name"),
        sandbox: None,
        image: Image::Ref("node:22-slim".to_owned()),
        user: Some("node".to_owned()),
        home: "/home/node".to_owned(),
        agent: Agent::Claude,
        command: vec!["sleep".to_owned(), "infinity".to_owned()],
        requires: Vec::new(),
        runtime: Runtime::Auto,
        limits: Limits::default(),
        skills: Vec::new(),
        prompt: Some(Prompt::Text(format!("Take task {number}."))),
        workspace: None,
        env: BTreeMap::from([("QUEUE".to_owned(), EnvValue::Literal(number.to_string()))]),
        egress: Egress { allow: vec!["api.example.org".to_owned()], via: None },
        ssh: Vec::new(),
        copy: Vec::new(),
        exec: Vec::new(),
        given_up: Vec::new(),
    };
    let mut manifest =
        manifest_of("many", (0..count).map(|number| (bottle(number).name.clone(), bottle(number))).collect());
    // Eight addresses to a bottle, and room for the egress networks.
    manifest.pool = "10.128.0.0/9".parse().expect("a pool");
    manifest
}
