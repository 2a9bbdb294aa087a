//! The agent of a bottle: its container, its files, its keys, its commands.

use std::collections::BTreeMap;

use super::compile::{Compiler, Made, open_hosts};
use super::ways::Guard;
use super::{
    Archive, CompileError, Container, Content, CopyIn, EnvSource, Exec, ExecStdin, Gate, Hold, ImageName, Lasts, Mount,
    MountSource, Need, ObjectName, Owners, Role, Secret, Step, Tracking, Word, archives, content, hosts_file, pipelock,
    ssh, steering,
};
use crate::address::Address;
use crate::digest::{Digest, Hasher};
use crate::guarantee::Guarantee;
use crate::manifest::{Allowance, Bottle, EnvValue, Prompt, Workspace, WorkspaceMode};
use crate::probe::is_asked_at_gate;

impl Compiler<'_> {
    pub(super) fn agent(&mut self, bottle: &Bottle, guard: Option<Guard>) -> Result<(), CompileError> {
        let name = &bottle.name;
        let image = self.agent_image(bottle)?;
        let container = self.object(name, "");
        let image_name = image.name.clone();
        let step = Step::CreateContainer(Box::new(Container {
            name: container.clone(),
            role: Role::Agent,
            image: image.name,
            user: bottle.user.clone(),
            command: bottle.command.clone(),
            workdir: bottle.workspace.as_ref().map(|workspace| workspace.to.clone()),
            env: environment(bottle, guard.as_ref().is_some_and(Guard::is_proxy))?,
            networks: Vec::new(),
            asked: bottle.runtime,
            runtime: None,
            hold: match &guard {
                None | Some(Guard::Sidecar { .. }) => Hold::None,
                Some(Guard::HostLoopback { .. }) => Hold::Held,
                Some(Guard::Firewall { .. }) => Hold::HeldByRoot,
            },
            resolvers: Vec::new(),
            mounts: mounts(bottle)?,
            volume: None,
            configuration: None,
            read_only: false,
            init: true,
            dns_closed: !bottle.given_up.contains(&Allowance::HostNetwork),
            given_up: bottle.given_up.clone(),
            // For the rules alone: the agent's own command is started without any.
            capabilities: if matches!(guard, Some(Guard::Firewall { .. })) { vec!["NET_ADMIN"] } else { Vec::new() },
            pids: bottle.limits.pids,
            cpus: bottle.limits.cpus.clone(),
            memory: bottle.limits.memory.clone(),
        }));
        let create = self.add(Address::of(name, "agent", "create"), step, [(Need::After, image.address)])?;
        let made = Made { address: create.clone(), name: container.clone() };
        let mut before_start = vec![(Need::On, create.clone())];
        if let Some(guard) = &guard {
            let (object, network) = match guard {
                Guard::Sidecar { network, .. } | Guard::HostLoopback { network, .. } => ("internal", network),
                Guard::Firewall { network, .. } => ("egress", network),
            };
            before_start.push((Need::After, self.attach(name, ("agent", &made), (object, network), None, true)?));
        }
        if let Some(Guard::Sidecar { ready, .. }) = &guard {
            before_start.push((Need::After, ready.clone()));
        }
        if let Some(gate) = self.gate(bottle, (&container, &image_name), &before_start)? {
            before_start.push((Need::After, gate));
        }

        let copies = self.copies(bottle, guard.as_ref().is_some_and(Guard::is_proxy))?;
        let mut names: Vec<String> = copies.iter().flat_map(|copy| copy.files.owner_names()).collect();
        names.sort_unstable();
        names.dedup();
        let owners = if names.is_empty() {
            None
        } else {
            let step = Step::LearnOwners(Owners { container: container.clone(), names });
            Some(self.add(Address::of(name, "agent", "owners"), step, [(Need::On, create.clone())])?)
        };
        let mut declared = Vec::new();
        for FileSet { step, files, tracked, declared: is_declared } in copies {
            let mut needs = vec![(Need::On, create.clone())];
            if let (Some(owners), false) = (&owners, files.owner_names().is_empty()) {
                needs.push((Need::After, owners.clone()));
            }
            let step_kind = Step::CopyIn(CopyIn { container: container.clone(), into: "/".to_owned(), files, tracked });
            let address = self.add(Address::of(name, "agent", &step), step_kind, needs)?;
            before_start.push((Need::After, address.clone()));
            if is_declared {
                declared.push(address);
            }
        }
        let start = self.add(Address::of(name, "agent", "start"), Step::Start(container.clone()), before_start)?;
        let go = self.let_go(bottle, guard.as_ref(), &container, &start)?;
        let relay = self.ssh(bottle, &container, &start)?;

        let secret = bottle.env.iter().filter(|(_, value)| !matches!(value, EnvValue::Literal(_)));
        let hides: Vec<String> = secret.map(|(name, _)| name.clone()).collect();
        let mut previous: Option<Address> = None;
        for (number, exec) in bottle.exec.iter().enumerate() {
            let step = Step::Exec(Exec {
                container: container.clone(),
                user: exec.user.clone().or_else(|| bottle.user.clone()),
                env: BTreeMap::new(),
                command: exec.run.iter().map(|word| word.as_str().into()).collect(),
                stdin: ExecStdin::Nothing,
                hides: hides.clone(),
                lasts: Lasts::Container,
            });
            // A command that was declared after others may use what they made.
            let mut needs = vec![(Need::After, go.clone()), (Need::On, create.clone())];
            needs.extend(relay.iter().map(|relay| (Need::After, relay.clone())));
            match &previous {
                Some(previous) => needs.push((Need::On, previous.clone())),
                None => needs.extend(declared.iter().map(|copy| (Need::On, copy.clone()))),
            }
            previous = Some(self.add(Address::of(name, "agent", &format!("exec:{}", number + 1)), step, needs)?);
        }
        Ok(())
    }

    /// The gate of a bottle that requires what quick probes can refute.
    fn gate(
        &mut self,
        bottle: &Bottle,
        (container, image): (&ObjectName, &ImageName),
        before_start: &[(Need, Address)],
    ) -> Result<Option<Address>, CompileError> {
        let mut asks: Vec<Guarantee> =
            bottle.requires.iter().copied().filter(|guarantee| is_asked_at_gate(*guarantee)).collect();
        asks.sort_unstable();
        asks.dedup();
        if asks.is_empty() {
            return Ok(None);
        }
        let needs: Vec<(Need, Address)> = before_start.iter().map(|(_, on)| (Need::On, on.clone())).collect();
        let secret = bottle.env.iter().filter(|(_, value)| !matches!(value, EnvValue::Literal(_)));
        let gate = Gate {
            container: container.clone(),
            twin: self.object(&bottle.name, "_gate"),
            asks,
            allow: open_hosts(bottle),
            secrets: secret.map(|(name, _)| name.clone()).collect(),
            image: image.clone(),
            user: bottle.user.clone(),
            runtime: None,
            networks: Vec::new(),
            given_up: Vec::new(),
            dns_closed: true,
        };
        self.add(Address::of(&bottle.name, "agent", Gate::STEP), Step::Gate(Box::new(gate)), needs).map(Some)
    }

    /// What lets the agent's command run: its start, or, where it is started held, the release once its guard stands.
    fn let_go(
        &mut self,
        bottle: &Bottle,
        guard: Option<&Guard>,
        container: &ObjectName,
        start: &Address,
    ) -> Result<Address, CompileError> {
        let guarded = match guard {
            None | Some(Guard::Sidecar { .. }) => return Ok(start.clone()),
            Some(Guard::HostLoopback { network, hosts }) => {
                self.host_proxy(bottle, network, hosts, (container, start))?
            }
            Some(Guard::Firewall { hosts, .. }) => self.firewall(bottle, hosts, (container, start))?,
        };
        let needs = guarded.into_iter().map(|step| (Need::After, step)).chain([(Need::On, start.clone())]);
        self.add(Address::of(&bottle.name, "agent", "release"), Step::Release(container.clone()), needs)
    }

    /// Makes the proxy known to the guest by its name, for backends and ways where no resolver knows it.
    pub(super) fn name_in_guest(
        &mut self,
        bottle: &Bottle,
        container: &ObjectName,
        address: Word,
        started: &Address,
        learnt: Option<&Address>,
    ) -> Result<Address, CompileError> {
        let needs = learnt.into_iter().chain([started]).map(|step| (Need::On, step.clone()));
        let step = Step::Exec(hosts_file::name(container, pipelock::ALIAS, address));
        self.add(Address::of(&bottle.name, "agent", "hosts"), step, needs)
    }

    /// The steps that make keys usable in the guest; the last of them, if there are any.
    fn ssh(
        &mut self,
        bottle: &Bottle,
        container: &ObjectName,
        start: &Address,
    ) -> Result<Option<Address>, CompileError> {
        if bottle.ssh.is_empty() {
            return Ok(None);
        }
        let at = |step: &str| Address::of(&bottle.name, "agent", step);
        let agent = self.add(
            at("ssh:agent"),
            Step::Exec(ssh::start_agent(container, &bottle.ssh)),
            [(Need::On, start.clone())],
        )?;
        let mut needs = vec![(Need::On, agent.clone())];
        for key in &bottle.ssh {
            let step = Step::Exec(ssh::add_key(container, key));
            let key = self.add(at(&format!("ssh:key:{}", key.host)), step, [(Need::On, agent.clone())])?;
            needs.push((Need::After, key));
        }
        Ok(Some(self.add(at("ssh:relay"), Step::Exec(ssh::relay(container)), needs)?))
    }

    /// The files of an agent, each set under the last part of its address.
    fn copies(&self, bottle: &Bottle, proxied: bool) -> Result<Vec<FileSet>, CompileError> {
        let owner = archives::owner(bottle.user.as_deref());
        let home = bottle.home.trim_end_matches('/');
        let mut sets = Vec::new();
        if let Some(prompt) = &bottle.prompt {
            let (content, digest) = match prompt {
                Prompt::File(path) => (Content::Host(path.clone()), content::digest(self.files, path)?),
                Prompt::Text(text) => (Content::Text(text.clone()), Digest::of(text.as_bytes())),
            };
            let files = archives::at(home, &format!("{home}/.bottle-prompt.md"), content, &owner, Some(0o600));
            sets.push(FileSet::tracked("prompt".to_owned(), files, digest));
        }
        for skill in &bottle.skills {
            let place = format!("{home}/{}/{}", bottle.agent.skills_folder(), skill.file_name());
            let files = archives::at(home, &place, Content::Host(skill.clone()), &owner, None);
            let digest = content::digest(self.files, skill)?;
            sets.push(FileSet::tracked(format!("skill:{}", skill.file_name()), files, digest));
        }
        if !bottle.ssh.is_empty() {
            let files = ssh::files(bottle, &owner, proxied);
            let mut hasher = Hasher::default();
            for entry in &files.entries {
                if let Content::Text(text) = &entry.content {
                    hasher.field(text);
                }
            }
            sets.push(FileSet::tracked("ssh:config".to_owned(), files, hasher.finish()));
        }
        if let Some(Workspace { from, to, how }) = &bottle.workspace {
            let source = match how {
                WorkspaceMode::Copy => Some((from.clone(), to.clone())),
                WorkspaceMode::Git => Some((from.join(".git"), format!("{to}/.git"))),
                WorkspaceMode::Mount | WorkspaceMode::Bake => None,
            };
            if let Some((from, to)) = source {
                let files = archives::at(home, &to, Content::Host(from), &owner, None);
                sets.push(FileSet { step: "workspace".to_owned(), files, tracked: Tracking::Once, declared: true });
            }
        }
        for copy in &bottle.copy {
            let mut files = archives::at(home, &copy.to, Content::Host(copy.from.clone()), &owner, copy.mode);
            // The folders that lead to it stay the agent's.
            if let (Some(another), Some(copied)) = (&copy.owner, files.entries.last_mut()) {
                copied.owner = archives::owner(Some(another));
            }
            let digest = content::digest(self.files, &copy.from)?;
            let mut set = FileSet::tracked(format!("copy:{}", copy.to), files, digest);
            set.declared = true;
            sets.push(set);
        }
        Ok(sets)
    }
}

