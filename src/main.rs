//! The command `bottle`.

mod arguments;
mod backend;
mod carry_out;
mod commands;
mod exit;
mod manifest_file;
mod saved_plan;
mod side;
mod state;
mod terminal;
mod trust;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Subcommands};
use crate::exit::{Exit, Fault};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return exit.into();
        }
    };
    match std::panic::catch_unwind(|| run(arguments.command)) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(fault)) => {
            terminal::complain(&fault.report);
            fault.exit.into()
        }
        Err(_) => {
            terminal::note("this is a bug of bottle's: please report what is above, and what you ran");
            Exit::Bug.into()
        }
    }
}

fn run(command: Subcommands) -> Result<Exit, Fault> {
    match command {
        Subcommands::Plan(arguments) => commands::plan::run(&arguments),
        Subcommands::Diff(arguments) => commands::diff::run(&arguments),
        Subcommands::Apply(arguments) => commands::apply::run(&arguments),
        Subcommands::Show(arguments) => commands::show::run(&arguments),
        Subcommands::Destroy(arguments) => commands::destroy::run(&arguments),
        Subcommands::Status(arguments) => commands::status::run(&arguments),
        Subcommands::Graph(arguments) => commands::graph::run(&arguments),
        Subcommands::Schema(arguments) => commands::schema::run(&arguments),
        Subcommands::Verify(arguments) => commands::verify::run(&arguments),
        Subcommands::Trust(arguments) => commands::trust::run(&arguments),
    }
}
