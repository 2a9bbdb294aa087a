//! The Docker backend on a real engine. Without one each test says so and passes.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod docker_bench;

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bottle_executors::docker::Docker;
use bottle_executors::engine::{Ended, Engine, EngineError};
use bottle_planner::address::Address;
use bottle_planner::digest::Digest;
use bottle_planner::intent::{
    Archive, ArchiveEntry, Attachment, Build, Content, Context as BuildContext, CopyIn, Exec, ExecStdin, ImageName,
    Lasts, Membership, ObjectName, OutputRef, Owner, Owners, Readiness, Secret, Step, Tracking,
};
use bottle_planner::observation::ContainerState;
use bottle_planner::operation::{Arg, Command, ObjectKind, Part, Stdin};
use bottle_planner::profile::{Known, LIVE_FLOOR};
use bottle_planner::source::SourcePath;
use docker_bench::{Bench, IMAGE, argv, bench, docker, id, stdout};

fn exec(bench: &Bench, words: &[&str], stdin: Option<Secret>) -> bottle_planner::operation::Operation {
    let step = Step::Exec(Exec {
        container: bench.object("one"),
        user: None,
        env: std::collections::BTreeMap::new(),
        command: words.iter().map(|word| (*word).into()).collect(),
        stdin: stdin.clone().map_or(ExecStdin::Nothing, ExecStdin::Secret),
        hides: Vec::new(),
        lasts: Lasts::Run,
    });
    let mut line = argv("exec --interactive");
    line.push(id(&bench.object("one")));
    line.extend(words.iter().map(|word| Arg::from(*word)));
    let stdin = stdin.map_or(Stdin::Nothing, Stdin::Secret);
    bench.operation("one/agent/exec:1", step, Command { argv: line, env: Vec::new(), stdin })
}

fn ready(bench: &Bench, probe: &[&str], within: u32) -> bottle_planner::operation::Operation {
    let mut operation = exec(bench, probe, None);
    operation.step = Step::AwaitReady(Readiness {
        container: bench.object("one"),
        probe: probe.iter().map(|word| (*word).to_owned()).collect(),
        within,
    });
    operation
}

#[test]
fn the_profile_is_the_engines_own() {
    let Some(bench) = bench("profile") else { return };
    let profile = bench.docker.profile().unwrap();
    assert!(profile.version >= LIVE_FLOOR);
    let server = stdout(&["version", "--format", "{{.Server.Version}}"]);
    assert!(server.starts_with(&profile.version.to_string()), "{server} {profile}");
    assert!(matches!(profile.runsc, Known::Seen(_)));
}

#[test]
fn an_engine_that_is_not_there_is_told_from_one_that_is_silent() {
    let missing = Docker::at("/no/such/docker".into());
    assert_eq!(missing.profile(), Err(EngineError::Missing { program: "/no/such/docker".to_owned() }));

    let Some(bench) = bench("silent") else { return };
    let silent = bench.script("exec docker --host unix:///no/such.sock \"$@\"");
    for error in [
        silent.profile().err(),
        silent.observe(&bench.project).err(),
        silent.projects().err(),
        silent.incarnation(&bench.object("one")).err(),
    ] {
        let Some(EngineError::Silent { said, argv }) = error else { panic!("{error:?}") };
        assert!(said.contains("/no/such.sock") && argv.starts_with("docker "), "{argv}: {said}");
    }
}

