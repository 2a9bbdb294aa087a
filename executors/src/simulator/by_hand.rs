//! What others than `bottle` do to an engine, and what can be seen of it: for tests, and as one would with `docker`.
//!
//! Errors are the engine's own words.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bottle_planner::intent::{Hold, ImageName, Membership, ObjectName, Role};
use bottle_planner::observation::Labels;
use bottle_planner::operation::ObjectKind;
use bottle_planner::profile::Behaviour;
use ipnet::Ipv4Net;

use super::processes::{self, Process};
use super::stages::Stage;
use super::state::{Change, Container, Image, Network, State, Status, Stored, Volume, predefined};
use super::step::{Refusal, Scene};
use super::{Simulator, containers, images, networks, removal};
use crate::engine::EngineError;

/// A hand on the simulated engine.
#[derive(Clone, Copy, Debug)]
pub struct Hand<'a> {
    engine: &'a Simulator,
}

impl<'a> Hand<'a> {
    pub(super) fn new(engine: &'a Simulator) -> Self {
        Self { engine }
    }

    /// A container by its name.
    ///
    /// # Errors
    /// When the state cannot be read; so for all that looks.
    pub fn container(&self, name: &str) -> Result<Option<Container>, EngineError> {
        self.engine.look(|state| state.container_named(name).cloned())
    }

