//! An operation carried out: by one command, or on the host.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bottle_planner::address::Address;
use bottle_planner::intent::{AddressOf, Archive, Exec, ObjectName, StageName, Step};
use bottle_planner::operation::{Action, Command, Operation};

use super::ready::{Serving, ServingProcess};
use super::{ContainerEngine, PROGRAM};
use crate::command::{Making, Ready, last_line, not_for};
use crate::engine::{Context, Ended, Failure, Outcome};
use crate::host::resolve;
use crate::process::Finished;
use crate::ready::{self, rest};
use crate::said::UNSPOKEN;
use crate::{archive, owners};

/// The pause between two looks at a container whose address is not there yet.
const PAUSE: Duration = Duration::from_millis(200);

impl ContainerEngine {
    pub(super) fn carry_out(&self, operation: &Operation, context: &Context<'_>) -> Result<Outcome, Failure> {
        let limit = Duration::from_secs(operation.time_limit.into());
        let failed =
            |ended: Ended, said: String| Failure { address: operation.address.clone(), argv: Vec::new(), ended, said };
        match &operation.action {
            Action::Command(command) => self.command(operation, command, limit, context),
            Action::Process(command) => self.start_process(operation, command, context),
            Action::Stage { name, files, base } => {
                let staged = self.stage(name, files, base, context);
                staged.map_err(|why| failed(Ended::NotStarted, why)).map(|()| Outcome::default())
            }
            Action::Resolve(hosts) => resolve::resolve(hosts, &self.resolver, limit, context.hurry)
                .map(|outputs| Outcome { outputs, ..Outcome::default() })
                .map_err(|(ended, said)| failed(ended, said)),
        }
    }

    fn command(
        &self,
        operation: &Operation,
        command: &Command,
        limit: Duration,
        context: &Context<'_>,
    ) -> Result<Outcome, Failure> {
        let ready = self.ready(&operation.address, command, Some(&operation.step), context)?;
        if let Step::AwaitProcess(wanted) = &operation.step {
            let serving = Serving { engine: self, ready: &ready, name: &wanted.process.name.0, context };
            return ready::wait(&ServingProcess(serving), wanted.within, limit, context.hurry);
        }
        if ready.program() != PROGRAM {
            return Err(not_for(PROGRAM, &operation.address));
        }
        if let Step::AwaitReady(wanted) = &operation.step {
            let serving = Serving { engine: self, ready: &ready, name: &wanted.container.0, context };
            return ready::wait(&serving, wanted.within, limit, context.hurry);
        }
        if let Step::LearnAddress(wanted) = &operation.step {
            return self.learn_address(wanted, &ready, limit, context);
        }
        let _one = matches!(operation.step, Step::BuildImage(_))
            .then(|| self.building.lock().unwrap_or_else(PoisonError::into_inner));
        let finished = ready.attempt(&self.program, &[], limit, context)?;
        if !finished.succeeded() {
            if let Step::Exec(exec) = &operation.step
                && !self.know_values(exec)
            {
                return Err(ready.failure(finished.ended, UNSPOKEN));
            }
            return Err(ready.failed(&finished, &self.given));
        }
        match &operation.step {
            Step::CreateContainer(container) => {
                self.expect_name(&ready, &finished, &container.name)?;
                let made = self.inspect(&container.name.0);
                let made = made.map_err(|error| ready.failure(finished.ended, error.to_string()))?;
                Ok(Outcome { made: Some(made.identity()), ..Outcome::default() })
            }
            Step::CreateNetwork(network) => {
                self.expect_name(&ready, &finished, &network.name)?;
                Ok(Outcome { made: Some(network.name.0.clone()), ..Outcome::default() })
            }
            Step::LearnOwners(wanted) => {
                let passwd = String::from_utf8_lossy(&finished.stdout.bytes);
                match owners::learn(&passwd, &wanted.names) {
                    Ok(outputs) => Ok(Outcome { outputs, ..Outcome::default() }),
                    Err(why) => Err(ready.failure(finished.ended, why)),
                }
            }
            _ => Ok(Outcome::default()),
        }
    }

