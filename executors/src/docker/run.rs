//! An operation carried out.

use std::sync::PoisonError;
use std::time::Duration;

use bottle_planner::address::Address;
use bottle_planner::intent::{Exec, ObjectName, Step};
use bottle_planner::operation::{Action, Command, Operation};

use super::ready::Serving;
use super::{Docker, call, passwd};
use crate::command::{Making, Ready, last_line, not_for};
use crate::engine::{Context, Failure, Outcome};
use crate::process::Finished;
use crate::said::UNSPOKEN;
use crate::{owners, ready};

impl Docker {
    pub(super) fn carry_out(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure> {
        let Action::Command(command) = &operation.action else { return Err(not_for("docker", &operation.address)) };
        let ready = self.ready(&operation.address, command, Some(&operation.step), context)?;
        let limit = Duration::from_secs(operation.time_limit.into());
        if let Step::AwaitReady(wanted) = &operation.step {
            let id = id_of(&wanted.container, context);
            let serving = Serving { docker: self, ready: &ready, name: &wanted.container.0, id, context };
            return ready::wait(&serving, wanted.within, limit, context.hurry);
        }
        if let Step::Gate(gate) = &operation.step {
            return self.gate(gate, operation, &ready, context);
        }
        let finished = self.attempt(&ready, limit, context)?;
        if !finished.succeeded() {
            if let Step::Exec(exec) = &operation.step
                && !self.know_values(exec, context)
            {
                return Err(ready.failure(finished.ended, UNSPOKEN));
            }
            return Err(ready.failed(&finished, &self.given));
        }
        match &operation.step {
            Step::CreateContainer(_) | Step::CreateNetwork(_) => {
                let id = last_line(&finished.stdout.bytes);
                if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(ready.failure(finished.ended, format!("it printed {id:?} where an id was expected")));
                }
                Ok(Outcome { made: Some(id), ..Outcome::default() })
            }
            Step::LearnOwners(wanted) => {
                let learnt =
                    passwd::unpack(&finished.stdout.bytes).and_then(|text| owners::learn(&text, &wanted.names));
                match learnt {
                    Ok(outputs) => Ok(Outcome { outputs, ..Outcome::default() }),
                    Err(why) => Err(ready.failure(finished.ended, why)),
                }
            }
            _ => Ok(Outcome::default()),
        }
    }

    /// Makes a command's parts known. `step` is `None` for a removal.
    pub(super) fn ready(
        &self,
        address: &Address,
        command: &Command,
        step: Option<&Step>,
        context: &Context<'_>,
    ) -> Result<Ready, Failure> {
        let making = Making { given: &self.given, object: id_of, stage: &|_| None };
        let ready = making.ready(address, command, step, context)?;
        if ready.program() == "docker" { Ok(ready) } else { Err(not_for("docker", address)) }
    }

    /// Runs a command whatever its exit code.
    pub(super) fn attempt(&self, ready: &Ready, limit: Duration, context: &Context<'_>) -> Result<Finished, Failure> {
        ready.attempt(&self.program, &call::environment(), limit, context)
    }

    /// Gets to know the values of a container's variables that its command must not have shown. This run need not have given them: they
    /// are as old as the container. `false` when they cannot be had.
    fn know_values(&self, exec: &Exec, context: &Context<'_>) -> bool {
        if exec.hides.is_empty() {
            return true;
        }
        let id = id_of(&exec.container, context);
        let asked = self.ask(&["container", "inspect", "--format", "{{json .Config.Env}}", "--", &id]);
        let Ok(variables) = asked.and_then(|answer| answer.one::<Vec<String>>()) else { return false };
        self.given.take_in(&exec.hides, &variables);
        true
    }
}

/// The id by which the engine knows an object, or its name where no id is known.
pub(super) fn id_of(name: &ObjectName, context: &Context<'_>) -> String {
    let ids = context.ids.lock().unwrap_or_else(PoisonError::into_inner);
    ids.get(name).unwrap_or(&name.0).clone()
}
