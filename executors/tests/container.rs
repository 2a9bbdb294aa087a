//! The executor on a double of Apple's `container`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod container_bench;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bottle_executors::container::ContainerEngine;
use bottle_executors::engine::{Ended, Engine as _, EngineError};
use bottle_planner::intent::{
    AddressOf, Archive, ArchiveEntry, Build, Container, Content, Context, EnvSource, Exec, ExecStdin, Hold,
    HostProcess, ImageName, Lasts, Membership, Network, ObjectName, OutputRef, Owner, Owners, ProcessReadiness, Reach,
    Readiness, ResolveHosts, Role, Secret, Stage, StageName, Step, Word,
};
use bottle_planner::manifest::Runtime;
use bottle_planner::observation::ContainerState;
use bottle_planner::operation::{LABEL_PROJECT, ObjectKind};
use bottle_planner::profile::{Macos, ProfileError};
use bottle_planner::source::SourcePath;
use container_bench::{Machine, script};

fn named(name: &str) -> ObjectName {
    ObjectName(format!("bottle_acme_{name}"))
}

fn network(name: &str) -> Step {
    let subnet = Some("10.99.1.0/24".parse().unwrap());
    Step::CreateNetwork(Network { name: named(name), reach: Reach::Internal, members: 3, subnet, closing: None })
}

fn container(name: &str, networks: &[&str]) -> Container {
    let join = |network: &&str| Membership { network: named(network), alias: None, default_route: false, own: false };
    Container {
        name: named(name),
        role: Role::Agent,
        image: ImageName("img:1".to_owned()),
        user: None,
        command: vec!["sleep".to_owned(), "infinity".to_owned()],
        workdir: None,
        env: BTreeMap::new(),
        networks: networks.iter().map(join).collect(),
        asked: Runtime::Auto,
        runtime: None,
        hold: Hold::None,
        resolvers: Vec::new(),
        mounts: Vec::new(),
        volume: None,
        configuration: None,
        read_only: false,
        init: true,
        dns_closed: true,
        capabilities: Vec::new(),
        given_up: Vec::new(),
        pids: 64,
        cpus: None,
        memory: None,
    }
}

fn create(name: &str, networks: &[&str]) -> Step {
    Step::CreateContainer(Box::new(container(name, networks)))
}

fn exec(name: &str, command: &[&str], stdin: ExecStdin) -> Step {
    Step::Exec(Exec {
        container: named(name),
        user: None,
        env: BTreeMap::new(),
        command: command.iter().map(|word| Word::from(*word)).collect(),
        stdin,
        hides: Vec::new(),
        lasts: Lasts::Run,
    })
}

/// A machine with a network and a container on it that has not been started.
fn with_container() -> Machine {
    let machine = Machine::without_engine("");
    machine.by_hand("image pull img:1");
    machine.run("one/internal/create", network("one_internal")).unwrap();
    let made = machine.run("one/agent/create", create("one", &["one_internal"])).unwrap().made.unwrap();
    assert!(made.starts_with("bottle_acme_one@2"), "{made}");
    machine
}

fn id(machine: &Machine) -> String {
    machine.seen().containers[0].id.clone()
}

#[test]
fn the_profile_is_that_of_the_command_and_the_system() {
    let machine = Machine::without_engine("");
    let profile = machine.engine.profile().unwrap();
    assert_eq!((profile.to_string().as_str(), profile.macos), ("container@1.2", Some(Macos::TwentySix)));
    let on = |version: &str| {
        ContainerEngine::at(machine.path("container"), machine.path("state")).on_macos(version).profile()
    };
    assert_eq!(on("15.6.1").unwrap().to_string(), "container@1.2/macos15");
    assert_eq!(on("27.0").unwrap().macos, Some(Macos::TwentySix));
    assert_eq!(on("14.7").unwrap_err(), EngineError::OldMacos { version: "14.7".to_owned() });
    assert!(matches!(on("what").unwrap_err(), EngineError::Answer { .. }));

    machine.by_hand("system stop");
    assert_eq!(machine.engine.profile().unwrap_err(), EngineError::ContainerDown { status: "unregistered".to_owned() });
    let nowhere = ContainerEngine::at("/nowhere/container".into(), machine.path("state")).on_macos("26.1");
    assert!(matches!(nowhere.profile().unwrap_err(), EngineError::ContainerMissing { .. }));
}

