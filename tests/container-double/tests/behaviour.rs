//! The ways of the double that need no engine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

struct Double {
    state: TempDir,
    settings: Vec<(&'static str, &'static str)>,
}

impl Double {
    fn new() -> Self {
        Self { state: TempDir::new().unwrap(), settings: vec![] }
    }

    fn with(name: &'static str, value: &'static str) -> Self {
        Self { settings: vec![(name, value)], ..Self::new() }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_container"));
        command.env("CONTAINER_DOUBLE_STATE", self.state.path().join("state"));
        command.env("CONTAINER_DOUBLE_ENGINE", "none").env("CONTAINER_DOUBLE_REGISTRY", "img:1,team/other:2");
        command.envs(self.settings.iter().copied()).args(line.split_whitespace()).stdin(Stdio::null());
        command
    }

    fn output(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// What a line prints, where it succeeds.
    fn done(&self, line: &str) -> String {
        let output = self.output(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The exit code and what is complained of, where nothing is printed.
    fn failed(&self, line: &str) -> (i32, String) {
        let output = self.output(line);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{line}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), stderr.trim_end().to_owned())
    }

    fn error(&self, line: &str, message: &str) {
        assert_eq!(self.failed(line), (1, format!("Error: {message}")), "{line}");
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.done(line)).unwrap()
    }

    /// The first address of a container.
    fn address(&self, id: &str) -> Option<String> {
        let found = self.json(&format!("inspect {id}"));
        found[0]["status"]["networks"][0]["ipv4Address"].as_str().map(str::to_owned)
    }

    /// A file of the host.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.state.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Where a container's file is.
    fn inside(&self, id: &str, path: &str) -> PathBuf {
        self.state.path().join("state/roots").join(id).join(path)
    }
}

#[test]
fn a_container_has_addresses_while_it_runs_and_others_at_each_start() {
    let double = Double::new();
    assert_eq!(double.done("create --name side -l a=b --network default img:1"), "side");
    assert_eq!(double.done("list --format json"), "[]");
    let all = double.json("list -a --format json");
    assert_eq!(all[0]["id"], "side");
    assert_eq!(all[0]["status"], serde_json::json!({"state": "stopped", "networks": []}));
    assert_eq!(all[0]["configuration"]["labels"]["a"], "b");
    assert_eq!(all[0]["configuration"]["image"]["reference"], "docker.io/library/img:1");

    assert_eq!(double.done("start side"), "side");
    let first = double.address("side").unwrap();
    assert!(first.ends_with("/24"), "{first}");
    assert_eq!(double.done("start side"), "side");
    assert_eq!(double.address("side").unwrap(), first);
    double.error("start -a side", "attach is currently unsupported on already running containers");
    assert_eq!(double.done("stop side"), "side");
    assert_eq!(double.done("stop side"), "side");
    assert_eq!(double.address("side"), None);
    double.done("start side");
    assert_ne!(double.address("side").unwrap(), first);
    assert!(double.done("inspect side").contains("\"ipv4Gateway\" : \"192.168.64.1\""));
}

#[test]
fn what_is_missing_is_an_error_everywhere() {
    let double = Double::new();
    double.done("run -d --name a1 img:1");
    double.error("inspect a1 b1 c1", "container not found: b1, c1");
    double.error("start b1", "get failed: container b1 not found");
    double.error("exec b1 true", "get failed: container b1 not found");
    double.error("logs b1", "get failed: container b1 not found");
    double.error("cp /etc/hostname b1:/x", "container with ID b1 not found");
    double.error("stats --format json b1", "no such container: b1");
    let missing =
        "internalError: \"failed to delete container\" (cause: \"notFound: \"container with ID b1 not found\"\")";
    double.error("rm -f b1", missing);
    double.error("network inspect n1", "network not found: n1");
    double.error("network rm n1", "failed to delete one or more networks: [\"n1\"]");
    double.error("image inspect i:1", "image not found: i:1");
    double.error("image rm i:1", "failed to delete one or more images: [\"i:1\"]");
    double.done("image rm -f i:1");
    double.error("run i:1", "notFound: \"image with reference docker.io/library/i:1\"");
    double.error("create --network n1 img:1", "network n1 not found");
    double.error("rm", "no containers specified and --all not supplied");
    double.error("rm --all a1", "explicitly supplied container ID(s) conflict with the --all flag");
}

