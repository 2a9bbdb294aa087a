//! Folders of staged files on the simulated host.

use std::collections::BTreeMap;

use bottle_planner::intent::StageName;
use bottle_planner::name::ProjectName;
use serde::{Deserialize, Serialize};

use super::guest::Files;
use super::state::{Change, State, Stored, What};

/// A folder of staged files. Its name tells its content, so what is there is never written over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The project that it belongs to.
    pub project: ProjectName,
    /// The folder of a guest that it stands for.
    pub base: String,
    /// Its files, by the path in the guest.
    pub files: BTreeMap<String, Stored>,
}

impl Stage {
    /// Whether it has a file of this name in its folder.
    pub(super) fn has_file(&self, name: &str) -> bool {
        let path = format!("{}/{name}", self.base.trim_end_matches('/'));
        matches!(self.files.get(&path), Some(Stored { what: What::File(_), .. }))
    }
}

/// Puts files into a folder of ours.
pub(super) fn put(
    state: &State,
    project: &ProjectName,
    stage: &bottle_planner::intent::Stage,
    files: Files,
) -> Vec<Change> {
    if has(state, project, &stage.name) {
        return Vec::new();
    }
    vec![Change::Stage(Stage {
        name: stage.name.0.clone(),
        project: project.clone(),
        base: stage.base.clone(),
        files: files.into_iter().collect(),
    })]
}

/// Whether a project has a stage.
pub(super) fn has(state: &State, project: &ProjectName, name: &StageName) -> bool {
    state.stages.get(&name.0).is_some_and(|stage| stage.project == *project)
}