#[test]
fn what_is_too_old_or_half_upgraded_is_no_engine() {
    let machine = Machine::without_engine("");
    let answering = |client: &str, server: &str| {
        let path = machine.path("scripted");
        let part = |name: &str, version: &str| {
            format!(r#"{{"appName":"{name}","version":"{version}","commit":"{version}","buildType":"release"}}"#)
        };
        let (client, server) = (part("container", client), part("container-apiserver", server));
        script(&path, &format!("[ $2 = status ] && echo '{{\"status\":\"running\"}}' || echo '[{client},{server}]'"));
        ContainerEngine::at(path, machine.path("state")).on_macos("26.1").profile()
    };
    assert_eq!(answering("1.4.1", "container-apiserver version 1.4.1").unwrap_err().to_string().lines().count(), 1);
    assert_eq!(answering("1.4.1", "1.4.1").unwrap().to_string(), "container@1.4");
    let skew = answering("1.2.2", "1.2.1").unwrap_err();
    assert_eq!(skew, EngineError::ContainerSkew { client: "1.2.2".to_owned(), server: "1.2.1".to_owned() });
    let old = answering("0.12.3", "0.12.3").unwrap_err();
    assert!(matches!(old, EngineError::Profile(ProfileError::OldContainer(_))), "{old:?}");
}

#[test]
fn what_is_made_is_seen_as_it_is() {
    let machine = with_container();
    machine.by_hand("create --name other img:1");
    machine.by_hand("create --name bottle_acme_two --label bottle.project=acme2 img:1");
    machine.by_hand("network create --subnet 10.99.7.0/24 other");
    machine.by_hand(&format!("volume create --label {LABEL_PROJECT}=acme v1"));
    machine.by_hand("volume create v2");
    let seen = machine.seen();
    let [one] = &seen.containers[..] else { panic!("{:?}", seen.containers) };
    assert_eq!((one.name.as_str(), one.labels.address.as_str()), ("bottle_acme_one", "one/agent/create"));
    let made_by = machine.operation("one/agent/create", create("one", &["one_internal"]));
    assert_eq!(one.labels.digest.short(), made_by.digest.short());
    assert_eq!(
        (&one.state, &one.networks[..]),
        (&ContainerState::Created, &["bottle_acme_one_internal".to_owned()][..])
    );
    let [net] = &seen.networks[..] else { panic!("{:?}", seen.networks) };
    assert_eq!((net.name.as_str(), net.subnet), ("bottle_acme_one_internal", Some("10.99.1.0/24".parse().unwrap())));
    let taken = |kind, names: &[&str]| {
        let of: BTreeSet<&str> =
            seen.taken.iter().filter(|(other, _)| *other == kind).map(|(_, name)| name.as_str()).collect();
        assert_eq!(of, names.iter().copied().collect(), "{kind:?}");
    };
    taken(ObjectKind::Container, &["other", "bottle_acme_two"]);
    taken(ObjectKind::Network, &["default", "other"]);
    taken(ObjectKind::Image, &["img:1"]);
    assert!(seen.foreign_subnets.contains(&"10.99.7.0/24".parse().unwrap()));
    assert!(!seen.foreign_subnets.contains(&"10.99.1.0/24".parse().unwrap()));
    assert_eq!(seen.volumes, ["v1"]);
    assert!(seen.image_names.contains("img:1"));
    let projects: Vec<String> = machine.engine.projects().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(projects, ["acme", "acme2"]);
}

#[test]
fn looking_takes_as_many_calls_however_much_there_is() {
    let machine = with_container();
    let with_one = machine.calls(|| drop(machine.seen()));
    for name in ["two", "three"] {
        machine.run("one/agent/create", create(name, &["one_internal"])).unwrap();
    }
    assert_eq!(machine.calls(|| drop(machine.seen())), with_one);
    assert!(with_one <= 5, "{with_one}");
}

#[test]
fn on_macos_15_networks_are_not_asked_for() {
    let machine = Machine::without_engine("CONTAINER_DOUBLE_MACOS=15");
    let engine = ContainerEngine::at(machine.path("container"), machine.path("state")).on_macos("15.6");
    let seen = engine.observe(&machine.project).unwrap();
    assert!(seen.networks.is_empty() && seen.containers.is_empty());
}

#[test]
fn built_images_are_ours_by_label_and_name() {
    let machine = Machine::without_engine("");
    machine.by_hand("image pull img:1");
    fs::create_dir(machine.path("context")).unwrap();
    fs::write(machine.path("context/Dockerfile"), "FROM img:1\n").unwrap();
    let name = "bottle_acme_one:0123";
    let build = |args: &[(&str, &str)]| {
        Step::BuildImage(Build {
            image: ImageName(name.to_owned()),
            context: Context::Folder { folder: SourcePath::new("context"), dockerfile: "Dockerfile".to_owned() },
            args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            content: bottle_planner::digest::Digest::of(b"content"),
        })
    };
    machine.run("one/image/build", build(&[])).unwrap();
    let seen = machine.seen();
    let [image] = &seen.images[..] else { panic!("{:?}", seen.images) };
    assert_eq!((image.names.as_slice(), image.labels.address.as_str()), (&[name.to_owned()][..], "one/image/build"));
    assert!(seen.image_names.contains(name) && !seen.taken.contains(&(ObjectKind::Image, name.to_owned())));
    assert!(seen.taken.iter().all(|(kind, name)| *kind != ObjectKind::Container || name == "buildkit"));
    machine.remove(ObjectKind::Image, name, &image.id).unwrap();
    machine.remove(ObjectKind::Image, name, &image.id).unwrap();
    assert!(machine.seen().images.is_empty());
}

#[test]
fn a_container_is_started_once_and_has_an_address_while_it_runs() {
    let machine = with_container();
    let incarnation = || machine.engine.incarnation(&named("one")).unwrap();
    assert_eq!((incarnation().id, incarnation().since), (id(&machine), None));
    let address = || {
        let (container, network) = (named("one"), named("one_internal"));
        machine.run("one/agent/address", Step::LearnAddress(AddressOf { container, network }))
    };
    let failure = address().unwrap_err();
    assert!(failure.said.contains("has no address on bottle_acme_one_internal: its state is stopped"), "{failure:?}");
    for _ in 0..2 {
        machine.run("one/agent/start", Step::Start(named("one"))).unwrap();
    }
    let since = incarnation().since.unwrap();
    assert_eq!(machine.seen().containers[0].state, ContainerState::Running(since));
    let (name, value) = address().unwrap().outputs.pop().unwrap();
    assert_eq!(name, AddressOf::IPV4);
    assert!(value.starts_with("10.99.1.") && !value.contains('/'), "{value}");

    let words = vec![Word::Output(OutputRef {
        address: bottle_planner::address::Address::recorded("one/agent/address"),
        name: name.clone(),
    })];
    machine.run("one/agent/hosts", exec("one", &["cat"], ExecStdin::Text(words))).unwrap();
    let unknown = vec![Word::Output(OutputRef { address: bottle_planner::address::Address::recorded("no"), name })];
    let failure = machine.run("one/agent/hosts", exec("one", &["cat"], ExecStdin::Text(unknown))).unwrap_err();
    assert_eq!((failure.ended, failure.said.as_str()), (Ended::NotStarted, "ipv4 of no is not known yet"));
    machine.run("one/agent/release", Step::Release(named("one"))).unwrap();
    let ready = Step::AwaitReady(Readiness { container: named("one"), probe: vec!["/probe".to_owned()], within: 30 });
    machine.run("one/agent/ready", ready.clone()).unwrap();
    machine.by_hand("stop bottle_acme_one");
    let failure = machine.run("one/agent/ready", ready).unwrap_err();
    assert!(failure.said.starts_with("bottle_acme_one stopped before it served: its state is stopped"), "{failure:?}");
}

#[test]
fn no_secret_is_in_any_word() {
    let machine = Machine::without_engine("");
    machine.by_hand("image pull img:1");
    let secret = |name: &str| EnvSource::Secret(Secret::HostEnv(name.to_owned()));
    let made = |variable: &str| {
        let env = BTreeMap::from([(variable.to_owned(), secret("GH_PAT"))]);
        machine.run("one/agent/create", Step::CreateContainer(Box::new(Container { env, ..container("one", &[]) })))
    };
    let failure = made("CONTAINER_APP_ROOT").unwrap_err();
    assert!(failure.said.contains("the container command would act by it"), "{failure:?}");
    let calls = machine.path("calls");
    made("GITHUB_TOKEN").unwrap();
    let words = fs::read_to_string(&calls).unwrap();
    assert!(words.contains("--env=GITHUB_TOKEN") && !words.contains("value of"), "{words}");
    let inside = machine.by_hand("inspect bottle_acme_one");
    assert!(inside.contains("GITHUB_TOKEN=value of host variable GH_PAT"), "{inside}");
}

#[test]
fn only_what_is_ours_is_taken_away_and_what_is_gone_is_no_error() {
    let machine = with_container();
    let (one, net) = (named("one").0, named("one_internal").0);
    let failure = machine.remove(ObjectKind::Network, &net, &net).unwrap_err();
    assert!(failure.said.contains(&one), "the words of the engine: {failure:?}");
    machine.by_hand("create --name other img:1");
    let failure = machine.remove(ObjectKind::Container, "other", &other_id(&machine, "other")).unwrap_err();
    assert_eq!(failure.ended, Ended::NotStarted);
    assert!(failure.said.contains("no longer carries the label bottle.project=acme"), "{failure:?}");

    // Another container of the name, made since by somebody.
    machine.remove(ObjectKind::Container, &one, &format!("{one}@2001-01-01T00:00:00Z")).unwrap();
    assert_eq!(machine.seen().containers.len(), 1);
    machine.run("one/agent/start", Step::Start(named("one"))).unwrap();
    let id = id(&machine);
    for _ in 0..2 {
        machine.remove(ObjectKind::Container, &one, &id).unwrap();
        machine.remove(ObjectKind::Network, &net, &net).unwrap();
        machine.remove(ObjectKind::Volume, "gone", "gone").unwrap();
    }
    let seen = machine.seen();
    assert!(seen.containers.is_empty() && seen.networks.is_empty());
    assert!(seen.taken.contains(&(ObjectKind::Container, "other".to_owned())));
}

fn other_id(machine: &Machine, name: &str) -> String {
    let inspected: serde_json::Value = serde_json::from_str(&machine.by_hand(&format!("inspect {name}"))).unwrap();
    format!("{name}@{}", inspected[0]["configuration"]["creationDate"].as_str().unwrap())
}

#[test]
fn a_container_that_is_stopping_is_waited_for() {
    let machine = with_container();
    // Is seen as stopping three times, and until then refuses to be taken away.
    let (real, looks) = (machine.path("container"), machine.path("looks"));
    let text = format!(
        r#"case "$1" in
        list) echo x >>'{looks}'
              [ $(wc -l <'{looks}') -gt 3 ] && exec '{real}' "$@"
              '{real}' "$@" | sed 's/"state":"stopped"/"state":"stopping"/' ;;
        delete) [ $(wc -l <'{looks}') -gt 3 ] || {{ echo 'Error: it is stopping' >&2; exit 1; }}
              exec '{real}' "$@" ;;
        *) exec '{real}' "$@" ;;
        esac"#,
        looks = looks.display(),
        real = real.display(),
    );
    let id = id(&machine);
    let path = machine.path("stopping");
    script(&path, &text);
    let engine = ContainerEngine::at(path, machine.path("state")).on_macos("26.1");
    let name = named("one").0;
    let what = bottle_planner::operation::Removed::Object { kind: ObjectKind::Container, name: name.clone(), id };
    let argv = ["container", "delete", "--force", &name].map(Into::into).to_vec();
    let command = Some(bottle_planner::operation::Command { argv, ..Default::default() });
    let removal = bottle_planner::operation::Removal { what, command, after: Vec::new() };
    let address = bottle_planner::address::Address::recorded("one/agent/create");
    machine.with(|context| engine.remove(&address, &removal, context)).unwrap();
    assert!(machine.seen().containers.is_empty());
}

