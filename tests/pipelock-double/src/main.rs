//! A double of pipelock, the egress proxy, for tests on engines that cannot pull its image. It is not pipelock.
//!
//! It has pipelock's command line (`run`, `check`, `healthcheck`), the YAML keys of 2.3.0 that bottles are given with unknown
//! keys refused, the strict allowlist, HTTP `CONNECT`, plain forwarding by absolute URI, the refusal of internal addresses,
//! `/health`, `/metrics`, and JSON events on standard output.
//!
//! It takes these keys and does nothing about them: `dlp`, `request_body_scanning`, `response_scanning`, `session_profiling`,
//! `adaptive_enforcement`, `tls_interception`, `websocket_proxy`, `sentry`, the time limits and the `sni_verification` of
//! `forward_proxy`, the limits of `fetch_proxy.monitoring`. No test may conclude from the double that pipelock inspects traffic.
//!
//! It differs from pipelock in one thing on purpose: when the file [`internal::ALLOW_PRIVATE`] exists, private addresses are
//! dialled. Tests need hosts to allow, and all they have are containers, whose addresses are private. The switch is a file of
//! the test image, so that the configuration is byte for byte the one that pipelock would be given. Loopback, link-local and
//! metadata addresses stay refused.
//!
//! It does its own name resolution (`/etc/hosts`, then A records from the name servers of `/etc/resolv.conf`), since a static
//! binary cannot count on the resolver of the C library. It uses IPv4 names only.

mod allowlist;
mod config;
mod event;
mod health;
mod http;
mod internal;
mod proxy;
mod relay;
mod resolve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use config::Config;

#[derive(Parser)]
#[command(
    name = "pipelock",
    about = "A double of pipelock for tests; not pipelock",
    version = concat!(env!("CARGO_PKG_VERSION"), " (a double for tests, not pipelock)")
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve
    Run {
        /// The configuration; without one: balanced, with the forward proxy off
        #[arg(long)]
        config: Option<PathBuf>,
        /// The address to serve on, instead of `fetch_proxy.listen`
        #[arg(long)]
        listen: Option<String>,
    },
    /// Validate a configuration
    Check {
        /// The configuration
        #[arg(long)]
        config: PathBuf,
    },
    /// Ask a running proxy for its health
    Healthcheck {
        /// Where it serves
        #[arg(long, default_value = "127.0.0.1:8888")]
        addr: String,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run { config, listen } => run(config, listen),
        Command::Check { config } => Config::read(&config).map(|_| println!("{}: valid", config.display())),
        Command::Healthcheck { addr } => health::ask(&addr),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("pipelock (a double): {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Option<PathBuf>, listen: Option<String>) -> Result<(), String> {
    let config = match config {
        Some(path) => Config::read(&path)?,
        None => Config::parse("{}")?,
    };
    proxy::serve(config, listen)
}
