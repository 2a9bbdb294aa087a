//! `unsafe`: what a bottle asks for that takes a wall away, and the words that others use for it, which are refused.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::allowance::{Allowance, CAPABILITIES, quoted};
use super::error::{Code, ManifestError, shown};
use super::keys::{self, Key};
use super::layer::{Layer, SomeWorkspace};
use super::model::WorkspaceMode;
use super::read::{Reader, Span, Value};
use crate::guarantee::Guarantee;

/// What a word of another tool means here.
enum Meant {
    /// Something that can be asked for.
    Allowed(Vec<Allowance>),
    /// Something that has another key, or none.
    Instead(&'static str),
}

const NETWORKS: &str =
    "bottle makes the networks itself, closed ones; what may leave is said by `egress = { allow = [\"...\"] }`";
const FOLDERS: &str = "to work in a folder of the host, write `workspace = { from = \"...\", how = \"mount\" }`; to have files of it, `[[bottle.NAME.copy]]`";
const PROTECTIONS: &str =
    "bottle takes none of the kernel's protections away, so there is nothing to write instead: leave it out";

/// What a key that a bottle does not have means in other tools, when it is one that would take a wall away.
fn meant(name: &str, value: &DeValue<'_>) -> Option<Meant> {
    let texts: Vec<&str> = match value {
        DeValue::String(text) => vec![text],
        DeValue::Array(items) => items.iter().filter_map(|item| item.get_ref().as_str()).collect(),
        _ => Vec::new(),
    };
    let is_host = texts.contains(&"host");
    Some(match name.to_ascii_lowercase().replace('-', "_").as_str() {
        "privileged" => Meant::Allowed(vec![Allowance::Privileged]),
        "network" | "networks" | "net" | "network_mode" | "host_network" => {
            if is_host || name.to_ascii_lowercase().starts_with("host") {
                Meant::Allowed(vec![Allowance::HostNetwork])
            } else {
                Meant::Instead(NETWORKS)
            }
        }
        "pid" | "pid_mode" | "host_pid" => Meant::Allowed(vec![Allowance::HostPid]),
        "cap_add" | "capabilities" | "capability" | "caps" => {
            let known = texts.iter().filter_map(|text| capability(text)).map(Allowance::Capability);
            let mut known: Vec<Allowance> = known.collect();
            if known.is_empty() {
                known.push(Allowance::Capability("SYS_PTRACE"));
            }
            Meant::Allowed(known)
        }
        "device" | "devices" => {
            let places = texts.iter().filter_map(|text| text.split(':').next());
            let mut known: Vec<Allowance> =
                places.filter(|path| is_device(path)).map(|path| Allowance::Device(path.to_owned())).collect();
            if known.is_empty() {
                known.push(Allowance::Device("/dev/kvm".to_owned()));
            }
            Meant::Allowed(known)
        }
        "volume" | "volumes" | "mount" | "mounts" | "binds" => {
            let socket = texts.iter().filter_map(|text| text.split(':').next()).find(|path| is_socket(path));
            match socket {
                Some(path) => Meant::Allowed(vec![Allowance::EngineSocket(path.to_owned())]),
                None => Meant::Instead(FOLDERS),
            }
        }
        "docker_socket" | "docker_sock" | "engine_socket" | "socket" => {
            Meant::Allowed(vec![Allowance::EngineSocket("/var/run/docker.sock".to_owned())])
        }
        "security_opt" | "security_opts" | "seccomp" | "apparmor" | "ipc" | "uts" | "userns" | "userns_mode"
        | "cgroup" | "cgroup_parent" | "cgroupns" | "sysctls" | "no_new_privileges" => Meant::Instead(PROTECTIONS),
        _ => return None,
    })
}

impl Reader<'_> {
    /// Refuses a key by which other tools take a wall away. `false` when it is none of those.
    pub(super) fn refused_word(&mut self, name: &Spanned<DeString<'_>>, value: &Value<'_>) -> bool {
        let text = name.get_ref().as_ref();
        let Some(meant) = meant(text, value.get_ref()) else { return false };
        let (message, help) = match meant {
            Meant::Allowed(allowed) => {
                let mut lost: Vec<Guarantee> = allowed.iter().flat_map(Allowance::loses).collect();
                lost.sort_unstable();
                lost.dedup();
                let names: Vec<&str> = lost.iter().map(|one| one.name()).collect();
                let tables: Vec<String> = allowed.iter().map(Allowance::table).collect();
                (
                    format!("a bottle has no `{}`: it would lose {}", shown(text), names.join(", ")),
                    format!(
                        "leave it out; if it has to be, this asks for it, and every plan will show what it costs:\n{}",
                        tables.join("\n")
                    ),
                )
            }
            Meant::Instead(instead) => (
                format!("a bottle has no `{}`: it would open what bottle keeps closed", shown(text)),
                instead.to_owned(),
            ),
        };
        self.report(ManifestError::at(Code::Unsafe, name.span(), message).label("refused").help(help));
        true
    }

