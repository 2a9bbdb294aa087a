//! Images: pulled, built and baked.

use std::collections::BTreeMap;

use bottle_planner::intent::{Build, Context as BuildContext, ImageName};
use bottle_planner::operation::ObjectKind;
use bottle_planner::profile::Behaviour;

use super::guest::{self, Files};
use super::stages;
use super::state::{Change, Image, State, id};
use super::step::{Answer, Refusal, Scene};
use crate::engine::Ended;
use crate::host_files::HostFiles;

/// `pull`: every registry has every image.
pub(super) fn pull(state: &State, name: &ImageName) -> Vec<Change> {
    if state.image_named(name).is_some_and(|image| image.labels.is_none()) {
        return Vec::new();
    }
    let mut changes = untagged(state, name);
    let id = format!("sha256:{}", id("pulled", name.listed()));
    changes.push(Change::Image(Image { id, name: Some(name.listed()), labels: None, files: BTreeMap::new() }));
    changes
}

/// What a build needs of the host, read before the engine is asked: the files that are baked in.
pub(super) fn read_context(build: &Build, host: &HostFiles) -> Result<Files, Refusal> {
    let failed = |said: String| Refusal { ended: Ended::Exit(1), said };
    match &build.context {
        BuildContext::Folder { folder, dockerfile } => {
            let path = host.locate(folder).map_err(|why| failed(format!("{folder}: {why}")))?;
            if !path.is_dir() {
                return Err(failed(format!("ERROR: unable to prepare context: path \"{folder}\" not found")));
            }
            if !path.join(dockerfile).is_file() {
                return Err(failed(format!(
                    "ERROR: failed to read dockerfile: open {dockerfile}: no such file or directory"
                )));
            }
            Ok(Files::new())
        }
        BuildContext::Baked { files, .. } => guest::read(files, host, &|name| Some(guest::user(name))),
    }
}

/// `build`. What was built before from the same operation is taken from the cache.
pub(super) fn build(scene: &Scene<'_>, build: &Build, baked: Files) -> Result<Answer, Refusal> {
    let state = scene.state;
    let mut files = BTreeMap::new();
    if let BuildContext::Baked { base, stage, .. } = &build.context {
        let ours = scene.labels.as_ref().map(|labels| &labels.project);
        if let (Some(stage), Some(project)) = (stage, ours)
            && !stages::has(state, project, stage)
        {
            return Err(Refusal::container(format!("context dir does not exist {}", stage.0)));
        }
        let Some(base) = state.image_named(base) else {
            return Err(Refusal {
                ended: Ended::Exit(1),
                said: format!("ERROR: failed to solve: {base}: failed to resolve source metadata: {base}: not found"),
            });
        };
        files = base.files.clone();
        let fresh = guest::lay(baked, &|path| base.files.get(path))?;
        files.extend(fresh);
    }
    let name = &build.image;
    if state.image_named(name).is_some_and(|image| image.labels == scene.labels && image.files == files) {
        return Ok(Answer::default());
    }
    let mut changes = untagged(state, name);
    // A cache knows no names: it has what lost its name, too.
    let unnamed = |image: &&Image| image.name.is_none() && image.labels == scene.labels && image.files == files;
    if let Some(image) = state.images.values().find(unnamed) {
        changes.push(Change::Image(Image { name: Some(name.listed()), ..image.clone() }));
        return Ok(Answer::changes(changes));
    }
    let (id, count) = scene.new_id("image");
    changes.push(count);
    let id = format!("sha256:{id}");
    changes.push(Change::Image(Image { id, name: Some(name.listed()), labels: scene.labels.clone(), files }));
    Ok(Answer::changes(changes))
}

/// Takes a name from the image that has it.
fn untagged(state: &State, name: &ImageName) -> Vec<Change> {
    let before = state.image_named(name).cloned();
    before.map(|image| Change::Image(Image { name: None, ..image })).into_iter().collect()
}

/// `image rm`. Docker removes no image that has containers, not even by force as long as one of them runs, and nobody forces here;
/// Apple's `container` has unpacked it for each of them, and minds none.
pub(super) fn remove(state: &State, image: &Image) -> Result<Vec<Change>, Refusal> {
    if state.behaves == Behaviour::Docker && state.image_users(&image.id) > 0 {
        let user = state.containers.values().find(|container| container.image_id == image.id);
        let user = user.and_then(|container| container.id.get(..12)).unwrap_or_default();
        let said = match &image.name {
            Some(name) => {
                format!("repository reference \"{name}\" (must force) - container {user} is using its referenced image")
            }
            None => format!("{} (must be forced) - image is being used by container {user}", image.id),
        };
        return Err(Refusal::daemon(format!("conflict: unable to remove {said}")));
    }
    Ok(vec![Change::Gone(ObjectKind::Image, image.id.clone())])
}