    /// Gets to know the values of a container's variables that its command must not have shown; `false` when they cannot be had.
    fn know_values(&self, exec: &Exec) -> bool {
        if exec.hides.is_empty() {
            return true;
        }
        let Ok(container) = self.inspect(&exec.container.0) else { return false };
        self.given.take_in(&exec.hides, &container.configuration.init_process.environment);
        true
    }

    /// What is made prints its name.
    fn expect_name(&self, ready: &Ready, finished: &Finished, name: &ObjectName) -> Result<(), Failure> {
        let printed = last_line(&finished.stdout.bytes);
        if printed == name.0 {
            return Ok(());
        }
        Err(ready.failure(finished.ended.clone(), format!("it printed {printed:?} where {name} was expected")))
    }

    /// Looks at a container until it has its address.
    fn learn_address(
        &self,
        wanted: &AddressOf,
        ready: &Ready,
        limit: Duration,
        context: &Context<'_>,
    ) -> Result<Outcome, Failure> {
        let began = Instant::now();
        loop {
            let finished = self.done(ready, limit.saturating_sub(began.elapsed()), context)?;
            let answer: Result<Vec<super::objects::RawContainer>, _> = serde_json::from_slice(&finished.stdout.bytes);
            let container = match answer.map(|list| list.into_iter().find(|found| found.id == wanted.container.0)) {
                Ok(Some(container)) => container,
                Ok(None) => return Err(ready.failure(finished.ended, format!("{} is not in it", wanted.container))),
                Err(error) => return Err(ready.failure(finished.ended, format!("it was not understood: {error}"))),
            };
            if let Some(address) = container.address(&wanted.network.0) {
                let outputs = vec![(AddressOf::IPV4.to_owned(), address.to_owned())];
                return Ok(Outcome { outputs, ..Outcome::default() });
            }
            let why = format!("{} has no address on {}", wanted.container, wanted.network);
            if !container.runs() {
                return Err(ready.failure(finished.ended, format!("{why}: its state is {}", container.status.state)));
            }
            if began.elapsed() + PAUSE >= limit {
                let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX);
                return Err(ready.failure(Ended::TimeLimit(seconds), why));
            }
            if !rest(PAUSE, context.hurry) {
                return Err(ready.failure(Ended::Hurried, why));
            }
        }
    }

    fn start_process(
        &self,
        operation: &Operation,
        command: &Command,
        context: &Context<'_>,
    ) -> Result<Outcome, Failure> {
        let Step::StartProcess(process) = &operation.step else {
            return Err(not_for(PROGRAM, &operation.address));
        };
        let ready = self.ready(&operation.address, command, Some(&operation.step), context)?;
        let of = (&operation.address, &operation.digest);
        let started = self.processes(context.project).start(&process.name.0, of, &ready, &self.given, context.hurry);
        let outcome = |id| Outcome { made: Some(id), ..Outcome::default() };
        started.map(outcome).map_err(|why| ready.failure(Ended::NotStarted, why))
    }

    fn stage(&self, name: &StageName, files: &Archive, base: &str, context: &Context<'_>) -> Result<(), String> {
        // On the host nobody has a guest's numbers: whoever runs this is the owner.
        let files = archive::expand(files, context.files, &|_| Some((0, 0)))
            .map_err(|error| format!("{}: {}", error.path, error.why))?;
        let stages = self.stages(context.project);
        stages.put(name, base, &files).map_err(|error| format!("{}: {error}", stages.folder().join(&name.0).display()))
    }

    /// Makes a command's parts known. `step` is `None` for a removal.
    pub(super) fn ready(
        &self,
        address: &Address,
        command: &Command,
        step: Option<&Step>,
        context: &Context<'_>,
    ) -> Result<Ready, Failure> {
        let stages = self.stages(context.project);
        let making = Making {
            given: &self.given,
            // The engine knows its objects by no other word.
            object: |name, _| name.0.clone(),
            stage: &|name| stages.path(name),
        };
        making.ready(address, command, step, context)
    }

    /// Runs a command that has to succeed.
    fn done(&self, ready: &Ready, limit: Duration, context: &Context<'_>) -> Result<Finished, Failure> {
        let finished = ready.attempt(&self.program, &[], limit, context)?;
        if finished.succeeded() { Ok(finished) } else { Err(ready.failed(&finished, &self.given)) }
    }
}