    /// `[[bottle.NAME.unsafe]]`.
    pub(super) fn given_up(&mut self, key: &Key, value: &Value<'_>) -> Vec<Spanned<Allowance>> {
        let mut given_up: Vec<Spanned<Allowance>> = Vec::new();
        for (table, span) in self.tables(key, value) {
            let (mut allow, mut loses) = (None, None);
            for (key, _, value) in self.entries(&keys::UNSAFE, table) {
                match key.name {
                    "allow" => allow = self.allowance(key, value),
                    _ => loses = Some((self.guarantees(key, value), value.span())),
                }
            }
            // What is lost is told with what is asked for.
            if !table.contains_key("allow") {
                self.missing_key(&keys::UNSAFE, "allow", span.clone());
            }
            let Some(allow) = allow else { continue };
            let (said, place) = loses.unwrap_or((Vec::new(), span.clone()));
            self.names_what_is_lost(&allow, &said, place);
            if let Some(first) = given_up.iter().find(|one| *one.get_ref() == allow) {
                let message = format!("{allow} is asked for twice");
                self.report(
                    ManifestError::at(Code::Unsafe, span, message)
                        .label("the second")
                        .and(first.span(), "the first")
                        .help("once is enough; leave one of them out"),
                );
                continue;
            }
            given_up.push(Spanned::new(span, allow));
        }
        given_up
    }

    fn names_what_is_lost(&mut self, allow: &Allowance, said: &[Guarantee], span: Span) {
        let lost = allow.loses();
        let missing: Vec<&str> = lost.iter().filter(|one| !said.contains(one)).map(|one| one.name()).collect();
        let others: Vec<&str> = said.iter().filter(|one| !lost.contains(one)).map(|one| one.name()).collect();
        if missing.is_empty() && others.is_empty() {
            return;
        }
        let message = if missing.is_empty() {
            format!("{allow} does not lose {}", others.join(", "))
        } else {
            format!("{allow} also loses {}", missing.join(", "))
        };
        self.report(ManifestError::at(Code::Unsafe, span, message).label("not what is lost").help(format!(
            "whoever reads the manifest must see what is given up, no less and no more; write `loses = [{}]`",
            quoted(&lost)
        )));
    }

