//! Every chore of the project: `cargo xtask build | demo | test | e2e | bench | cluster | ci`.

#![allow(clippy::print_stderr, reason = "a chore speaks to its user on standard error")]
#![allow(
    clippy::disallowed_methods,
    reason = "a chore is configured by its environment and measures real time"
)]

mod bench;
mod build;
mod ci;
mod cluster;
mod run;
mod test;

use clap::{Parser, Subcommand};
use std::process::{Command, ExitCode};

/// Every chore of the project.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

/// The chores.
#[derive(Subcommand)]
enum Chore {
    /// Build components and program; the program is one file that runs alone.
    Build {
        /// Optimised, into `target/release`.
        #[arg(long)]
        release: bool,
    },
    /// Build, then play scenarios on a simulated cluster: `dreamops demo` with the arguments given.
    Demo {
        /// Arguments of `dreamops demo`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Unit, property and simulator tests. Needs nothing but Rust.
    Test,
    /// Tests against real parts; all of them if none is named.
    E2e {
        /// `cluster` or `simulator`.
        part: Option<String>,
    },
    /// Measure against a floor of the same run.
    Bench {
        /// One figure; all if none is named.
        name: Option<String>,
        /// `text` or `json`.
        #[arg(long, default_value = "text")]
        output: String,
    },
    /// The real Kubernetes of the tests.
    Cluster {
        /// `up`, `down` or `kubeconfig`.
        #[arg(value_parser = ["up", "down", "kubeconfig"])]
        what: String,
        /// Its name.
        #[arg(long, default_value = "dev")]
        name: String,
    },
    /// Formatting, lints, tests, then the tests against real parts.
    Ci,
}

fn main() -> ExitCode {
    match chore(Xtask::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chore(chore: Chore) -> anyhow::Result<()> {
    match chore {
        Chore::Build { release } => build::program(release).map(|program| eprintln!("{}", program.display())),
        Chore::Demo { args } => run::passed(Command::new(build::program(false)?).arg("demo").args(args)),
        Chore::Test => test::all(),
        Chore::E2e { part } => test::end_to_end(part.as_deref()),
        Chore::Bench { name, output } => bench::run(name.as_deref(), &output),
        Chore::Cluster { what, name } => cluster::run(&what, &name),
        Chore::Ci => ci::run(),
    }
}
