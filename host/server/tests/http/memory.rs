//! The store's ports for deliveries, tokens, sources, clusters and audit, in memory. Incidents are the real store's.

use async_trait::async_trait;
use dreamops_domain::access::{Access, Page, PageRequest, Principal, SourceRecord, TokenRecord};
use dreamops_domain::alert::Source;
use dreamops_domain::audit::{Audit, AuditCheck, AuditEvent, AuditFilter, AuditHead};
use dreamops_domain::fleet::{ClusterRecord, ConnectionStatus, Fleet};
use dreamops_domain::id::{AlertId, ClusterRecordId, DeliveryId, SourceId, TenantId, TokenId};
use dreamops_domain::intake::{AlertFilter, AlertRecord, Claimed, Intake, NewDelivery, Queue, Taken};
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::{Clock, Lease, Store, StoreError};
use dreamops_domain::time::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use zeroize::Zeroizing;

#[derive(Default)]
struct Rows {
    tenants: Vec<(String, TenantId)>,
    tokens: Vec<(TenantId, TokenRecord, String)>,
    sources: Vec<(SourceRecord, Vec<Zeroizing<String>>)>,
    clusters: Vec<(ClusterRecord, Zeroizing<String>)>,
    deliveries: Vec<(NewDelivery, Taken)>,
    events: Vec<(TenantId, AuditEvent)>,
}

pub(crate) struct Memory {
    rows: Mutex<Rows>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Whether the database is away.
    pub(crate) away: AtomicBool,
    /// One delivery at a time, as a transaction does it.
    turn: tokio::sync::Mutex<()>,
}

impl Memory {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::default(),
            store,
            clock,
            away: AtomicBool::new(false),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    fn rows(&self) -> Result<MutexGuard<'_, Rows>, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Database("connection to 10.0.0.1 refused".into()));
        }
        Ok(self.rows.lock().unwrap())
    }

    /// An event happens and is sealed.
    pub(crate) fn happen(&self, tenant: TenantId, event: &str) {
        let mut rows = self.rows.lock().unwrap();
        let position = i64::try_from(rows.events.iter().filter(|(t, _)| *t == tenant).count()).unwrap() + 1;
        let event = AuditEvent {
            position,
            at: self.clock.now(),
            incident_id: None,
            phase: None,
            event: event.into(),
            body: serde_json::json!({}),
        };
        rows.events.push((tenant, event));
    }
}

fn page<T>(items: Vec<T>, part: &PageRequest) -> Page<T> {
    let from: usize = part.after.as_deref().map_or(0, |a| a.parse().unwrap_or(0));
    let to = from + part.size() as usize;
    let next_cursor = (to < items.len()).then(|| to.to_string());
    Page {
        items: items.into_iter().skip(from).take(part.size() as usize).collect(),
        next_cursor,
    }
}

#[async_trait]
impl Access for Memory {
    async fn principal(&self, token_sha256: &str) -> Result<Option<Principal>, StoreError> {
        let now = self.clock.now();
        let rows = self.rows()?;
        let live = |(_, token, digest): &&(TenantId, TokenRecord, String)| {
            digest == token_sha256 && token.expires_at.is_none_or(|at| at > now)
        };
        Ok(rows.tokens.iter().find(live).map(|(tenant, token, _)| Principal {
            tenant: *tenant,
            user: token.user.clone(),
            role: token.role,
            token: token.id,
        }))
    }

    async fn tenant_create(&self, name: &str, _: &str) -> Result<Option<TenantId>, StoreError> {
        let id = TenantId::new(self.clock.now());
        self.rows()?.tenants.push((name.into(), id));
        Ok(Some(id))
    }

    async fn tenant(&self, name: &str) -> Result<Option<TenantId>, StoreError> {
        Ok(self.rows()?.tenants.iter().find(|(n, _)| n == name).map(|(_, id)| *id))
    }

    async fn token_create(
        &self,
        tenant: TenantId,
        token: &TokenRecord,
        token_sha256: &str,
        _: &str,
    ) -> Result<(), StoreError> {
        self.rows()?.tokens.push((tenant, token.clone(), token_sha256.into()));
        Ok(())
    }

