//! Ports beside the store: a desk that notes what it was told, a connector that knows one cluster, a simulator of words.

use async_trait::async_trait;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::ports::{Store, StoreError};
use dreamops_domain::redact::Redactor;
use dreamops_server::ports::{
    ConnectRefusal, ConnectRequest, Connector, Desk, DeskError, GivenCredential, Proved, Redactors, Rehearsals,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// The digest of the plan that waits.
pub(crate) const DIGEST: &str = "d1";

pub(crate) struct TestDesk {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) told: Mutex<Vec<String>>,
    pub(crate) nudges: AtomicUsize,
}

impl TestDesk {
    async fn told(&self, tenant: TenantId, id: IncidentId, what: String) -> Result<Incident, DeskError> {
        let incident = match self.store.load(tenant, id).await {
            Err(StoreError::NoSuchIncident(id)) => return Err(DeskError::NotFound(id)),
            other => other?,
        };
        self.told.lock().unwrap().push(what);
        Ok(incident)
    }
}

#[async_trait]
impl Desk for TestDesk {
    async fn approve(&self, tenant: TenantId, id: IncidentId, digest: &str, by: &str) -> Result<Incident, DeskError> {
        if digest == DIGEST {
            return self.told(tenant, id, format!("approve {id} by {by}")).await;
        }
        self.store.load(tenant, id).await?;
        Err(DeskError::OtherPlan { waiting: DIGEST.into() })
    }

    async fn reject(&self, tenant: TenantId, id: IncidentId, by: &str, reason: &str) -> Result<Incident, DeskError> {
        self.told(tenant, id, format!("reject {id} by {by}: {reason}")).await
    }

    async fn rollback(&self, tenant: TenantId, id: IncidentId, _: &str) -> Result<Incident, DeskError> {
        let incident = self.store.load(tenant, id).await?;
        Err(DeskError::WrongPhase {
            incident: id,
            phase: incident.phase,
            act: "rolled back",
        })
    }

    async fn acknowledge(&self, tenant: TenantId, id: IncidentId, _: &str) -> Result<Incident, DeskError> {
        self.store.load(tenant, id).await?;
        Err(DeskError::Held(id))
    }

    fn nudge(&self) {
        self.nudges.fetch_add(1, Ordering::SeqCst);
    }
}

/// Accepts the token `right`; the key of a cluster is its address.
pub(crate) struct TestConnector;

#[async_trait]
impl Connector for TestConnector {
    async fn prove(&self, _: TenantId, request: &ConnectRequest) -> Result<Proved, ConnectRefusal> {
        if !matches!(&request.credential, GivenCredential::Token(token) if token.as_str() == "right") {
            return Err(ConnectRefusal::Refused(
                "the cluster does not accept the credential".into(),
            ));
        }
        Ok(Proved {
            namespace: request.namespace.clone(),
            cluster: ClusterId {
                name: request.name.clone(),
                address: request.endpoint.clone(),
                ca_digest: String::new(),
                key: request.endpoint.clone(),
            },
            version: "v1.34.0".into(),
            platform: "linux/amd64".into(),
            can_list_namespaces: false,
            expires_at: None,
            credential: Zeroizing::new("sealed-later".into()),
        })
    }
}

pub(crate) struct TestRehearsals;

#[async_trait]
impl Rehearsals for TestRehearsals {
    async fn run(&self, scenario: &str) -> Result<Value, String> {
        assert_eq!(scenario, "crash-loop");
        Ok(json!({ "phase": "resolved", "namespace": "shop", "target": { "name": "web" } }))
    }

    fn scenarios(&self) -> Vec<String> {
        vec!["crash-loop".into()]
    }
}

pub(crate) struct TestRedactors;

#[async_trait]
impl Redactors for TestRedactors {
    async fn redactor(&self, tenant: TenantId) -> Result<Redactor, StoreError> {
        Ok(Redactor::new(tenant.to_string().as_bytes()))
    }
}
