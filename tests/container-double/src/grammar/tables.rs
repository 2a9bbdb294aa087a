//! The commands of 1.2.2. Names of values that are not in the facts (all but `<image>`, `<name>`, `<format>`) are what
//! swift-argument-parser makes of a property's name; nothing should rely on them.

use super::{Argument, Command, Count, Opt};

const fn one(name: &'static str) -> Argument {
    Argument { name, takes: Count::One }
}

const fn optional(name: &'static str) -> Argument {
    Argument { name, takes: Count::Optional }
}

const fn any(name: &'static str) -> Argument {
    Argument { name, takes: Count::Any }
}

const fn some(name: &'static str) -> Argument {
    Argument { name, takes: Count::Some }
}

const fn rest(name: &'static str, needed: bool) -> Argument {
    Argument { name, takes: Count::Rest { needed } }
}

const INT: u64 = i64::MAX as u64;

pub(super) const LOGGING: &[Opt] = &[Opt::flag(&["debug"])];

const FORMAT: Opt = Opt::one_of(&["format"], "format", &["json", "table", "yaml", "toml"]);
const QUIET: Opt = Opt::flag(&["quiet"]).short('q');
const ALL: Opt = Opt::flag(&["all"]).short('a');
const SCHEME: Opt = Opt::text(&["scheme"], "scheme");
const LABELS: Opt = Opt::text(&["label"], "label").many();
const FETCH: &[Opt] = &[Opt::number(&["max-concurrent-downloads"], "max-concurrent-downloads", INT)];
const PROGRESS: &[Opt] = &[Opt::one_of(&["progress"], "type", &["auto", "none", "ansi", "plain", "color"])];
const REGISTRY: &[Opt] = &[SCHEME];
const DNS: &[Opt] = &[
    Opt::text(&["dns"], "ip").many(),
    Opt::text(&["dns-domain"], "domain"),
    Opt::text(&["dns-option"], "option").many(),
    Opt::text(&["dns-search"], "domain").many(),
];

const PROCESS: &[Opt] = &[
    Opt::text(&["env"], "env").short('e').many(),
    Opt::text(&["env-file"], "env-file").many(),
    Opt::number(&["gid"], "gid", u32::MAX as u64),
    Opt::flag(&["interactive"]).short('i'),
    Opt::flag(&["tty"]).short('t'),
    Opt::text(&["user"], "user").short('u'),
    Opt::number(&["uid"], "uid", u32::MAX as u64),
    Opt::text(&["workdir", "cwd"], "dir").short('w'),
    Opt::text(&["ulimit"], "limit").many(),
];

const RESOURCE: &[Opt] = &[Opt::number(&["cpus"], "cpus", INT).short('c'), Opt::text(&["memory"], "memory").short('m')];

const MANAGEMENT: &[Opt] = &[
    Opt::text(&["arch"], "arch").short('a'),
    Opt::text(&["cap-add"], "cap").many(),
    Opt::text(&["cap-drop"], "cap").many(),
    Opt::text(&["cidfile"], "cidfile"),
    Opt::flag(&["detach"]).short('d'),
    DNS[0],
    DNS[1],
    DNS[2],
    DNS[3],
    Opt::text(&["entrypoint"], "cmd"),
    Opt::flag(&["init"]),
    Opt::text(&["init-image"], "image"),
    Opt::text(&["kernel"], "path").short('k'),
    Opt::text(&["kernel-arg"], "kernel-arg").many(),
    Opt::text(&["label"], "label").short('l').many(),
    Opt::text(&["masked-path"], "path").many(),
    Opt::text(&["mount"], "mount").many(),
    Opt::text(&["name"], "name"),
    Opt::text(&["network"], "network").many(),
    Opt::flag(&["no-dns"]),
    Opt::text(&["os"], "os"),
    Opt::text(&["publish"], "spec").short('p').many(),
    Opt::text(&["platform"], "platform"),
    Opt::text(&["publish-socket"], "spec").many(),
    Opt::flag(&["read-only"]),
    Opt::text(&["read-only-path"], "path").many(),
    Opt::flag(&["rm", "remove"]),
    Opt::flag(&["rosetta"]),
    Opt::text(&["runtime"], "runtime"),
    Opt::flag(&["ssh"]),
    Opt::text(&["shm-size"], "shm-size"),
    Opt::text(&["tmpfs"], "tmpfs").many(),
    Opt::flag(&["virtualization"]),
    Opt::text(&["volume"], "volume").short('v').many(),
];

