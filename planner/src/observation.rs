//! What an engine has: seen by an executor, compared by the planner.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::digest::Digest;
use crate::guarantee::Guarantee;
use crate::name::ProjectName;
use crate::operation::{Input, ObjectKind};

/// What was observed of one project, and as much of the rest as could be in its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Our containers.
    pub containers: Vec<ObservedContainer>,
    /// Our networks.
    pub networks: Vec<ObservedNetwork>,
    /// The images that we built.
    pub images: Vec<ObservedImage>,
    /// Our volumes, by name.
    pub volumes: Vec<String>,
    /// Our processes on the host.
    pub processes: Vec<ObservedProcess>,
    /// Our folders of staged files on the host, by name.
    pub stages: Vec<String>,
    /// Every name by which an image of the engine's store can be had, ours or not.
    pub image_names: BTreeSet<String>,
    /// Names that objects which are not of this project have taken.
    pub taken: BTreeSet<(ObjectKind, String)>,
    /// Subnets of networks that are not of this project.
    pub foreign_subnets: Vec<Ipv4Net>,
    /// What the journal knows to be done: a cache.
    pub done: BTreeMap<Address, Done>,
    /// What was held when each bottle was last let go or changed, by the bottle's name: a cache too.
    #[serde(default)]
    pub held: BTreeMap<String, WasHeld>,
}

/// The guarantees that were held when a bottle was let go or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasHeld {
    /// The engine's id of the agent's container: of another one this says nothing.
    pub container: String,
    /// The guarantees, in the order of all tables.
    pub guarantees: Vec<Guarantee>,
}

/// What the labels of an object say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// The project.
    pub project: ProjectName,
    /// The operation that made it.
    pub address: Address,
    /// The digest of that operation.
    pub digest: Digest,
}

/// A container of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedContainer {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// The engine's id of its image.
    pub image_id: String,
    /// Whether it runs.
    pub state: ContainerState,
    /// The networks of which it is a member, by name, sorted.
    pub networks: Vec<String>,
    /// The volumes mounted into it, by name, sorted.
    pub volumes: Vec<String>,
}

/// Whether a container runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerState {
    /// Made and never started.
    Created,
    /// Running since: the engine's own text, only ever compared.
    Running(String),
    /// Anything else: how it ended.
    Stopped {
        /// Its exit code.
        exit: i64,
    },
}

/// A network of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNetwork {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its IPv4 subnet.
    pub subnet: Option<Ipv4Net>,
}

/// A process of ours on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedProcess {
    /// Its number and since when it runs: a number alone is used again.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it was started with says the same as labels.
    pub labels: Labels,
}

/// An image that we built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedImage {
    /// The engine's id.
    pub id: String,
    /// Its names, sorted; none for an image whose tag was taken away.
    pub names: Vec<String>,
    /// Its labels.
    pub labels: Labels,
}

/// An operation on a container that was done, and on which one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The digest of the operation.
    pub digest: Digest,
    /// What it was made from, so that a later plan can say what changed.
    pub inputs: Vec<Input>,
    /// The engine's id of the container it worked on or made.
    pub container: Option<String>,
    /// Since when that container ran, for what ends when it stops; of a process of the host, its id.
    pub since: Option<String>,
}