    fn allowance(&mut self, key: &Key, value: &Value<'_>) -> Option<Allowance> {
        if let Some(text) = value.get_ref().as_str() {
            let words: Vec<(&str, usize)> =
                Allowance::WORDS.iter().enumerate().map(|(at, (word, _))| (*word, at)).collect();
            let at = self.word(key.name, text, value.span(), &words)?;
            return Allowance::WORDS.get(at).map(|(_, allowance)| allowance.clone());
        }
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a string or a table");
            return None;
        };
        let entries = self.entries(&keys::ALLOW, table);
        let [(key, _, inner)] = entries[..] else {
            if entries.len() == table.len() {
                self.one_of_allow(table, value.span());
            }
            return None;
        };
        let text = self.string(key, inner)?;
        let (found, wanted) = match key.name {
            "capability" => (
                capability(text).map(Allowance::Capability),
                "one capability of Linux, as `capabilities(7)` lists them: `{ capability = \"SYS_PTRACE\" }`",
            ),
            "device" => (
                is_device(text).then(|| Allowance::Device(text.to_owned())),
                "a path below `/dev` of letters, digits, `.`, `_`, `-` and `/`: `{ device = \"/dev/kvm\" }`",
            ),
            _ => (
                is_socket(text).then(|| Allowance::EngineSocket(text.to_owned())),
                "the absolute path of a socket that ends in `.sock`: `{ engine_socket = \"/var/run/docker.sock\" }`",
            ),
        };
        if found.is_none() {
            self.report(
                ManifestError::at(
                    Code::Unsafe,
                    inner.span(),
                    format!("`{}` is no {}", shown(text), key.name.replace('_', " ")),
                )
                .label("cannot be allowed")
                .help(format!("it becomes an argument of the engine; write {wanted}")),
            );
        }
        found
    }

    fn one_of_allow(&mut self, table: &DeTable<'_>, span: Span) {
        let problem = if table.is_empty() { "nothing" } else { "several things" };
        self.report(
            ManifestError::at(Code::Unsafe, span, format!("`allow` asks for {problem}"))
                .label("one thing")
                .help("each `[[bottle.NAME.unsafe]]` asks for one thing and says what that loses"),
        );
    }

    /// `[defaults]` and templates cannot give anything up: a bottle that does says so in its own table, where it is read.
    pub(super) fn gives_nothing_up(&mut self, layer: &Layer, what: &str) {
        let Some(first) = layer.given_up.first() else { return };
        self.report(
            ManifestError::at(Code::Unsafe, first.span(), format!("{what} cannot have `unsafe`"))
                .label("only for a bottle of its own")
                .help("it is never inherited, so that whoever reads a bottle's table sees what it gives up; write it there"),
        );
    }

    /// What can only be seen of a bottle as a whole: guarantees that it requires and gives up, and mounts.
    pub(super) fn check_given_up(
        &mut self,
        given_up: &[Spanned<Allowance>],
        requires: &[Guarantee],
        workspace: Option<&Spanned<SomeWorkspace>>,
    ) {
        for one in given_up {
            let lost = one.get_ref().loses();
            let both: Vec<&str> = requires.iter().filter(|name| lost.contains(name)).map(|name| name.name()).collect();
            if !both.is_empty() {
                self.report(
                    ManifestError::at(
                        Code::Unsafe,
                        one.span(),
                        format!("the bottle requires {}, which {} gives up", both.join(", "), one.get_ref()),
                    )
                    .label("gives up what is required")
                    .help("both cannot be; take it out of `requires`, also of `[defaults]` or what is extended, or leave this out"),
                );
            }
        }
        let mount = workspace.filter(|workspace| workspace.get_ref().how == WorkspaceMode::Mount);
        let exposed = mount.and_then(|workspace| {
            let from = &workspace.get_ref().from;
            self.files.exposure(from).map(|exposure| (workspace.span(), from, exposure))
        });
        let allowed = given_up.iter().find(|one| *one.get_ref() == Allowance::MountHostFolder);
        match (exposed, allowed) {
            (Some((span, from, exposure)), None) => self.report(
                ManifestError::at(
                    Code::Unsafe,
                    span,
                    format!("`{}` cannot be mounted: it {exposure}", shown(from.as_str())),
                )
                .label("the guest could write there")
                .help(format!(
                    "name the folder below it that the bottle works in, or write `how = \"copy\"`; if it has to be, this asks for it:\n{}",
                    Allowance::MountHostFolder.table()
                )),
            ),
            (None, Some(allowed)) => self.report(
                ManifestError::at(Code::Unsafe, allowed.span(), "mount-host-folder allows nothing that the bottle does")
                    .label("not needed")
                    .help("its workspace is no mount of a home or of the system's folders; leave it out"),
            ),
            _ => {}
        }
    }
}

/// A capability by its name, with or without `CAP_`, in any case.
fn capability(text: &str) -> Option<&'static str> {
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    CAPABILITIES.iter().copied().find(|known| *known == name)
}

fn is_device(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    text.strip_prefix("/dev/").is_some_and(|rest| !rest.is_empty() && !rest.ends_with('/'))
        && text.chars().all(plain)
        && !text.split('/').any(|part| part == "..")
}

fn is_socket(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    text.starts_with('/')
        && text.ends_with(".sock")
        && text.chars().all(plain)
        && !text.split('/').any(|part| part == "..")
}
