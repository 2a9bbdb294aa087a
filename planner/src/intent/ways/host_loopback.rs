//! The proxy as a process of the host, on the gateway of the agent's network and on nothing else.

use super::Guard;
use crate::address::Address;
use crate::digest::Digest;
use crate::intent::compile::{Compiler, Made};
use crate::intent::{
    Archive, ArchiveEntry, CompileError, Content, HostProcess, Need, ObjectName, Owner, ProcessReadiness, Stage,
    StageName, Step, Word, pipelock,
};
use crate::manifest::Bottle;

impl Compiler<'_> {
    /// The network; the rest follows once the agent's container runs.
    pub(in crate::intent) fn host_loopback(
        &mut self,
        bottle: &Bottle,
        hosts: &[String],
    ) -> Result<Guard, CompileError> {
        Ok(Guard::HostLoopback { network: self.internal_network(bottle)?, hosts: hosts.to_vec() })
    }

    /// The process, bound to an address that is there only while a container is attached to the network: so it follows the agent's
    /// start, and the agent's command waits for it.
    pub(in crate::intent) fn host_proxy(
        &mut self,
        bottle: &Bottle,
        network: &Made<ObjectName>,
        hosts: &[String],
        agent: (&ObjectName, &Address),
    ) -> Result<Vec<Address>, CompileError> {
        let at = |step: &str| Address::of(&bottle.name, "pipelock", step);
        let name = self.object(&bottle.name, "_pipelock");
        let text = pipelock::config(hosts, pipelock::shared_metrics(&name.0));
        let content = Digest::of(text.as_bytes());
        let stage = StageName(format!("{name}-{content}"));
        let files = Archive {
            entries: vec![ArchiveEntry {
                path: pipelock::CONFIG.to_owned(),
                content: Content::Text(text),
                owner: Owner::ROOT,
                mode: Some(0o644),
            }],
        };
        let staged = Stage { name: stage.clone(), base: pipelock::FOLDER.to_owned(), files, content };
        let staged = self.add(at("stage"), Step::Stage(staged), [])?;
        let process = HostProcess {
            name,
            program: pipelock::PROGRAM.to_owned(),
            config: (stage, pipelock::CONFIG_NAME.to_owned()),
            network: network.name.clone(),
            address: None,
            port: pipelock::PORT,
        };
        let (container, started) = agent;
        let start = self.add(
            at("start"),
            Step::StartProcess(process.clone()),
            [(Need::On, staged), (Need::On, network.address.clone()), (Need::After, started.clone())],
        )?;
        let ready =
            self.add(at("ready"), Step::AwaitProcess(ProcessReadiness { process, within: 30 }), [(Need::On, start)])?;
        let known = self.name_in_guest(bottle, container, Word::Gateway(network.name.clone()), started, None)?;
        Ok(vec![ready, known])
    }
}