#[test]
fn a_bottle_is_made_observed_and_taken_away() {
    let Some(bench) = bench("life") else { return };
    assert_eq!(bench.observe(), (vec![], vec![]));
    let network = bench.create_network("net");
    let container = bench.create_container("one", &["sleep", "1000"], &[("BENCH_TOKEN", "a token")]);
    assert_eq!((network.len(), container.len()), (64, 64));

    let attach = Step::Attach(Attachment {
        container: bench.object("one"),
        membership: Membership { network: bench.object("net"), alias: None, default_route: true, own: false },
    });
    let mut line = argv("network connect");
    line.extend([id(&bench.object("net")), id(&bench.object("one"))]);
    bench.run(&bench.operation("one/agent/attach:net", attach, Command { argv: line, ..Command::default() })).unwrap();

    let owners = Step::LearnOwners(Owners { container: bench.object("one"), names: vec!["node".to_owned()] });
    let mut line = argv("cp");
    line.extend([Arg(vec![Part::Object(bench.object("one")), Part::Literal(":/etc/passwd".to_owned())]), "-".into()]);
    let owners = bench.operation("one/agent/owners", owners, Command { argv: line, ..Command::default() });
    let learnt = bench.run(&owners).unwrap().outputs;
    assert_eq!(learnt, [("node".to_owned(), "1000:1001".to_owned())]);

    fs::write(bench.root().join("notes.txt"), "from the host").unwrap();
    let entry = |path: &str, content, owner, mode| ArchiveEntry { path: path.to_owned(), content, owner, mode };
    let node = Owner::Name("node".to_owned());
    let long = format!("/home/node/{}", "long".repeat(40));
    let files = Archive {
        entries: vec![
            entry("/home/node/.ssh", Content::Folder, node.clone(), Some(0o700)),
            entry("/home/node/.ssh/config", Content::Text("Host *\n".to_owned()), node.clone(), Some(0o600)),
            entry("/home/node/notes", Content::Host(SourcePath::new("notes.txt")), Owner::Id { uid: 7, gid: 8 }, None),
            entry(&long, Content::Text("far".to_owned()), Owner::ROOT, None),
        ],
    };
    let copy = Step::CopyIn(CopyIn {
        container: bench.object("one"),
        into: "/".to_owned(),
        files: files.clone(),
        tracked: Tracking::Content(Digest::of(b"")),
    });
    let mut line = argv("cp -");
    line.push(Arg(vec![Part::Object(bench.object("one")), Part::Literal(":/".to_owned())]));
    let copy = bench.operation(
        "one/agent/copy",
        copy,
        Command { argv: line, stdin: Stdin::Archive { files, base: "/".to_owned() }, ..Command::default() },
    );
    bench.run(&copy).unwrap();

    let seen = bench.docker.observe(&bench.project).unwrap();
    assert_eq!(seen.containers[0].state, ContainerState::Created);
    assert_eq!(bench.docker.incarnation(&bench.object("one")).unwrap().since, None);
    let mut line = argv("start");
    line.push(id(&bench.object("one")));
    let start = Step::Start(bench.object("one"));
    bench.run(&bench.operation("one/agent/start", start, Command { argv: line, ..Command::default() })).unwrap();
    bench.run(&ready(&bench, &["true"], 30)).unwrap();

    let list =
        "stat -c '%a %u %g' /home/node /home/node/.ssh /home/node/.ssh/config /home/node/notes; cat /home/node/notes";
    let listed =
        stdout(&["exec", &container, "sh", "-c", &format!("{list}; printf ' %s' \"$BENCH_TOKEN\"; cat {long}")]);
    assert_eq!(listed, "755 1000 1001\n700 1000 1001\n600 1000 1001\n644 7 8\nfrom the host value of a tokenfar");
    let secret = Secret::Ask("key".to_owned());
    bench.run(&exec(&bench, &["sh", "-c", "test \"$(cat)\" = 'value of key'"], Some(secret))).unwrap();

    let seen = bench.docker.observe(&bench.project).unwrap();
    let [one] = seen.containers.as_slice() else { panic!("{seen:?}") };
    assert_eq!((one.id.as_str(), one.name.as_str()), (container.as_str(), bench.object("one").0.as_str()));
    assert_eq!(one.labels.address.as_str(), "one/agent/create");
    assert!(one.networks.contains(&bench.object("net").0), "{one:?}");
    let incarnation = bench.docker.incarnation(&bench.object("one")).unwrap();
    assert_eq!(incarnation.id, container);
    assert_eq!(incarnation.since.map(ContainerState::Running), Some(one.state.clone()));
    let [net] = seen.networks.as_slice() else { panic!("{seen:?}") };
    assert_eq!((net.id.as_str(), &net.labels.project), (network.as_str(), &bench.project));
    assert!(net.subnet.is_some_and(|subnet| !seen.foreign_subnets.contains(&subnet)));
    assert!(seen.image_names.contains(IMAGE));
    assert!(seen.taken.contains(&(ObjectKind::Network, "bridge".to_owned())));
    assert!(!seen.taken.iter().any(|(_, name)| name.starts_with(&bench.object("").0)), "{:?}", seen.taken);
    assert!(bench.docker.projects().unwrap().contains(&bench.project));

    docker(&["stop", "--time", "0", &container]);
    let seen = bench.docker.observe(&bench.project).unwrap();
    assert_eq!(seen.containers[0].state, ContainerState::Stopped { exit: 137 });

    // Twice: what is gone already is no error.
    for _ in 0..2 {
        bench.remove(ObjectKind::Container, &bench.object("one").0, &container, "rm --force --volumes").unwrap();
        bench.remove(ObjectKind::Network, &bench.object("net").0, &network, "network rm").unwrap();
    }
    assert_eq!(bench.observe(), (vec![], vec![]));
    assert!(!bench.docker.projects().unwrap().contains(&bench.project));
}