fn stage(name: &str) -> Step {
    let text = Content::Text("exec sleep 600\n".to_owned());
    let entry = ArchiveEntry {
        path: "/etc/pipelock/pipelock.yaml".to_owned(),
        content: text,
        owner: Owner::Name("nobody-here".to_owned()),
        mode: Some(0o644),
    };
    Step::Stage(Stage {
        name: StageName(name.to_owned()),
        base: "/etc/pipelock".to_owned(),
        files: Archive { entries: vec![entry] },
        content: bottle_planner::digest::Digest::of(b"x"),
    })
}

fn process(program: &Path) -> HostProcess {
    HostProcess {
        name: named("one_pipelock"),
        program: program.display().to_string(),
        config: (StageName("bottle_acme_one_pipelock-01".to_owned()), "pipelock.yaml".to_owned()),
        network: named("one_internal"),
        address: Some([127, 0, 0, 1].into()),
        port: 8888,
    }
}

#[test]
fn stages_and_processes_of_the_host_are_of_the_project() {
    let machine = Machine::without_engine("");
    let program = machine.path("pipelock");
    let serves = machine.path("serves");
    let text = format!("[ $1 = run ] && exec sh \"$3\"\n[ -e '{}' ]", serves.display());
    script(&program, &text);
    let process = process(&program);
    machine.run("one/pipelock/stage", stage("bottle_acme_one_pipelock-01")).unwrap();
    machine.run("one/pipelock/stage", stage("bottle_acme_one_pipelock-01")).unwrap();
    machine.run("one/pipelock/start", Step::StartProcess(process.clone())).unwrap();
    let seen = machine.seen();
    assert_eq!(seen.stages, ["bottle_acme_one_pipelock-01"]);
    let [running] = &seen.processes[..] else { panic!("{:?}", seen.processes) };
    let started = machine.operation("one/pipelock/start", Step::StartProcess(process.clone()));
    assert_eq!(
        (running.name.as_str(), running.labels.digest.short()),
        (process.name.0.as_str(), started.digest.short())
    );
    assert_eq!(machine.engine.projects().unwrap(), std::slice::from_ref(&machine.project));

    let ready = |within| Step::AwaitProcess(ProcessReadiness { process: process.clone(), within });
    let failure = machine.run("one/pipelock/ready", ready(1)).unwrap_err();
    assert_eq!(failure.ended, Ended::TimeLimit(1));
    fs::write(&serves, "").unwrap();
    machine.run("one/pipelock/ready", ready(30)).unwrap();

    machine.remove(ObjectKind::Process, &running.name, &running.id).unwrap();
    // What listens there now is another.
    let failure = machine.run("one/pipelock/ready", ready(30)).unwrap_err();
    assert!(failure.said.contains("stopped before it served: its state is ended"), "{failure:?}");
    machine.remove(ObjectKind::Stage, "bottle_acme_one_pipelock-01", "bottle_acme_one_pipelock-01").unwrap();
    let seen = machine.seen();
    assert!(seen.stages.is_empty() && seen.processes.is_empty());
    assert!(machine.engine.projects().unwrap().is_empty());
}

