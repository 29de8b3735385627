//! Configuration: the file `dreamops.toml`, overridden by the environment, overridden by flags.
//!
//! This is the only module that reads the environment.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `DREAMOPS_CONFIG` | the configuration file; else `dreamops.toml` here, then in the configuration directory |
//! | `DREAMOPS_DATA_DIR` | database, artefact cache, plugins; else the platform's data directory |
//! | `DATABASE_URL` | `postgres://…` or `sqlite:FILE`; else a SQLite file in the data directory |
//! | `DREAMOPS_ENCRYPTION_KEYS` | Fernet keys, newest first; else a file in the configuration directory |
//! | `K8S_ENABLE_DESTRUCTIVE_OPERATIONS` | `true` makes `yolo` the default mode |
//! | `K8S_ENABLED` | `false`: the server stores alerts and acts on no cluster |
//! | `DREAMOPS_LISTEN` | the server's address; `127.0.0.1:8000` if not set |
//! | `DREAMOPS_TLS_CERTIFICATE`, `DREAMOPS_TLS_KEY` | PEM files: the server speaks TLS with them |
//! | `DREAMOPS_SERVER` | commands ask this server; else they open the data directory |
//! | `DREAMOPS_SERVER_CA` | PEM file with authorities for that server, beside the platform's |
//! | `DREAMOPS_TOKEN` | the token for that server; for one on this machine else the administrator's from its file |
//! | `DREAMOPS_ADMIN_TOKEN` | the first administrator's token; else the server makes one and writes it to a file |
//! | `PAGERDUTY_WEBHOOK_SECRETS` | secrets of PagerDuty's short route, separated by commas |
//! | `HTTPS_PROXY`, `NO_PROXY` | proxies for clusters whose kubeconfig names none |
//! | `RUST_LOG` | the log filter; `warn` if not set |
//! | `NO_COLOR` | no colour |
//!
//! | file | subject |
//! | --- | --- |
//! | `spelling` | keys and variables that do not exist, and the nearest that do |
//! | `show` | where each value came from |

pub(crate) mod show;
mod spelling;

use crate::args::ServerArgs;
use anyhow::{Context, anyhow};
use dreamops_domain::phase::Mode;
use dreamops_domain::upkeep::Retention;
use dreamops_policy::Rules;
use dreamops_responder::Settings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// The file, as it may be written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    mode: Option<FileMode>,
    data_dir: Option<PathBuf>,
    policy: Option<Rules>,
    respond: Patience,
    server: FileServer,
    retention: FileRetention,
    plugins: BTreeMap<String, PluginSettings>,
}

/// How the server serves.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct FileServer {
    /// The address.
    listen: Option<String>,
    /// How many incidents are worked on at the same time.
    workers: Option<usize>,
    /// The certificate's file, PEM.
    tls_certificate: Option<PathBuf>,
    /// Its key's file, PEM.
    tls_key: Option<PathBuf>,
}

/// The files that make the server speak TLS.
#[derive(Clone)]
pub(crate) struct TlsFiles {
    /// The certificate with its chain, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PEM.
    pub(crate) key: PathBuf,
}

/// A server that commands ask.
pub(crate) struct ServerPlace {
    /// Its address.
    pub(crate) url: String,
    /// Authorities beside the platform's, PEM.
    pub(crate) authorities: Option<PathBuf>,
}

/// How long the server keeps things: `90d`, or `never` for what is never removed.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct FileRetention {
    /// Incidents, from their end.
    incidents: Option<Kept>,
    /// Deliveries and what tells repeated ones.
    deliveries: Option<Kept>,
    /// The audit.
    audit: Option<Kept>,
}

/// A time after which something is removed, as a person writes it.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "String")]
struct Kept(Option<Duration>);

impl TryFrom<String> for Kept {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "never" => Ok(Self(None)),
            _ => Span::try_from(text).map(|span| Self(Some(span.0))),
        }
    }
}

