use super::{bottle, errors, files, read, rendered};
use crate::manifest::{Code, LONGEST, parse};
use crate::source::Kind;

/// One manifest with most of what can be wrong. `UPDATE_GOLDEN=1 cargo test` writes the text anew.
#[test]
fn everything_wrong_is_shown_at_once() {
    let text = include_str!("bad.toml");
    let found = parse("bottle.toml", text.as_bytes(), &files()).unwrap_err();
    let shown = rendered(&found);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest/tests/bad.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &shown).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert!(golden == shown, "{}", similar::TextDiff::from_lines(&golden, &shown).unified_diff());
    assert!(found.errors().len() > 30);
}

#[test]
fn at_most_fifty_are_shown_and_the_others_counted() {
    let lines: String = (0..70).map(|number| format!("x{number} = 1\n")).collect();
    let found = read(&bottle(&lines)).unwrap_err();
    assert_eq!((found.errors().len(), found.hidden()), (50, 20));
    assert_eq!(found.to_string(), "bottle.toml has 70 errors");
    assert!(rendered(&found).contains("and 20 more"));
}

#[test]
fn texts_that_are_no_toml() {
    assert_eq!(errors(""), [(Code::Empty, "")]);
    assert_eq!(errors("\u{feff} \n"), [(Code::Empty, "")]);
    assert_eq!(errors("# only a comment\n").len(), 2);
    assert_eq!(errors("version = 1\nname = acme\nuser = \"x\n[bottle.x\n").len(), 3);
    assert_eq!(errors("version = 1\nname = \"acme\"\n[bottle.a]\n[bottle.a]\n"), [(Code::Syntax, "a")]);
    let found = parse("bottle.toml", b"version = 1\nname = \"\xff\"\n", &files()).unwrap_err();
    assert_eq!((found.errors()[0].code(), found.errors()[0].span()), (Code::NotUtf8, Some(20..21)));
    assert!(found.errors()[0].to_string().contains("20"));
    assert!(rendered(&found).contains("bottle.toml:2:9"));
    let long = vec![b'#'; LONGEST + 1];
    assert_eq!(parse("bottle.toml", &long, &files()).unwrap_err().errors()[0].code(), Code::TooLarge);
    let fits = format!("version = 1\nname = \"acme\"\n#{}", "x".repeat(LONGEST - 27));
    assert_eq!(fits.len(), LONGEST);
    assert!(read(&fits).is_ok());
}

#[test]
fn another_version_is_all_that_is_said() {
    assert_eq!(errors("version = 2\nfuture = true\n"), [(Code::Version, "2")]);
    assert_eq!(errors("version = 0\n"), [(Code::Version, "0")]);
    assert_eq!(errors("version = \"1\"\nname = \"a\"\n"), [(Code::WrongType, "\"1\"")]);
    assert_eq!(errors("name = \"a\"\n"), [(Code::MissingKey, "")]);
}

#[test]
fn the_nearest_key_is_named() {
    for (key, hint) in [
        ("imge", "did you mean `image`?"),
        ("Skills", "did you mean `skills`?"),
        ("cpus", "`cpus` is a key of `limits`"),
        ("xyzzy", "the keys of a bottle are `extends`, "),
    ] {
        let found = read(&bottle(&format!("{key} = 1"))).unwrap_err();
        let shown = rendered(&found).replace("\n        ", " ");
        assert!(shown.contains(hint), "{key}: {shown}");
        assert_eq!(found.errors()[0].code(), Code::UnknownKey);
    }
    let found = read(&bottle("requires = [\"kernel.onw\"]\n[[bottle.one.ssh]]\nknown-host = \"x\"")).unwrap_err();
    let shown = rendered(&found);
    assert!(shown.contains("did you mean `kernel.own`?"), "{shown}");
    assert!(shown.contains("did you mean `known_host`?"), "{shown}");
}

