//! Wiring: every adapter made once and put behind its port.

use crate::args::ClusterArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::embedded::COMPONENTS;
use crate::exit::Failure;
use crate::lock::Lock;
use crate::story::Narrator;
use anyhow::{Context, anyhow};
use dreamops_cluster::act::{Actor, Bounds};
use dreamops_cluster::connect::{self, Connection, Options, ProxySettings};
use dreamops_cluster::read::Reader;
use dreamops_domain::grant::Grants;
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::{Clock, ClusterRead, Policy, Sealer, Story, Strategies};
use dreamops_domain::redact::Redactor;
use dreamops_policy::BuiltIn;
use dreamops_recording::{Recorded, Recording};
use dreamops_responder::{Ports, Responder};
use dreamops_sandbox::{PluginSettings, Sandbox};
use dreamops_store::{SqliteStore, TenantCredentials};
use dreamops_vault::{KeyFile, Keyring};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What the commands share.
pub(crate) struct App {
    /// The configuration in force.
    pub(crate) config: Config,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Incidents, journal, audit.
    pub(crate) store: Arc<SqliteStore>,
    /// Redacts under the tenant's key.
    pub(crate) redactor: Redactor,
    /// What is kept of this run, if it is to be.
    pub(crate) recording: Option<Arc<Recording>>,
    /// The share in the data directory; none where the database is not there.
    pub(crate) lock: Option<Lock>,
}

impl App {
    /// Opens the data directory for a command; refused while a server holds it.
    pub(crate) async fn open() -> Result<Self, Failure> {
        let config = Config::load()?;
        let lock = config.database_file().map(|file| Lock::shared(&file)).transpose()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Self::locked(config, clock, lock).await
    }

    /// Opens the data directory for a server, which then holds it alone.
    pub(crate) async fn open_alone() -> Result<Self, Failure> {
        let config = Config::load()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let lock = match config.database_file() {
            Some(file) => Some(Lock::whole(&file, &*clock).await?),
            None => None,
        };
        Self::locked(config, clock, lock).await
    }

    /// Opens the data directory beside whoever has it: for single short transactions.
    pub(crate) async fn open_beside() -> Result<Self, Failure> {
        Self::locked(Config::load()?, Arc::new(SystemClock::new()), None).await
    }

    async fn locked(config: Config, clock: Arc<dyn Clock>, lock: Option<Lock>) -> Result<Self, Failure> {
        let keys = Arc::new(keyring(&config)?);
        let store = open_store(&config, Arc::clone(&keys) as _, Arc::clone(&clock)).await?;
        let store = store.with_signer(keys);
        let app = Self::around(config, clock, store).await?;
        Ok(Self { lock, ..app })
    }

    /// An app that keeps nothing: for a simulated cluster that lives by its own clock.
    pub(crate) async fn in_memory(clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let mut config = Config::load()?;
        // nobody else can want the lease, and on a busy machine the fast clock runs far between two signs of life
        config.patience.lease = Duration::from_mins(30);
        let key = Keyring::generate();
        let keys = Arc::new(Keyring::parse(key.expose())?);
        let sealer: Arc<dyn Sealer> = Arc::clone(&keys) as _;
        let store = SqliteStore::in_memory(sealer, Arc::clone(&clock))
            .await?
            .with_signer(keys);
        Self::around(config, clock, store).await
    }

    pub(crate) async fn around(config: Config, clock: Arc<dyn Clock>, store: SqliteStore) -> Result<Self, Failure> {
        let key = store.redaction_key(TenantId::DEFAULT).await?;
        Ok(Self {
            config,
            clock,
            store: Arc::new(store),
            redactor: Redactor::new(&key),
            recording: None,
            lock: None,
        })
    }