#[test]
fn names_are_resolved_by_the_host() {
    let machine = Machine::without_engine("");
    let engine = ContainerEngine::at(machine.path("container"), machine.path("state")).resolving(|host| match host {
        "a.example" => Ok(vec!["9.9.9.9".parse().unwrap()]),
        _ => Ok(vec!["192.168.1.1".parse().unwrap()]),
    });
    let resolve = |host: &str| {
        let step = Step::ResolveHosts(ResolveHosts { hosts: vec![host.to_owned()] });
        let operation = machine.operation("one/egress/resolve", step);
        machine.with(|context| engine.run(&operation, context))
    };
    let outputs: BTreeMap<String, String> = resolve("a.example").unwrap().outputs.into_iter().collect();
    assert_eq!(outputs[ResolveHosts::IPV4], "9.9.9.9");
    assert_eq!(outputs[ResolveHosts::HOSTS_FILE], "9.9.9.9 a.example\n");
    let failure = resolve("b.example").unwrap_err();
    assert!(failure.said.starts_with("b.example is 192.168.1.1, a private address"), "{failure:?}");
}

#[test]
fn an_operation_ends_at_its_limit_and_when_it_is_hurried() {
    let machine = Machine::without_engine("");
    let path = machine.path("hangs");
    script(&path, "exec sleep 600");
    let engine = ContainerEngine::at(path, machine.path("state")).on_macos("26.1");
    let mut operation = machine.operation("one/agent/start", Step::Start(named("one")));
    operation.time_limit = 0;
    let began = Instant::now();
    let failure = machine.with(|context| engine.run(&operation, context)).unwrap_err();
    assert_eq!(failure.ended, Ended::TimeLimit(0));
    machine.hurry.store(true, Ordering::Relaxed);
    operation.time_limit = 600;
    let failure = machine.with(|context| engine.run(&operation, context)).unwrap_err();
    assert_eq!(failure.ended, Ended::Hurried);
    assert!(began.elapsed() < Duration::from_secs(60));
}