impl FileRetention {
    fn in_force(&self) -> Retention {
        let default = Retention::default();
        let or = |given: Option<Kept>, default| given.map_or(default, |kept| kept.0);
        Retention {
            incidents: or(self.incidents, default.incidents),
            deliveries: or(self.deliveries, default.deliveries),
            audit: or(self.audit, default.audit),
        }
    }
}

/// What `serve` needs beside what every command does.
pub(crate) struct ServerConfig {
    /// The address.
    pub(crate) listen: String,
    /// How many incidents are worked on at the same time.
    pub(crate) workers: usize,
    /// Whether clusters are acted on.
    pub(crate) kubernetes: bool,
    /// The first administrator's token, where it is given.
    pub(crate) admin_token: Option<String>,
    /// The secrets of PagerDuty's short route.
    pub(crate) pagerduty_secrets: Vec<String>,
    /// What it speaks TLS with; without it, it speaks plain HTTP.
    pub(crate) tls: Option<TlsFiles>,
    /// How long things are kept.
    pub(crate) retention: Retention,
}

/// The database's file in the data directory.
const DATABASE: &str = "dreamops.db";
/// The administrator's token, in the configuration directory.
pub(crate) const TOKEN_FILE: &str = "admin.token";
/// The server's address where none is given: nobody but this machine reaches it.
const LISTEN: &str = "127.0.0.1:8000";
/// Each incident mostly waits for its cluster.
const WORKERS: usize = 16;

/// How patient the responder is; durations are written as `30s`, `2m`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Patience {
    /// How long a fault must stay away before the incident closes.
    stability: Option<Span>,
    /// How long after the last write an improvement is waited for.
    heal_deadline: Option<Span>,
    /// How long a fault that needs no change is watched before a person is asked.
    watch: Option<Span>,
    /// How long a plan waits for a person.
    approval_ttl: Option<Span>,
}

/// A duration as a person writes it.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "String")]
struct Span(Duration);

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        humantime::parse_duration(&text)
            .map(Self)
            .map_err(|e| format!("{text:?} is no duration ({e}); write it as 30s or 2m"))
    }
}

