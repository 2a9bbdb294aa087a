//! What a plan is made from, as digests: so that a plan which no longer holds can say on which side something changed.

use serde::Serialize;

use crate::digest::{Digest, Hasher};
use crate::intent::{CompileError, Ways, compile};
use crate::manifest::Manifest;
use crate::observation::Observation;
use crate::source::Files;

fn take_in(hasher: &mut Hasher, value: &impl Serialize) {
    // Neither memory nor these values can fail.
    hasher.field(serde_json::to_vec(value).unwrap_or_default());
}

/// The digest of what a manifest and the files that it names mean: other comments, or another order of keys, are the same.
///
/// Of a workspace that is given once, only that it is.
///
/// # Errors
/// When a file that it names cannot be read.
pub fn sources(manifest: &Manifest, files: &dyn Files) -> Result<Digest, CompileError> {
    let compiled = compile(manifest, files, &Ways::default())?;
    let mut hasher = Hasher::default();
    hasher.field(manifest.name.as_str()).field(manifest.pool.to_string());
    take_in(&mut hasher, &manifest.sidecar_resolvers);
    for (name, bottle) in &manifest.bottles {
        hasher.field(name.as_str());
        take_in(&mut hasher, &(bottle.sandbox, &bottle.requires, bottle.egress.via, compiled.allow.get(name)));
    }
    for (node, needs) in compiled.graph.into_ordered() {
        hasher.field(node.address.as_str());
        take_in(&mut hasher, &node.step);
        take_in(&mut hasher, &needs);
    }
    Ok(hasher.finish())
}

/// The digest of what there is of a project, in whatever order an engine says it: nothing of other projects, whose coming and going
/// matters only where it changes the plan.
#[must_use]
pub fn fingerprint(observation: &Observation) -> Digest {
    fn sorted<T: Serialize>(hasher: &mut Hasher, all: impl IntoIterator<Item = T>) {
        let mut all: Vec<Vec<u8>> = all.into_iter().map(|one| serde_json::to_vec(&one).unwrap_or_default()).collect();
        all.sort_unstable();
        hasher.field(all.len().to_le_bytes());
        for one in all {
            hasher.field(one);
        }
    }
    // Another field of an observation does not compile until it was thought of here.
    let Observation {
        containers,
        networks,
        images,
        volumes,
        processes,
        stages,
        image_names: _,
        taken: _,
        foreign_subnets: _,
        done,
        held: _,
    } = observation;
    let mut hasher = Hasher::default();
    sorted(&mut hasher, containers);
    sorted(&mut hasher, networks);
    sorted(&mut hasher, images);
    sorted(&mut hasher, volumes);
    sorted(&mut hasher, processes);
    sorted(&mut hasher, stages);
    sorted(&mut hasher, done);
    hasher.finish()
}