    async fn tokens(&self, tenant: TenantId, part: &PageRequest) -> Result<Page<TokenRecord>, StoreError> {
        let rows = self.rows()?;
        let own = rows.tokens.iter().rev().filter(|(t, ..)| *t == tenant);
        Ok(page(own.map(|(_, token, _)| token.clone()).collect(), part))
    }

    async fn token_revoke(&self, tenant: TenantId, token: TokenId, _: &str) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        let before = rows.tokens.len();
        rows.tokens
            .retain(|(t, record, _)| !(*t == tenant && record.id == token));
        Ok(rows.tokens.len() < before)
    }

    async fn source_create(
        &self,
        source: &SourceRecord,
        secrets: &[Zeroizing<String>],
        _: &str,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        if rows
            .sources
            .iter()
            .any(|(s, _)| s.name == source.name && s.kind == source.kind)
        {
            return Ok(false);
        }
        rows.sources.push((source.clone(), secrets.to_vec()));
        Ok(true)
    }

    async fn sources(&self, tenant: TenantId, part: &PageRequest) -> Result<Page<SourceRecord>, StoreError> {
        let rows = self.rows()?;
        let own = rows.sources.iter().rev().filter(|(s, _)| s.tenant == tenant);
        Ok(page(own.map(|(s, _)| s.clone()).collect(), part))
    }

    async fn source(
        &self,
        kind: Source,
        name: &str,
    ) -> Result<Option<(SourceRecord, Vec<Zeroizing<String>>)>, StoreError> {
        let rows = self.rows()?;
        Ok(rows
            .sources
            .iter()
            .find(|(s, _)| s.kind == kind && s.name == name)
            .cloned())
    }

    async fn source_remove(&self, tenant: TenantId, source: SourceId, _: &str) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        let before = rows.sources.len();
        rows.sources.retain(|(s, _)| !(s.tenant == tenant && s.id == source));
        Ok(rows.sources.len() < before)
    }
}

#[async_trait]
impl Fleet for Memory {
    async fn add(&self, record: &ClusterRecord, credential: &Zeroizing<String>, _: &str) -> Result<bool, StoreError> {
        if self.cluster(record.tenant, &record.name).await?.is_some() {
            return Ok(false);
        }
        self.rows()?.clusters.push((record.clone(), credential.clone()));
        Ok(true)
    }

    async fn clusters(&self, tenant: TenantId, part: &PageRequest) -> Result<Page<ClusterRecord>, StoreError> {
        let rows = self.rows()?;
        let own = rows.clusters.iter().filter(|(c, _)| c.tenant == tenant);
        Ok(page(own.map(|(c, _)| c.clone()).collect(), part))
    }

    async fn cluster(&self, tenant: TenantId, name: &str) -> Result<Option<ClusterRecord>, StoreError> {
        let rows = self.rows()?;
        let mut own = rows.clusters.iter().filter(|(c, _)| c.tenant == tenant);
        Ok(own.find(|(c, _)| c.name == name).map(|(c, _)| c.clone()))
    }

    async fn cluster_by_key(&self, _: TenantId, _: &str) -> Result<Option<ClusterRecord>, StoreError> {
        Ok(None)
    }

    async fn credential(&self, _: TenantId, id: ClusterRecordId) -> Result<Option<Zeroizing<String>>, StoreError> {
        let rows = self.rows()?;
        Ok(rows.clusters.iter().find(|(c, _)| c.id == id).map(|(_, s)| s.clone()))
    }

    async fn rotate(
        &self,
        record: &ClusterRecord,
        credential: &Zeroizing<String>,
        _: &str,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        let Some(row) = rows.clusters.iter_mut().find(|(c, _)| c.id == record.id) else {
            return Ok(false);
        };
        *row = (record.clone(), credential.clone());
        Ok(true)
    }

    async fn note(
        &self,
        _: TenantId,
        _: ClusterRecordId,
        _: ConnectionStatus,
        _: &str,
        _: bool,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn set_mode(&self, tenant: TenantId, name: &str, mode: Option<Mode>, _: &str) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        let mut own = rows.clusters.iter_mut().filter(|(c, _)| c.tenant == tenant);
        Ok(own.find(|(c, _)| c.name == name).map(|(c, _)| c.mode = mode).is_some())
    }

    async fn remove(&self, tenant: TenantId, name: &str, _: &str) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        let before = rows.clusters.len();
        rows.clusters.retain(|(c, _)| !(c.tenant == tenant && c.name == name));
        Ok(rows.clusters.len() < before)
    }
}

