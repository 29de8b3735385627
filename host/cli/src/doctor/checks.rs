//! The checks.

use super::Finding;
use crate::app::{App, keyring, open_store};
use crate::clock::SystemClock;
use crate::config::{self, Config};
use crate::lock::{Held, Lock};
use dreamops_cluster::rights;
use dreamops_domain::access::PageRequest;
use dreamops_domain::audit::{Audit, AuditFilter};
use dreamops_domain::fleet::{ClusterRecord, Fleet};
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::{Clock, Sealer};
use dreamops_domain::time::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Free space below which the database soon cannot be written to, in MiB.
const LITTLE_ROOM: u64 = 1024;
/// The same, where it is nearly so now.
const NO_ROOM: u64 = 100;
/// What runs out within so long should be renewed.
const SOON: Duration = Duration::from_hours(14 * 24);
/// How far clocks of several machines may be apart.
const SKEW: Duration = Duration::from_mins(1);
/// Before this program was written: no clock that is right says so. 2026-01-01.
const BEFORE_US: u64 = 1_767_225_600_000;

/// Every check, in the order in which one would repair.
pub(super) async fn all(config: Config) -> Vec<Finding> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut findings = vec![configuration(&config)];
    findings.extend(config::strange_variables().into_iter().map(|said| {
        Finding::warn(
            "environment",
            said,
            "correct its name or unset it: it changes nothing as it is",
        )
    }));
    findings.push(time(&*clock));
    findings.push(disk(&config));
    let held = config.database_file().and_then(|file| Lock::holder_of(&file));
    findings.push(port(&config, held.as_ref()).await);
    findings.push(certificate(&config));
    match keyring(&config) {
        Ok(keys) => {
            findings.push(Finding::ok(
                "keys",
                format!("{} in {}", keys.ids().len(), origin_of_keys(&config)),
            ));
            findings.extend(stored(config, Arc::new(keys), clock).await);
        }
        Err(failure) => findings.push(Finding::fail(
            "keys",
            format!("{:#}", failure.error),
            "give the keys that the database was made with; without them its secrets cannot be opened",
        )),
    }
    findings.retain(|finding| !finding.found.is_empty());
    findings
}

fn origin_of_keys(config: &Config) -> String {
    match config.encryption_keys {
        Some(_) => "DREAMOPS_ENCRYPTION_KEYS".to_owned(),
        None => config
            .key_dir
            .join(dreamops_vault::file::KEY_FILE)
            .display()
            .to_string(),
    }
}

fn configuration(config: &Config) -> Finding {
    let place = config.file.as_ref().map_or_else(
        || "no file; every value is a default or from the environment".to_owned(),
        |file| file.display().to_string(),
    );
    Finding::ok("configuration", place)
}

fn time(clock: &dyn Clock) -> Finding {
    let now = clock.now();
    if now < Timestamp::from_millis(BEFORE_US) {
        return Finding::fail("clock", format!("it says {now}"), "set it, and keep it right with NTP");
    }
    Finding::ok("clock", now.to_string())
}

/// Whether something in the database is from the future: the clock is wrong now, or was then.
async fn newest(app: &App) -> Option<Finding> {
    let one = PageRequest { limit: 1, after: None };
    let page = app.store.events(TenantId::DEFAULT, &AuditFilter::default(), &one).await;
    let at = page.ok()?.items.first()?.at;
    let now = app.clock.now();
    (at > now + SKEW).then(|| {
        Finding::warn(
            "clock",
            format!("the newest event of the audit is of {at}, and it is {now}"),
            "set the clock, and keep it right with NTP: the end of certificates and approvals is told by it",
        )
    })
}

