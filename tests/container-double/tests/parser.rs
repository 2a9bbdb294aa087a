//! The grammar: what is accepted, and what is refused in which words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::process::Command;

use container_double::{Edition, Parsed, Usage, parse, parse_as};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn parsed(line: &str) -> Parsed {
    parse(&words(line)).unwrap_or_else(|refused| panic!("{line}: {refused}"))
}

fn refused(line: &str) -> Usage {
    match parse(&words(line)) {
        Ok(parsed) => panic!("{line}: {parsed:?}"),
        Err(refused) => refused,
    }
}

#[test]
fn what_an_orchestrator_says_is_accepted() {
    for line in [
        "run -d --name a --network default --network b,mtu=1280 --label k=v -e A=b --env=C -m 512M -c 2 img:1",
        "run -it --rm --entrypoint=sh img:1 -c true",
        "create --cap-drop ALL --cap-add NET_ADMIN --read-only --init --tmpfs /tmp --mount type=bind,source=/a,target=/b img:1",
        "create -u 1000:1000 -w /x --dns 1.1.1.1 --no-dns --publish 127.0.0.1:80:80 -v a:/b:ro --platform linux/arm64 img:1 x",
        "create -e=A=b -d --rosetta --virtualization --kernel-arg=-x --shm-size 64M img:1",
        "start -a -i x",
        "stop -t 10 --signal TERM x y",
        "stop --all",
        "kill -s KILL x",
        "rm -f x",
        "exec -i -u root -w / -e A=b x sh -c true",
        "exec -di x true",
        "cp a x:/b",
        "logs -f -n 5 x",
        "inspect a b",
        "ls -a --format json",
        "list --all --quiet --debug",
        "--debug list",
        "stats --format json --no-stream x",
        "prune",
        "export -o f x",
        "build -t a:1 -l k=v --build-arg A=b -f Dockerfile --no-cache --progress plain .",
        "build",
        "image ls --format json",
        "i inspect a:1 b:1",
        "image pull --progress none --platform linux/arm64 a:1",
        "image tag a:1 b:1",
        "image save -o f a:1",
        "image load -i f",
        "image rm -f a:1",
        "image prune -a",
        "network create --internal --subnet 10.0.0.0/24 --label a=b --option variant=x n",
        "n rm a b",
        "network ls --format=json -q",
        "network inspect a",
        "network prune",
        "v create -s 1G --label a=b x",
        "volume rm x",
        "s status --format json",
        "system version --format json",
        "system start --enable-kernel-install",
        "system stop",
        "builder start -c 2 -m 2048M",
        "registry list --format json",
    ] {
        parsed(line);
    }
}

#[test]
fn options_and_arguments_are_told_apart() {
    let run = parsed("run --name a --name b -e A -e B=c -itd -- img --name c -- --help -x");
    assert_eq!(run.command, ["run"]);
    // The last of a single option, all of one that collects.
    assert_eq!(run.values("name"), ["b"]);
    assert_eq!(run.values("env"), ["A", "B=c"]);
    assert!(run.has("interactive") && run.has("tty") && run.has("detach") && !run.has("rm"));
    assert_eq!(run.arguments, ["img"]);
    assert_eq!(run.rest, ["--name", "c", "--", "--help", "-x"]);
    assert_eq!(run.help, None);

    let exec = parsed("exec -ie A=b id --debug ls -l");
    assert!(exec.has("interactive") && !exec.has("debug"));
    assert_eq!((exec.value("env"), exec.arguments.as_slice()), (Some("A=b"), &words("id")[..]));
    assert_eq!(exec.rest, words("--debug ls -l"));

    assert_eq!(parsed("run --rm --remove i").options.len(), 1);
    assert_eq!(parsed("run --cwd /a i").value("workdir"), Some("/a"));
    assert_eq!(parsed("n rm x").command, ["network", "delete"]);
    assert_eq!(parsed("create --kernel-arg=-x i").value("kernel-arg"), Some("-x"));
    assert_eq!(parsed("rm -f - x").arguments, ["-", "x"]);
    assert!(parsed("run --help").help.is_some() && parsed("network").help.is_some() && parsed("").help.is_some());
    assert!(parsed("help network create").help.unwrap().contains("container network create"));
    assert_eq!(parsed("--version").command, ["version"]);
}