impl Patience {
    fn settings(&self) -> Settings {
        let default = Settings::default();
        let or = |given: Option<Span>, default: Duration| given.map_or(default, |s| s.0);
        Settings {
            stability: or(self.stability, default.stability),
            heal_deadline: or(self.heal_deadline, default.heal_deadline),
            watch: or(self.watch, default.watch),
            approval_ttl: or(self.approval_ttl, default.approval_ttl),
            ..default
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum FileMode {
    Observe,
    Approval,
    Yolo,
}

/// What an operator says about one component.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PluginSettings {
    /// `false` keeps it from being loaded.
    pub(crate) enabled: Option<bool>,
    /// What it may ask for; everything that its manifest wants if not given.
    pub(crate) grants: Option<Vec<String>>,
    /// The most confidence it is given, 0 to 1.
    pub(crate) confidence_cap: Option<f64>,
    /// Its own settings.
    pub(crate) settings: BTreeMap<String, String>,
}

/// The configuration in force.
pub(crate) struct Config {
    /// The file that was read, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// How far the host may go where no flag says.
    pub(crate) mode: Mode,
    /// Database, artefact cache, plugins.
    pub(crate) data_dir: PathBuf,
    /// Where the database is, where it is not the file in the data directory. Holds a password.
    pub(crate) database_url: Option<Zeroizing<String>>,
    /// Where the key file is: the configuration directory.
    pub(crate) key_dir: PathBuf,
    /// Keys from the environment.
    pub(crate) encryption_keys: Option<String>,
    /// Policy rules.
    pub(crate) rules: Rules,
    /// How patient the responder is.
    pub(crate) patience: Settings,
    /// How the server serves.
    pub(crate) server: ServerConfig,
    /// Components by name.
    pub(crate) plugins: BTreeMap<String, PluginSettings>,
    /// Proxy for clusters, where a kubeconfig names none.
    pub(crate) https_proxy: String,
    /// Hosts that are reached without it.
    pub(crate) no_proxy: String,
}

impl Config {
    /// Reads file and environment.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let places = directories::ProjectDirs::from("", "", "dreamops")
            .ok_or_else(|| anyhow!("this user has no home directory; set DREAMOPS_CONFIG and DREAMOPS_DATA_DIR"))?;
        let path = file_path(places.config_dir())?;
        let file = match &path {
            Some(path) => read(path)?,
            None => File::default(),
        };
        let key_dir = match (&path, variable("DREAMOPS_CONFIG")) {
            (Some(path), Some(_)) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
            _ => places.config_dir().to_path_buf(),
        };
        let data_dir = variable("DREAMOPS_DATA_DIR")
            .map(PathBuf::from)
            .or(file.data_dir)
            .unwrap_or_else(|| places.data_dir().to_path_buf());
        Ok(Self {
            file: path,
            mode: mode(file.mode)?,
            data_dir,
            database_url: variable("DATABASE_URL").map(Zeroizing::new),
            key_dir,
            encryption_keys: variable("DREAMOPS_ENCRYPTION_KEYS"),
            rules: file.policy.unwrap_or_default(),
            patience: file.respond.settings(),
            server: server(file.server, file.retention.in_force())?,
            plugins: file.plugins,
            https_proxy: variable("HTTPS_PROXY")
                .or_else(|| variable("https_proxy"))
                .unwrap_or_default(),
            no_proxy: variable("NO_PROXY")
                .or_else(|| variable("no_proxy"))
                .unwrap_or_default(),
        })
    }

    /// The database's file; none where the database is elsewhere.
    pub(crate) fn database_file(&self) -> Option<PathBuf> {
        let Some(url) = &self.database_url else {
            return Some(self.data_dir.join(DATABASE));
        };
        let file = url.strip_prefix("sqlite:")?;
        Some(PathBuf::from(file.strip_prefix("//").unwrap_or(file)))
    }

    /// The token for the server: the administrator's own one only goes to this machine.
    pub(crate) fn token_for(&self, this_machine: bool) -> anyhow::Result<Zeroizing<String>> {
        if let Some(token) = variable("DREAMOPS_TOKEN") {
            return Ok(Zeroizing::new(token));
        }
        let path = self.key_dir.join(TOKEN_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) if this_machine => Ok(Zeroizing::new(text.trim().to_owned())),
            _ => Err(anyhow!(
                "there is no token for the server; set DREAMOPS_TOKEN (an administrator makes one with `dreamops token create`)"
            )),
        }
    }
}

/// The server that a command asks, where flags or environment name one.
pub(crate) fn server_named(flags: &ServerArgs) -> Option<ServerPlace> {
    Some(ServerPlace {
        url: flags.server.clone().or_else(|| variable("DREAMOPS_SERVER"))?,
        authorities: flags
            .server_ca
            .clone()
            .or_else(|| variable("DREAMOPS_SERVER_CA").map(PathBuf::from)),
    })
}

/// What is said of each variable that looks like ours and is none.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn strange_variables() -> Vec<String> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    names.filter_map(|name| spelling::strange(&name)).collect()
}

/// The log filter; `warn` where none is set.
pub(crate) fn log_filter() -> String {
    variable("RUST_LOG").unwrap_or_else(|| "warn".to_owned())
}

/// Whether colour is unwanted.
pub(crate) fn no_colour() -> bool {
    variable("NO_COLOR").is_some()
}

/// Who is at the keyboard, for the audit.
pub(crate) fn user() -> String {
    variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| "operator".to_owned())
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