#[test]
fn running_containers_are_not_deleted_without_force() {
    let double = Double::new();
    double.done("run -d --name a1 img:1");
    let running = "invalidState: \"container a1 is running and can not be deleted\"";
    double.error("rm a1", &format!("internalError: \"failed to delete container\" (cause: \"{running}\")"));
    assert_eq!(double.done("rm --all"), "");
    double.error("run -d --name a1 img:1", "container with id a1 already exists");
    double.error("create --name a1 img:1", "container already exists: a1");
    assert_eq!(double.done("rm -f a1"), "a1");
    double.done("run -d --rm --name a2 img:1");
    double.done("stop a2");
    assert_eq!(double.done("ls -a --format json"), "[]");
    double.done("create --name a3 img:1");
    let stopped =
        "failed to kill container (cause: \"invalidState: \"no runtime client exists: container is stopped\"\")";
    double.error("kill a3", stopped);
    double.error("exec a3 true", "container a3 is not running");
}

#[test]
fn networks_are_frozen_and_stay_while_anything_refers_to_them() {
    let double = Double::new();
    assert_eq!(double.done("network create --internal --subnet 10.9.0.0/24 --label org.x/a-b=C inner"), "inner");
    let network = double.json("network inspect inner");
    assert_eq!(network[0]["configuration"]["mode"], "hostOnly");
    assert_eq!(network[0]["configuration"]["labels"]["org.x/a-b"], "C");
    assert_eq!(network[0]["status"]["ipv4Gateway"], "10.9.0.1");
    double.error("network create inner", "network inner already exists");
    double.error("network create Inner", "invalid network name: Inner");
    double.error("network create none", "network none is not a valid name");
    let overlap = "IPv4 subnet 10.9.0.0/25 overlaps an existing network with subnet 10.9.0.0/24";
    double.error("network create --subnet 10.9.0.0/25 other", overlap);
    double.error("network create --label A_b=c other", "invalid_label_key_content: A_b");
    double.error("network create --label a= other", "invalid_label_key_content: a=");

    double.done("create --name a1 --network default --network inner,mtu=1400 img:1");
    let (code, stderr) = double.failed("network rm inner");
    assert_eq!(code, 1);
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines[0].contains("cannot delete subnet inner with referring containers: a1"), "{stderr}");
    assert_eq!(lines[1], "Error: delete failed for one or more networks: [\"inner\"]");
    double.done("rm a1");
    double.error("network rm default", "cannot delete a builtin network: default");
    assert_eq!(double.done("network rm inner inner"), "inner");
    assert_eq!(double.done("network ls -q"), "default");

    double.error(
        "create --network none --network default img:1",
        "no other networks may be created along with network none",
    );
    let property = "unknown network property 'alias'. Available properties: mac, mtu";
    double.error("create --network default,alias=x img:1", property);
}

#[test]
fn before_macos_26_there_are_no_networks() {
    let double = Double::with("CONTAINER_DOUBLE_MACOS", "15");
    let (code, stderr) = double.failed("network create x");
    assert_eq!(code, 64);
    assert!(stderr.starts_with("Error: Plugin 'container-network' not found."), "{stderr}");
    double.error("create --network x img:1", "non-default network configuration requires macOS 26 or newer");
    double.done("create --network default img:1");
}

