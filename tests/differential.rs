//! The simulator against Docker: the same manifests and the same hands on both, and the same observations after each step.
//!
//! Where no engine answers, the trials count as ignored; where the variable `CI` is set, that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod stage;

use std::num::NonZeroUsize;
use std::process::{Command, ExitCode, Stdio};

use bottle_executors::docker::Docker;
use bottle_executors::engine::{Engine, SecretError, SecretValue, Secrets};
use bottle_executors::host_files::HostFiles;
use bottle_executors::journal::{self, Journal};
use bottle_executors::run::{Event, Reporter, Run, run};
use bottle_executors::signals::Signals;
use bottle_executors::simulator::Simulator;
use bottle_planner::intent::Secret;
use bottle_planner::manifest::{self, Manifest};
use bottle_planner::name::ProjectName;
use bottle_planner::observation::{ContainerState, Observation};
use bottle_planner::plan::{BackendReason, Plan, Target, build, destroy};
use bottle_planner::profile::Profile;
use libtest_mimic::{Arguments, Failed, Trial};
use similar::TextDiff;
use stage::Stage;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = if arguments.list { None } else { engine_images::ensure().err() };
    if let Some(why) = &missing {
        eprintln!("differential: {why}");
        if std::env::var_os("CI").is_some() {
            return ExitCode::FAILURE;
        }
    }
    let trials = [("family", family as fn() -> Result<(), Failed>), ("sidecar", sidecar)];
    let trials = trials.map(|(name, test)| Trial::test(name, test).with_ignored_flag(missing.is_some()));
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn family() -> Result<(), Failed> {
    let both = Both::of("family")?;
    both.apply("applied")?;
    // A variable, a host, an exec; the reviewer goes.
    both.edit("GIT_AUTHOR_NAME = \"implementer\"", "GIT_AUTHOR_NAME = \"somebody\"");
    both.edit("touch notes/changelog.md", "touch notes/changes.md");
    let manifest = both.stage.manifest();
    let (from, to) = (manifest.find("[bottle.reviewer]").unwrap(), manifest.find("[bottle.scribe]").unwrap());
    both.edit(&manifest[from..to], "");
    both.apply("changed")?;
    both.kill("implementer_pipelock");
    both.kill("scribe");
    both.same("stopped by hand")?;
    both.apply("mended")?;
    both.remove("implementer");
    both.apply("removed by hand, and mended")?;
    both.destroy()
}

fn sidecar() -> Result<(), Failed> {
    let both = Both::of("sidecar")?;
    both.apply("applied")?;
    both.edit("api.anthropic.com", "api.example.org");
    both.apply("another host")?;
    both.edit("pids = 512", "pids = 600");
    both.apply("other limits")?;
    both.disconnect("implementer", "implementer_internal");
    both.same("disconnected by hand")?;
    both.apply("mended")?;
    both.kill("implementer");
    both.apply("stopped by hand, and mended")?;
    both.edit("[bottle.implementer]", "[bottle.another]");
    both.edit("[bottle.implementer.egress]", "[bottle.another.egress]");
    both.apply("another bottle instead")?;
    both.destroy()
}

/// A project on both engines.
struct Both {
    stage: Stage,
    docker: Docker,
    simulator: Simulator,
    project: ProjectName,
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn read(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        Err(SecretError { secret: secret.clone(), why: "these fixtures have none".to_owned() })
    }
}

struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event<'_>) {}
}

impl Both {
    /// A fixture under a name and in a pool of its own, with images that need no registry.
    fn of(fixture: &str) -> Result<Self, Failed> {
        let images = engine_images::ensure()?;
        let stage = Stage::of(fixture);
        let pid = std::process::id();
        let project = ProjectName::new(&format!("diff{pid}-{fixture}")).unwrap();
        let name = stage.manifest().lines().find(|line| line.starts_with("name = ")).unwrap().to_owned();
        let pool = format!("pool = \"10.{}.0.0/16\"", 100 + pid % 100);
        stage.edit(&name, &format!("name = \"{project}\"\n"));
        stage.edit("node:22-slim", images.guest);
        if fixture == "family" {
            stage.edit("pool = \"10.99.0.0/20\"", &pool);
        } else {
            stage.edit(&format!("name = \"{project}\"\n"), &format!("name = \"{project}\"\n\n[network]\n{pool}\n"));
        }
        let with_sidecar = format!("[sidecar]\nimage = {{ ref = \"{}\" }}\n\n[network]", images.pipelock);
        stage.edit("[network]", &with_sidecar);

        let docker = Docker::new();
        let version = docker.profile()?.version;
        let simulator = Simulator::in_memory(Profile::named(&format!("simulator@{version}"))?);
        // Plans step around the subnets of others: on both around the same ones.
        for (number, subnet) in docker.observe(&project)?.foreign_subnets.into_iter().enumerate() {
            // The simulator has a bridge like Docker's already.
            let _ = simulator.by_hand().add_network(&format!("foreign-{number}"), subnet, None);
        }
        for backend in ["docker", "simulator"] {
            std::fs::create_dir_all(stage.state().join(backend))?;
        }
        Ok(Self { stage, docker, simulator, project })
    }

    fn edit(&self, from: &str, to: &str) {
        self.stage.edit(from, to);
    }

