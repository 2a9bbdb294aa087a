//! Probing live bottles: a listener of our own on the host, scripts run in the bottles and in containers of our own beside them, and the
//! planner's verdicts on what they answered.
//!
//! Nothing in a bottle is changed: scripts come by standard input, write no file, and end by themselves within a time that is known.

mod asking;
mod gate;
mod host_addresses;
mod listener;
mod scene;
mod seen;

use std::time::Duration;

use bottle_planner::name::ProjectName;
use bottle_planner::observation::Observation;
use bottle_planner::probe::{Subject, Verification, Verified};
use bottle_planner::profile::Profile;

pub(crate) use gate::{Before, Closed};
pub use seen::{Endpoint, Member, SeenContainer, SeenNetwork, Surroundings};

use crate::engine::{Engine, EngineError};
use listener::Listening;

/// A backend on which live bottles can be asked.
pub trait Prober: Send + Sync {
    /// What the engine says of a project's containers, of its networks, and of whoever else is on them.
    ///
    /// # Errors
    /// When it does not answer.
    fn surroundings(&self, project: &ProjectName, observation: &Observation) -> Result<Surroundings, EngineError>;

    /// Where the values of an agent's secrets were found though they do not belong there: in the containers and images of its bottle. By
    /// the names of variables, never a value.
    ///
    /// # Errors
    /// When the engine does not answer.
    fn leaks(
        &self,
        agent: &SeenContainer,
        proxy: Option<&SeenContainer>,
        secrets: &[String],
    ) -> Result<Vec<String>, EngineError>;

    /// Runs a script by `sh -s` and gives what it printed.
    ///
    /// # Errors
    /// Why it could not be run, in words for a reason.
    fn run(&self, place: &Place<'_>, script: &str, limit: Duration) -> Result<String, String>;
}

/// Where a script runs.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In a container, as its own user.
    In(&'a str),
    /// In a container of our own that is gone afterwards.
    Own(Helper<'a>),
}

/// A container of our own.
#[derive(Clone, Copy, Debug)]
pub struct Helper<'a> {
    /// The project whose label it carries.
    pub project: &'a ProjectName,
    /// What it is made from.
    pub image: &'a str,
    /// Its user; `None` leaves it to the image.
    pub user: Option<&'a str>,
    /// The network it is on.
    pub network: Network<'a>,
}

/// The network of a container of our own.
#[derive(Clone, Copy, Debug)]
pub enum Network<'a> {
    /// One of the engine's, by id.
    Member(&'a str),
    /// That of a container, by id.
    Shared(&'a str),
}

/// How thoroughly is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Only the probes that are quick.
    pub quick: bool,
    /// An image to probe from, beside the agent, instead of in its container; and the controls' image.
    pub helper: Option<&'a str>,
}

/// Proves or refutes what a plan claims of bottles.
///
/// # Errors
/// When the engine does not answer, or this machine gives no port to listen on. What cannot be asked in a bottle is no error: it stays
/// unknown, with the reason.
pub fn verify(
    engine: &dyn Engine,
    project: &ProjectName,
    profile: &Profile,
    observation: &Observation,
    subjects: &[Subject],
    options: Options<'_>,
) -> Result<Verification, EngineError> {
    let prober = match engine.prober() {
        Ok(prober) => prober,
        Err(why) => {
            let bottles =
                subjects.iter().map(|subject| Verified::mute(&subject.bottle, &subject.claims, &why)).collect();
            return Ok(Verification {
                project: project.clone(),
                profile: profile.to_string(),
                quick: options.quick,
                bottles,
            });
        }
    };
    let surroundings = prober.surroundings(project, observation)?;
    let listening = Listening::open()
        .map_err(|error| EngineError::Host { path: "a port of this machine".to_owned(), why: error.to_string() })?;
    let bottles = asking::ask_all(prober, project, profile, subjects, &surroundings, &listening, options)?;
    Ok(Verification { project: project.clone(), profile: profile.to_string(), quick: options.quick, bottles })
}

/// Part of a name that nobody else has.
pub(crate) fn unguessable() -> Result<String, String> {
    listener::secret().map(|text| text.chars().take(12).collect()).map_err(|error| error.to_string())
}