    /// Connects to the cluster that the flags name.
    pub(crate) async fn connect(&self, cluster: &ClusterArgs) -> Result<Connection, Failure> {
        match (&cluster.kubeconfig, &cluster.cluster) {
            (Some(file), _) => self.connect_to(file, cluster.context.as_deref()).await,
            (None, name) => {
                let record = self.registered(name.as_deref()).await?;
                Ok(self.connect_registered(&record, self.redactor.clone()).await?)
            }
        }
    }

    /// Connects as a context of a kubeconfig file says.
    pub(crate) async fn connect_to(&self, file: &Path, context: Option<&str>) -> Result<Connection, Failure> {
        let options = self.options(context, self.redactor.clone());
        Ok(connect::kubeconfig(file, &options).await?)
    }

    /// What a connection needs beside its credential.
    pub(crate) fn options(&self, context: Option<&str>, redactor: Redactor) -> Options {
        Options {
            context: context.map(str::to_owned),
            proxy: ProxySettings {
                https_proxy: self.config.https_proxy.clone(),
                no_proxy: self.config.no_proxy.clone(),
            },
            clock: Arc::clone(&self.clock),
            redactor,
        }
    }

    /// The components: first-party ones, then those of the plugin directory beside or in place of them.
    /// One that cannot be loaded is reported and stops nothing.
    pub(crate) async fn sandbox(&self) -> Result<Arc<Sandbox>, Failure> {
        let (sandbox, problems) = self.sandbox_with_problems().await?;
        for problem in problems {
            eprintln!("dreamops: a component was not loaded: {problem}");
        }
        if COMPONENTS.is_empty() {
            eprintln!("dreamops: this program carries no components; `cargo xtask build` makes one that does");
        }
        Ok(sandbox)
    }

    /// The components, and why others were not loaded.
    pub(crate) async fn sandbox_with_problems(&self) -> Result<(Arc<Sandbox>, Vec<String>), Failure> {
        let sandbox = self.empty_sandbox()?;
        let mut problems = sandbox
            .load_first_party(COMPONENTS.iter().map(|(_, bytes)| bytes.to_vec()).collect())
            .await;
        problems.extend(sandbox.load_directory(&self.plugin_dir()).await);
        Ok((sandbox, problems.iter().map(ToString::to_string).collect()))
    }

    /// A sandbox without any component.
    pub(crate) fn empty_sandbox(&self) -> Result<Arc<Sandbox>, Failure> {
        Ok(Sandbox::new(self.sandbox_settings()?).context("cannot start the sandbox")?)
    }

    /// Where operators put components.
    pub(crate) fn plugin_dir(&self) -> PathBuf {
        self.config.data_dir.join("plugins")
    }

    pub(crate) fn sandbox_settings(&self) -> Result<dreamops_sandbox::Settings, Failure> {
        let mut settings = dreamops_sandbox::Settings {
            recorder: self.recording.as_ref().map(crate::record::host_calls),
            artefact_cache: Some(self.config.data_dir.join("artefacts")),
            ..dreamops_sandbox::Settings::default()
        };
        for (name, given) in &self.config.plugins {
            let allowed = match &given.grants {
                Some(patterns) => Some(
                    Grants::parse(patterns.iter().map(String::as_str))
                        .with_context(|| format!("[plugins.{name}] grants"))
                        .map_err(Failure::usage)?,
                ),
                None => None,
            };
            settings.plugins.insert(
                name.clone(),
                PluginSettings {
                    enabled: given.enabled.unwrap_or(true),
                    allowed,
                    confidence_cap: given.confidence_cap,
                    settings: given.settings.clone(),
                },
            );
        }
        Ok(settings)
    }

    /// A responder for a cluster, told by a narrator.
    pub(crate) async fn responder(
        &self,
        connection: &Connection,
        narrator: Arc<Narrator>,
        timeout: Duration,
    ) -> Result<Responder, Failure> {
        let sandbox: Arc<dyn Strategies> = self.sandbox().await?;
        let strategies = match &self.recording {
            Some(recording) => Arc::new(Recorded::new(sandbox, Arc::clone(recording))),
            None => sandbox,
        };
        let team = Team {
            tenant: TenantId::DEFAULT,
            redactor: self.redactor.clone(),
            strategies,
            story: narrator,
        };
        self.responder_for(connection, team, timeout)
    }

