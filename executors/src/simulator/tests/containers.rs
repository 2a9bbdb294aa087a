use bottle_planner::intent::{Exec, ExecStdin, Lasts, Mount, MountSource, Readiness, Role};
use bottle_planner::observation::ContainerState;
use bottle_planner::profile::{Backend, Known, Version};
use bottle_planner::source::SourcePath;

use super::*;

fn exec(container: &str, stdin: Option<Secret>) -> Step {
    Step::Exec(Exec {
        container: name(container),
        user: Some("node".to_owned()),
        env: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
        command: vec!["npm".into(), "ci".into()],
        stdin: stdin.map_or(ExecStdin::Nothing, ExecStdin::Secret),
        hides: Vec::new(),
        lasts: Lasts::Container,
    })
}

fn ready(container: &str) -> Step {
    Step::AwaitReady(Readiness { container: name(container), probe: vec!["/probe".to_owned()], within: 30 })
}

fn sidecar() -> bottle_planner::intent::Container {
    let command = ["run", "--config", "/etc/pipelock/pipelock.yaml"].map(str::to_owned).into();
    bottle_planner::intent::Container {
        role: Role::Sidecar,
        command,
        read_only: true,
        volume: Some("/etc/pipelock".to_owned()),
        ..container("s", &[])
    }
}

#[test]
fn a_container_needs_its_image_and_a_free_name() {
    let bench = Bench::new("simulator");
    assert_eq!(bench.no(new_container("c", &[])), "Error response from daemon: No such image: node:22");
    bench.ok(pull("node:22"));
    let id = bench.ok(new_container("c", &[])).made.unwrap();
    assert_eq!((id.len(), id.chars().all(|digit| digit.is_ascii_hexdigit())), (64, true));
    assert_eq!(
        bench.no(new_container("c", &[])),
        format!(
            "Error response from daemon: Conflict. The container name \"/c\" is already in use by container \"{id}\". You \
             have to remove (or rename) that container to be able to reuse that name."
        )
    );
}

#[test]
fn several_networks_at_create_are_a_matter_of_the_version() {
    Bench::with_container("simulator@28.5", &["a", "b"]);
    let bench = Bench::with_container("simulator@20.10", &["a"]);
    let said = bench.no(new_container("d", &["a", "b"]));
    assert_eq!(said, "Error response from daemon: Container cannot be connected to network endpoints: a, b");
}

#[test]
fn a_runtime_must_be_registered() {
    let with = |runsc| {
        let version = Version { major: 28, minor: 5 };
        let profile = Profile::docker(Backend::Simulator, version, Known::Seen(runsc)).unwrap();
        let bench = Bench::with(Simulator::in_memory(profile));
        bench.ok(pull("node:22"));
        let wanted = bottle_planner::intent::Container { runtime: Some("runsc"), ..container("c", &[]) };
        bench.run("one/agent/create", Step::CreateContainer(Box::new(wanted))).map_err(|failure| failure.said)
    };
    assert!(with(true).is_ok());
    assert_eq!(with(false), Err("Error response from daemon: unknown or invalid runtime name: runsc".to_owned()));
}

#[test]
fn containers_are_created_running_and_stopped() {
    let bench = Bench::with_container("simulator", &[]);
    let hand = bench.engine.by_hand();
    let state = || bench.seen().containers[0].state.clone();
    let since = || bench.engine.incarnation(&name("c")).unwrap().since;
    assert_eq!((state(), since()), (ContainerState::Created, None));
    bench.ok(start("c"));
    let first = since().unwrap();
    assert_eq!(state(), ContainerState::Running(first.clone()));
    bench.ok(start("c"));
    assert_eq!(since(), Some(first.clone()), "starting what runs changes nothing");
    hand.stop("c").unwrap();
    assert_eq!((state(), since()), (ContainerState::Stopped { exit: 137 }, None));
    bench.ok(start("c"));
    let second = since().unwrap();
    assert!(second > first, "{second} is after {first}");
    hand.restart("c").unwrap();
    assert!(since().unwrap() > second);
    hand.remove_container("c").unwrap();
    assert!(bench.engine.incarnation(&name("c")).is_err());
}

