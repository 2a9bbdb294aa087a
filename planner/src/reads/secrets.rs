//! The way of each host secret: into which container, and how.

use std::collections::HashMap;
use std::fmt;

use crate::address::Address;
use crate::intent::{ObjectName, Role, Secret, Step};
use crate::name::BottleName;
use crate::operation::Stdin;
use crate::plan::Plan;

/// How a secret gets into a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Passage {
    /// As a variable that the container has from its creation on: whoever may use the engine can read it there.
    Environment {
        /// The variable.
        variable: String,
    },
    /// As a variable of one command, which ends with it.
    Command {
        /// The variable.
        variable: String,
    },
    /// Through standard input into the memory of root's ssh-agent: the container's user can sign with it and cannot read it.
    SshAgent,
    /// Through the standard input of a command.
    Stdin,
}

impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { variable } => write!(f, "as {variable} in its environment"),
            Self::Command { variable } => write!(f, "as {variable} of one command"),
            Self::SshAgent => f.write_str("by stdin into the memory of root's ssh-agent"),
            Self::Stdin => f.write_str("by stdin of a command"),
        }
    }
}

/// One secret on its way into one container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretFlow {
    /// The secret, by name.
    pub secret: Secret,
    /// The operation that reads it.
    pub address: Address,
    /// How it gets there.
    pub passage: Passage,
    /// What it gets into, as people call it: the bottle, or its sidecar.
    pub into: String,
    /// The hosts that this container may reach.
    pub may_reach: Vec<String>,
}

/// Every secret of the host that a plan reads, with each container that it reaches. Sorted by secret, then address.
#[must_use]
pub fn secret_flows(plan: &Plan) -> Vec<SecretFlow> {
    let operations = || plan.entries.iter().filter_map(|entry| entry.operation.as_ref());
    let roles: HashMap<&ObjectName, Role> = operations()
        .filter_map(|operation| match &operation.step {
            Step::CreateContainer(container) => Some((&container.name, container.role)),
            _ => None,
        })
        .collect();
    let mut flows = Vec::new();
    for operation in operations() {
        let Some(command) = operation.command() else { continue };
        let container = match &operation.step {
            Step::CreateContainer(container) => Some(&container.name),
            step => step.container(),
        };
        let bottle = operation.address.bottle();
        let into = match (bottle, container.and_then(|name| roles.get(name))) {
            (Some(bottle), Some(Role::Sidecar)) => format!("{bottle}'s sidecar"),
            (Some(bottle), _) => bottle.to_owned(),
            (None, _) => Address::SHARED.to_owned(),
        };
        let summary = bottle.and_then(|bottle| plan.bottles.get(&BottleName::new(bottle).ok()?));
        let may_reach = summary.map(|summary| summary.allow.clone()).unwrap_or_default();
        let mut flow = |secret: &Secret, passage| {
            flows.push(SecretFlow {
                secret: secret.clone(),
                address: operation.address.clone(),
                passage,
                into: into.clone(),
                may_reach: may_reach.clone(),
            });
        };
        for (variable, secret) in &command.env {
            let variable = variable.clone();
            flow(
                secret,
                match &operation.step {
                    Step::CreateContainer(_) => Passage::Environment { variable },
                    _ => Passage::Command { variable },
                },
            );
        }
        if let Stdin::Secret(secret) = &command.stdin {
            let adds_key = command.argv.iter().any(|arg| arg.to_string() == "ssh-add");
            flow(secret, if adds_key { Passage::SshAgent } else { Passage::Stdin });
        }
    }
    flows.sort();
    flows
}
