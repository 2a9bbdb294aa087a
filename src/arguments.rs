//! The command line.

use std::path::{Path, PathBuf};

use bottle_planner::approval::Approval;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs coding agents in bottles: isolated containers out of which nothing leaves but what their owner allowed.
#[derive(Debug, Parser)]
#[command(name = "bottle", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Subcommands,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Subcommands {
    /// Show every step that `apply` would take, and which guarantees would hold
    Plan(Plan),
    /// Show what changes from one manifest to another, or from one git revision of it to another
    Diff(Diff),
    /// Make it so, or carry out a saved plan
    Apply(Apply),
    /// Show a saved plan
    Show(Show),
    /// Take away everything that carries the project's labels
    Destroy(Destroy),
    /// Show what is there and what drifted
    Status(Status),
    /// Draw who can reach whom, or the graph of what is done
    Graph(Graph),
    /// Print the JSON Schema of the manifest, for editors, or of what is written for machines
    Schema(Schema),
    /// Prove or refute on the live bottles what the plan claims
    Verify(Verify),
    /// Agree to what a manifest reads of this machine besides its own folder, and to where that may be sent
    Trust(Trust),
}

/// Which manifest.
#[derive(Debug, Args)]
pub(crate) struct ManifestPath {
    /// The manifest
    #[arg(short, long, value_name = "FILE", default_value = "bottle.toml")]
    pub(crate) file: PathBuf,
}

/// Which manifest, and which engine.
#[derive(Debug, Args)]
pub(crate) struct Project {
    /// The manifest [default: bottle.toml]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The backend: docker, container, simulator, or with the version to plan for, docker@28.5 [default: the manifest's
    /// sandbox, else what this machine has]
    #[arg(short, long, value_name = "NAME[@VERSION]")]
    pub(crate) backend: Option<String>,
}

impl Project {
    /// The manifest.
    pub(crate) fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new("bottle.toml"))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) manifest: ManifestPath,
    /// The backend, as for the other commands; several, to see what changes from one to the other
    #[arg(short, long, value_name = "NAME[@VERSION]")]
    pub(crate) backend: Vec<String>,
    /// The bottles to plan [default: all]
    #[arg(value_name = "BOTTLE")]
    pub(crate) bottles: Vec<String>,
    /// Plan as for an engine that has nothing, without asking one
    #[arg(long)]
    pub(crate) offline: bool,
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub(crate) format: PlanFormat,
    /// Say below each guarantee what it means and what it rests on
    #[arg(long)]
    pub(crate) why: bool,
    /// Exit with 2 where there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Show what changes from a git revision of the manifest, without asking an engine; with `--detailed-exitcode`, as `bottle diff` exits
    #[arg(long, value_name = "REV", conflicts_with_all = ["why", "undo"])]
    pub(crate) against: Option<String>,
    /// With `--against`: show all operations and all names
    #[arg(long, requires = "against")]
    pub(crate) full: bool,
    /// Write the plan beside the manifest, a file for each backend [default: those that are there, else the manifest's own]
    #[arg(long, conflicts_with_all = ["against", "format", "offline", "detailed_exitcode", "bottles", "why", "undo"])]
    pub(crate) snapshot: bool,
    /// Fail where the plan files beside the manifest are not what would be planned, and show the difference
    #[arg(long, conflicts_with_all = ["snapshot", "against", "format", "offline", "detailed_exitcode", "bottles", "why", "undo"])]
    pub(crate) check: bool,
    /// Save the plan in this file as well, for `bottle apply FILE`
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["against", "snapshot", "check"])]
    pub(crate) out: Option<PathBuf>,
    /// Print under each operation how it would be undone
    #[arg(long)]
    pub(crate) undo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A manifest, a git revision of one (`main:bottle.toml`), or a saved plan
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// The other
    #[arg(value_name = "TO", default_value = "bottle.toml")]
    pub(crate) to: String,
    /// The backend to plan for, none of which is asked; twice, to plan the second for another one [default: the manifest's sandbox, else
    /// docker]
    #[arg(short, long, value_name = "NAME[@VERSION]")]
    pub(crate) backend: Vec<String>,
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub(crate) format: PlanFormat,
    /// Show all operations and all names
    #[arg(long)]
    pub(crate) full: bool,
    /// Exit with 2 where they differ, with 3 where a guarantee is lost, required and not held, or no longer required, or `unsafe` allows more
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The saved plan
    #[arg(value_name = "FILE")]
    pub(crate) plan: PathBuf,
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub(crate) format: PlanFormat,
    /// Print under each operation how it would be undone
    #[arg(long)]
    pub(crate) undo: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    Text,
    /// For machines: docs/plan-schema.md
    Json,
    /// For a comment on a pull request
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

