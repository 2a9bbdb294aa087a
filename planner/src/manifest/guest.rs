//! The guest's side of a manifest: paths, users, permission bits.

use super::error::{Code, ManifestError, shown};
use super::keys::Key;
use super::read::{Reader, Value};
use super::sources::LONGEST;

/// The home of a numeric user that needs none: no destination lies below it.
pub(super) const NO_HOME: &str = "/nonexistent";

/// What stands for a home that could not be told, in the errors that follow from it.
pub(super) const UNKNOWN_HOME: &str = "~";

/// Folders of the kernel's and of bottle's own, and why nothing may be put there.
pub(super) const CLOSED: &[(&str, &str)] = &[
    ("/proc", "is the kernel's: what is written there changes the system, or nothing"),
    ("/sys", "is the kernel's: what is written there changes the system, or nothing"),
    ("/dev", "holds devices: a file there takes the place of one"),
    ("/run/bottle-ssh", "holds the sockets of the guest's SSH agent"),
    ("/run/bottle", "holds the mark that lets a bottle's command go"),
    ("/var/lib/bottle", "holds the mark that a bottle's command has begun"),
];

/// A place in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GuestPath {
    /// From the root: `/home/node/x`.
    Absolute(String),
    /// Below the home, which is known once layers are merged: empty for the home itself, else `/x`.
    Home(String),
}

impl GuestPath {
    /// The absolute path, given the home.
    pub(super) fn below(&self, home: &str) -> String {
        match self {
            Self::Absolute(path) => path.clone(),
            Self::Home(rest) => format!("{home}{rest}"),
        }
    }
}

impl Reader<'_> {
    /// A place in the guest, without `.`, doubled slashes and the slash at the end.
    pub(super) fn guest_path(&mut self, key: &Key, value: &Value<'_>) -> Option<GuestPath> {
        let text = self.string(key, value)?;
        match guest_path(text) {
            Ok(path) => Some(path),
            Err((problem, instead)) => {
                self.report(
                    ManifestError::at(Code::Destination, value.span(), format!("`{}` {problem}", shown(text)))
                        .label("not a place in the guest")
                        .help(instead),
                );
                None
            }
        }
    }

    /// A user of the guest: a name, a number, or a number and a group's number.
    pub(super) fn user(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        let text = self.string(key, value)?;
        if is_user(text) {
            return Some(text.to_owned());
        }
        self.report(
            ManifestError::at(Code::User, value.span(), format!("`{}` is no user of a guest", shown(text)))
                .label(format!("not a valid `{}`", key.name))
                .help(format!(
                    "it becomes an argument of the engine, so only a name of lower-case letters, digits, `_` and `-` that \
                     begins with a letter, a number, or `UID:GID` is taken: `{}`",
                    key.example
                )),
        );
        None
    }

    /// Permission bits as octal text.
    pub(super) fn mode(&mut self, key: &Key, value: &Value<'_>) -> Option<u32> {
        let text = self.string(key, value)?;
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let bits = u32::from_str_radix(digits, 8)
            .ok()
            .filter(|bits| *bits <= 0o7777 && (3..=4).contains(&digits.len()) && !digits.starts_with('+'));
        let (problem, instead) = match bits {
            Some(bits) if bits & 0o6000 == 0 => return Some(bits),
            Some(bits) => (
                "would run a file with its owner's rights",
                format!(
                    "set-user-id and set-group-id files are a way to become another user in the guest; write `mode = \"{:04o}\"`",
                    bits & 0o1777
                ),
            ),
            None => (
                "is no set of permission bits",
                "write three or four octal digits in quotes: `mode = \"0600\"` lets only the owner read and write"
                    .to_owned(),
            ),
        };
        self.report(
            ManifestError::at(Code::Mode, value.span(), format!("`{}` {problem}", shown(text)))
                .label("not a valid mode")
                .help(instead),
        );
        None
    }
}