#[test]
fn what_is_refused_is_refused_in_its_words() {
    for (line, message) in [
        ("run --restart always img", "Unknown option '--restart'"),
        ("run --nam x img", "Unknown option '--nam'. Did you mean '--name'?"),
        ("run", "Missing expected argument '<image>'"),
        ("run --name", "Missing value for '--name <name>'"),
        ("run --name --init img", "Missing value for '--name <name>'"),
        ("run --kernel-arg -x img", "Missing value for '--kernel-arg <kernel-arg>'"),
        ("run --init=yes img", "The option '--init' does not take any value, but 'yes' was specified."),
        ("run -c 0.5 img", "The value '0.5' is invalid for '-c <cpus>'"),
        ("run --uid 4294967296 img", "The value '4294967296' is invalid for '--uid <uid>'"),
        ("create --progress none img", "Unknown option '--progress'"),
        // Joined short values: the letters are read one by one, and the first takes the image for its value.
        ("run -eA=b img", "Unknown option '-eA'. Did you mean '--env'?"),
        ("run -p80:80 img", "Missing expected argument '<image>'"),
        ("run -p80:80 img img", "Unknown option '-8'"),
        ("run -v/a:/b", "Missing value for '-v <volume>'"),
        ("exec id", "Missing expected argument '<arguments> ...'"),
        ("inspect", "Missing expected argument '<container-ids> ...'"),
        ("start a b", "Unexpected argument 'b'"),
        ("start a b c", "2 unexpected arguments: 'b', 'c'"),
        ("cp a b c", "Unexpected argument 'c'"),
        ("cp -a a x:/b", "Unknown option '-a'"),
        (
            "list --format xml",
            "The value 'xml' is invalid for '--format <format>'. Please provide one of 'json', 'table', 'yaml' or 'toml'.",
        ),
        ("list --filter label=a", "Unknown option '--filter'"),
        ("logs --tail 5 x", "Unknown option '--tail'"),
        (
            "build --progress none .",
            "The value 'none' is invalid for '--progress <type>'. Please provide one of 'auto', 'plain' or 'tty'.",
        ),
        ("build --network none .", "Unknown option '--network'"),
        ("network connect a b", "3 unexpected arguments: 'connect', 'a', 'b'"),
        // Arguments that are missing are told of before options that are unknown.
        ("network create --driver", "Missing expected argument '<name>'"),
        ("network create --driver bridge a", "Unknown option '--driver'"),
        ("network rm -f a", "Unknown option '-f'"),
        ("ps", "Plugin 'container-ps' not found."),
        ("images", "Plugin 'container-images' not found."),
        ("container ls", "Plugin 'container-container' not found."),
        ("--nope", "Unknown option '--nope'"),
    ] {
        assert_eq!(refused(line).message(), message, "{line}");
    }
}

#[test]
fn a_refusal_ends_with_how_to_use_the_command() {
    let text = "Error: Missing expected argument '<image>'\n\
                Usage: container run [<options>] <image> [<arguments> ...]\n  \
                See 'container run --help' for more information.";
    assert_eq!(refused("run").to_string(), text);
    let text = "Error: Unknown option '--filter'\n\
                Usage: container list [--all] [--format <format>] [--quiet] [--debug]\n  \
                See 'container list --help' for more information.";
    assert_eq!(refused("list --filter").to_string(), text);
}

#[test]
fn editions_differ() {
    let older = Edition { since_1_2: false, ..Edition::PINNED };
    assert_eq!(parse_as(&words("run --kernel-arg a i"), older).unwrap_err().message(), "Unknown option '--kernel-arg'");
    let before = Edition { networks: false, ..Edition::PINNED };
    let message = parse_as(&words("network ls"), before).unwrap_err();
    assert_eq!(message.message(), "Plugin 'container-network' not found.");
    let down = Edition { up: false, ..Edition::PINNED };
    assert!(
        parse_as(&words("ps"), down)
            .unwrap_err()
            .message()
            .starts_with("Plugins are unavailable. Start the container system")
    );
}

#[test]
fn the_command_says_so_and_exits_with_64() {
    let state = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_container"));
        command.env("CONTAINER_DOUBLE_STATE", state.path()).env("CONTAINER_DOUBLE_ENGINE", "none");
        let output = command.args(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, stdout, stderr) = run(&["run", "--restart", "always", "img"]);
    assert_eq!((code, stdout.as_str()), (Some(64), ""));
    assert!(
        stderr.starts_with("Error: Unknown option '--restart'\nUsage: container run [<options>] <image>"),
        "{stderr}"
    );
    let (code, stdout, _) = run(&["--version"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("1.2.2") && stdout.contains("double"), "{stdout}");
}

#[test]
fn the_program_is_built_for_others() {
    let program = container_double::program().unwrap();
    assert_eq!(program.file_name().unwrap(), "container");
    let output = Command::new(program).arg("--version").env("CONTAINER_DOUBLE_STATE", "/nowhere").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("double"), "{output:?}");
}
