//! What can be typed.

mod manage;

pub(crate) use manage::{
    AuditCommand, AuthArg, ClusterCommand, ConfigCommand, CredentialArgs, KeyCommand, TokenCommand,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use dreamops_domain::phase::Mode;
use std::path::PathBuf;
use std::time::Duration;

/// Responds to Kubernetes incidents with sandboxed components that propose and never write.
///
/// Exit codes: 0 done, resolved or nothing to do, 1 an error, 2 wrong usage or an alert that cannot be read or
/// placed, 3 a plan waits for a person, 4 not fixed, 130 interrupted.
#[derive(Parser)]
#[command(name = "dreamops", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which server a command asks.
#[derive(Args)]
pub(crate) struct ServerArgs {
    /// Ask this server (or `$DREAMOPS_SERVER`), with the token in `$DREAMOPS_TOKEN`, instead of opening the data directory.
    #[arg(long, value_name = "URL", global = true, help_heading = "Server")]
    pub(crate) server: Option<String>,
    /// A PEM file with authorities for the server's certificate (or `$DREAMOPS_SERVER_CA`), beside the platform's.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Server")]
    pub(crate) server_ca: Option<PathBuf>,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// A simulated cluster breaks; watch it being fixed.
    Demo(DemoArgs),
    /// Take alerts in over HTTP and respond to them, until it is stopped.
    Serve(ServeArgs),
    /// Respond to one alert about a real cluster, without a server.
    Respond(RespondArgs),
    /// Look at incidents and go on with them.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Build, check and list components.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Connect clusters, and look at what is connected.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Credentials that the host holds.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Who may use the server's API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// What happened, and whether the record of it is whole.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The keys that stored secrets are sealed with.
    #[command(subcommand)]
    Key(KeyCommand),
    /// The configuration in force.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check everything that is needed, and say what to do about what is wrong.
    ///
    /// Code 1 where something fails.
    Doctor {
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Serve a simulated cluster with a kubeconfig; kubectl can read it.
    Sim(SimArgs),
    /// Pull the emergency stop: nothing is written to any cluster until `resume`.
    Stop {
        /// Why, for whoever finds it.
        #[arg(long, default_value = "no reason given")]
        reason: String,
    },
    /// Release the emergency stop.
    Resume,
    /// Print the version of the program and of the contract.
    Version,
}

/// How a result is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON document on standard output; everything else goes to standard error.
    Json,
}

/// How a list or a thing is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[value(alias = "text")]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

impl Format {
    /// Whether a person reads it.
    pub(crate) fn is_table(self) -> bool {
        self == Self::Table
    }
}

/// How far the host may go.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Diagnose and propose, never act.
    Observe,
    /// A person approves the plan.
    Approval,
    /// Act without asking where policy allows it.
    Yolo,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Observe => Self::Observe,
            ModeArg::Approval => Self::Approval,
            ModeArg::Yolo => Self::Yolo,
        }
    }
}

/// `demo`.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// The scenario; `crash-loop` if none is given.
    pub(crate) scenario: Option<String>,
    /// Every scenario, one after the other.
    #[arg(long, conflicts_with = "scenario")]
    pub(crate) all: bool,
    /// List the scenarios.
    #[arg(long, conflicts_with_all = ["scenario", "all"])]
    pub(crate) list: bool,
    /// How far the host may go.
    #[arg(long, value_enum, default_value = "yolo")]
    pub(crate) mode: ModeArg,
    /// How many times faster than real time the simulated cluster lives.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) speed: u32,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// `serve`.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The address; `127.0.0.1:8000` unless configured otherwise.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// A simulated cluster with a fault a minute; nothing is stored.
    #[arg(long)]
    pub(crate) demo: bool,
}

/// `sim`.
#[derive(Args)]
pub(crate) struct SimArgs {
    /// The scenario.
    pub(crate) scenario: String,
    /// Where to write the kubeconfig; its path is printed.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Where to write the alert.
    #[arg(long)]
    pub(crate) alert: Option<PathBuf>,
    /// How many times faster than real time it lives.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) speed: u32,
}

