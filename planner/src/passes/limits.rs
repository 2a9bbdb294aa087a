//! Limits and protections that a backend does not have, or has in other units.

use super::{Facts, LowerError, Rewrite};
use crate::intent::{Graph, Role, Step};

/// The least memory that `container` gives, in MiB (`ContainersService.swift`).
const LEAST_MEMORY: u64 = 200;

pub(super) fn run(mut graph: Graph, facts: &Facts<'_>) -> Result<(Graph, Vec<Rewrite>), LowerError> {
    let profile = facts.profile;
    let mut rounded = Vec::new();
    let mut unlimited = Vec::new();
    for (address, step) in graph.steps_mut() {
        let Step::CreateContainer(container) = step else { continue };
        if !profile.limits_processes && container.role == Role::Agent {
            unlimited.push(address.clone());
        }
        if !profile.fractional_cpus {
            if let Some(memory) = &container.memory
                && mebibytes(memory).is_some_and(|memory| memory < LEAST_MEMORY)
            {
                return Err(LowerError::Memory { address, memory: memory.clone() });
            }
            if let Some(cpus) = &mut container.cpus
                && let Ok(parts) = cpus.parse::<f64>()
                && parts.fract() != 0.0
            {
                *cpus = format!("{:.0}", parts.ceil());
                rounded.push(address);
            }
        }
    }
    let rewrites = [
        Rewrite::of(
            "limits",
            unlimited,
            "this backend cannot limit processes or forbid new privileges: what holds is the virtual machine around them",
        ),
        Rewrite::of("limits", rounded, "this backend gives whole processors: rounded up"),
    ];
    Ok((graph, rewrites.into_iter().flatten().collect()))
}

/// `512m` in MiB; `None` for a text that the manifest would not have let through.
fn mebibytes(memory: &str) -> Option<u64> {
    let digits = memory.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match memory[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => Some(number >> 20),
        "k" | "kb" => Some(number >> 10),
        "m" | "mb" => Some(number),
        "g" | "gb" => number.checked_mul(1024),
        _ => None,
    }
}