/// A machine whose containers run, or a line where there is no engine for them.
fn running(settings: &str) -> Option<Machine> {
    if let Err(why) = engine_images::ensure() {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Machine::new(settings))
}

#[test]
fn owners_are_the_containers_own() {
    let Some(machine) = running("") else { return };
    let image = ImageName(engine_images::GUEST.to_owned());
    machine.run("one/image/pull", Step::PullImage(image.clone())).unwrap();
    let wanted = Container { image, ..container("one", &[]) };
    machine.run("one/agent/create", Step::CreateContainer(Box::new(wanted))).unwrap();
    machine.run("one/agent/start", Step::Start(named("one"))).unwrap();
    let owners = |name: &str| Step::LearnOwners(Owners { container: named("one"), names: vec![name.to_owned()] });
    let learnt = machine.run("one/agent/owners", owners("node")).unwrap().outputs;
    assert_eq!(learnt, [("node".to_owned(), "1000:1000".to_owned())]);
    let failure = machine.run("one/agent/owners", owners("nobody-here")).unwrap_err();
    assert!(failure.said.starts_with("the image has no user \"nobody-here\""), "{failure:?}");
}

#[test]
fn a_whole_bottle_is_made_found_as_declared_and_destroyed() {
    let Some(machine) = running("") else { return };
    fs::write(machine.path("settings.json"), "{}\n").unwrap();
    let manifest = format!(
        r#"
version = 1
name = "acme"
sidecar = {{ image = {{ ref = "{pipelock}" }} }}

[bottle.one]
sandbox = "vm"
image = {{ ref = "{guest}" }}
user = "node"
command = ["sleep", "infinity"]

[bottle.one.env]
TOKEN = {{ env = "HOST_TOKEN" }}

[bottle.one.egress]
allow = ["api.example.org"]
via = "sidecar"

[[bottle.one.copy]]
from = "settings.json"
to = "/home/node/settings.json"
owner = "node"
mode = "0600"
"#,
        pipelock = engine_images::PIPELOCK,
        guest = engine_images::GUEST,
    );
    let report = machine.carry_out(|observation| machine.plan(&manifest, observation));
    assert!(report.complete(), "{:#?}", report.failures);
    let (_, observation) = machine.look();
    let again = machine.plan(&manifest, &observation);
    assert!(again.is_empty(), "{}", bottle_planner::render::text(&again));
    let inside = |script: &str| {
        let output = std::process::Command::new(machine.path("container"))
            .args(["exec", "bottle_acme_one", "sh", "-c", script])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(inside("stat -c '%a %U' /home/node/settings.json; cat /home/node/settings.json"), "600 node\n{}");
    assert!(inside("cat /etc/hosts").contains("pipelock"));
    let health = inside("timeout 5 wget -Y off -qO- http://pipelock:8888/health 2>&1");
    assert!(health.contains("healthy"), "{health}");

    // Nothing of the journal is needed to find the same things again, and nothing of the manifest to take them away.
    let report = machine.carry_out(|observation| machine.destruction(observation));
    assert!(report.complete(), "{:#?}", report.failures);
    let seen = machine.seen();
    assert!(seen.containers.is_empty() && seen.networks.is_empty() && seen.stages.is_empty(), "{seen:?}");
    assert!(machine.engine.projects().unwrap().is_empty());
}

/// Set for the process that has a pipelock on its search path.
const PIPELOCK_THERE: &str = "BOTTLE_TEST_PIPELOCK_THERE";

const HOST_LOOPBACK: &str = r#"
version = 1
name = "acme"

[bottle.one]
sandbox = "vm"
image = { ref = "img:1" }
user = "1000:1000"
command = ["sleep", "infinity"]

[bottle.one.egress]
allow = ["api.example.org"]
via = "host-loopback"
"#;

/// The program is found on the search path, which only another process can be given.
#[test]
fn a_bottle_behind_a_process_of_the_host_converges() {
    let bin = tempfile::tempdir().unwrap();
    script(&bin.path().join("pipelock"), "[ $1 = healthcheck ] && exit 0\nwhile :; do sleep 1; done");
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "with_a_pipelock_on_the_path", "--ignored", "--nocapture"])
        .env("PATH", path)
        .env(PIPELOCK_THERE, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{said}");
}

