//! How files get into a container that takes none before it runs: a sidecar's from a stage that is mounted, an agent's as a stream once it
//! runs held.

use std::collections::HashMap;

use super::{Facts, LowerError, Rewrite, hold};
use crate::address::Address;
use crate::intent::{
    Context, Graph, Mount, MountSource, Need, Node, ObjectName, Role, Stage, StageName, Step, Tracking, bake,
};
use crate::profile::Copies;

pub(super) fn run(graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    if facts.profile.copies == Copies::OnceMade {
        return Ok((graph, Vec::new()));
    }
    let mut steps = graph.into_steps();
    let roles: HashMap<ObjectName, Role> = steps
        .iter()
        .filter_map(|(node, _)| match &node.step {
            Step::CreateContainer(container) => Some((container.name.clone(), container.role)),
            _ => None,
        })
        .collect();
    let staged = stage_sidecars(&mut steps, &roles);
    let baked = stage_contexts(&mut steps);
    let streamed = stream_into_agents(&mut steps, &roles);
    let rewrites = [
        Rewrite::of(
            "files",
            staged,
            "nothing can be copied into a container that does not run: the configuration is staged on the host and mounted read-only",
        ),
        Rewrite::of("files", baked, "a build reads no context from a stream: it is staged on the host"),
        Rewrite::of(
            "files",
            streamed,
            "nothing can be copied into a container that does not run: it is started held, files are streamed in with their owners and \
             modes, and then its command is released",
        ),
    ];
    Ok((Graph::rebuild(steps)?, rewrites.into_iter().flatten().collect()))
}

/// Turns what is copied into sidecars into stages that they mount.
fn stage_sidecars(steps: &mut hold::Steps, roles: &HashMap<ObjectName, Role>) -> Vec<Address> {
    let mut mounts: HashMap<ObjectName, (Mount, Address, Address)> = HashMap::new();
    for (node, needs) in steps.iter_mut() {
        let Step::CopyIn(copy) = &node.step else { continue };
        let Tracking::Content(content) = &copy.tracked else { continue };
        if roles.get(&copy.container) != Some(&Role::Sidecar) {
            continue;
        }
        let name = StageName(format!("{}-{content}", copy.container));
        let was = node.address.clone();
        let mount = Mount { from: MountSource::Stage(name.clone()), to: copy.into.clone() };
        mounts.insert(copy.container.clone(), (mount, was.clone(), was.beside("stage")));
        let stage = Stage { name, base: copy.into.clone(), files: copy.files.clone(), content: content.clone() };
        *node = Node { address: was.beside("stage"), step: Step::Stage(stage) };
        needs.clear();
    }
    for (node, needs) in steps.iter_mut() {
        let Some((mount, was, stage)) = node.step.container().and_then(|name| mounts.get(name)) else { continue };
        needs.retain(|(_, on)| on != was);
        if let Step::CreateContainer(container) = &mut node.step {
            container.volume = None;
            container.mounts.push(mount.clone());
            needs.push((Need::After, stage.clone()));
        }
    }
    mounts.into_values().map(|(_, was, _)| was).collect()
}

/// Gives every context that would be a stream a folder of its own.
fn stage_contexts(steps: &mut hold::Steps) -> Vec<Address> {
    let mut stages = Vec::new();
    let mut changed = Vec::new();
    for (node, needs) in steps.iter_mut() {
        let Step::BuildImage(build) = &mut node.step else { continue };
        let Context::Baked { base, files, stage } = &mut build.context else { continue };
        let name = StageName(build.image.0.replace(':', "-"));
        *stage = Some(name.clone());
        let address = node.address.beside("stage");
        let content = build.content.clone();
        let staged = Stage { name, base: "/".to_owned(), files: bake::context(base, files), content };
        needs.push((Need::After, address.clone()));
        stages.push((Node { address, step: Step::Stage(staged) }, Vec::new()));
        changed.push(node.address.clone());
    }
    steps.extend(stages);
    changed
}

/// Moves what is copied into agents behind their start, and their command behind that.
fn stream_into_agents(steps: &mut hold::Steps, roles: &HashMap<ObjectName, Role>) -> Vec<Address> {
    let mut streamed: HashMap<ObjectName, Vec<Address>> = HashMap::new();
    for (node, needs) in steps.iter_mut() {
        let (Step::CopyIn(_) | Step::LearnOwners(_)) = &node.step else { continue };
        let Some(container) = node.step.container().filter(|name| roles.get(name) == Some(&Role::Agent)) else {
            continue;
        };
        needs.push((Need::After, node.address.beside("start")));
        streamed.entry(container.clone()).or_default().push(node.address.clone());
    }
    let mut held = HashMap::new();
    for (node, needs) in steps.iter_mut() {
        let Some(files) = node.step.container().and_then(|name| streamed.get(name)) else { continue };
        match &mut node.step {
            Step::Start(_) => needs.retain(|(_, on)| !files.contains(on)),
            Step::CreateContainer(container) => {
                // What is run in a container has no more than the container: to give files away, root needs these.
                container.capabilities.extend(["CHOWN", "DAC_OVERRIDE", "FOWNER"]);
                held.insert(node.address.clone(), files.clone());
            }
            _ => {}
        }
    }
    hold::until(steps, &held);
    streamed.into_values().flatten().collect()
}
