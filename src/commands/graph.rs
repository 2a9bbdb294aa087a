//! `bottle graph`

use bottle_planner::intent::{Ways, compile};
use bottle_planner::picture;
use bottle_planner::plan::{Plan, PlanError, Target, build};

use super::plan::fault;
use crate::arguments::{self, Picture, PictureFormat};
use crate::backend::select;
use crate::exit::{Exit, Fault};
use crate::manifest_file::{ManifestFile, part};
use crate::{state, terminal, trust};

pub(crate) fn run(arguments: &arguments::Graph) -> Result<Exit, Fault> {
    let format = match (arguments.of, arguments.format) {
        (Picture::Topology, format) => format.unwrap_or(PictureFormat::Svg),
        (Picture::Intent | Picture::Operations, Some(PictureFormat::Svg)) => {
            return Err(Fault::usage(
                "only the topology is drawn as SVG".to_owned(),
                "graphs have their own tool: `bottle graph --of operations --format dot | dot -Tsvg`",
            ));
        }
        (Picture::Intent | Picture::Operations, format) => format.unwrap_or(PictureFormat::Dot),
    };
    let mut file = ManifestFile::read(arguments.project.file())?;
    let part = part(&arguments.bottles)?;
    let selected = select(arguments.project.backend.as_deref(), Some(&file.manifest), !arguments.live)?;
    let observation = match &selected.engine {
        Some(engine) => {
            (file, _) = trust::look(file)?;
            let dir = state::dir(selected.profile.backend, &file.manifest.name)?;
            Some(state::look(engine.as_ref(), &dir)?)
        }
        None => None,
    };
    let target = Target {
        profile: &selected.profile,
        chosen: &selected.chosen,
        observation: observation.as_ref(),
        part: part.as_ref(),
    };
    let plan = build(&file.manifest, &file.files, target).map_err(fault)?;
    let drawing = match arguments.of {
        Picture::Topology if format == PictureFormat::Svg => {
            terminal::print(&picture::svg(&plan));
            return Ok(Exit::Done);
        }
        Picture::Topology => picture::topology(&plan),
        Picture::Operations => picture::operations(&plan),
        Picture::Intent => intent(&file, &plan)?,
    };
    terminal::print(&match format {
        PictureFormat::Mermaid => picture::mermaid(&drawing),
        PictureFormat::Dot | PictureFormat::Svg => picture::dot(&drawing),
    });
    Ok(Exit::Done)
}

/// The graph before it is lowered, each bottle of the plan with the way that it takes.
fn intent(file: &ManifestFile, plan: &Plan) -> Result<picture::Drawing, Fault> {
    let mut manifest = file.manifest.clone();
    manifest.bottles.retain(|name, _| plan.bottles.contains_key(name));
    let mut ways = Ways::default();
    for (name, summary) in &plan.bottles {
        if let Some((way, _)) = summary.way {
            ways.set(name.clone(), way);
        }
    }
    let compiled = compile(&manifest, &file.files, &ways).map_err(|error| fault(PlanError::from(error)))?;
    Ok(picture::intent(&manifest.name, compiled.graph))
}
