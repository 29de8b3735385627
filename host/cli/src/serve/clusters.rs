//! Clusters that tenants connected: proving a credential, and a responder on each.
//!
//! Promises: a cluster is reached by its own credential and by no other; what redacts and which pull credentials may be used is the
//! tenant's; a responder is kept as long as the record it was made from is the stored one, and the credential is proved again
//! where that was not done for [`PROVED_FOR`]: one that was taken away shows in the cluster's status.

use super::away::Away;
use crate::app::{App, Team};
use crate::exit::Failure;
use async_trait::async_trait;
use dreamops_cluster::connect::{self, ConnectError, Given, Method};
use dreamops_domain::event::TimelineEntry;
use dreamops_domain::fleet::{ClusterRecord, Fleet};
use dreamops_domain::id::{ClusterRecordId, IncidentId, TenantId};
use dreamops_domain::incident::ClusterId;
use dreamops_domain::ports::{Policy, StoreError, Story, Strategies};
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use dreamops_responder::{Ports, Responder};
use dreamops_server::engine::{NoResponder, Responders};
use dreamops_server::ports::{ConnectRefusal, ConnectRequest, Connector, GivenCredential, Proved, Redactors, Tried};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long one walk of an incident may take.
const WALK: Duration = Duration::from_mins(15);

/// For how long a credential counts as good after it was proved.
const PROVED_FOR: Duration = Duration::from_secs(15);

/// The clusters of all tenants.
pub(super) struct Clusters {
    app: Arc<App>,
    strategies: Arc<dyn Strategies>,
    policy: Arc<dyn Policy>,
    /// Responders by record.
    made: Mutex<HashMap<ClusterRecordId, Made>>,
}

/// A responder, and what it rests on.
struct Made {
    responder: Responder,
    /// When the record was changed last.
    since: Timestamp,
    /// Until when the credential counts as good, on the monotonic clock.
    proved_until: Duration,
}

/// Follows incidents in the log.
struct Logged;

impl Story for Logged {
    fn tell(&self, incident: IncidentId, entry: &TimelineEntry) {
        tracing::info!(incident.id = %incident, phase = %entry.phase, event = entry.event.name());
    }
}

impl Clusters {
    pub(super) fn new(app: Arc<App>, strategies: Arc<dyn Strategies>) -> Result<Self, Failure> {
        Ok(Self {
            policy: app.policy()?,
            app,
            strategies,
            made: Mutex::default(),
        })
    }

    /// The record of a cluster: of several for one, that of the name under which the alert came. Another is taken only where
    /// there is none of that name any more.
    async fn record(&self, tenant: TenantId, cluster: &ClusterId) -> Result<Option<ClusterRecord>, StoreError> {
        let store = &self.app.store;
        let named = store.cluster(tenant, &cluster.name).await?;
        match named.filter(|record| record.cluster.key == cluster.key) {
            Some(record) => Ok(Some(record)),
            None => store.cluster_by_key(tenant, &cluster.key).await,
        }
    }

    fn kept(&self, record: &ClusterRecord) -> Option<Responder> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let good = |kept: &&Made| kept.since == record.updated_at && self.app.clock.monotonic() < kept.proved_until;
        made.get(&record.id).filter(good).map(|kept| kept.responder.clone())
    }

    fn keep(&self, record: &ClusterRecord, responder: &Responder) {
        let kept = Made {
            responder: responder.clone(),
            since: record.updated_at,
            proved_until: self.app.clock.monotonic() + PROVED_FOR,
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(record.id, kept);
    }
}

fn not_connected(name: &str) -> NoResponder {
    NoResponder::Unknown(if name.is_empty() {
        "the alert names no cluster, and there is not exactly one connected".to_owned()
    } else {
        format!("no cluster {name:?} is connected")
    })
}

#[async_trait]
impl Responders for Clusters {
    async fn on(&self, tenant: TenantId, cluster: &ClusterId) -> Result<Responder, NoResponder> {
        if cluster.key.is_empty() {
            return Err(not_connected(&cluster.name));
        }
        let record = self.record(tenant, cluster).await;
        let record = record
            .map_err(|error| NoResponder::Unreachable(error.to_string()))?
            .ok_or_else(|| not_connected(&cluster.name))?;
        if let Some(responder) = self.kept(&record) {
            return Ok(responder);
        }
        let redactor = self.redactor(tenant).await;
        let redactor = redactor.map_err(|error| NoResponder::Unreachable(error.to_string()))?;
        let connection = self.app.connect_registered(&record, redactor.clone()).await?;
        if connection.cluster.key != cluster.key {
            return Err(NoResponder::Unknown(format!(
                "cluster {} is another one than when it was connected; connect it anew",
                record.name
            )));
        }
        let team = Team {
            tenant,
            redactor,
            strategies: Arc::clone(&self.strategies),
            story: Arc::new(Logged),
        };
        let responder = self.app.responder_for(&connection, team, WALK);
        let responder = responder.map_err(|failure| NoResponder::Unreachable(failure.error.to_string()))?;
        self.keep(&record, &responder);
        Ok(responder)
    }