#[test]
fn options_are_judged_after_the_image_is_there() {
    let double = Double::new();
    double.error("create -l k=a=b img:1", "invalid label format k=a=b");
    assert_eq!(double.json("image ls --format json")[0]["configuration"]["name"], "docker.io/library/img:1");
    double.error("create --name a img:2", "container ID a is not a valid container ID");
    let name = format!("create --name {} img:1", "a".repeat(64));
    assert_eq!(double.failed(&name).0, 1);
    double.error("create -m 100M img:1", "minimum memory amount allowed is 200 MiB (got 104857600 bytes)");
    double.error(
        "create --mount type=bind,source=/etc/hostname,target=/x img:1",
        "path '/etc/hostname' is not a directory",
    );
    double.error("create -v /none:/x img:1", "path '/none' does not exist");
    double.error("create --env-file /none img:1", "failed to read envfile at /none");
    double.error("create --runtime runsc img:1", "unable to locate runtime plugin runsc");
    double.error("create --cap-add NOPE img:1", "invalid capability NOPE");
    assert_eq!(double.done("ls -a --format json"), "[]");

    let file = double.file("env", "# c\n A=\"x y\"\nB=1\n");
    let line = format!("create --name ok --env-file {} -e B=2 -e UNSET_HERE -e C= img:1 run --it", file.display());
    double.done(&line);
    let process = &double.json("inspect ok")[0]["configuration"]["initProcess"];
    assert_eq!(process["environment"], serde_json::json!(["A=\"x y\"", "B=2", "C="]));
    assert_eq!((&process["executable"], &process["arguments"]), (&"run".into(), &serde_json::json!(["--it"])));
    double.done("create --name entry --entrypoint sh img:1");
    assert_eq!(double.json("inspect entry")[0]["configuration"]["initProcess"]["arguments"], serde_json::json!([]));
}

#[test]
fn a_bind_source_may_vanish_and_a_volume_has_one_writer() {
    let double = Double::new();
    let folder = double.state.path().join("folder");
    fs::create_dir(&folder).unwrap();
    double.done(&format!("create --name a1 --mount type=bind,source={0},target=/x img:1", folder.display()));
    fs::remove_dir(&folder).unwrap();
    double.error("start a1", &format!("mount source path '{}' does not exist", folder.display()));
    double.done("run -d --name b1 -v vol:/x img:1");
    double.done("create --name b2 -v vol:/x:ro img:1");
    let (code, stderr) = double.failed("start b2");
    assert!(code == 1 && stderr.contains("failed to bootstrap container b2"), "{stderr}");
    assert_eq!(double.failed("run -d --name b3 -v vol:/x img:1").0, 1);
    double.error("inspect b3", "container not found: b3");
    double.done("stop b1");
    double.done("start b2");
}