#[test]
fn what_is_not_ours_is_never_taken_away() {
    let Some(bench) = bench("foreign") else { return };
    let name = bench.object("foreign").0;
    let container = stdout(&["create", "--name", &name, "--label", "bottle.project=another", IMAGE, "true"]);
    let network = stdout(&["network", "create", "--label", &bench.leash(), &name]);
    let seen = bench.docker.observe(&bench.project).unwrap();
    assert!(seen.containers.is_empty() && seen.networks.is_empty());
    for kind in [ObjectKind::Container, ObjectKind::Network] {
        assert!(seen.taken.contains(&(kind, name.clone())));
    }
    for (kind, id, words) in
        [(ObjectKind::Container, &container, "rm --force --volumes"), (ObjectKind::Network, &network, "network rm")]
    {
        let failure = bench.remove(kind, &name, id, words).unwrap_err();
        assert_eq!(failure.ended, Ended::NotStarted);
        assert!(failure.said.contains("no longer carries the label"), "{failure:?}");
    }
    let seen = bench.docker.observe(&bench.project).unwrap();
    assert!(seen.taken.contains(&(ObjectKind::Container, name.clone())));
    assert!(seen.taken.contains(&(ObjectKind::Network, name.clone())));
    docker(&["rm", "--force", &container]);
}

#[test]
fn a_volume_and_a_membership_are_taken_away() {
    let Some(bench) = bench("others") else { return };
    let label = format!("bottle.project={}", bench.project);
    let volume = stdout(&["volume", "create", "--label", &label, &bench.object("data").0]);
    assert_eq!(bench.docker.observe(&bench.project).unwrap().volumes.join(","), volume);
    bench.create_network("net");
    let container = bench.create_container("one", &["true"], &[]);
    docker(&["network", "connect", &bench.object("net").0, &container]);
    for _ in 0..2 {
        bench.remove(ObjectKind::Volume, &volume, &volume, "volume rm").unwrap();
        bench.detach("one", &container, "net").unwrap();
    }
    let seen = bench.docker.observe(&bench.project).unwrap();
    assert!(seen.volumes.is_empty());
    assert!(!seen.containers[0].networks.contains(&bench.object("net").0));
}

#[test]
fn objects_that_vanish_fail_no_observation_and_calls_do_not_grow() {
    let Some(bench) = bench("vanish") else { return };
    let calls = bench.root().join("calls");
    let ghost = "f".repeat(64);
    // Lists one container and one network that are gone by the time they are looked at; lists them only once.
    let script = bench.script(&format!(
        r#"echo "$1 $2" >> '{calls}'
        docker "$@"; code=$?
        case "$1 $2" in
        "ps --all") mkdir '{calls}.ps' 2>/dev/null && echo '["{ghost}","gone","{project}","one/agent/create"]' ;;
        "network ls") mkdir '{calls}.net' 2>/dev/null && echo '"{ghost}"' ;;
        esac
        exit $code"#,
        calls = calls.display(),
        project = bench.project,
    ));
    bench.create_container("one", &["true"], &[]);
    bench.create_network("net");
    let seen = script.observe(&bench.project).unwrap();
    assert_eq!((seen.containers.len(), seen.networks.len()), (1, 1));

    let count = || {
        fs::write(&calls, "").unwrap();
        script.observe(&bench.project).unwrap();
        fs::read_to_string(&calls).unwrap().lines().count()
    };
    // Networks of other tests come and go meanwhile, and each that does is looked for once more: the least of a few is what it takes.
    let count = || (0..5).map(|_| count()).min();
    let with_one = count();
    for name in ["two", "three", "four"] {
        bench.create_container(name, &["true"], &[]);
    }
    assert_eq!(count(), with_one);
}