/// How much room there is, by `df`: the standard library does not tell.
fn disk(config: &Config) -> Finding {
    let database = config.database_file();
    let folder = database.as_deref().and_then(Path::parent).unwrap_or(&config.data_dir);
    let place = existing(folder);
    let asked = Command::new("df").arg("-Pm").arg(place).output();
    let free = asked.ok().and_then(|answer| {
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    let found = |free: u64| format!("{free} MiB are free at {}", place.display());
    match free {
        None => Finding::warn(
            "disk",
            format!("`df` does not tell how much is free at {}", place.display()),
            "look that there is a gigabyte",
        ),
        Some(free) if free < NO_ROOM => Finding::fail("disk", found(free), "make room: alerts cannot be stored"),
        Some(free) if free < LITTLE_ROOM => {
            Finding::warn("disk", found(free), "make room before alerts cannot be stored")
        }
        Some(free) => Finding::ok("disk", found(free)),
    }
}

/// The folder, or the nearest one above it that is there.
fn existing(folder: &Path) -> &Path {
    folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."))
}

async fn port(config: &Config, held: Option<&Held>) -> Finding {
    let listen = &config.server.listen;
    if let Some(holder) = held.and_then(|held| held.holder.as_ref()) {
        return Finding::ok(
            "port",
            format!("a server of process {} serves at {}", holder.pid, holder.address),
        );
    }
    match TcpListener::bind(listen).await {
        Ok(_) => Finding::ok("port", format!("{listen} is free for `dreamops serve`")),
        Err(error) => Finding::warn(
            "port",
            format!("{listen} cannot be listened on ({error})"),
            "end what uses it, or choose another address with DREAMOPS_LISTEN",
        ),
    }
}

fn certificate(config: &Config) -> Finding {
    let Some(files) = &config.server.tls else {
        let local = config.server.listen.parse::<std::net::SocketAddr>();
        if local.is_ok_and(|address| !address.ip().is_loopback()) {
            return Finding::warn(
                "tls",
                format!("{} is reached over the network without TLS", config.server.listen),
                "set DREAMOPS_TLS_CERTIFICATE and DREAMOPS_TLS_KEY, or listen on 127.0.0.1 behind a proxy that speaks TLS",
            );
        }
        return Finding::ok("tls", "off; the server is reached from this machine only");
    };
    if let Err(error) = crate::serve::tls::Tls::read(files.clone()) {
        return Finding::fail("tls", format!("{error:#}"), "correct the files or their names");
    }
    let names = CertificateDer::pem_file_iter(&files.certificate).map(Iterator::count);
    Finding::ok(
        "tls",
        format!(
            "{} certificates in {}, and their key",
            names.unwrap_or_default(),
            files.certificate.display()
        ),
    )
}

/// What is checked on the open database. Opening brings its schema up to date, as every command does; one that is not there is not made.
async fn stored(config: Config, keys: Arc<dyn Sealer>, clock: Arc<dyn Clock>) -> Vec<Finding> {
    if let Some(file) = config.database_file().filter(|file| !file.exists()) {
        return vec![Finding::ok(
            "database",
            format!("none yet; it is made at {} when it is needed", file.display()),
        )];
    }
    let store = match open_store(&config, keys, Arc::clone(&clock)).await {
        Ok(store) => store,
        Err(failure) => {
            return vec![Finding::fail(
                "database",
                format!("{:#}", failure.error),
                "correct DATABASE_URL or the keys, or bring the database back from a copy",
            )];
        }
    };
    let place = match config.database_file() {
        Some(file) => file.display().to_string(),
        None => "the PostgreSQL server, by a plain role,".to_owned(),
    };
    let mut findings = vec![Finding::ok(
        "database",
        format!("{place} opens, its schema is this program's, and the keys open it"),
    )];
    let app = match App::around(config, clock, store).await {
        Ok(app) => app,
        Err(failure) => {
            findings.push(Finding::fail(
                "database",
                format!("{:#}", failure.error),
                "look at the database's own log",
            ));
            return findings;
        }
    };
    findings.extend(newest(&app).await);
    findings.push(components(&app).await);
    findings.extend(clusters(&app).await);
    findings
}

async fn components(app: &App) -> Finding {
    let (sandbox, problems) = match app.sandbox_with_problems().await {
        Ok(loaded) => loaded,
        Err(failure) => {
            return Finding::fail(
                "plugins",
                format!("{:#}", failure.error),
                "correct [plugins] in the configuration",
            );
        }
    };
    let names: Vec<String> = sandbox
        .list()
        .iter()
        .map(|p| p.inspection.manifest.name.clone())
        .collect();
    if !problems.is_empty() {
        return Finding::fail(
            "plugins",
            problems.join("; "),
            format!("correct or remove the file in {}", app.plugin_dir().display()),
        );
    }
    if names.is_empty() {
        return Finding::fail(
            "plugins",
            "none is loaded: nothing can be diagnosed",
            "use a program that was built with `cargo xtask build`, or put components in the plugin directory",
        );
    }
    Finding::ok("plugins", format!("{} loaded: {}", names.len(), names.join(", ")))
}

async fn clusters(app: &App) -> Vec<Finding> {
    let all = PageRequest {
        limit: 500,
        after: None,
    };
    let records = match app.store.clusters(TenantId::DEFAULT, &all).await {
        Ok(page) => page.items,
        Err(error) => {
            let advice = "look at the database's own log";
            return vec![Finding::fail("clusters", error.to_string(), advice)];
        }
    };
    if records.is_empty() {
        return vec![Finding::warn(
            "clusters",
            "none is connected",
            "`dreamops cluster add NAME`, or name a kubeconfig in each command",
        )];
    }
    let mut findings = Vec::new();
    for record in &records {
        findings.extend(cluster(app, record).await);
    }
    findings
}

async fn cluster(app: &App, record: &ClusterRecord) -> Vec<Finding> {
    let check = format!("cluster {}", record.name);
    let renew = format!("`dreamops cluster rotate {}` gives it another credential", record.name);
    let connection = match app.connect_registered(record, app.redactor.clone()).await {
        Ok(connection) => connection,
        Err(error) => return vec![Finding::fail(check, error.to_string(), renew)],
    };
    let mut findings = Vec::new();
    let now = app.clock.now();
    let found = format!("Kubernetes {} at {}", connection.version, connection.cluster.address);
    findings.push(match connection.expires_at {
        Some(end) if end < now + SOON => Finding::warn(&check, format!("{found}; its credential ends at {end}"), renew),
        Some(end) => Finding::ok(&check, format!("{found}; its credential ends at {end}")),
        None => Finding::ok(&check, found),
    });
    match rights::check(&connection, &connection.namespace).await {
        Ok(missing) => {
            let needed: Vec<String> = missing
                .iter()
                .filter(|m| m.is_needed())
                .map(ToString::to_string)
                .collect();
            let fix = format!(
                "`dreamops cluster rbac --namespace {}` prints what to apply",
                connection.namespace
            );
            if let Some(first) = needed.first() {
                let more = needed.len() - 1;
                findings.push(Finding::warn(&check, format!("{first} (and {more} more)"), fix));
            } else if !missing.is_empty() {
                let found = format!(
                    "{} looks at the whole cluster are not allowed: less can be checked",
                    missing.len()
                );
                findings.push(Finding::warn(&check, found, fix));
            } else {
                let found = format!("every right is there in {}", connection.namespace);
                findings.push(Finding::ok(&check, found));
            }
        }
        Err(error) => findings.push(Finding::warn(
            &check,
            format!("it does not say what may be done there: {}", error.said(&app.redactor)),
            "ask its administrators whether SelfSubjectAccessReviews are allowed",
        )),
    }
    findings
}