const PLATFORM: &[Opt] =
    &[Opt::text(&["arch"], "arch").short('a'), Opt::text(&["os"], "os"), Opt::text(&["platform"], "platform")];

const BUILD: &[Opt] = &[
    Opt::text(&["arch"], "value").short('a').many(),
    Opt::text(&["build-arg"], "key=val").many(),
    Opt::text(&["cache-in"], "value").many().hidden(),
    Opt::text(&["cache-out"], "value").many().hidden(),
    Opt::number(&["cpus"], "cpus", INT).short('c'),
    Opt::text(&["file"], "path").short('f'),
    Opt::text(&["label"], "key=val").short('l').many(),
    Opt::text(&["memory"], "memory").short('m'),
    Opt::flag(&["no-cache"]),
    Opt::text(&["output"], "value").short('o').many(),
    Opt::text(&["os"], "value").many(),
    Opt::text(&["platform"], "platform").many(),
    Opt::one_of(&["progress"], "type", &["auto", "plain", "tty"]),
    Opt::flag(&["pull"]),
    QUIET,
    Opt::text(&["secret"], "id=key,...").many(),
    Opt::text(&["ssh"], "ssh"),
    Opt::text(&["tag"], "name").short('t').many(),
    Opt::text(&["target"], "stage"),
    Opt::number(&["vsock-port"], "port", u32::MAX as u64),
];

const IMAGE: &[Command] = &[
    Command::new("delete").or(&["rm"]).options(&[&[ALL, Opt::flag(&["force"]).short('f')]]).arguments(&[any("images")]),
    Command::new("inspect").arguments(&[some("images")]),
    Command::new("list").or(&["ls"]).options(&[&[FORMAT, QUIET, Opt::flag(&["verbose"]).short('v')]]),
    Command::new("load").options(&[&[Opt::text(&["input"], "input").short('i'), Opt::flag(&["force"]).short('f')]]),
    Command::new("prune").options(&[&[ALL]]),
    Command::new("pull").options(&[REGISTRY, PROGRESS, FETCH, PLATFORM]).arguments(&[one("reference")]),
    Command::new("push").options(&[REGISTRY, PROGRESS, FETCH, PLATFORM]).arguments(&[one("reference")]),
    Command::new("save")
        .options(&[PLATFORM, &[Opt::text(&["output"], "output").short('o')]])
        .arguments(&[some("references")]),
    Command::new("tag").arguments(&[one("source"), one("target")]),
];

const NETWORK: &[Command] = &[
    Command::new("create")
        .options(&[&[
            Opt::flag(&["internal"]),
            LABELS,
            Opt::text(&["option"], "option").many(),
            Opt::text(&["plugin"], "plugin"),
            Opt::text(&["subnet"], "subnet"),
            Opt::text(&["subnet-v6"], "subnet-v6"),
        ]])
        .arguments(&[one("name")]),
    Command::new("delete").or(&["rm"]).options(&[&[ALL]]).arguments(&[any("network-names")]),
    Command::new("inspect").arguments(&[some("networks")]),
    Command::new("list").or(&["ls"]).options(&[&[FORMAT, QUIET]]),
    Command::new("prune"),
];

const VOLUME: &[Command] = &[
    Command::new("create")
        .options(&[&[LABELS, Opt::text(&["opt"], "opt").many(), Opt::text(&[], "s").short('s')]])
        .arguments(&[one("name")]),
    Command::new("delete").or(&["rm"]).options(&[&[ALL]]).arguments(&[any("names")]),
    Command::new("inspect").arguments(&[some("names")]),
    Command::new("list").or(&["ls"]).options(&[&[FORMAT, QUIET]]),
    Command::new("prune"),
];