    /// A responder for a team's cluster: it reads, redacts and takes credentials as that team's alone.
    pub(crate) fn responder_for(
        &self,
        connection: &Connection,
        team: Team,
        timeout: Duration,
    ) -> Result<Responder, Failure> {
        let reads: Arc<dyn ClusterRead> = Arc::new(Reader::new(connection.api.clone(), team.redactor.clone()));
        let credentials = TenantCredentials {
            store: SqliteStore::clone(&self.store),
            tenant: team.tenant,
        };
        let writes = Actor::new(
            connection.api.clone(),
            team.redactor,
            Arc::clone(&reads),
            Arc::new(credentials),
            Arc::clone(&self.clock),
            Bounds::default(),
        );
        let ports = Ports {
            clock: Arc::clone(&self.clock),
            store: Arc::clone(&self.store) as _,
            reads,
            writes: Arc::new(writes),
            strategies: team.strategies,
            policy: self.policy()?,
            story: team.story,
        };
        Ok(Responder::new(ports, connection.cluster.clone(), self.patience(timeout)).for_tenant(team.tenant))
    }

    /// The rules in force.
    pub(crate) fn policy(&self) -> Result<Arc<dyn Policy>, Failure> {
        let rules = BuiltIn::new(self.config.rules.clone());
        Ok(Arc::new(rules.context("[policy]").map_err(Failure::usage)?))
    }

    /// How patient a run is.
    pub(crate) fn patience(&self, timeout: Duration) -> dreamops_responder::Settings {
        dreamops_responder::Settings {
            worker: dreamops_store::worker::this_process(),
            timeout,
            ..self.config.patience.clone()
        }
    }
}

/// Whose incidents a responder works on, with what, and who watches.
pub(crate) struct Team {
    /// The team.
    pub(crate) tenant: TenantId,
    /// Redacts under its key.
    pub(crate) redactor: Redactor,
    /// The components.
    pub(crate) strategies: Arc<dyn Strategies>,
    /// Who watches.
    pub(crate) story: Arc<dyn Story>,
}

/// The database that is configured; the file in the data directory where none is.
pub(crate) async fn open_store(
    config: &Config,
    sealer: Arc<dyn Sealer>,
    clock: Arc<dyn Clock>,
) -> Result<SqliteStore, Failure> {
    if let Some(file) = config.database_file() {
        return Ok(SqliteStore::open(&file, sealer, clock).await?);
    }
    match config.database_url.as_ref().map(|url| url.as_str()) {
        Some(url) if SqliteStore::is_address(url) => Ok(SqliteStore::connect(url, sealer, clock).await?),
        // not shown: it may hold a password
        _ => Err(Failure::usage(anyhow!(
            "DATABASE_URL begins neither with postgres:// nor with sqlite:"
        ))),
    }
}

/// The keys: from the environment, else from a file in the configuration directory, made at first start.
pub(crate) fn keyring(config: &Config) -> Result<Keyring, Failure> {
    let shared = config
        .database_url
        .as_ref()
        .is_some_and(|url| SqliteStore::is_address(url));
    if shared && config.encryption_keys.is_none() {
        return Err(Failure::usage(anyhow!(
            "a PostgreSQL database needs DREAMOPS_ENCRYPTION_KEYS: every replica has to have the same keys"
        )));
    }
    if let Some(keys) = &config.encryption_keys {
        return Ok(Keyring::parse(keys).context("DREAMOPS_ENCRYPTION_KEYS")?);
    }
    let file = KeyFile::load_or_create(&config.key_dir)?;
    if file.created {
        eprintln!(
            "dreamops: made an encryption key in {}; keep a copy: without it what is stored cannot be opened",
            file.path.display()
        );
    }
    Ok(file.keyring)
}
