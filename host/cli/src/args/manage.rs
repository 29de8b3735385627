//! What can be typed to manage clusters, tokens, keys, the audit and the configuration.

use super::{Format, parse_duration};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// `cluster`.
#[derive(Subcommand)]
pub(crate) enum ClusterCommand {
    /// Connect a cluster: its credential is tried, then stored, sealed.
    Add {
        /// The name it is to be known by; alerts name it so.
        name: String,
        #[command(flatten)]
        given: CredentialArgs,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// List what is connected, without credentials.
    List {
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Reach a cluster by its stored credential, and ask for the rights that are needed.
    ///
    /// Code 1 where it is not reached or a needed right is missing.
    Test {
        /// The cluster.
        name: String,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Give a cluster another credential: it is tried, then takes the old one's place at once.
    Rotate {
        /// The cluster.
        name: String,
        #[command(flatten)]
        given: CredentialArgs,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Print the least rights that are needed in a namespace, for `kubectl apply -f -`.
    Rbac {
        /// The namespace.
        #[arg(long, value_name = "NS", default_value = "default")]
        namespace: String,
        /// The service account that gets them.
        #[arg(long, value_name = "NAME", default_value = "dreamops")]
        account: String,
    },
    /// Forget a cluster and its credential.
    Remove {
        /// The cluster.
        name: String,
    },
}

/// How the host proves itself to a cluster.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthArg {
    /// A service account's token.
    ServiceAccount,
    /// A kubeconfig with inline fields.
    Kubeconfig,
    /// A client certificate and its key.
    ClientCert,
}

impl AuthArg {
    /// The name on the command line.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service-account",
            Self::Kubeconfig => "kubeconfig",
            Self::ClientCert => "client-cert",
        }
    }

    /// The name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service_account",
            Self::Kubeconfig => "kubeconfig",
            Self::ClientCert => "client_cert",
        }
    }
}

/// A cluster's credential. Secrets come from files; `-` is standard input.
#[derive(Args)]
pub(crate) struct CredentialArgs {
    /// How the host proves itself.
    #[arg(long, value_enum, default_value = "kubeconfig")]
    pub(crate) auth_method: AuthArg,
    /// The kubeconfig, with inline fields (`kubectl config view --raw --minify --flatten`).
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The service account's token.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The client's certificate, PEM.
    #[arg(long = "client-certificate", value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// The client's key, PEM.
    #[arg(long = "client-key", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The API server's address; a kubeconfig names it by itself.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The cluster's authority, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The namespace where alerts name none.
    #[arg(long, value_name = "NS")]
    pub(crate) namespace: Option<String>,
    /// The proxy to go through: http, https or socks5.
    #[arg(long, value_name = "URL")]
    pub(crate) proxy_url: Option<String>,
    /// Do not check the API server's certificate. Whoever is on the way can then read and change everything.
    #[arg(long)]
    pub(crate) insecure_skip_tls_verify: bool,
}

/// What a token's owner may do.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArg {
    /// May only post alerts.
    Intake,
    /// May only read.
    Viewer,
    /// May act on incidents.
    Responder,
    /// May change what the server holds.
    Admin,
}

impl RoleArg {
    /// The name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Viewer => "viewer",
            Self::Responder => "responder",
            Self::Admin => "admin",
        }
    }
}

/// `token`.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; it is printed once, alone on standard output.
    Create {
        /// The person or program that will use it; the audit names it.
        user: String,
        /// What it may do.
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleArg,
        /// When it stops working: `90d`, `12h`. Never if it is not given.
        #[arg(long, value_name = "SPAN", value_parser = parse_duration)]
        expires_in: Option<Duration>,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// List them, without the tokens themselves.
    List {
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// End one.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// `audit`.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// List events, newest first.
    List {
        /// Of this incident.
        #[arg(long, value_name = "ID")]
        incident: Option<String>,
        /// With this name.
        #[arg(long, value_name = "NAME")]
        event: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Check that no event was changed, removed, made up or put in another place.
    ///
    /// Code 1 where the chain does not hold. That its end was cut off is found against an anchor only.
    Verify {
        /// An earlier head: POSITION:CHAIN, or a file that `audit export` wrote.
        #[arg(long, value_name = "POSITION:CHAIN|FILE")]
        anchor: Option<String>,
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Write all events as JSON lines, oldest first, and the head of the chain as the last one.
    Export {
        /// Where to; standard output if it is not given.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// `key`.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key.
    Generate {
        /// Put it first in the key file instead of printing it.
        #[arg(long)]
        write: bool,
    },
    /// Seal everything that is stored anew under the newest key, so that older ones can leave the ring.
    ///
    /// Safe to break off and to call again.
    Rotate {
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
}

/// `config`.
#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every value in force, without secrets, and where it came from.
    Show {
        /// How the result is printed.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
}