#[test]
fn a_step_works_on_the_container_that_was_observed_and_on_no_other_of_its_name() {
    let bench = Bench::with_container("simulator", &[]);
    let id = bench.get("c").id;
    let hand = bench.engine.by_hand();
    hand.remove_container("c").unwrap();
    hand.add_container("c", None).unwrap();
    assert_eq!(bench.no(start("c")), format!("Error response from daemon: No such container: {id}"));
    assert_eq!(bench.get("c").status, Status::Created);
}

#[test]
fn secrets_are_read_at_create_and_kept_by_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let bench = Bench::with(Simulator::open(path.clone(), Profile::named("simulator").unwrap()).unwrap());
    bench.ok(pull("node:22"));
    let secret = |variable: &str| EnvSource::Secret(Secret::HostEnv(variable.to_owned()));
    let env = BTreeMap::from([
        ("PLAIN".to_owned(), EnvSource::Literal("text".to_owned())),
        ("TOKEN".to_owned(), secret("GH_PAT")),
    ]);
    let wanted =
        |env| Step::CreateContainer(Box::new(bottle_planner::intent::Container { env, ..container("c", &[]) }));
    let failure = bench.run("a/b/c", wanted(BTreeMap::from([("X".to_owned(), secret("missing"))]))).unwrap_err();
    assert_eq!((failure.ended, failure.said.as_str()), (Ended::NotStarted, "host variable missing: it is not set"));
    assert!(bench.engine.by_hand().container("c").unwrap().is_none());
    bench.ok(wanted(env.clone()));
    bench.ok(start("c"));
    bench.ok(exec("c", Some(Secret::Ask("key".to_owned()))));
    let read = bench.secrets.0.lock().unwrap().clone();
    assert_eq!(read, ["host variable missing", "host variable GH_PAT", "asked for: \"key\""]);
    assert_eq!(bench.get("c").env, env);
    let state = std::fs::read_to_string(path).unwrap();
    assert!(state.contains("GH_PAT"));
    assert!(!state.contains(VALUE));
}

#[test]
fn commands_run_in_running_containers_and_are_remembered() {
    let bench = Bench::with_container("simulator", &[]);
    let id = bench.get("c").id;
    assert_eq!(bench.no(exec("c", None)), format!("Error response from daemon: Container {id} is not running"));
    bench.ok(start("c"));
    bench.ok(exec("c", None));
    let ran = Ran {
        command: vec!["npm".to_owned(), "ci".to_owned()],
        user: Some("node".to_owned()),
        env: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
        stdin: None,
        since: bench.engine.incarnation(&name("c")).unwrap().since.unwrap(),
    };
    assert_eq!(bench.get("c").ran, [ran]);
}