fn server(file: FileServer, retention: Retention) -> anyhow::Result<ServerConfig> {
    let secrets = variable("PAGERDUTY_WEBHOOK_SECRETS").unwrap_or_default();
    Ok(ServerConfig {
        listen: variable("DREAMOPS_LISTEN")
            .or(file.listen)
            .unwrap_or_else(|| LISTEN.to_owned()),
        workers: file.workers.unwrap_or(WORKERS).max(1),
        retention,
        kubernetes: switch("K8S_ENABLED")?.unwrap_or(true),
        admin_token: variable("DREAMOPS_ADMIN_TOKEN"),
        tls: tls(
            variable("DREAMOPS_TLS_CERTIFICATE")
                .map(PathBuf::from)
                .or(file.tls_certificate),
            variable("DREAMOPS_TLS_KEY").map(PathBuf::from).or(file.tls_key),
        )?,
        pagerduty_secrets: secrets
            .split(',')
            .map(|s| s.trim().to_owned())
            .filter(|s| !s.is_empty())
            .collect(),
    })
}

/// Certificate and key go together.
fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> anyhow::Result<Option<TlsFiles>> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (Some(_), None) => Err(anyhow!(
            "a certificate is configured and no key; set `tls_key` in [server] or DREAMOPS_TLS_KEY"
        )),
        (None, Some(_)) => Err(anyhow!(
            "a key is configured and no certificate; set `tls_certificate` in [server] or DREAMOPS_TLS_CERTIFICATE"
        )),
    }
}

/// A variable that is true or false.
fn switch(name: &str) -> anyhow::Result<Option<bool>> {
    match variable(name).as_deref() {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(other) => Err(anyhow!("{name} is {other:?}; it is either true or false")),
    }
}

fn mode(file: Option<FileMode>) -> anyhow::Result<Mode> {
    let by_file = file.map_or(Mode::Approval, |m| match m {
        FileMode::Observe => Mode::Observe,
        FileMode::Approval => Mode::Approval,
        FileMode::Yolo => Mode::Yolo,
    });
    let yolo = switch("K8S_ENABLE_DESTRUCTIVE_OPERATIONS")?.unwrap_or(false);
    Ok(if yolo { Mode::Yolo } else { by_file })
}

fn file_path(config_dir: &Path) -> anyhow::Result<Option<PathBuf>> {
    if let Some(named) = variable("DREAMOPS_CONFIG").map(PathBuf::from) {
        if !named.is_file() {
            return Err(anyhow!("DREAMOPS_CONFIG names {}, which is no file", named.display()));
        }
        return Ok(Some(named));
    }
    let places = [PathBuf::from("dreamops.toml"), config_dir.join("dreamops.toml")];
    Ok(places.into_iter().find(|p| p.is_file()))
}

fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).map_err(|why| anyhow!("{} is not a valid configuration: {why}", path.display()))
}

fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(0, |span| spelling::line_of(text, span.start));
        format!("line {line}: {}", spelling::with_nearest(error.message()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_exist_is_refused_with_its_line_and_the_nearest_one() {
        let wrong = "mode = \"yolo\"\n\n[respond]\nstabilty = \"30s\"\n";
        let said = parse(wrong).err().unwrap();
        assert!(
            said.contains("line 4") && said.contains("did you mean `stability`?"),
            "{said}"
        );
        let section = parse("[servr]\nlisten = \"a\"\n").err().unwrap();
        assert!(section.contains("did you mean `server`?"), "{section}");
        let policy = parse("[policy]\nprotected_namespace = []\n").err().unwrap();
        assert!(policy.contains("did you mean `protected_namespaces`?"), "{policy}");
        // nothing is near: all that there is, is named
        let far = parse("qqqqqqqqqq = 1\n").err().unwrap();
        assert!(!far.contains("did you mean") && far.contains("`mode`"), "{far}");
    }

    #[test]
    fn a_value_that_cannot_be_read_is_refused_with_its_line() {
        let said = parse("[respond]\nstability = \"soon\"\n").err().unwrap();
        assert!(
            said.contains("line 2") && said.contains("write it as 30s or 2m"),
            "{said}"
        );
    }

    #[test]
    fn certificate_and_key_go_together() {
        assert!(tls(None, None).unwrap().is_none());
        assert!(tls(Some("a".into()), Some("b".into())).unwrap().is_some());
        let said = tls(Some("a".into()), None).err().unwrap().to_string();
        assert!(said.contains("DREAMOPS_TLS_KEY"), "{said}");
    }
}
