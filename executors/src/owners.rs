//! The numbers behind user names, from a container's own `/etc/passwd`.

use std::collections::BTreeMap;

use crate::said;

/// How many users an error lists.
const LISTED: usize = 12;

/// From the text of an `/etc/passwd`: each name with `uid:gid`.
///
/// # Errors
/// Says which user is missing and which there are.
pub(crate) fn learn(passwd: &str, names: &[String]) -> Result<Vec<(String, String)>, String> {
    let users = users(passwd);
    names
        .iter()
        .map(|name| match users.get(name.as_str()) {
            Some((uid, gid)) => Ok((name.clone(), format!("{uid}:{gid}"))),
            None => Err(missing(name, passwd)),
        })
        .collect()
}

/// The first entry of a name counts, as for the system's own look-up.
fn users(passwd: &str) -> BTreeMap<&str, (u32, u32)> {
    let mut users = BTreeMap::new();
    for line in passwd.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(uid), Some(gid)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
            && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
        {
            users.entry(name).or_insert((uid, gid));
        }
    }
    users
}

fn missing(name: &str, passwd: &str) -> String {
    let users = users(passwd);
    let mut known: Vec<(&str, u32)> = users.iter().map(|(name, (uid, _))| (*name, *uid)).collect();
    // People first, then root, then what the distribution brings.
    known.sort_by_key(|(name, uid)| (!(1000..60_000).contains(uid), *uid, *name));
    let mut list: Vec<String> =
        known.iter().take(LISTED).map(|(name, _)| said::harmless(name.as_bytes()).chars().take(40).collect()).collect();
    if known.len() > LISTED {
        list.push(format!("{} more", known.len() - LISTED));
    }
    let list = if list.is_empty() { "there is none in it".to_owned() } else { format!("it has {}", list.join(", ")) };
    format!("the image has no user {name:?}, so no file can be given to it: {list}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n# no entry\nbroken:x:a:b\nnode:x:1000:1001::/home/node:/bin/sh\n\
                          node:x:7:7::/:/bin/sh\ndaemon:x:2:2::/:/bin/false";

    #[test]
    fn names_become_numbers() {
        let learnt = learn(PASSWD, &["node".to_owned(), "root".to_owned()]).unwrap();
        assert_eq!(learnt, [("node".to_owned(), "1000:1001".to_owned()), ("root".to_owned(), "0:0".to_owned())]);
    }

    #[test]
    fn a_missing_user_is_named_and_the_others_are_listed() {
        let why = learn(PASSWD, &["agent".to_owned()]).unwrap_err();
        assert_eq!(why, "the image has no user \"agent\", so no file can be given to it: it has node, root, daemon");
        let many: String = (0..500).map(|uid| format!("u{uid}\u{1b}[2J:x:{uid}:0::/:/\n")).collect();
        let why = learn(&many, &["agent".to_owned()]).unwrap_err();
        assert!(why.ends_with("488 more") && why.len() < 300 && !why.contains('\u{1b}'), "{why}");
    }
}