#[test]
fn copies_go_into_running_containers_only_and_files_are_roots() {
    let double = Double::new();
    double.done("create --name a1 img:1");
    let file = double.file("secret", "new");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let from = file.display();
    double.error(&format!("cp {from} a1:/x"), "container a1 is not running");
    double.done("start a1");
    let mode = |path: &str| fs::metadata(double.inside("a1", path)).unwrap().mode() & 0o7777;

    assert_eq!(double.done(&format!("cp {from} a1:/made/x")), "a1:/made/x");
    assert_eq!(mode("made/x"), 0o644);
    assert_eq!(double.done(&format!("cp {from} a1:/made/")), "a1:/made/secret");
    fs::set_permissions(double.inside("a1", "made/x"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(&file, "newer").unwrap();
    double.done(&format!("cp {from} a1:/made/x"));
    assert_eq!(
        (mode("made/x"), fs::read_to_string(double.inside("a1", "made/x")).unwrap()),
        (0o640, "newer".to_owned())
    );
    double.error(&format!("cp {from} a1:/none/"), "destination directory does not exist: /none/");

    let folder = double.state.path().join("folder");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/run"), "").unwrap();
    fs::set_permissions(folder.join("sub/run"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("/etc/passwd", folder.join("out")).unwrap();
    symlink("../../x", folder.join("sub/up")).unwrap();
    symlink("sub/run", folder.join("in")).unwrap();
    let from_folder = folder.display();
    double.done(&format!("cp {from_folder} a1:/renamed"));
    assert_eq!(mode("renamed/sub/run"), 0o750);
    let there = |path: &str| double.inside("a1", path).symlink_metadata().is_ok();
    assert!(there("renamed/in") && !there("renamed/out") && !there("renamed/sub/up") && !there("renamed/folder"));
    double.done(&format!("cp {from_folder}/ a1:/renamed"));
    assert!(there("renamed/folder/sub/run"));
    double.error(&format!("cp {from_folder} a1:/made/x"), "cannot copy directory over existing file: /made/x");

    for bad in ["- a1:/x", "a b", "a1:/x a1:/y", "a a1:b:/x"] {
        let (code, stderr) = double.failed(&format!("cp {bad}"));
        assert!(code == 1 && stderr.starts_with("Error: invalid path given: "), "{bad}: {stderr}");
    }
    symlink("/etc", double.inside("a1", "etc")).unwrap();
    assert_eq!(double.failed(&format!("cp {from} a1:/etc/bottle-test")).0, 70);
    assert_eq!(double.failed(&format!("cp {from_folder}/. a1:/y")).0, 70);
    let back = double.state.path().join("back");
    double.done(&format!("cp a1:/made/x {}", back.display()));
    assert_eq!(fs::read_to_string(back).unwrap(), "newer");
}

#[test]
fn the_name_that_a_build_gave_outlives_it() {
    let double = Double::new();
    let context = double.state.path().join("context");
    fs::create_dir(&context).unwrap();
    let context = context.display();
    let (code, stderr) = double.failed(&format!("build -t foo:1 {context}"));
    assert_eq!((code, stderr.as_str()), (64, "Error: dockerfile not found in context dir"));
    double.file("context/Dockerfile", "FROM img:1\n");
    assert_eq!(double.done(&format!("build -t foo:1 -l k=v {context}")), "foo:1");
    let image = double.json("image inspect foo:1");
    assert_eq!(image[0]["variants"][0]["config"]["config"]["Labels"]["k"], "v");
    assert_eq!(image[0]["configuration"]["name"], "foo:1");
    assert_eq!(double.done("image tag foo:1 foo:2"), "foo:2");
    double.done("image rm foo:1");
    // A trap: the name is gone, and still leads to the other.
    assert_eq!(double.json("image inspect foo:1")[0]["configuration"]["name"], "docker.io/library/foo:2");
    // After a build the builder is among the containers.
    assert_eq!(double.json("list --format json")[0]["id"], "buildkit");
    double.file("context/Dockerfile", &"#".repeat(16 * 1024));
    assert_eq!(double.failed(&format!("build -t foo:1 {context}")).0, 64);
    assert_eq!(double.failed("build -t foo:1 -").0, 64);
}

#[test]
fn the_service_can_be_down_and_keeps_its_state() {
    let double = Double::new();
    double.done("run -d --name a1 img:1");
    assert_eq!(double.json("system status --format json")["status"], "running");
    assert_eq!(double.json("system version --format json")[1]["version"], "1.2.2");
    double.done("system stop");
    let hint = "Ensure container system service has been started with `container system start`.";
    let connection = "interrupted: \"XPC connection error: Connection invalid\"";
    double.error("create img:1", &format!("{connection}\n{hint}"));
    let list = format!("internalError: \"failed to list containers\" (cause: \"{connection}\")\n{hint}");
    double.error("list --format json", &list);
    let status = double.output("system status");
    assert_eq!(status.status.code(), Some(1));
    let text = String::from_utf8(status.stdout).unwrap();
    assert_eq!(text.trim_end(), "apiserver is not running and not registered with launchd");
    let (code, stderr) = double.failed("ps");
    assert!(code == 64 && stderr.starts_with("Error: Plugins are unavailable."), "{stderr}");
    double.done("system start --enable-kernel-install");
    assert_eq!(double.json("inspect a1")[0]["status"]["state"], "stopped");
}

#[test]
fn an_older_version_takes_longer_names() {
    let double = Double::with("CONTAINER_DOUBLE_VERSION", "1.1.0");
    double.done(&format!("create --name {} img:1", "a".repeat(64)));
    assert_eq!(double.failed("create --kernel-arg x img:1").0, 64);
    assert_eq!(double.json("system version --format json")[0]["version"], "1.1.0");
    assert!(double.done("--version").contains("1.1.0"));
}

#[test]
fn many_at_once_all_get_an_address_of_their_own() {
    let double = Double::new();
    thread::scope(|scope| {
        for number in 0..8 {
            let double = &double;
            scope.spawn(move || double.done(&format!("run -d --name box-{number} img:1")));
        }
    });
    let list = double.json("list --format json");
    let list = list.as_array().unwrap();
    let mut addresses: Vec<&Value> = list.iter().map(|each| &each["status"]["networks"][0]["ipv4Address"]).collect();
    addresses.sort_by_key(|address| address.as_str());
    addresses.dedup();
    assert_eq!(addresses.len(), 8);
    let names: Vec<&str> = list.iter().filter_map(|each| each["id"].as_str()).collect();
    assert!(!names.is_sorted(), "a list is in no order: {names:?}");
}