#[test]
fn an_object_that_is_listed_and_not_shown_fails_the_observation() {
    let Some(bench) = bench("hidden") else { return };
    bench.create_container("one", &["true"], &[]);
    let script =
        bench.script(r#"[ "$1 $2" = "container inspect" ] && { echo refused >&2; exit 1; }; exec docker "$@""#);
    let error = script.observe(&bench.project).unwrap_err();
    assert!(matches!(&error, EngineError::Silent { said, .. } if said == "refused"), "{error:?}");
    // And nothing that could not be looked at counts as gone.
    let id = bench.docker.observe(&bench.project).unwrap().containers[0].id.clone();
    let removal = bench.removal(ObjectKind::Container, "one", &id, "rm --force");
    let failure = bench.with(|context| script.remove(&Address::recorded("a"), &removal, context)).unwrap_err();
    assert!(failure.said.contains("refused"), "{failure:?}");
}

#[test]
fn a_failure_says_why_and_keeps_its_secrets() {
    let Some(bench) = bench("failure") else { return };
    bench.create_container("one", &["sleep", "1000"], &[("BENCH_TOKEN", "env")]);
    docker(&["start", &bench.object("one").0]);
    let script = "cat >&2; printf '\\033[31m %s end' \"$BENCH_TOKEN\" >&2; exit 7";
    let failure = bench.run(&exec(&bench, &["sh", "-c", script], Some(Secret::Ask("key".to_owned())))).unwrap_err();
    assert_eq!(failure.ended, Ended::Exit(7));
    assert_eq!(failure.said, "*** *** end");
    assert_eq!(failure.argv[..4], ["docker", "exec", "--interactive", &bench.object("one").0].map(str::to_owned));

    let unset = exec(&bench, &["true"], Some(Secret::HostEnv("BOTTLE_TEST_NEVER_SET".to_owned())));
    let failure = bench.run(&unset).unwrap_err();
    assert_eq!(failure.ended, Ended::NotStarted);
    assert!(failure.said.contains("BOTTLE_TEST_NEVER_SET"), "{failure:?}");

    let mut unknown = exec(&bench, &["true"], None);
    let output = OutputRef { address: Address::recorded("one/pipelock/start"), name: "ipv4".to_owned() };
    docker_bench::command(&mut unknown).argv.push(Arg(vec![Part::Output(output)]));
    assert!(bench.run(&unknown).unwrap_err().said.contains("ipv4 of one/pipelock/start"));

    let mut steering = exec(&bench, &["true"], None);
    docker_bench::command(&mut steering).env.push(("DOCKER_HOST".to_owned(), Secret::Ask("host".to_owned())));
    assert!(bench.run(&steering).unwrap_err().said.contains("DOCKER_HOST"));
}

#[test]
fn an_operation_ends_at_its_limit_and_when_it_is_hurried() {
    let Some(bench) = bench("limit") else { return };
    bench.create_container("one", &["sleep", "1000"], &[]);
    docker(&["start", &bench.object("one").0]);
    let mut long = exec(&bench, &["sleep", "1000"], None);
    long.time_limit = 1;
    assert_eq!(bench.run(&long).unwrap_err().ended, Ended::TimeLimit(1));

    long.time_limit = 600;
    std::thread::scope(|scope| {
        let runner = scope.spawn(|| bench.run(&long));
        while !stdout(&["top", &bench.object("one").0]).contains("sleep 1000\n") {
            std::thread::yield_now();
        }
        bench.hurry.store(true, Ordering::Relaxed);
        assert_eq!(runner.join().unwrap().unwrap_err().ended, Ended::Hurried);
    });
    bench.hurry.store(false, Ordering::Relaxed);
}

#[test]
fn readiness_is_waited_for_and_no_longer_than_the_container_runs() {
    let Some(bench) = bench("ready") else { return };
    let container = bench.create_container("one", &["sh", "-c", "echo up; sleep 1; touch /tmp/up; sleep 1000"], &[]);
    docker(&["start", &container]);
    bench.run(&ready(&bench, &["test", "-e", "/tmp/up"], 60)).unwrap();
    let failure = bench.run(&ready(&bench, &["test", "-e", "/never"], 1)).unwrap_err();
    assert_eq!(failure.ended, Ended::TimeLimit(1));
    assert!(failure.said.contains("did not serve within 1 seconds") && failure.said.ends_with("up"), "{failure:?}");

    docker(&["rm", "--force", &container]);
    let container = bench.create_container("one", &["sh", "-c", "echo no licence >&2; exit 3"], &[]);
    docker(&["start", &container]);
    let began = Instant::now();
    let failure = bench.run(&ready(&bench, &["true"], 300)).unwrap_err();
    assert!(began.elapsed().as_secs() < 100);
    assert!(failure.said.contains("its state is exited") && failure.said.ends_with("no licence"), "{failure:?}");
}

#[test]
fn an_image_is_built_from_a_stream_and_what_inherits_its_labels_is_not_ours() {
    let Some(bench) = bench("build") else { return };
    let image = format!("bottle_{}_baked:1", bench.project);
    fs::create_dir(bench.root().join("w")).unwrap();
    fs::write(bench.root().join("w.txt"), "baked").unwrap();
    let entry = |path: &str, content| ArchiveEntry {
        path: path.to_owned(),
        content,
        owner: Owner::Name("node".to_owned()),
        mode: None,
    };
    let dockerfile = format!("FROM {IMAGE}\nCOPY --chown=node files/ /home/node/w/\n");
    let files = Archive {
        entries: vec![
            entry("/Dockerfile", Content::Text(dockerfile)),
            entry("/files/w.txt", Content::Host(SourcePath::new("w.txt"))),
        ],
    };
    let build = Build {
        image: ImageName(image.clone()),
        context: BuildContext::Baked { base: ImageName(IMAGE.to_owned()), files: files.clone(), stage: None },
        args: std::collections::BTreeMap::new(),
        content: Digest::of(b""),
    };
    let mut line = argv(&format!("build --tag {image}"));
    line.extend(bench.labels("one/image/bake"));
    line.push("-".into());
    let command = Command { argv: line, stdin: Stdin::Archive { files, base: "/".to_owned() }, ..Command::default() };
    bench.run(&bench.operation("one/image/bake", Step::BuildImage(build), command)).unwrap();
    assert_eq!(
        stdout(&["run", "--rm", &image, "sh", "-c", "cat /home/node/w/w.txt; stat -c ' %u' /home/node/w/w.txt"]),
        "baked 1000"
    );

    let user = stdout(&["create", "--label", &bench.leash(), &image, "true"]);
    let seen = bench.docker.observe(&bench.project).unwrap();
    let [ours] = seen.images.as_slice() else { panic!("{seen:?}") };
    assert_eq!(ours.names.join(","), image);
    assert_eq!(ours.labels.address.as_str(), "one/image/bake");
    assert!(seen.image_names.contains(&image) && !seen.taken.contains(&(ObjectKind::Image, image.clone())));
    assert!(seen.containers.is_empty());
    assert!(bench.docker.projects().unwrap().contains(&bench.project));

    let failure = bench.remove(ObjectKind::Image, &image, &ours.id, &format!("image rm {image}")).unwrap_err();
    assert!(failure.said.contains("container"), "{failure:?}");
    docker(&["rm", &user]);
    for _ in 0..2 {
        bench.remove(ObjectKind::Image, &image, &ours.id, "image rm").unwrap();
    }
    assert!(bench.docker.observe(&bench.project).unwrap().images.is_empty());
}

#[test]
fn names_that_are_taken_make_nothing_ours() {
    let Some(bench) = bench("taken") else { return };
    let name = bench.object("one");
    docker(&["create", "--name", &name.0, "--label", &bench.leash(), IMAGE, "true"]);
    let failure = bench.try_create_container("one", &["true"], &[]).unwrap_err();
    assert_eq!(failure.ended, Ended::Exit(1));
    assert!(failure.said.contains(&name.0), "{failure:?}");
    let unknown = ObjectName("bottle_no_such_thing".to_owned());
    assert!(bench.docker.incarnation(&unknown).is_err());
}