#[test]
#[ignore = "the other process of the test above"]
fn with_a_pipelock_on_the_path() {
    if std::env::var_os(PIPELOCK_THERE).is_none() {
        return;
    }
    let machine = Machine::without_engine("");
    let apply = || {
        let report = machine.carry_out(|observation| machine.plan(HOST_LOOPBACK, observation));
        assert!(report.complete(), "{:#?}", report.failures);
        let (_, observation) = machine.look();
        let again = machine.plan(HOST_LOOPBACK, &observation);
        assert!(again.is_empty(), "{}", bottle_planner::render::text(&again));
        observation.processes
    };
    let first = apply();
    assert_eq!(first.len(), 1);
    assert_eq!(apply(), first);

    // The record is lost: it is replaced, since nobody knows with what it was started.
    let record = machine.dir().path().join(format!("process/{}.json", first[0].name));
    fs::remove_file(&record).unwrap();
    let second = apply();
    assert!(second.len() == 1 && second[0].id.split('@').next() != first[0].id.split('@').next(), "{second:?}");

    // It died: it is started again.
    machine.remove(ObjectKind::Process, &second[0].name, &second[0].id).unwrap();
    assert_eq!(apply().len(), 1);

    // The journal is lost, and everything is taken away all the same.
    fs::remove_file(machine.dir().path().join("journal.jsonl")).unwrap();
    let report = machine.carry_out(|observation| machine.destruction(observation));
    assert!(report.complete(), "{:#?}", report.failures);
    let seen = machine.seen();
    assert!(seen.processes.is_empty() && seen.stages.is_empty() && seen.containers.is_empty(), "{seen:?}");
    assert!(!record.exists());
}