#[test]
fn files_keep_owner_mode_and_content() {
    let bench = Bench::with_container("simulator", &[]);
    std::fs::write(bench.root.path().join("skill.md"), "abc").unwrap();
    let outcome = bench.run("one/agent/owners", owners("c", &["ci", "node", "root"])).unwrap();
    assert_eq!(outcome.outputs[1..], [("node".into(), "1000:1000".into()), ("root".into(), "0:0".into())]);
    let again = bench.run("one/agent/owners", owners("c", &["ci"])).unwrap();
    assert_eq!(outcome.outputs[0], again.outputs[0]);
    let node = Owner::Name("node".to_owned());
    let host = ArchiveEntry {
        path: "/home/node/skills/skill.md".to_owned(),
        content: Content::Host(SourcePath::new("skill.md")),
        owner: node.clone(),
        mode: Some(0o600),
    };
    bench.ok(copy("c", vec![text("/srv/a/b", "abc", node), host]));
    // The digest of `abc` as FIPS 180-2 has it.
    let abc = What::File("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned());
    let stored = |uid, mode, what| Some(Stored { uid, gid: uid, mode, what });
    let at = |path: &str| bench.engine.by_hand().file("c", path).unwrap();
    assert_eq!(at("/srv/a/b"), stored(1000, 0o644, abc.clone()));
    assert_eq!(at("/srv/a"), stored(0, 0o755, What::Folder), "a folder that nobody listed is root's");
    assert_eq!(at("/home/node/skills/skill.md"), stored(1000, 0o600, abc));
    assert_eq!(at("/home/node"), None, "the home is the image's");
}

#[test]
fn copies_fail_as_they_should() {
    let bench = Bench::with_container("simulator", &[]);
    let file = |path: &str| vec![text(path, "x", Owner::ROOT)];
    let folder = |path: &str| {
        vec![ArchiveEntry { path: path.to_owned(), content: Content::Folder, owner: Owner::ROOT, mode: None }]
    };
    let stranger = vec![text("/srv/f", "x", Owner::Name("stranger".to_owned()))];
    assert!(bench.no(copy("c", stranger)).contains("the number of the user `stranger` in the guest is not known"));
    bench.ok(copy("c", file("/srv/f")));
    bench.ok(copy("c", file("/srv/f")));
    bench.ok(copy("c", folder("/srv/d")));
    assert_eq!(bench.no(copy("c", file("/srv/f/below"))), "Error response from daemon: mkdir /srv/f: not a directory");
    assert!(bench.no(copy("c", file("/srv/d"))).contains("cannot overwrite directory \"/srv/d\" with non-directory"));
    assert!(bench.no(copy("c", folder("/srv/f"))).contains("cannot overwrite non-directory \"/srv/f\" with directory"));
    assert!(bench.no(copy("c", file("/etc"))).contains("cannot overwrite directory"), "the image has it");
    let gone = vec![ArchiveEntry { content: Content::Host(SourcePath::new("gone")), ..file("/srv/g").remove(0) }];
    assert_eq!(bench.no(copy("c", gone)), "cannot copy gone: No such file or directory (os error 2)");
}

#[test]
fn a_read_only_root_takes_files_in_its_volume_only() {
    let bench = Bench::new("simulator");
    bench.ok(pull("node:22"));
    bench.ok(Step::CreateContainer(Box::new(sidecar())));
    // Even for a file that would end up in the volume: that was measured.
    let refused = bench.no(copy("s", vec![text("/etc/pipelock/pipelock.yaml", "x", Owner::ROOT)]));
    assert_eq!(refused, "Error response from daemon: container rootfs is marked read-only");
    bench.ok(copy_into("s", "/etc/pipelock", vec![text("/etc/pipelock/pipelock.yaml", "x", Owner::ROOT)]));
}

#[test]
fn a_sidecar_without_its_configuration_does_not_serve() {
    let bench = Bench::new("simulator");
    bench.ok(pull("node:22"));
    bench.ok(Step::CreateContainer(Box::new(sidecar())));
    assert!(bench.no(ready("s")).contains("is not running"));
    bench.ok(start("s"));
    assert_eq!(bench.get("s").status, Status::Exited(1));
    assert!(bench.no(ready("s")).starts_with("s did not serve within 30 s: "));
    bench.ok(copy_into("s", "/etc/pipelock", vec![text("/etc/pipelock/pipelock.yaml", "x", Owner::ROOT)]));
    bench.ok(start("s"));
    bench.ok(ready("s"));
}

#[test]
fn a_mount_needs_its_folder() {
    let bench = Bench::with_container("simulator", &[]);
    let mount = |from: &str| {
        let mounts = vec![Mount { from: MountSource::Host(SourcePath::new(from)), to: "/w".to_owned() }];
        Step::CreateContainer(Box::new(bottle_planner::intent::Container { mounts, ..container("m", &[]) }))
    };
    assert!(bench.no(mount("nowhere")).ends_with("bind source path does not exist: nowhere"));
    bench.ok(mount("."));
}

#[test]
fn what_is_hurried_or_asked_to_fail_does_nothing() {
    let bench = Bench::with_container("simulator", &[]);
    bench.hurry.store(true, Ordering::SeqCst);
    assert_eq!(bench.run("a/b/c", start("c")).unwrap_err().ended, Ended::Hurried);
    bench.hurry.store(false, Ordering::SeqCst);
    bench.engine.fail("one/*/start", "no room").unwrap();
    let failure = bench.run("one/agent/start", start("c")).unwrap_err();
    let argv = ["docker", "do it"].map(str::to_owned).into();
    let address = Address::recorded("one/agent/start");
    assert_eq!(failure, Failure { address, argv, ended: Ended::Exit(1), said: "no room".to_owned() });
    assert_eq!(bench.get("c").status, Status::Created);
    let lost = Fault { address: "*".to_owned(), times: 1, said: "the answer was lost".to_owned(), done: true };
    bench.engine.ask_for(lost).unwrap();
    assert_eq!(bench.run("one/agent/start", start("c")).unwrap_err().said, "the answer was lost");
    assert!(matches!(bench.get("c").status, Status::Running(_)));
    bench.run("one/agent/start", start("c")).unwrap();
}
