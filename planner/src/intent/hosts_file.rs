//! A name in the guest's `/etc/hosts`: what stands in for a resolver where there is none.

use super::{Exec, ExecStdin, ObjectName, Word};

/// Makes a name mean an address, and forgets what it meant before. The file may be a mount, so it is written over and not replaced.
pub(crate) fn name(container: &ObjectName, name: &str, address: Word) -> Exec {
    let script =
        format!("h=\"$(sed '/ {name}$/d' /etc/hosts)\" && printf '%s\\n%s {name}\\n' \"$h\" \"$1\" >/etc/hosts");
    let command = vec!["sh".into(), "-c".into(), script.into(), "hosts".into(), address];
    Exec::as_root(container, command, ExecStdin::Nothing)
}
