//! A server of the trial's own on the network that leads out.

use crate::project::{NAMES, Project};

/// The origin's container, and a guest beside it that nothing guards.
pub(crate) const ORIGIN: &str = "origin";
pub(crate) const CONTROL: &str = "control";

/// Starts both and gives the origin's address. It has the addresses of all names besides.
pub(crate) fn start(project: &Project) -> String {
    let run = |name: &str, command: &[&str]| {
        let words = ["run", "--detach", "--init", "--cap-add", "NET_ADMIN", "--name", name, engine_images::GUEST];
        project.container(&[&words, command].concat());
    };
    run(ORIGIN, &[engine_images::ORIGIN]);
    run(CONTROL, &["sleep", "infinity"]);
    let add = NAMES.map(|(_, address)| format!("ip addr add {address}/32 dev eth0"));
    project.shell(ORIGIN, "root", &add.join(" && "));
    leads_to_it(project, CONTROL);
    project.address(ORIGIN, "default")
}

/// Lets a container on the same network look for the addresses of all names there.
pub(crate) fn leads_to_it(project: &Project, container: &str) {
    let add = NAMES.map(|(_, address)| format!("ip route add {address}/32 dev eth0"));
    project.shell(container, "root", &add.join(" && "));
}