/// Files that go in together.
struct FileSet {
    step: String,
    files: Archive,
    tracked: Tracking,
    /// Whether the manifest lists it itself, so that a later `exec` may depend on it.
    declared: bool,
}

impl FileSet {
    fn tracked(step: String, files: Archive, digest: Digest) -> Self {
        Self { step, files, tracked: Tracking::Content(digest), declared: false }
    }
}

fn environment(bottle: &Bottle, proxied: bool) -> Result<BTreeMap<String, EnvSource>, CompileError> {
    let mut env = BTreeMap::new();
    if proxied {
        for (name, value) in pipelock::agent_environment() {
            env.insert(name.to_owned(), EnvSource::Literal(value));
        }
    }
    if !bottle.ssh.is_empty() {
        env.insert("SSH_AUTH_SOCK".to_owned(), EnvSource::Literal(ssh::RELAY.to_owned()));
    }
    for (name, value) in &bottle.env {
        if !matches!(value, EnvValue::Literal(_)) && steering::steers(name) {
            return Err(CompileError::SecretVariable { bottle: bottle.name.clone(), variable: name.clone() });
        }
        let source = match value {
            EnvValue::Literal(text) => EnvSource::Literal(text.clone()),
            EnvValue::FromHost(variable) => EnvSource::Secret(Secret::HostEnv(variable.clone())),
            EnvValue::Ask(prompt) => EnvSource::Secret(Secret::Ask(prompt.clone())),
        };
        env.insert(name.clone(), source);
    }
    Ok(env)
}

fn mounts(bottle: &Bottle) -> Result<Vec<Mount>, CompileError> {
    let Some(Workspace { from, to, how: WorkspaceMode::Mount }) = &bottle.workspace else { return Ok(Vec::new()) };
    for path in [from.as_str(), to] {
        if path.contains([',', '"']) {
            return Err(CompileError::Mount { path: path.to_owned() });
        }
    }
    Ok(vec![Mount { from: MountSource::Host(from.clone()), to: to.clone() }])
}
