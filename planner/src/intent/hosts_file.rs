//! A name in the guest's `/etc/hosts`: what stands in for a resolver where there is none.

use std::collections::BTreeMap;

use super::{Exec, ExecStdin, Lasts, ObjectName, Word};

/// Makes a name mean an address, and forgets what it meant before. The file may be a mount, so it is written over and not replaced.
pub(crate) fn name(container: &ObjectName, name: &str, address: Word) -> Exec {
    let script =
        format!("h=\"$(sed '/ {name}$/d' /etc/hosts)\" && printf '%s\\n%s {name}\\n' \"$h\" \"$1\" >/etc/hosts");
    Exec {
        container: container.clone(),
        user: Some("root".to_owned()),
        env: BTreeMap::new(),
        command: vec!["sh".into(), "-c".into(), script.into(), "hosts".into(), address],
        stdin: ExecStdin::Nothing,
        hides: Vec::new(),
        lasts: Lasts::Run,
    }
}