const SYSTEM: &[Command] = &[
    Command::new("start").options(&[&[
        Opt::text(&["app-root"], "app-root").short('a'),
        Opt::text(&["install-root"], "install-root"),
        Opt::text(&["log-root"], "log-root"),
        Opt::flag(&["enable-kernel-install"]),
        Opt::flag(&["disable-kernel-install"]),
        Opt::number(&["timeout"], "timeout", INT),
    ]]),
    Command::new("stop").options(&[&[Opt::text(&["prefix"], "prefix").short('p')]]),
    Command::new("status").options(&[&[Opt::text(&["prefix"], "prefix").short('p'), FORMAT]]),
    Command::new("version").options(&[&[FORMAT]]),
    Command::new("df").options(&[&[FORMAT]]),
    Command::new("logs").options(&[&[Opt::flag(&["follow"]).short('f'), Opt::text(&["last"], "last")]]),
];

const BUILDER: &[Command] = &[
    Command::new("start").options(&[RESOURCE, DNS]),
    Command::new("status").options(&[&[FORMAT, QUIET]]),
    Command::new("stop"),
    Command::new("delete").or(&["rm"]).options(&[&[Opt::flag(&["force"]).short('f')]]),
];

const REGISTRIES: &[Command] = &[
    Command::new("login")
        .options(&[&[SCHEME, Opt::flag(&["password-stdin"]), Opt::text(&["username"], "username").short('u')]])
        .arguments(&[one("server")]),
    Command::new("logout").arguments(&[one("server")]),
    Command::new("list").or(&["ls"]).options(&[&[FORMAT, QUIET]]),
];

const SIGNAL: Opt = Opt::text(&["signal"], "signal").short('s');

const CREATE: &[&[Opt]] = &[PROCESS, RESOURCE, MANAGEMENT, REGISTRY, FETCH];
const RUN: &[&[Opt]] = &[PROCESS, RESOURCE, MANAGEMENT, REGISTRY, PROGRESS, FETCH];

/// `container`.
pub(crate) static ROOT: Command = Command::new("container").commands(&[
    Command::new("copy").or(&["cp"]).arguments(&[one("source"), one("destination")]),
    Command::new("create").options(CREATE).arguments(&[one("image"), rest("arguments", false)]),
    Command::new("delete")
        .or(&["rm"])
        .options(&[&[ALL, Opt::flag(&["force"]).short('f')]])
        .arguments(&[any("container-ids")]),
    Command::new("exec")
        .options(&[PROCESS, &[Opt::flag(&["detach"]).short('d')]])
        .arguments(&[one("container-id"), rest("arguments", true)]),
    Command::new("export").options(&[&[Opt::text(&["output"], "output").short('o')]]).arguments(&[one("id")]),
    Command::new("inspect").arguments(&[some("container-ids")]),
    Command::new("kill").options(&[&[ALL, SIGNAL]]).arguments(&[any("container-ids")]),
    Command::new("list").or(&["ls"]).options(&[&[ALL, FORMAT, QUIET]]),
    Command::new("logs")
        .options(&[&[Opt::flag(&["boot"]), Opt::flag(&["follow"]).short('f'), Opt::number(&[], "n", INT).short('n')]])
        .arguments(&[one("container-id")]),
    Command::new("run").options(RUN).arguments(&[one("image"), rest("arguments", false)]),
    Command::new("start")
        .options(&[&[Opt::flag(&["attach"]).short('a'), Opt::flag(&["interactive"]).short('i')]])
        .arguments(&[one("container-id")]),
    Command::new("stats").options(&[&[FORMAT, Opt::flag(&["no-stream"])]]).arguments(&[any("containers")]),
    Command::new("stop")
        .options(&[&[ALL, SIGNAL, Opt::number(&["time"], "time", i32::MAX as u64).short('t')]])
        .arguments(&[any("container-ids")]),
    Command::new("prune"),
    Command::new("build").options(&[BUILD, DNS]).arguments(&[optional("context-dir")]),
    Command::new("image").or(&["i"]).commands(IMAGE),
    Command::new("registry").or(&["r"]).commands(REGISTRIES),
    Command::new("volume").or(&["v"]).commands(VOLUME),
    Command::new("builder").commands(BUILDER),
    Command::new("network").or(&["n"]).commands(NETWORK),
    Command::new("system").or(&["s"]).commands(SYSTEM),
    Command::new("machine").or(&["m"]).arguments(&[rest("arguments", false)]),
]);