/// Lines of which each alone is one error, at the place that is named.
pub(super) fn one_thing_wrong() -> &'static [(&'static str, Code, &'static str)] {
    use Code::*;
    &[
        ("prompt = \"x\"", WrongType, "\"x\""),
        ("prompt = { file = \"settings.json\", text = \"x\" }", Conflict, "text"),
        ("prompt = {}", MissingKey, "{}"),
        ("prompt = { file = \"plain\" }", FileKind, "\"plain\""),
        ("skills = [\"skills/review\", 1]", WrongType, "1"),
        ("skills = [\"missing\"]", FileMissing, "\"missing\""),
        ("skills = [\"settings.json\"]", FileKind, "\"settings.json\""),
        ("skills = [\".\"]", Skill, "\".\""),
        ("skills = [\"\"]", Path, "\"\""),
        ("skills = [\"-x\"]", Path, "\"-x\""),
        ("skills = [\"~other/x\"]", Path, "\"~other/x\""),
        ("skills = [\"~/\"]", Path, "\"~/\""),
        ("skills = [\"https://example.org/x\"]", Path, "\"https://example.org/x\""),
        ("workspace = { how = \"copy\" }", MissingKey, "{ how = \"copy\" }"),
        ("workspace = { from = \"plain\", how = \"git\" }", FileKind, "\"plain\""),
        ("workspace = { from = \"worktree\", how = \"git\" }", FileKind, "\"worktree\""),
        ("workspace = { from = \"plain\", how = \"link\" }", Choice, "\"link\""),
        ("workspace = { from = \"plain\", to = \"/\" }", Destination, "\"/\""),
        ("home = \"~\"", Destination, "\"~\""),
        ("home = \"/proc/1\"", Destination, "\"/proc/1\""),
        ("user = 1000", WrongType, "1000"),
        ("user = \"-u\"", User, "\"-u\""),
        ("user = \"1000\"\nskills = [\"skills/review\"]", Home, "\"1000\""),
        ("user = \"1000\"\nprompt.text = \"x\"", Home, "\"1000\""),
        ("user = \"1000\"\nworkspace.from = \"plain\"", Home, "\"1000\""),
        ("user = \"1000\"\n[[bottle.one.copy]]\nfrom = \"plain\"\nto = \"~/x\"", Home, "\"1000\""),
        ("runtime = \"gvisor\"", Choice, "\"gvisor\""),
        ("agent = \"claud\"", Choice, "\"claud\""),
        ("template = \"yes\"", WrongType, "\"yes\""),
        ("command = []", Command, "[]"),
        ("command = [\"\"]", Command, "\"\""),
        ("command = [\"a\\u0000\"]", Command, "\"a\\u0000\""),
        ("limits = { cpus = \"-1\" }", Limit, "\"-1\""),
        ("limits = { cpus = \"0.0\" }", Limit, "\"0.0\""),
        ("limits = { cpus = nan }", Limit, "nan"),
        ("limits = { cpus = 0x2 }", WrongType, "0x2"),
        ("limits = { memory = \"1k\" }", Limit, "\"1k\""),
        ("limits = { memory = \"4GiB\" }", Limit, "\"4GiB\""),
        ("limits = { memory = \"99999999999999999999g\" }", Limit, "\"99999999999999999999g\""),
        ("limits = { memory = \"999999999999999999g\" }", Limit, "\"999999999999999999g\""),
        ("limits = { pids = 99999999999999999999999 }", Limit, "99999999999999999999999"),
        ("limits = { pids = -1 }", Limit, "-1"),
        ("env = { \"1A\" = \"x\" }", EnvName, "\"1A\""),
        ("env = { http_proxy = \"x\" }", EnvReserved, "http_proxy"),
        ("env = { No_Proxy = \"x\" }", EnvReserved, "No_Proxy"),
        ("env = { A = \"x\\ny\" }", EnvValue, "\"x\\ny\""),
        ("env = { A = \"x\\u0000y\" }", EnvValue, "\"x\\u0000y\""),
        ("env = { A = \"${B}\" }", EnvValue, "\"${B}\""),
        ("env = { A = { env = \"$B\" } }", EnvName, "\"$B\""),
        ("env = { A = { ask = \" \" } }", EnvValue, "\" \""),
        ("env = { A = { ask = \"\\u001b[2J\" } }", EnvValue, "\"\\u001b[2J\""),
        ("env = { A = { ask = \"x\", env = \"B\" } }", Conflict, "env"),
        ("env = { A = {} }", MissingKey, "{}"),
        ("egress = { allow = [\"*.co.uk\"] }", Host, "\"*.co.uk\""),
        ("egress = { allow = \"example.org\" }", WrongType, "\"example.org\""),
        ("[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"~/\"", Destination, "\"~/\""),
        ("[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/\"", Destination, "\"/opt/\""),
        ("[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/x\"\nowner = \"Node\"", User, "\"Node\""),
        ("[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/x\"\nmode = \"888\"", Mode, "\"888\""),
        ("[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/x\"\nmode = \"+600\"", Mode, "\"+600\""),
        ("[[bottle.one.copy]]\nfrom = \"settings.json\"\nto = \"/opt/x\"\nmode = \"2755\"", Mode, "\"2755\""),
        ("[[bottle.one.copy]]\nto = \"/opt/x\"", MissingKey, "[[bottle.one.copy]]"),
        (
            "copy = { from = \"settings.json\", to = \"/opt/x\" }",
            WrongType,
            "{ from = \"settings.json\", to = \"/opt/x\" }",
        ),
        ("[[bottle.one.exec]]\nuser = \"node\"", MissingKey, "[[bottle.one.exec]]"),
        ("[[bottle.one.exec]]\nrun = \"npm ci\"", WrongType, "\"npm ci\""),
        ("[network]\npool = \"8.8.0.0/16\"", Pool, "\"8.8.0.0/16\""),
        ("[sidecar]\nimage = { build = \"plain\" }", FileMissing, "\"plain\""),
        ("[sidecar]\nimage = { build = \".\", dockerfile = \"../Dockerfile\" }", Path, "\"../Dockerfile\""),
        ("[sidecar]\nimage = { build = \".\", dockerfile = \"plain\" }", FileKind, "\"plain\""),
        ("[sidecar]\nimage = { ref = \"x\", dockerfile = \"Dockerfile\" }", Conflict, "dockerfile"),
        ("[sidecar]\nimage = { build = \".\", args = { \"A-B\" = \"x\" } }", Image, "\"A-B\""),
        ("[sidecar]\nimage = { build = \".\", args = { A = { env = \"B\" } } }", WrongType, "{ env = \"B\" }"),
        ("[sidecar]\nimage = { ref = \"a b\" }", Image, "\"a b\""),
        ("[bottle.two]", MissingKey, "two"),
        ("[bottle.Two]\nimage.ref = \"node\"", Name, "Two"),
        ("[bottle.shared]\nimage.ref = \"node\"", Name, "shared"),
        ("[defaults]\ntemplate = true", Conflict, "template"),
    ]
}

