//! The `dreamops` program: arguments, wiring, output. The only crate that knows every other.

#![allow(clippy::print_stderr, reason = "a program speaks to its user on standard error")]

mod app;
mod args;
mod audit;
mod clock;
mod cluster;
mod config;
mod credential;
mod demo;
mod desk;
mod doctor;
mod embedded;
mod exit;
mod incident;
#[cfg(test)]
mod kept;
mod key;
mod lock;
mod plugin;
mod print;
mod private;
mod record;
mod registered;
mod respond;
mod serve;
mod sim;
mod stop;
mod story;
mod target;
mod token;

use args::{Cli, Command, ConfigCommand};
use clap::{CommandFactory, Parser};
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
    let outcome = runtime.block_on(run(cli));
    // a read that hangs in the background must not hold the program up
    runtime.shutdown_background();
    outcome
}

async fn run(cli: Cli) -> Outcome {
    let server = &cli.server;
    match cli.command {
        // boxed: it holds a whole simulated cluster
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Respond(args) if server.server.is_none() => respond::run(args).await,
        Command::Respond(_) => Err(Failure::usage(anyhow::anyhow!(
            "`respond` works without a server; leave --server away, or send the alert to the server's process-incident"
        ))),
        Command::Incident(command) => incident::run(command, server).await,
        Command::Plugin(command) => plugin::run(command, server).await,
        Command::Cluster(command) => cluster::run(command, server).await,
        Command::Credential(command) => credential::run(command, server).await,
        Command::Token(command) => token::run(command, server).await,
        Command::Audit(command) => audit::run(command, server).await,
        Command::Key(command) => key::run(command, server).await,
        Command::Config(ConfigCommand::Show { output }) => config::show::run(output, server),
        Command::Doctor { output } => doctor::run(output).await,
        Command::Sim(args) => sim::run(args).await,
        Command::Stop { reason } => stop::pull(reason, server).await,
        Command::Resume => stop::release(server).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "dreamops", &mut std::io::stdout());
            Ok(0)
        }
        Command::Version => {
            let version = env!("CARGO_PKG_VERSION");
            print::say(&format!("dreamops {version} (contract dreamops:strategy@0.1.0)\n"))?;
            Ok(0)
        }
    }
}