/// Normalises a place in the guest, or says what is wrong with it and what to write.
fn guest_path(text: &str) -> Result<GuestPath, (String, String)> {
    if text.is_empty() {
        return Err(("is empty".to_owned(), "write a path such as `~/workspace`".to_owned()));
    }
    if text.chars().any(char::is_control) {
        return Err((
            "has a control character in it".to_owned(),
            "such a name cannot be shown in a plan as it is; choose another".to_owned(),
        ));
    }
    if text.len() > LONGEST {
        return Err((
            "is longer than any path".to_owned(),
            format!("Linux opens paths of less than {LONGEST} bytes; choose a shorter one"),
        ));
    }
    let (home, rest) = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => (true, rest),
        Some(_) => {
            return Err((
                "is the home of another user".to_owned(),
                "`~/` is the home of the bottle's user; write any other home in full".to_owned(),
            ));
        }
        None if text.starts_with('/') => (false, text),
        None => {
            return Err((
                "is not absolute".to_owned(),
                format!(
                    "the guest has no folder that it could be relative to; write `~/{0}` for the user's home, or `/{0}`",
                    shown(text.trim_start_matches("./"))
                ),
            ));
        }
    };
    let mut path = String::with_capacity(rest.len());
    for part in rest.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            return Err((
                "climbs out with `..`".to_owned(),
                "where it ends depends on links in the image; write the place itself".to_owned(),
            ));
        }
        path.push('/');
        path.push_str(part);
    }
    if home {
        return Ok(GuestPath::Home(path));
    }
    if path.is_empty() {
        return Err((
            "is the guest's root".to_owned(),
            "the whole image would be written over; name a folder in it, such as `/opt/tools`".to_owned(),
        ));
    }
    match closed(&path) {
        Some((folder, why)) => Err((
            format!("is in `{folder}`"),
            format!("`{folder}` {why}; choose another place, such as `~/...` or `/opt/...`"),
        )),
        None => Ok(GuestPath::Absolute(path)),
    }
}

/// The closed folder that a path is or lies in.
fn closed(path: &str) -> Option<(&'static str, &'static str)> {
    let inside = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    CLOSED.iter().copied().find(|(folder, _)| inside(folder))
}

fn is_user(text: &str) -> bool {
    let number = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|number| number != u32::MAX)
    };
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return match text.split_once(':') {
            Some((user, group)) => number(user) && number(group),
            None => number(text),
        };
    }
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'))
}

/// The home that a user has unless the manifest says otherwise; `None` for a number, which tells nothing.
pub(super) fn home_of(user: Option<&str>) -> Option<String> {
    let Some(user) = user else { return Some("/root".to_owned()) };
    match user.split(':').next().unwrap_or(user) {
        "root" => Some("/root".to_owned()),
        number if number.parse() == Ok(0_u32) => Some("/root".to_owned()),
        number if number.starts_with(|c: char| c.is_ascii_digit()) => None,
        name => Some(format!("/home/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{GuestPath, guest_path, home_of, is_user};

    #[test]
    fn places_are_normalised() {
        for (text, expected) in [
            ("/opt/x/", GuestPath::Absolute("/opt/x".into())),
            ("//opt/./x", GuestPath::Absolute("/opt/x".into())),
            ("/device", GuestPath::Absolute("/device".into())),
            ("/run/bottle-ssh2", GuestPath::Absolute("/run/bottle-ssh2".into())),
            ("~", GuestPath::Home(String::new())),
            ("~/", GuestPath::Home(String::new())),
            ("~/a//b/", GuestPath::Home("/a/b".into())),
        ] {
            assert_eq!(guest_path(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn places_that_climb_or_are_closed_are_refused() {
        for text in [
            "",
            "a",
            "./a",
            "../a",
            "/",
            "//",
            "/.",
            "/a/..",
            "/a/../../etc",
            "~/..",
            "~bob/x",
            "/proc",
            "/proc/1",
            "//sys/x",
            "/./dev/null",
            "/run/bottle-ssh",
            "/run/bottle-ssh/agent",
            "/a\nb",
            "/a\0b",
        ] {
            assert!(guest_path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn users_are_names_or_numbers() {
        for user in ["node", "_apt", "www-data", "0", "1000", "1000:1000", "4294967294"] {
            assert!(is_user(user), "{user}");
        }
        for user in [
            "",
            "-x",
            "--privileged",
            "Node",
            "a b",
            "node:node",
            "1000:",
            ":1",
            "1000:node",
            "4294967295",
            "99999999999",
            "1x",
            "+1",
            "1:2:3",
            "é",
            "a\n",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(!is_user(user), "{user}");
        }
    }

    #[test]
    fn a_name_has_a_home_and_a_number_has_none() {
        assert_eq!(home_of(None).as_deref(), Some("/root"));
        assert_eq!(home_of(Some("node")).as_deref(), Some("/home/node"));
        for root in ["root", "0", "0:0", "00"] {
            assert_eq!(home_of(Some(root)).as_deref(), Some("/root"), "{root}");
        }
        assert_eq!(home_of(Some("1000")), None);
        assert_eq!(home_of(Some("1000:1000")), None);
    }
}