    fn engines(&self) -> [(&'static str, &dyn Engine); 2] {
        [("simulator", &self.simulator), ("docker", &self.docker)]
    }

    fn manifest(&self) -> Result<Manifest, Failed> {
        let files = HostFiles::new(self.stage.project());
        Ok(manifest::parse("bottle.toml", self.stage.manifest().as_bytes(), &files)?)
    }

    /// Makes an engine as the manifest says, or takes all away; then there is nothing left to do.
    fn go(&self, name: &str, engine: &dyn Engine, manifest: Option<&Manifest>) -> Result<(), Failed> {
        let root = self.stage.project();
        let plan = |observation: &Observation| -> Result<Plan, Failed> {
            let profile = engine.profile()?;
            let target =
                Target { profile: &profile, chosen: &BackendReason::Named, observation: Some(observation), part: None };
            Ok(match manifest {
                Some(manifest) => build(manifest, &HostFiles::new(root.clone()), target)?,
                None => destroy(&self.project, target),
            })
        };
        let (mut journal, known) = Journal::open(&self.stage.state().join(name))?;
        let mut observation = engine.observe(&self.project)?;
        observation.done = known.done;
        journal::prune(&mut observation.done, &engine.observe(&self.project)?);
        let given = Run {
            files: &HostFiles::new(root.clone()),
            secrets: &NoSecrets,
            jobs: NonZeroUsize::new(4).unwrap(),
            reporter: &Silent,
            signals: &Signals::by_hand(),
            crash: None,
        };
        let report = run(&plan(&observation)?, &observation, engine, &mut journal, &given);
        if !report.complete() {
            return Err(format!("{name}: {report:#?}").into());
        }
        let mut after = engine.observe(&self.project)?;
        after.done = journal::read(&self.stage.state().join(name))?.done;
        let left = plan(&after)?;
        if !left.is_empty() {
            return Err(format!("{name} has still to do: {}", bottle_planner::render::text(&left)).into());
        }
        Ok(())
    }

    fn apply(&self, step: &str) -> Result<(), Failed> {
        let manifest = self.manifest()?;
        for (name, engine) in self.engines() {
            self.go(name, engine, Some(&manifest)).map_err(|why| at(step, why))?;
        }
        self.same(step)
    }

    fn destroy(&self) -> Result<(), Failed> {
        for (name, engine) in self.engines() {
            self.go(name, engine, None).map_err(|why| at("destroyed", why))?;
        }
        self.same("destroyed")?;
        let seen = self.docker.observe(&self.project)?;
        let nothing = seen.containers.is_empty() && seen.networks.is_empty() && seen.images.is_empty();
        if nothing && seen.volumes.is_empty() { Ok(()) } else { Err(format!("something is left: {seen:#?}").into()) }
    }

    /// Both engines say the same.
    fn same(&self, step: &str) -> Result<(), Failed> {
        let [simulator, docker] = self.engines().map(|(_, engine)| engine.observe(&self.project).map(normal));
        let (simulator, docker) = (simulator?, docker?);
        if simulator == docker {
            return Ok(());
        }
        let diff = TextDiff::from_lines(&docker, &simulator);
        Err(at(step, diff.unified_diff().header("Docker", "the simulator").to_string().into()))
    }

    fn object(&self, rest: &str) -> String {
        format!("bottle_{}_{rest}", self.project)
    }

    /// Ends a container by SIGKILL, which it cannot answer in its own time and way.
    fn kill(&self, rest: &str) {
        docker(&["kill", &self.object(rest)]);
        self.simulator.by_hand().stop(&self.object(rest)).unwrap();
    }

    fn remove(&self, rest: &str) {
        docker(&["rm", "--force", "--volumes", &self.object(rest)]);
        self.simulator.by_hand().remove_container(&self.object(rest)).unwrap();
    }

    fn disconnect(&self, container: &str, network: &str) {
        let (container, network) = (self.object(container), self.object(network));
        docker(&["network", "disconnect", &network, &container]);
        self.simulator.by_hand().disconnect(&container, &network).unwrap();
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        // After a failure, for whoever uses the engine next; what went wrong has been said already.
        let _ = self.go("docker", &self.docker, None);
    }
}

fn at(step: &str, why: Failed) -> Failed {
    format!("{step}: {}", why.message().unwrap_or_default()).into()
}

fn docker(arguments: &[&str]) {
    let output = Command::new("docker").args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An observation without what an engine makes up or has besides the project:
/// - ids of containers, networks and images, which Docker draws at random;
/// - since when a container runs, which is a time;
/// - the names of volumes, random as well: how many a container has remains, and how many there are;
/// - names and subnets of others, and all images' names: a machine's Docker has more than these projects, and pulled images stay.
fn normal(seen: Observation) -> String {
    let mut seen = seen;
    for container in &mut seen.containers {
        container.id = "an id".to_owned();
        container.image_id = "an id".to_owned();
        if let ContainerState::Running(since) = &mut container.state {
            *since = "a time".to_owned();
        }
        container.volumes.fill("a volume".to_owned());
    }
    for network in &mut seen.networks {
        network.id = "an id".to_owned();
    }
    for image in &mut seen.images {
        image.id = "an id".to_owned();
    }
    seen.volumes.fill("a volume".to_owned());
    seen.image_names.clear();
    seen.taken.clear();
    seen.foreign_subnets.clear();
    format!("{seen:#?}\n")
}
