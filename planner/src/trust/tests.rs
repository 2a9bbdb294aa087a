//! What is asked for, and what makes it another request.

use super::{Change, Grant, Request, changes};
use crate::manifest::memory::Memory;
use crate::manifest::parse;
use crate::source::{Entry, FileError, Files, Kind, SourcePath};

/// Files of which some are links that lead out.
struct Linked(Memory, &'static [(&'static str, &'static str)]);

impl Files for Linked {
    fn link_out(&self, path: &SourcePath) -> Option<String> {
        self.1.iter().find(|(link, _)| *link == path.as_str()).map(|(_, to)| (*to).to_owned())
    }

    fn kind(&self, path: &SourcePath) -> Result<Kind, FileError> {
        self.0.kind(path)
    }

    fn read(&self, path: &SourcePath) -> Result<Vec<u8>, FileError> {
        self.0.read(path)
    }

    fn list(&self, path: &SourcePath) -> Result<Vec<Entry>, FileError> {
        self.0.list(path)
    }
}

fn request_of(manifest: &str, links: &'static [(&'static str, &'static str)]) -> Request {
    let files = [("a/f", ""), ("Dockerfile", ""), (".dockerignore", ""), ("../up/Dockerfile", ""), ("~/s/f", "")];
    let files = Linked(Memory::of(&files), links);
    let manifest = format!("version = 1\nname = \"acme\"\n{manifest}");
    let manifest = parse("bottle.toml", manifest.as_bytes(), &files).unwrap_or_else(|errors| panic!("{errors:?}"));
    Request::of(&manifest, &files)
}

fn said(request: &Request) -> Vec<String> {
    let line = |(bottle, lines): (&str, Vec<super::Line>)| -> Vec<String> {
        lines.into_iter().map(|line| format!("{bottle} {} {}", line.grant.word(), line.text)).collect()
    };
    request.lines().into_iter().flat_map(line).collect()
}

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDPaf6Rle7N/oCoiwdC+S05hc+w5CyBCJsst4bdeEVbK";
const OPEN: &str = "[bottle.b]\nimage = { ref = \"i\" }\nuser = \"node\"\nenv = { T = { env = \"T\" } }\n\
                    egress = { allow = [\"a.example.org\"] }\n";

#[test]
fn the_folders_own_files_need_no_trust() {
    let own = "[bottle.b]\nimage = { build = \".\" }\nuser = \"node\"\nskills = [\"a\"]\nprompt = { file = \"a/f\" }\n\
               workspace = { from = \".\", how = \"mount\" }\nenv = { A = \"b\" }\negress = { allow = [\"a.example.org\"] }\n\
               [[bottle.b.copy]]\nfrom = \"./a/f\"\nto = \"/f\"\n[sidecar]\nimage = { build = \".\" }\n";
    assert!(request_of(own, &[]).is_empty(), "{:?}", request_of(own, &[]));
    // The same files, where links of the folder lead out of it.
    let links = &[("./a/f", "/x"), ("./Dockerfile", "../d"), ("a", "/y")];
    assert_eq!(
        said(&request_of(own, links)),
        [
            "shared may read ./Dockerfile (a link to ../d), to build an image by",
            "shared may send to whatever its own proxy lets through: image built by ./Dockerfile",
            "b may read ./Dockerfile (a link to ../d), to build an image by",
            "b may read ./a/f (a link to /x), copied to /f",
            "b may read a (a link to /y), a skill",
            "b may send to a.example.org",
        ]
    );
}

#[test]
fn all_that_is_read_is_listed() {
    let manifest = format!(
        "[bottle.b]\nimage = {{ build = \"../up\" }}\nuser = \"node\"\nskills = [\"~/s\"]\nprompt = {{ file = \"~/s/f\" }}\n\
         workspace = {{ from = \"~/s\", how = \"mount\" }}\nenv = {{ A = {{ env = \"B\" }}, C = {{ ask = \"who?\" }} }}\n\
         [[bottle.b.ssh]]\nhost = \"h\"\nhostname = \"h.example.org\"\nkey = \"a/f\"\nknown_host = \"{KEY}\"\n\
         [bottle.quiet]\nimage = {{ ref = \"i\" }}\nuser = \"node\"\negress = {{ allow = [\"b.example.org\"] }}\n"
    );
    assert_eq!(
        said(&request_of(&manifest, &[])),
        [
            "b may read B of the environment, as A",
            "b may read what is typed at `who?`, as C",
            "b may read ssh key a/f, to sign with for git@h.example.org (h)",
            "b may read ../up, to build an image from, which may send it anywhere",
            "b may read ~/s, a skill",
            "b may change ~/s, mounted writable at /home/node/workspace",
            "b may read ~/s/f, the prompt",
            "b may send to h.example.org",
        ]
    );
}

#[test]
fn only_what_is_asked_for_makes_another_digest() {
    let digest = |manifest: &str| request_of(manifest, &[]).digest().whole().to_owned();
    let with = |more: &str| digest(&format!("{OPEN}{more}"));
    let plain = digest(OPEN);
    assert_eq!(plain.len(), 64);
    for same in [
        "# a comment\n",
        "command = [\"true\"]\n",
        "limits = { pids = 3 }\n",
        "[bottle.quiet]\nimage = { ref = \"j\" }\nuser = \"node\"\negress = { allow = [\"z.example.org\"] }\n",
    ] {
        assert_eq!(with(same), plain, "{same}");
    }
    let twice = OPEN.replace("[\"a.example.org\"]", "[\"b.example.org\", \"a.example.org\"]");
    let turned = OPEN.replace("[\"a.example.org\"]", "[\"a.example.org\", \"b.example.org\"]");
    assert_eq!(digest(&twice), digest(&turned));
    for other in [
        &twice,
        &OPEN.replace("env = \"T\"", "env = \"U\""),
        &OPEN.replace("{ T =", "{ U ="),
        &OPEN.replace("bottle.b", "bottle.c"),
        &format!("{OPEN}[[bottle.b.copy]]\nfrom = \"~/s/f\"\nto = \"/f\"\n"),
        &format!("{OPEN}[sidecar]\nimage = {{ ref = \"other/proxy\" }}\n"),
        &format!("{OPEN}[sidecar]\nresolvers = [\"6.6.6.6\"]\n"),
    ] {
        assert_ne!(digest(other), plain, "{other}");
    }
}

#[test]
fn what_is_new_comes_first_and_hosts_before_the_rest() {
    let before = request_of(OPEN, &[]);
    let now = OPEN.replace("env = \"T\"", "env = \"U\"").replace("a.example.org", "b.example.org");
    let found = changes(&before, &request_of(&now, &[]));
    let found: Vec<(bool, Grant, &str)> =
        found.iter().map(|Change { is_new, line, .. }| (*is_new, line.grant, line.text.as_str())).collect();
    assert_eq!(
        found,
        [
            (true, Grant::Send, "b.example.org"),
            (true, Grant::Read, "U of the environment, as T"),
            (false, Grant::Send, "a.example.org"),
            (false, Grant::Read, "T of the environment, as T"),
        ]
    );
}
