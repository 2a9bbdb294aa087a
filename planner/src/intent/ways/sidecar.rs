//! The sidecar: a container of its own, on the internal network and on one that leads out.

use std::collections::BTreeMap;

use super::Guard;
use crate::address::Address;
use crate::digest::Digest;
use crate::intent::compile::{Compiler, Made};
use crate::intent::{
    Archive, ArchiveEntry, CompileError, Container, Content, CopyIn, Hold, Need, ObjectName, Owner, Readiness, Role,
    Step, Tracking, pipelock,
};
use crate::manifest::{Bottle, Runtime};

impl Compiler<'_> {
    /// The sidecar, up to where it serves.
    pub(in crate::intent) fn sidecar(
        &mut self,
        bottle: &Bottle,
        egress: &Made<ObjectName>,
        hosts: &[String],
    ) -> Result<Guard, CompileError> {
        let name = &bottle.name;
        let internal = self.internal_network(bottle)?;
        let image = self.sidecar_image()?;
        let container = self.object(name, "_pipelock");
        let text = pipelock::config(hosts, pipelock::METRICS);
        let configuration = Digest::of(text.as_bytes());
        let command = ["run", "--config", pipelock::CONFIG, "--listen"].map(str::to_owned).into_iter();
        let step = Step::CreateContainer(Box::new(Container {
            name: container.clone(),
            role: Role::Sidecar,
            image: image.name.clone(),
            user: Some(pipelock::USER.to_owned()),
            command: command.chain([format!("0.0.0.0:{}", pipelock::PORT)]).collect(),
            workdir: None,
            env: BTreeMap::new(),
            networks: Vec::new(),
            asked: Runtime::Auto,
            runtime: None,
            hold: Hold::None,
            resolvers: Vec::new(),
            mounts: Vec::new(),
            volume: Some(pipelock::FOLDER.to_owned()),
            configuration: Some(configuration.clone()),
            read_only: true,
            init: false,
            dns_closed: false,
            capabilities: Vec::new(),
            given_up: Vec::new(),
            pids: 512,
            cpus: None,
            memory: None,
        }));
        let create = self.add(Address::of(name, "pipelock", "create"), step, [(Need::After, image.address.clone())])?;
        let made = Made { address: create.clone(), name: container.clone() };
        let inside = self.attach(name, ("pipelock", &made), ("internal", &internal), Some(pipelock::ALIAS), false)?;
        let outside = self.attach(name, ("pipelock", &made), ("egress", egress), None, true)?;

        let tracked = Tracking::Content(configuration);
        let entry = ArchiveEntry {
            path: pipelock::CONFIG.to_owned(),
            content: Content::Text(text),
            owner: Owner::ROOT,
            mode: Some(0o644),
        };
        let copy = self.add(
            Address::of(name, "pipelock", &format!("copy:{}", pipelock::CONFIG)),
            Step::CopyIn(CopyIn {
                container: container.clone(),
                into: pipelock::FOLDER.to_owned(),
                files: Archive { entries: vec![entry] },
                tracked,
            }),
            [(Need::On, create.clone())],
        )?;
        let start = self.add(
            Address::of(name, "pipelock", "start"),
            Step::Start(container.clone()),
            [(Need::On, create), (Need::After, copy), (Need::After, inside), (Need::After, outside)],
        )?;
        let probe = ["/pipelock", "healthcheck", "--addr"].map(str::to_owned).into_iter();
        let ready = self.add(
            Address::of(name, "pipelock", "ready"),
            Step::AwaitReady(Readiness {
                container,
                probe: probe.chain([format!("127.0.0.1:{}", pipelock::PORT)]).collect(),
                within: 30,
            }),
            [(Need::On, start)],
        )?;
        Ok(Guard::Sidecar { network: internal, ready })
    }
}