#[async_trait]
impl Intake for Memory {
    async fn take_in(&self, delivery: &NewDelivery) -> Result<Taken, StoreError> {
        let _turn = self.turn.lock().await;
        let repeated = |(d, _): &&(NewDelivery, Taken)| {
            let recent = |w: Duration| delivery.received_at.since(d.received_at) < w;
            (d.tenant, &d.source, &d.key) == (delivery.tenant, &delivery.source, &delivery.key)
                && delivery.repeats_for.is_none_or(recent)
        };
        if let Some((_, taken)) = self.rows()?.deliveries.iter().find(repeated) {
            return Ok(Taken {
                repeated: true,
                ..taken.clone()
            });
        }
        for incident in &delivery.incidents {
            self.store.create(incident, &incident.id.to_string()).await?;
        }
        let taken = Taken {
            delivery: DeliveryId::new(delivery.received_at),
            repeated: false,
            incidents: delivery.incidents.iter().map(|i| i.id).collect(),
        };
        self.rows()?.deliveries.push((delivery.clone(), taken.clone()));
        Ok(taken)
    }

    async fn alerts(
        &self,
        tenant: TenantId,
        filter: &AlertFilter,
        part: &PageRequest,
    ) -> Result<Page<AlertRecord>, StoreError> {
        let rows = self.rows()?;
        let mut alerts = Vec::new();
        for (delivery, taken) in rows.deliveries.iter().filter(|(d, _)| d.tenant == tenant) {
            for incident in &delivery.incidents {
                alerts.extend(incident.case.alerts.iter().map(|a| AlertRecord {
                    id: AlertId::new(delivery.received_at),
                    source: a.source,
                    source_id: a.source_id.clone(),
                    delivery_id: taken.delivery,
                    fingerprint: a.fingerprint.clone(),
                    status: a.status,
                    incident_id: incident.id,
                    received_at: delivery.received_at,
                }));
            }
        }
        alerts.retain(|a| {
            filter.delivery.is_none_or(|d| d == a.delivery_id)
                && filter.source.is_none_or(|s| s == a.source)
                && filter.since.is_none_or(|s| a.received_at >= s)
        });
        alerts.reverse();
        Ok(page(alerts, part))
    }
}

#[async_trait]
impl Queue for Memory {
    async fn claim(&self, _: &str, _: Duration, _: u32) -> Result<Vec<Claimed>, StoreError> {
        Ok(Vec::new())
    }

    async fn postpone(&self, _: &Lease, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn waiting(&self) -> Result<u64, StoreError> {
        Ok(self.rows()?.deliveries.len() as u64)
    }
}

#[async_trait]
impl Audit for Memory {
    async fn seal(&self, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn events(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        part: &PageRequest,
    ) -> Result<Page<AuditEvent>, StoreError> {
        let rows = self.rows()?;
        let own = rows.events.iter().rev().filter(|(t, _)| *t == tenant).map(|(_, e)| e);
        let wanted = own.filter(|e| filter.event.as_ref().is_none_or(|name| *name == e.event));
        Ok(page(wanted.cloned().collect(), part))
    }

    async fn events_after(&self, tenant: TenantId, position: i64, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        let rows = self.rows()?;
        let own = rows
            .events
            .iter()
            .filter(|(t, e)| *t == tenant && e.position > position);
        Ok(own.map(|(_, e)| e.clone()).take(limit as usize).collect())
    }

    async fn head(&self, tenant: TenantId) -> Result<AuditHead, StoreError> {
        let rows = self.rows()?;
        let own = rows.events.iter().filter(|(t, _)| *t == tenant);
        Ok(AuditHead {
            position: own.map(|(_, e)| e.position).max().unwrap_or(0),
            chain: "c0".into(),
        })
    }

    async fn verify(&self, tenant: TenantId, anchor: Option<&AuditHead>) -> Result<AuditCheck, StoreError> {
        let head = self.head(tenant).await?;
        let cut = anchor.filter(|a| a.position > head.position);
        Ok(AuditCheck {
            checked: u64::try_from(head.position).unwrap(),
            problems: cut
                .map(|_| "events are missing at the end".into())
                .into_iter()
                .collect(),
            head,
            unsealed: 0,
        })
    }
}
