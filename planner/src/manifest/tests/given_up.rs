//! `unsafe`, and the words that others have for what it asks for.

use super::{bottle, errors, files, read, rendered};
use crate::guarantee::Guarantee;
use crate::manifest::{Allowance, Code, parse};

/// `UPDATE_GOLDEN=1 cargo test` writes the text anew.
#[test]
fn what_takes_walls_away_is_refused_and_says_what_it_costs() {
    let text = include_str!("given_up.toml");
    let found = parse("bottle.toml", text.as_bytes(), &files()).unwrap_err();
    let shown = rendered(&found);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest/tests/given_up.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &shown).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert!(golden == shown, "{}", similar::TextDiff::from_lines(&golden, &shown).unified_diff());
    assert!(found.errors().iter().all(|error| error.code() == Code::Unsafe), "{shown}");
}

fn every() -> Vec<Allowance> {
    let mut every: Vec<Allowance> = Allowance::WORDS.iter().map(|(_, word)| word.clone()).collect();
    every.extend(["SYS_PTRACE", "NET_ADMIN", "SYS_ADMIN"].map(Allowance::Capability));
    every.extend(["/dev/kvm", "/dev/sda"].map(|path| Allowance::Device(path.to_owned())));
    every.push(Allowance::EngineSocket("/var/run/docker.sock".to_owned()));
    every
}

fn asked(allowance: &Allowance, also: &str) -> String {
    let table = allowance.table().replace("NAME", "one");
    let mount = if *allowance == Allowance::MountHostFolder {
        "workspace = { from = \"/etc\", to = \"/w\", how = \"mount\" }\n"
    } else {
        ""
    };
    bottle(&format!("{mount}{also}\n{table}"))
}

/// What an error tells to write is taken as it stands.
#[test]
fn what_is_asked_for_as_the_errors_say_is_given() {
    for allowance in every() {
        let manifest = read(&asked(&allowance, "")).unwrap_or_else(|errors| panic!("{}", rendered(&errors)));
        assert_eq!(manifest.bottles[0].given_up, [allowance]);
    }
    let written =
        "[[bottle.one.unsafe]]\nallow = { capability = \"cap_sys_ptrace\" }\nloses = [\"agent.unprivileged\"]";
    assert_eq!(read(&bottle(written)).unwrap().bottles[0].given_up, [Allowance::Capability("SYS_PTRACE")]);
}

#[test]
fn each_costs_something_and_none_the_secrets() {
    for allowance in every() {
        let loses = allowance.loses();
        assert!(!loses.is_empty() && !loses.contains(&Guarantee::SecretsByName), "{allowance}");
        assert!(loses.is_sorted(), "{allowance}");
        let unnamed = asked(&allowance, "").replace(&format!("\"{}\"", loses[0]), "").replace("[, ", "[");
        assert_eq!(errors(&unnamed).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::Unsafe], "{unnamed}");
        let required = asked(&allowance, &format!("requires = [\"{}\"]", loses[0]));
        assert_eq!(errors(&required).len(), 1, "{required}");
    }
}

#[test]
fn it_is_never_inherited() {
    let table = |place: &str| Allowance::HostPid.table().replace("bottle.NAME", place);
    let defaults = format!("{}\n[[defaults.unsafe]]\n{}", bottle(""), table("defaults").split_once('\n').unwrap().1);
    assert_eq!(errors(&defaults).len(), 1);
    let template = format!("{}\n[bottle.two]\ntemplate = true\n{}", bottle(""), table("bottle.two"));
    assert_eq!(errors(&template).len(), 1);
    let extends = format!("{}\n{}\n[bottle.two]\nextends = \"one\"\n", bottle(""), table("bottle.one"));
    let manifest = read(&extends).unwrap();
    assert_eq!(manifest.bottles[0].given_up, [Allowance::HostPid]);
    assert_eq!(manifest.bottles[1].given_up, []);
    // What it mounts is inherited, and so has to be asked for again.
    let mount = "workspace = { from = \"/etc\", to = \"/w\", how = \"mount\" }";
    let asked = Allowance::MountHostFolder.table().replace("NAME", "one");
    let extends = format!("{}\n{asked}\n[bottle.two]\nextends = \"one\"\n", bottle(mount));
    assert_eq!(errors(&extends), [(Code::Unsafe, "workspace")]);
}

#[test]
fn mounts_that_give_the_host_away() {
    for bad in ["/", "~", "~/", "~/.", "/etc", "/var/run", "/var"] {
        let text = bottle(&format!("workspace = {{ from = {bad:?}, to = \"/w\", how = \"mount\" }}"));
        assert_eq!(errors(&text), [(Code::Unsafe, "workspace")], "{bad}");
    }
    for fine in [".", "plain", "~/.ssh", "/data"] {
        let text = bottle(&format!("workspace = {{ from = {fine:?}, to = \"/w\", how = \"mount\" }}"));
        assert_eq!(errors(&text), [], "{fine}");
    }
    // A copy of a home is another matter, and no `unsafe` allows it.
    assert_eq!(errors(&bottle("workspace = { from = \"~\", to = \"/w\" }")), [(Code::Path, "\"~\"")]);
}

#[test]
fn words_of_other_tools_are_told_from_misspelt_keys() {
    for word in [
        "privileged = true",
        "network = \"host\"",
        "network_mode = \"host\"",
        "pid = \"host\"",
        "cap_add = [\"SYS_ADMIN\"]",
        "cap-add = [\"ALL\"]",
        "volumes = [\"/:/host\"]",
        "devices = [\"/dev/fuse\"]",
        "security_opt = [\"seccomp=unconfined\"]",
    ] {
        let name = word.split(' ').next().unwrap();
        assert_eq!(errors(&bottle(word)), [(Code::Unsafe, name)], "{word}");
    }
    assert_eq!(errors(&bottle("usr = \"node\"")), [(Code::UnknownKey, "usr")]);
    for allow in [
        "\"root\"",
        "{ capability = \"ALL\" }",
        "{ capability = \"--privileged\" }",
        "{ device = \"/etc\" }",
        "{ device = \"/dev/../etc\" }",
        "{ engine_socket = \"a.sock\" }",
        "{ engine_socket = \"/a,b.sock\" }",
        "{}",
        "{ device = \"/dev/kvm\", capability = \"KILL\" }",
    ] {
        let text = bottle(&format!("[[bottle.one.unsafe]]\nallow = {allow}"));
        assert_eq!(errors(&text).len(), 1, "{allow}: {:?}", errors(&text));
    }
}