    /// What stands at a path of a container, put there or baked in.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn file(&self, container: &str, path: &str) -> Result<Option<Stored>, EngineError> {
        self.engine.look(|state| {
            let container = state.container_named(container)?;
            let image = state.images.get(&container.image_id);
            container.files.get(path).or_else(|| image?.files.get(path)).cloned()
        })
    }

    /// A network by its name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn network(&self, name: &str) -> Result<Option<Network>, EngineError> {
        self.engine.look(|state| state.network_named(name).cloned())
    }

    /// An image by its name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn image(&self, name: &str) -> Result<Option<Image>, EngineError> {
        let name = ImageName(name.to_owned());
        self.engine.look(|state| state.image_named(&name).cloned())
    }

    /// All volumes.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn volumes(&self) -> Result<Vec<Volume>, EngineError> {
        self.engine.look(|state| state.volumes.values().cloned().collect())
    }

    /// A process of the host by its name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn process(&self, name: &str) -> Result<Option<Process>, EngineError> {
        self.engine.look(|state| processes::named(state, name).cloned())
    }

    /// All folders of staged files.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn stages(&self) -> Result<Vec<Stage>, EngineError> {
        self.engine.look(|state| state.stages.values().cloned().collect())
    }

    /// `kill` of a process of the host.
    ///
    /// # Errors
    /// When there is none of that name; so for the next one.
    pub fn kill_process(&self, name: &str) -> Result<(), String> {
        self.act(|state| match processes::named(state, name) {
            Some(process) => Ok(vec![Change::Gone(ObjectKind::Process, process.id.clone())]),
            None => Err(Refusal::program(format!("{name}: no process found"))),
        })
    }

    /// `rm -r` of a folder of staged files.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove_stage(&self, name: &str) -> Result<(), String> {
        self.act(|state| match state.stages.get(name) {
            Some(stage) => Ok(vec![Change::Gone(ObjectKind::Stage, stage.name.clone())]),
            None => Err(Refusal::program(format!("rm: {name}: No such file or directory"))),
        })
    }

    /// Puts other addresses behind a host name; with none, nothing is found under it any more.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn resolve_as(&self, host: &str, addresses: &[IpAddr]) -> Result<(), String> {
        self.act(|_| Ok(vec![Change::Resolves(host.to_owned(), addresses.to_vec())]))
    }

    /// `docker start`.
    ///
    /// # Errors
    /// When the engine refuses; so for all that follow.
    pub fn start(&self, container: &str) -> Result<(), String> {
        self.on(container, containers::start)
    }

    /// `docker stop`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn stop(&self, container: &str) -> Result<(), String> {
        self.on(container, |_, container| Ok(containers::stop(container)))
    }

    /// `docker restart`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn restart(&self, container: &str) -> Result<(), String> {
        self.stop(container)?;
        self.start(container)
    }

    /// `docker rm --force --volumes`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn remove_container(&self, container: &str) -> Result<(), String> {
        self.on(container, |state, container| Ok(containers::remove(state, container)))
    }

    /// `docker network connect`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn connect(&self, container: &str, network: &str) -> Result<(), String> {
        let network = ObjectName(network.to_owned());
        let membership = Membership { network, alias: None, default_route: false, own: false };
        self.on(container, |state, container| {
            networks::connect(state, container, networks::bind(state, &membership, None))
        })
    }

    /// `docker network disconnect`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn disconnect(&self, container: &str, network: &str) -> Result<(), String> {
        self.on(container, |state, container| networks::disconnect(state, container, network))
    }

    /// `docker network rm`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn remove_network(&self, name: &str) -> Result<(), String> {
        self.act(|state| {
            if predefined(state.behaves).iter().any(|(own, _)| *own == name) {
                return Err(match state.behaves {
                    Behaviour::Docker => {
                        Refusal::daemon(format!("{name} is a pre-defined network and cannot be removed"))
                    }
                    Behaviour::Container => Refusal::container(format!("cannot delete a builtin network: {name}")),
                });
            }
            networks::remove(state, state.network_named(name).ok_or_else(|| networks::missing(state, name))?)
        })
    }

    /// `docker image rm`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn remove_image(&self, name: &str) -> Result<(), String> {
        self.act(|state| {
            let image = state.image_named(&ImageName(name.to_owned()));
            images::remove(state, image.ok_or_else(|| Refusal::daemon(format!("No such image: {name}")))?)
        })
    }

    /// `docker volume rm`.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn remove_volume(&self, name: &str) -> Result<(), String> {
        self.act(|state| {
            let volume = state.volumes.get(name);
            let volume = volume.ok_or_else(|| Refusal::daemon(format!("get {name}: no such volume")))?;
            removal::remove_volume(state, volume)
        })
    }

    /// `docker create` of a container, with labels of its own if any.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn add_container(&self, name: &str, labels: Option<Labels>) -> Result<(), String> {
        self.act(|state| {
            containers::free_name(state, name)?;
            let (id, count) = Scene { state, labels: None }.new_id("container");
            let container = Container {
                id,
                name: name.to_owned(),
                labels,
                image: "scratch".to_owned(),
                image_id: format!("sha256:{}", super::state::id("pulled", "scratch")),
                role: Role::Agent,
                user: None,
                command: Vec::new(),
                env: BTreeMap::new(),
                runtime: None,
                hold: Hold::None,
                released: false,
                begun: false,
                serves: false,
                resolvers: Vec::new(),
                mounts: Vec::new(),
                workdir: None,
                volume: None,
                read_only: false,
                dns_closed: false,
                networks: Vec::new(),
                status: Status::Created,
                files: BTreeMap::new(),
                ran: Vec::new(),
            };
            Ok(vec![count, Change::Container(Box::new(container))])
        })
    }

    /// `docker network create --subnet`, with labels of its own if any.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn add_network(&self, name: &str, subnet: Ipv4Net, labels: Option<Labels>) -> Result<(), String> {
        self.act(|state| Ok(networks::new(&Scene { state, labels }, name, subnet, |network| network)?.1))
    }

    /// `docker tag` of another image with an image's name, and `docker image rm` of that name: it is there, and has none.
    ///
    /// # Errors
    /// When there is no such image.
    pub fn unname_image(&self, name: &str) -> Result<(), String> {
        self.act(|state| {
            let image = state.image_named(&ImageName(name.to_owned()));
            let image = image.ok_or_else(|| Refusal::daemon(format!("No such image: {name}")))?;
            Ok(vec![Change::Image(Image { name: None, ..image.clone() })])
        })
    }

    /// `docker tag` of an image that is not ours. It takes the name from whichever has it.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn add_image(&self, name: &str) -> Result<(), String> {
        self.act(|state| Ok(images::pull(state, &ImageName(name.to_owned()))))
    }

    /// `docker volume create`, with the label of a project if any.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn add_volume(&self, name: &str, project: Option<bottle_planner::name::ProjectName>) -> Result<(), String> {
        let name = name.to_owned();
        self.act(|_| Ok(vec![Change::Volume(Volume { name, project, container: None })]))
    }

    fn on(
        &self,
        name: &str,
        then: impl FnOnce(&State, &Container) -> Result<Vec<Change>, Refusal>,
    ) -> Result<(), String> {
        self.act(|state| match state.container_named(name) {
            Some(container) => then(state, container),
            None => Err(containers::missing(state, name)),
        })
    }

    fn act(&self, plan: impl FnOnce(&State) -> Result<Vec<Change>, Refusal>) -> Result<(), String> {
        self.engine.change(|state| Ok(((), plan(state)?))).map_err(|refusal: Refusal| refusal.said)
    }
}
