//! Who is asked what: each place once, all places side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bottle_planner::name::{BottleName, ProjectName};
use bottle_planner::probe::{
    Ask, Control, How, Listener, Probe, Replies, Reply, Say, Scene, Subject, Vantage, Verified, probes, replies,
    script, time_limit,
};
use bottle_planner::profile::Profile;

use super::listener::{Listening, secret};
use super::scene::{self, Cast, Given};
use super::seen::Surroundings;
use super::{Helper, Network, Options, Place, Prober, host_addresses};
use crate::engine::EngineError;

/// How many places are asked at a time: each is a few processes of the engine.
const PLACES_AT_ONCE: usize = 6;

/// What a listener may need to take in what was said last.
const SETTLE: Duration = Duration::from_millis(100);

/// A place as something that is asked once for all bottles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    /// In a bottle.
    Bottle(BottleName),
    /// On the egress network, in a container of this image and user.
    Egress(Made),
    /// Beside a container, by id, in a container of this image and user.
    Beside(String, Made),
}

/// What a container of our own is made from, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Made {
    image: String,
    user: Option<String>,
}

/// A bottle that can be asked.
struct Live<'a> {
    subject: &'a Subject,
    cast: Cast<'a>,
    scene: Scene,
    made: Made,
}

/// What a place said, and what it greeted our listener with.
struct Said {
    replies: BTreeMap<Ask, Reply>,
    greetings: BTreeMap<String, Ask>,
}

pub(super) fn ask_all(
    prober: &dyn Prober,
    project: &ProjectName,
    profile: &Profile,
    subjects: &[Subject],
    surroundings: &Surroundings,
    listening: &Listening,
    options: Options<'_>,
) -> Result<Vec<Verified>, EngineError> {
    let host = host_addresses::of_this_machine();
    let mut bottles: Vec<Result<Live<'_>, Verified>> = Vec::new();
    for subject in subjects {
        let mute = |why: &str| Verified::mute(&subject.bottle, &subject.claims, why);
        let Some(cast) = Cast::of(subject, surroundings) else {
            bottles.push(Err(mute("the bottle is not there")));
            continue;
        };
        if !cast.agent.running {
            bottles.push(Err(mute("the agent does not run")));
            continue;
        }
        let leaks = prober.leaks(cast.agent, cast.proxy, &subject.secrets)?;
        let Listening { tcp, udp, token, .. } = listening;
        let given = Given {
            behaves: profile.behaves,
            listener: Listener { tcp: *tcp, udp: *udp, token: token.clone() },
            host: &host,
            leaks,
            quick: options.quick,
            by_helper: options.helper.is_some(),
        };
        let scene = scene::of(subject, &cast, surroundings, given);
        let made = made(&cast, options);
        bottles.push(Ok(Live { subject, cast, scene, made }));
    }
    let live: Vec<&Live<'_>> = bottles.iter().filter_map(|bottle| bottle.as_ref().ok()).collect();
    let questions = questions(&live, options.quick);
    let said = ask_places(prober, project, &live, surroundings, options, &questions);
    thread::sleep(SETTLE);
    let heard = listening.said();
    Ok(bottles
        .into_iter()
        .map(|bottle| match bottle {
            Err(mute) => mute,
            Ok(live) => {
                let replies = of_bottle(&live, &said, &heard);
                Verified::judge(&live.subject.bottle, &live.subject.claims, options.quick, &live.scene, &replies)
            }
        })
        .collect())
}

/// What our own containers for a bottle are: as its agent, or of the helper's image, whose users are others.
fn made(cast: &Cast<'_>, options: Options<'_>) -> Made {
    let user = &cast.agent.posture.user;
    match options.helper {
        None => Made { image: cast.agent.image.clone(), user: (!user.is_empty()).then(|| user.clone()) },
        Some(image) => {
            let is_number = user.split(':').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
            Made {
                image: image.to_owned(),
                user: Some(if is_number { user.clone() } else { "65534:65534".to_owned() }),
            }
        }
    }
}

fn place_of(vantage: &Vantage, live: &Live<'_>) -> Where {
    match vantage {
        Vantage::Agent => Where::Bottle(live.subject.bottle.clone()),
        Vantage::Egress => Where::Egress(live.made.clone()),
        Vantage::Beside(container) => Where::Beside(container.clone(), live.made.clone()),
    }
}

