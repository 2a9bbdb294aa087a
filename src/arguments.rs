//! The command line.

use std::path::PathBuf;

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
    /// Make it so
    Apply(Apply),
    /// Take away everything that carries the project's labels
    Destroy(Destroy),
    /// Show what is there and what drifted
    Status(Status),
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
    /// The manifest
    #[arg(short, long, value_name = "FILE", default_value = "bottle.toml")]
    pub(crate) file: PathBuf,
    /// The backend: docker, container, simulator, or with the version to plan for, docker@28.5 [default: the manifest's
    /// sandbox, else what this machine has]
    #[arg(short, long, value_name = "NAME[@VERSION]")]
    pub(crate) backend: Option<String>,
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
    /// Exit with 2 where there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
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
    /// The bottles to apply [default: all, and what is no longer declared goes]
    #[arg(value_name = "BOTTLE")]
    pub(crate) bottles: Vec<String>,
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
