//! The image of the guest: what an agent's image has, as small as it gets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::{self, BUSYBOX, PROGRAMS, SHELL};
use crate::rootfs::{Owner, ROOT, Rootfs};
use crate::{ORIGIN, ORIGIN_PAGE};

const NODE: Owner = Owner { uid: 1000, gid: 1000 };
/// Debian's ssh-agent has the group `_ssh` and runs as it, which keeps others from reading its memory.
const SSH: Owner = Owner { uid: 0, gid: 101 };

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n";
const GROUP: &str = "root:x:0:\n_ssh:x:101:\nnode:x:1000:\n";

const NPM: &str = "\
#!/bin/sh
# A double of npm for tests: it installs nothing and leaves a trace that it ran.
set -e
mkdir -p node_modules
echo \"$*\" > node_modules/.installed
";

const ORIGIN_SCRIPT: &str = "\
#!/bin/sh
# An origin server for tests: pages on port 80, an echo on port 443.
socat TCP-LISTEN:443,fork,reuseaddr EXEC:/bin/cat &
exec httpd -f -p 80 -h /srv/origin
";

pub(crate) fn rootfs() -> Result<Rootfs, String> {
    let mut rootfs = Rootfs::new();
    for folder in ["/bin", "/dev", "/etc", "/home", "/lib", "/proc", "/run", "/srv", "/sys", "/usr", "/var"] {
        rootfs.folder(folder, 0o755, ROOT)?;
    }
    for folder in ["/usr/bin", "/usr/sbin", "/usr/local", "/usr/local/bin", "/srv/origin"] {
        rootfs.folder(folder, 0o755, ROOT)?;
    }
    rootfs.folder("/root", 0o700, ROOT)?;
    rootfs.folder("/tmp", 0o1777, ROOT)?;
    rootfs.folder("/home/node", 0o755, NODE)?;
    rootfs.file("/etc/passwd", 0o644, ROOT, PASSWD.as_bytes())?;
    rootfs.file("/etc/group", 0o644, ROOT, GROUP.as_bytes())?;
    rootfs.file("/usr/local/bin/npm", 0o755, ROOT, NPM.as_bytes())?;
    rootfs.file(ORIGIN, 0o755, ROOT, ORIGIN_SCRIPT.as_bytes())?;
    rootfs.file("/srv/origin/index.html", 0o644, ROOT, ORIGIN_PAGE.as_bytes())?;

    rootfs.host_file(BUSYBOX, 0o755, ROOT, Path::new(BUSYBOX))?;
    for applet in applets()? {
        let program = if applet == "sh" { SHELL } else { "busybox" };
        rootfs.link(&format!("/bin/{applet}"), program)?;
    }
    for (program, _) in PROGRAMS {
        let (mode, owner) = if program.ends_with("ssh-agent") { (0o2755, SSH) } else { (0o755, ROOT) };
        rootfs.host_file(program, mode, owner, Path::new(program))?;
    }
    libraries(&mut rootfs)?;
    Ok(rootfs)
}

fn applets() -> Result<Vec<String>, String> {
    let output = Command::new(BUSYBOX).arg("--list").output().map_err(|why| format!("cannot run {BUSYBOX}: {why}"))?;
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.lines().filter(|name| *name != "busybox").map(str::to_owned).collect())
}

/// The libraries of all programs, where their loader looks for them.
fn libraries(rootfs: &mut Rootfs) -> Result<(), String> {
    let mut files: BTreeSet<PathBuf> = BTreeSet::new();
    for (program, _) in PROGRAMS {
        files.extend(host::libraries(program)?);
    }
    let above = |file: &PathBuf| file.ancestors().skip(1).map(Path::to_path_buf).collect::<Vec<_>>();
    let mut folders: BTreeSet<PathBuf> = files.iter().flat_map(above).collect();
    for made in ["/", "/lib", "/usr"] {
        folders.remove(Path::new(made));
    }
    for folder in folders {
        rootfs.folder(&folder.display().to_string(), 0o755, ROOT)?;
    }
    for file in files {
        rootfs.host_file(&file.display().to_string(), 0o755, ROOT, &file)?;
    }
    Ok(())
}