/// Which cluster is meant.
#[derive(Args)]
pub(crate) struct ClusterArgs {
    /// A kubeconfig file; its cluster is registered for this run alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context; the file's current one if none is given.
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    pub(crate) context: Option<String>,
    /// A registered cluster.
    #[arg(long, value_name = "NAME", conflicts_with = "kubeconfig")]
    pub(crate) cluster: Option<String>,
}

/// `respond`.
#[derive(Args)]
pub(crate) struct RespondArgs {
    /// The alert: a PagerDuty v3 or Alertmanager v4 webhook body, or a process-incident body; `-` reads standard input.
    #[arg(value_name = "ALERT.json")]
    pub(crate) alert: PathBuf,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// How far the host may go; `approval` unless configured otherwise.
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ModeArg>,
    /// The namespace, where the alert does not name it.
    #[arg(long, value_name = "NS")]
    pub(crate) namespace: Option<String>,
    /// The object, where the alert does not name it.
    #[arg(long, value_name = "KIND/NAME")]
    pub(crate) target: Option<String>,
    /// Only the alert with this fingerprint.
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) only: Option<String>,
    /// When to give up.
    #[arg(long, default_value = "5m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// Keep what components and the host say to each other in this folder, which must be empty or not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// `incident`.
#[derive(Subcommand)]
pub(crate) enum IncidentCommand {
    /// List incidents, newest first.
    List {
        /// Only those that are not closed.
        #[arg(long)]
        open: bool,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Show one incident whole.
    Show {
        /// The incident.
        id: String,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Approve the plan that waits, and carry it out.
    Approve {
        /// The incident.
        id: String,
        /// The digest of the plan, as it was shown.
        #[arg(long)]
        digest: String,
        #[command(flatten)]
        run: GoOnArgs,
    },
    /// Refuse the plan that waits.
    Reject {
        /// The incident.
        id: String,
        /// Why.
        #[arg(long, default_value = "no reason given")]
        reason: String,
        #[command(flatten)]
        run: GoOnArgs,
    },
    /// Continue or take back after a crash or Ctrl-C.
    Resume {
        /// The incident.
        id: String,
        #[command(flatten)]
        run: GoOnArgs,
    },
    /// Ask the components of a recording the same again, with no cluster: do the same calls and the same plan come out?
    Replay {
        /// The folder that `respond --record` wrote.
        #[arg(value_name = "DIR")]
        recording: PathBuf,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Take back what the incident wrote.
    Rollback {
        /// The incident.
        id: String,
        #[command(flatten)]
        run: GoOnArgs,
    },
    /// Say that a person has it: from now on nothing is done in it without being asked.
    Acknowledge {
        /// The incident.
        id: String,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

/// How a command goes on with an incident.
#[derive(Args)]
pub(crate) struct GoOnArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// When to give up.
    #[arg(long, default_value = "5m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// `plugin`.
#[derive(Subcommand)]
pub(crate) enum PluginCommand {
    /// Build a component from a crate.
    Build {
        /// The crate's folder.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Where to write the component; `target/components/NAME.wasm` in the crate's target folder if not given.
        #[arg(long, short)]
        out: Option<PathBuf>,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Check a component file against the contract, without running it.
    Check {
        /// The file.
        file: PathBuf,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// List what is loaded, from where, with which grants.
    List {
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
}

/// `credential`.
#[derive(Subcommand)]
pub(crate) enum CredentialCommand {
    /// Credentials for container registries.
    #[command(subcommand)]
    Registry(RegistryCommand),
}

/// `credential registry`.
#[derive(Subcommand)]
pub(crate) enum RegistryCommand {
    /// Add a credential, or replace it; the password is read from standard input.
    Add {
        /// The registry as image names write it; `docker.io` for bare names.
        registry: String,
        /// The user.
        #[arg(long)]
        username: String,
        /// Only for this namespace; for all if not given.
        #[arg(long)]
        namespace: Option<String>,
    },
    /// List them, without passwords.
    List {
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Remove one.
    Remove {
        /// The registry.
        registry: String,
        /// The namespace it is for.
        #[arg(long)]
        namespace: Option<String>,
    },
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| format!("{e}; write it as 90s, 5m or 1h"))
}