    fn offline(&self, tenant: TenantId, cluster: &ClusterId) -> Responder {
        let ports = Ports {
            clock: Arc::clone(&self.app.clock),
            store: Arc::clone(&self.app.store) as _,
            reads: Arc::new(Away),
            writes: Arc::new(Away),
            strategies: Arc::clone(&self.strategies),
            policy: Arc::clone(&self.policy),
            story: Arc::new(Logged),
        };
        Responder::new(ports, cluster.clone(), self.app.patience(WALK)).for_tenant(tenant)
    }
}

#[async_trait]
impl Connector for Clusters {
    async fn prove(&self, tenant: TenantId, request: &ConnectRequest) -> Result<Proved, ConnectRefusal> {
        let given = given(request).kept().map_err(|error| refused(&error))?;
        let redactor = self.redactor(tenant).await;
        let redactor = redactor.map_err(|error| ConnectRefusal::Unavailable(error.to_string()))?;
        let connection = connect::with(&given, &self.app.options(None, redactor)).await;
        let connection = connection.map_err(|error| refused(&error))?;
        let can_list_namespaces = connection.may_list_namespaces().await.unwrap_or(false);
        let credential = given
            .to_document()
            .map_err(|error| ConnectRefusal::Invalid(error.to_string()))?;
        Ok(Proved {
            cluster: ClusterId {
                name: request.name.clone(),
                ..connection.cluster
            },
            namespace: connection.namespace,
            version: connection.version,
            platform: connection.platform,
            can_list_namespaces,
            expires_at: connection.expires_at,
            credential,
        })
    }

    async fn test(&self, record: &ClusterRecord) -> Result<Tried, ConnectRefusal> {
        let redactor = self.redactor(record.tenant).await;
        let redactor = redactor.map_err(|error| ConnectRefusal::Unavailable(error.to_string()))?;
        let connection = self.app.connect_registered(record, redactor).await;
        let connection = connection.map_err(|error| untried(error.into()))?;
        Ok(Tried {
            can_list_namespaces: connection.may_list_namespaces().await.unwrap_or(false),
            version: connection.version,
            platform: connection.platform,
        })
    }
}

/// Why a connected cluster could not be tried.
fn untried(error: NoResponder) -> ConnectRefusal {
    match error {
        NoResponder::Unknown(why) => ConnectRefusal::Refused(why),
        NoResponder::Unreachable(why) => ConnectRefusal::Unreachable(why),
    }
}

/// A request as the cluster adapter takes it.
fn given(request: &ConnectRequest) -> Given {
    let secret = |text: &Zeroizing<String>| connect::Secret::from(text.as_str());
    let method = match &request.credential {
        GivenCredential::Token(token) => Method::ServiceAccount { token: secret(token) },
        GivenCredential::Kubeconfig(text) => Method::Kubeconfig { text: secret(text) },
        GivenCredential::ClientCert { certificate, key } => Method::ClientCert {
            certificate: certificate.clone(),
            key: secret(key),
        },
    };
    Given {
        method,
        name: request.name.clone(),
        endpoint: request.endpoint.clone(),
        namespace: request.namespace.clone(),
        ca_certificate: request.ca_certificate.clone(),
        verify_ssl: request.verify_ssl,
        proxy_url: request.proxy_url.as_deref().map(Into::into),
        loopback_allowed: request.loopback_allowed,
    }
}

fn refused(error: &ConnectError) -> ConnectRefusal {
    match error {
        ConnectError::Unreachable { .. } | ConnectError::NotKubernetes { .. } | ConnectError::Tls { .. } => {
            ConnectRefusal::Unreachable(error.to_string())
        }
        ConnectError::Unauthorized { .. } => ConnectRefusal::Refused(error.to_string()),
        _ if error.is_expired() => ConnectRefusal::Refused(error.to_string()),
        _ => ConnectRefusal::Invalid(error.to_string()),
    }
}

#[async_trait]
impl Redactors for Clusters {
    async fn redactor(&self, tenant: TenantId) -> Result<Redactor, StoreError> {
        Ok(Redactor::new(&self.app.store.redaction_key(tenant).await?))
    }
}