#[test]
fn one_thing_wrong_is_one_error() {
    for (lines, code, place) in one_thing_wrong() {
        assert_eq!(errors(&bottle(lines)), [(*code, *place)], "{lines}");
    }
}

#[test]
fn two_things_at_one_place() {
    use Code::*;
    let copy = |from: &str, to: &str| format!("[[bottle.one.copy]]\nfrom = \"{from}\"\nto = \"{to}\"\n");
    let ssh = |host: &str| {
        format!(
            "[[bottle.one.ssh]]\nhost = \"{host}\"\nhostname = \"example.org\"\nkey = \"~/.ssh/id_ed25519\"\nknown_host = \
             \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\"\n"
        )
    };
    let cases = [
        (copy("plain", "/opt/x") + &copy("settings.json", "/opt/./x"), DestinationTaken, "\"/opt/./x\""),
        (copy("settings.json", "/root/x") + &copy("settings.json", "~/x"), DestinationTaken, "\"~/x\""),
        (copy("settings.json", "/opt/x") + &copy("settings.json", "/opt/x/y"), DestinationTaken, "\"/opt/x/y\""),
        (
            format!("prompt.text = \"x\"\n{}", copy("plain", "~/.bottle-prompt.md")),
            DestinationTaken,
            "\"~/.bottle-prompt.md\"",
        ),
        (format!("workspace.from = \"plain\"\n{}", copy("plain", "~/workspace")), DestinationTaken, "\"~/workspace\""),
        (
            format!("workspace = {{ from = \"repository\", how = \"git\" }}\n{}", copy("plain", "~/workspace/.git")),
            DestinationTaken,
            "\"~/workspace/.git\"",
        ),
        (
            format!("workspace = {{ from = \"plain\", how = \"mount\" }}\n{}", copy("plain", "~/workspace/x")),
            DestinationTaken,
            "\"~/workspace/x\"",
        ),
        (
            format!("skills = [\"skills/review\"]\n{}", copy("plain", "~/.claude/skills/review")),
            DestinationTaken,
            "\"~/.claude/skills/review\"",
        ),
        ("skills = [\"skills/review\", \"other/review\"]".to_owned(), Skill, "\"other/review\""),
        (ssh("gitea") + &copy("plain", "~/.ssh"), DestinationTaken, "\"~/.ssh\""),
        (ssh("gitea") + &copy("settings.json", "~/.ssh/config"), DestinationTaken, "\"~/.ssh/config\""),
        (ssh("gitea") + &ssh("gitea"), Ssh, "\"gitea\""),
        (format!("env = {{ SSH_AUTH_SOCK = \"/x\" }}\n{}", ssh("gitea")), EnvReserved, "SSH_AUTH_SOCK"),
        (ssh("gitea;x"), Ssh, "\"gitea;x\""),
        (ssh("-oProxy"), Ssh, "\"-oProxy\""),
        (ssh("gitea").replace("example.org", "127.0.0.1"), Host, "\"127.0.0.1\""),
        (ssh("gitea").replace("id_ed25519", "id_ed25519.pub"), Ssh, "\"~/.ssh/id_ed25519.pub\""),
        (ssh("gitea").replace("hostname", "port = 0\nhostname"), Ssh, "0"),
        (ssh("gitea").replace("hostname", "user = \"a b\"\nhostname"), Ssh, "\"a b\""),
    ];
    for (lines, code, place) in cases {
        assert_eq!(errors(&bottle(&lines)), [(code, place)], "{lines}");
    }
    for fine in [
        copy("plain", "/opt/x") + &copy("settings.json", "/opt/x/y"),
        copy("settings.json", "/opt/x") + &copy("settings.json", "/opt/xy"),
        format!("workspace.from = \"plain\"\n{}", copy("settings.json", "~/workspace/.env")),
        ssh("gitea") + &ssh("other") + &copy("settings.json", "~/.ssh/x"),
        "env = { SSH_AUTH_SOCK = \"/x\" }".to_owned(),
    ] {
        assert_eq!(errors(&bottle(&fine)), [], "{fine}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let mut files = files();
    files.put("socket", Kind::Other, b"");
    let text = bottle("[[bottle.one.copy]]\nfrom = \"socket\"\nto = \"/opt/x\"");
    let found = parse("bottle.toml", text.as_bytes(), &files).unwrap_err();
    assert_eq!(found.errors()[0].code(), Code::FileKind);
    assert!(found.errors()[0].to_string().contains("a socket"));
}