/// What is asked at each place: what can take long first, so that it waits side by side.
fn questions(bottles: &[&Live<'_>], quick: bool) -> Vec<(Where, Vec<Ask>)> {
    let mut all: BTreeMap<Where, BTreeSet<Ask>> = BTreeMap::new();
    for live in bottles {
        for probe in probes(quick, &live.scene) {
            for (vantage, ask) in asked(probe, &live.scene) {
                all.entry(place_of(&vantage, live)).or_default().insert(ask);
            }
        }
    }
    let is_short = |live: &[&Live<'_>], ask: &Ask| match ask {
        Ask::Tcp { host, .. } => {
            live.iter().filter_map(|live| live.scene.proxy.as_ref()).any(|proxy| proxy.near.to_string() == *host)
        }
        Ask::Udp { .. } | Ask::Lookup { .. } | Ask::Ping(_) => false,
        _ => true,
    };
    all.into_iter()
        .map(|(place, asks)| {
            let mut asks: Vec<Ask> = asks.into_iter().collect();
            asks.sort_by_key(|ask| is_short(bottles, ask));
            (place, asks)
        })
        .collect()
}

/// What a probe asks, and from where: the attempts themselves, and their controls.
fn asked(probe: &Probe, scene: &Scene) -> Vec<(Vantage, Ask)> {
    if matches!(probe.how, How::Inside(_)) && scene.by_helper {
        return Vec::new();
    }
    let mut all = Vec::new();
    for attempt in probe.attempts(scene) {
        match attempt.control {
            Control::From(vantage) => all.push((vantage, attempt.ask.clone())),
            Control::Like(vantage, ask, _) => all.push((vantage, ask)),
            Control::Evident => {}
        }
        all.push((Vantage::Agent, attempt.ask));
    }
    all
}

fn ask_places(
    prober: &dyn Prober,
    project: &ProjectName,
    bottles: &[&Live<'_>],
    surroundings: &Surroundings,
    options: Options<'_>,
    questions: &[(Where, Vec<Ask>)],
) -> BTreeMap<Where, Result<Said, String>> {
    let next = AtomicUsize::new(0);
    let said = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some((place, asks)) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
            let answer = Inquiry { prober, project, bottles, surroundings, options }.ask(place, asks);
            said.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(place.clone(), answer);
        }
    };
    thread::scope(|scope| {
        for _ in 0..PLACES_AT_ONCE.min(questions.len()) {
            scope.spawn(work);
        }
    });
    said.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct Inquiry<'a> {
    prober: &'a dyn Prober,
    project: &'a ProjectName,
    bottles: &'a [&'a Live<'a>],
    surroundings: &'a Surroundings,
    options: Options<'a>,
}

impl Inquiry<'_> {
    fn ask(&self, place: &Where, asks: &[Ask]) -> Result<Said, String> {
        let nonce = secret().map_err(|error| error.to_string())?;
        let text = script(asks, &nonce);
        let limit = Duration::from_secs(time_limit(asks.len()));
        let printed = match place {
            Where::Bottle(bottle) => {
                let live = self.bottles.iter().find(|live| live.subject.bottle == *bottle);
                let live = live.ok_or("the bottle is not there")?;
                match self.options.helper {
                    None => self.prober.run(&Place::In(&live.cast.agent.id), &text, limit),
                    Some(_) => self.own(Network::Shared(&live.cast.agent.id), &live.made, &text, limit),
                }
            }
            Where::Egress(made) => {
                let egress = self.surroundings.egress().ok_or("the project has no egress network")?;
                self.own(Network::Member(&egress.id), made, &text, limit)
            }
            Where::Beside(container, made) => self.own(Network::Shared(container), made, &text, limit),
        }?;
        let greetings = asks.iter().enumerate().map(|(number, ask)| (Say::greeting(&nonce, number), ask.clone()));
        Ok(Said { replies: replies(&printed, asks, &nonce), greetings: greetings.collect() })
    }

    fn own(&self, network: Network<'_>, made: &Made, text: &str, limit: Duration) -> Result<String, String> {
        let helper = Helper { project: self.project, image: &made.image, user: made.user.as_deref(), network };
        self.prober.run(&Place::Own(helper), text, limit)
    }
}

/// The answers that are of one bottle.
fn of_bottle(live: &Live<'_>, said: &BTreeMap<Where, Result<Said, String>>, heard: &BTreeSet<String>) -> Replies {
    let mut replies = Replies::default();
    for (place, answer) in said {
        let vantage = match place {
            Where::Bottle(bottle) if *bottle == live.subject.bottle => Vantage::Agent,
            Where::Egress(made) if *made == live.made => Vantage::Egress,
            Where::Beside(container, made) if *made == live.made => Vantage::Beside(container.clone()),
            _ => continue,
        };
        match answer {
            Ok(Said { replies: given, greetings }) => {
                let own = |ask: &Ask| (vantage.clone(), ask.clone());
                replies.given.extend(given.iter().map(|(ask, reply)| (own(ask), reply.clone())));
                let reached = greetings.iter().filter(|(greeting, _)| heard.contains(*greeting));
                replies.heard.extend(reached.map(|(_, ask)| own(ask)));
            }
            Err(why) => {
                replies.mute.insert(vantage, why.clone());
            }
        }
    }
    replies
}
