//! The `dreamops` program: arguments, wiring, output. The only crate that knows every other.

#![allow(clippy::print_stderr, reason = "a program speaks to its user on standard error")]

mod app;
mod args;
mod clock;
mod config;
mod credential;
mod demo;
mod embedded;
mod exit;
mod incident;
#[cfg(test)]
mod kept;
mod plugin;
mod private;
mod record;
mod registered;
mod respond;
mod serve;
mod sim;
mod stop;
mod story;
mod target;

use args::{Cli, Command};
use clap::Parser;
use exit::{Failure, Outcome};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    exit::finish(start(cli))
}

/// Sets up what every command needs, once.
fn start(cli: Cli) -> Outcome {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| {
            Failure::from(anyhow::anyhow!(
                "a second crypto provider is installed; this is a defect"
            ))
        })?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(config::log_filter()))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(run(cli.command));
    // a read that hangs in the background must not hold the program up
    runtime.shutdown_background();
    outcome
}

async fn run(command: Command) -> Outcome {
    match command {
        // boxed: it holds a whole simulated cluster
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Respond(args) => respond::run(args).await,
        Command::Incident(command) => incident::run(command).await,
        Command::Plugin(command) => plugin::run(command).await,
        Command::Credential(command) => credential::run(command).await,
        Command::Sim(args) => sim::run(args).await,
        Command::Stop { reason } => stop::pull(reason).await,
        Command::Resume => stop::release().await,
        Command::Version => {
            eprintln!(
                "dreamops {} (contract dreamops:strategy@0.1.0)",
                env!("CARGO_PKG_VERSION")
            );
            Ok(0)
        }
    }
}