/// How a plan is carried out.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Do not ask: go on where the plan has this approval, all 64 digits of it
    #[arg(long, value_name = "DIGEST", value_parser = approval)]
    pub(crate) approved: Option<Approval>,
    /// How many operations run side by side
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
    /// Text, or one JSON event a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) project: Project,
    /// The bottles to apply [default: all, and what is no longer declared goes]; or a saved plan, which has a `.` or a `/`
    /// in its name
    #[arg(value_name = "BOTTLE|FILE")]
    pub(crate) bottles: Vec<String>,
    /// The saved plan to apply, whatever its name
    #[arg(long, value_name = "FILE", conflicts_with = "bottles")]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) running: Running,
    /// Take over a project of this name that was last applied from another folder
    #[arg(long)]
    pub(crate) take_over: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    pub(crate) project: Project,
    /// The project, where there is no manifest
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project_name: Option<String>,
    /// The bottles to destroy [default: all, and what they share]
    #[arg(value_name = "BOTTLE")]
    pub(crate) bottles: Vec<String>,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) project: Project,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Exit with 2 where something drifted
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) project: Project,
    /// The bottles to draw [default: all]
    #[arg(value_name = "BOTTLE")]
    pub(crate) bottles: Vec<String>,
    /// What is drawn
    #[arg(long, value_enum, default_value_t = Picture::Topology)]
    pub(crate) of: Picture,
    /// For what it is drawn [default: svg for the topology, else dot]
    #[arg(long, value_enum)]
    pub(crate) format: Option<PictureFormat>,
    /// Ask the engine, and show what is to be done
    #[arg(long)]
    pub(crate) live: bool,
    /// Ask no engine, as is the default
    #[arg(long, conflicts_with = "live")]
    pub(crate) offline: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// What must become true, before any backend has a say
    Intent,
    /// What is done, and what waits for what
    Operations,
    /// Who can reach whom
    Topology,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PictureFormat {
    /// For Graphviz
    Dot,
    /// For Markdown on a forge
    Mermaid,
    /// To be looked at: the topology only
    Svg,
}

fn approval(text: &str) -> Result<Approval, String> {
    Approval::try_from(text.to_owned()).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what
    #[arg(long, value_enum, default_value_t = Described::Manifest)]
    pub(crate) of: Described,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Described {
    /// bottle.toml
    Manifest,
    /// `plan --format json`
    Plan,
    /// A line of `apply --format json` and `destroy --format json`
    Events,
    /// `status --format json`
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) project: Project,
    /// The bottles to probe [default: all]
    #[arg(value_name = "BOTTLE")]
    pub(crate) bottles: Vec<String>,
    #[arg(long, value_enum, default_value_t = VerifyFormat::Text)]
    pub(crate) format: VerifyFormat,
    /// Probe from this image, beside the agent, where the agent's own has no shell or lacks tools
    #[arg(long, value_name = "IMAGE")]
    pub(crate) helper: Option<String>,
    /// Ask only the probes that are quick
    #[arg(long)]
    pub(crate) quick: bool,
    /// Exit with 3 also where a guarantee that the manifest requires was not proven
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyFormat {
    /// For people
    Text,
    /// For machines: docs/verify.md
    Json,
    /// For a comment on a pull request
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct Trust {
    #[command(flatten)]
    pub(crate) manifest: ManifestPath,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Do not ask, and agree only if what is asked for has this digest, all 64 digits of it
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
    /// Only show what is asked for
    #[arg(long, conflicts_with_all = ["yes", "digest", "revoke"])]
    pub(crate) show: bool,
    /// Take it back
    #[arg(long, conflicts_with_all = ["yes", "digest"])]
    pub(crate) revoke: bool,
}
