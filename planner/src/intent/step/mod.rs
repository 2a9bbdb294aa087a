//! The steps of a graph. A compiled graph leaves open what depends on a backend; passes decide it.

mod container;
mod exec;
mod files;
mod gate;
mod host;
mod image;
mod names;
mod network;

pub use container::*;
pub use exec::*;
pub use files::*;
pub use gate::*;
pub use host::*;
pub use image::*;
pub use names::*;
pub use network::*;

use serde::{Deserialize, Serialize};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// An image of a registry is in the engine's store.
    PullImage(ImageName),
    /// An image is built.
    BuildImage(Build),
    /// A network exists.
    CreateNetwork(Network),
    /// A container exists and has never run.
    CreateContainer(Box<Container>),
    /// A container is a member of a network.
    Attach(Attachment),
    /// The numbers behind the user names of a container are known: an output.
    LearnOwners(Owners),
    /// Files are in a container.
    CopyIn(CopyIn),
    /// Nothing that a bottle requires is broken, as its agent would find it.
    Gate(Box<Gate>),
    /// A container's command runs.
    Start(ObjectName),
    /// A container answers that it serves.
    AwaitReady(Readiness),
    /// A command has run in a running container.
    Exec(Exec),
    /// The address of a running container is known: an output.
    LearnAddress(AddressOf),
    /// A container that was started held goes on to its own command.
    Release(ObjectName),
    /// Files lie in a folder of the host that is ours.
    Stage(Stage),
    /// A program of the host runs.
    StartProcess(HostProcess),
    /// A program of the host answers that it serves.
    AwaitProcess(ProcessReadiness),
    /// The addresses behind host names are known: outputs.
    ResolveHosts(ResolveHosts),
}

impl Step {
    /// A word for what the step does, as plans show it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::PullImage(_) => "pull image",
            Self::BuildImage(_) => "build image",
            Self::CreateNetwork(_) => "create network",
            Self::CreateContainer(_) => "create container",
            Self::Attach(_) => "attach",
            Self::LearnOwners(_) => "learn owners",
            Self::CopyIn(_) => "copy in",
            Self::Gate(_) => "gate",
            Self::Start(_) => "start",
            Self::AwaitReady(_) => "await ready",
            Self::Exec(_) => "exec",
            Self::LearnAddress(_) => "learn address",
            Self::Release(_) => "release",
            Self::Stage(_) => "stage files",
            Self::StartProcess(_) => "start process",
            Self::AwaitProcess(_) => "await process",
            Self::ResolveHosts(_) => "resolve hosts",
        }
    }

    /// The container that the step makes or works on.
    #[must_use]
    pub fn container(&self) -> Option<&ObjectName> {
        match self {
            Self::CreateContainer(container) => Some(&container.name),
            Self::Attach(attachment) => Some(&attachment.container),
            Self::LearnOwners(owners) => Some(&owners.container),
            Self::CopyIn(copy) => Some(&copy.container),
            Self::Gate(gate) => Some(&gate.container),
            Self::Start(name) | Self::Release(name) => Some(name),
            Self::LearnAddress(address) => Some(&address.container),
            Self::AwaitReady(ready) => Some(&ready.container),
            Self::Exec(exec) => Some(&exec.container),
            Self::PullImage(_)
            | Self::BuildImage(_)
            | Self::CreateNetwork(_)
            | Self::Stage(_)
            | Self::StartProcess(_)
            | Self::AwaitProcess(_)
            | Self::ResolveHosts(_) => None,
        }
    }
}
