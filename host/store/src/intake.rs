//! Taking deliveries in.
//!
//! Promises: one transaction, no cluster is asked. A repeated delivery stores nothing and names what the first one came to: the
//! row of its key is taken by one statement, so that of two equal ones at the same time one is stored. An alert whose
//! place or fingerprint an open incident deals with (see `meeting`) goes to that one; there it is an event and is shown, unless the
//! incident was told the same before ("still firing"). News other than firing wakes the incident's worker. That an alert is over
//! goes to the incident that dealt with it, even if that has ended.

use crate::audit;
use crate::column::{from_millis, name_of, read_id, read_phase, to_millis};
use crate::correlate::TRIES;
use crate::delivery::{Placed, Receipt, Shown};
use crate::error::Fault;
use crate::meeting::{self, Keys};
use crate::open::SqlStore;
use crate::scope::Scope;
use crate::{incident, queue, rows};
use dreamops_domain::alert::{Alert, AlertStatus};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::{AlertId, DeliveryId, IncidentId};
use dreamops_domain::incident::Incident;
use dreamops_domain::intake::{NewDelivery, Taken};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::StoreError;
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const OF_DELIVERY: &str =
    "SELECT DISTINCT incident FROM alerts WHERE delivery = $1 AND tenant = $2 ORDER BY incident";
pub(crate) const SHOWN_BY: &str = "SELECT coalesce(max(position) + 1, 0) FROM incident_alerts WHERE incident = $1";

/// The incident that dealt with an alert last: one that joined another only shows it too. Of very many alerts an incident
/// shows some, and has all.
pub(crate) const LAST_TOLD_OF: &str = "SELECT incidents.id FROM alerts \
     LEFT JOIN incident_alerts ON incident_alerts.alert = alerts.id \
     JOIN incidents ON incidents.id = coalesce(incident_alerts.incident, alerts.incident) \
     WHERE alerts.tenant = $1 AND alerts.source = $2 AND alerts.fingerprint = $3 AND incidents.cluster_key = $4 \
     ORDER BY alerts.received_at DESC, incidents.phase = 'suppressed' LIMIT 1";

/// What tells one message about an alert from the next.
type Told = (String, String, Option<i64>);

impl SqlStore {
    pub(crate) async fn take(&self, delivery: &NewDelivery) -> Result<Taken, Fault> {
        let mut tries = 0;
        loop {
            match self.take_once(delivery).await {
                Err(fault) if tries < TRIES && fault.is_collision() => tries += 1,
                done => return done,
            }
        }
    }

    async fn take_once(&self, delivery: &NewDelivery) -> Result<Taken, Fault> {
        for new in &delivery.incidents {
            incident::check_new(new)?;
        }
        let source = source_name(delivery)?;
        let receipt = Receipt {
            id: DeliveryId::new(delivery.received_at),
            tenant: delivery.tenant,
            source: &source,
            key: &delivery.key,
            received_at: delivery.received_at,
        };
        let mut tx = self.write(Scope::Team(delivery.tenant)).await?;
        if !is_first(&mut tx, delivery, &receipt).await? {
            return first_time(&mut tx, &receipt).await;
        }
        receipt.insert(&mut tx).await?;
        let incidents = self.place(&mut tx, delivery, &receipt).await?;
        tx.commit().await?;
        Ok(Taken {
            delivery: receipt.id,
            repeated: false,
            incidents,
        })
    }

    /// Stores the alerts where they belong; the incidents that deal with them.
    async fn place(
        &self,
        conn: &mut AnyConnection,
        delivery: &NewDelivery,
        receipt: &Receipt<'_>,
    ) -> Result<Vec<IncidentId>, Fault> {
        let placed = meet(&mut *conn, delivery).await?;
        let mut groups: BTreeMap<IncidentId, Vec<&Placed<'_>>> = BTreeMap::new();
        for one in &placed {
            groups.entry(one.incident).or_default().push(one);
        }
        let new = delivery.incidents.iter();
        let opened: Vec<&Incident> = new
            .filter(|new| new.case.alerts.is_empty() || groups.contains_key(&new.id))
            .collect();
        incident::insert(&mut *conn, delivery.tenant, &opened).await?;

        let (mut events, mut shown) = (Vec::new(), Shown::default());
        for new in &opened {
            let alerts = groups.remove(&new.id).unwrap_or_default();
            shown.add(new.id, 0, alerts.iter().map(|p| p.id));
            events.extend(opening(new, &alerts).into_iter().map(|entry| (new.id, entry)));
        }
        let now = self.now();
        for (joined, alerts) in groups {
            let heard = join(&mut *conn, joined, alerts, now, &mut shown).await?;
            events.extend(heard.into_iter().map(|entry| (joined, entry)));
        }
        receipt.insert_alerts(&mut *conn, &placed).await?;
        shown.insert(&mut *conn).await?;
        let told: Vec<_> = events.iter().map(|(incident, entry)| (*incident, entry)).collect();
        audit::append_all(conn, delivery.tenant, &told).await?;

        // in the order of their ids, as a repeated delivery finds them
        let concerned = opened.iter().map(|new| new.id).chain(placed.iter().map(|p| p.incident));
        let concerned: BTreeSet<_> = concerned.collect();
        Ok(concerned.into_iter().collect())
    }
}

/// Each alert of a delivery, with the incident that deals with it.
async fn meet<'a>(conn: &mut AnyConnection, delivery: &'a NewDelivery) -> Result<Vec<Placed<'a>>, Fault> {
    let (mut placed, mut alerts, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    for new in &delivery.incidents {
        for alert in &new.case.alerts {
            let keys = Keys::of(&new.cluster.key, alert)?;
            if let Some(incident) = dealt_with(&mut *conn, new, alert, &keys).await? {
                let id = AlertId::new(delivery.received_at);
                placed.push(Placed { id, incident, alert });
                continue;
            }
            alerts.push(alert);
            sent.push((new.id, keys));
        }
    }
    let found = meeting::meet(conn, delivery.tenant, &sent).await?;
    placed.extend(alerts.into_iter().zip(found).map(|(alert, incident)| Placed {
        id: AlertId::new(delivery.received_at),
        incident,
        alert,
    }));
    Ok(placed)
}

/// The incident that dealt with an alert that its source now says is over, where no open one does: that it is over is the
/// last that is heard of it, and opens nothing.
async fn dealt_with(
    conn: &mut AnyConnection,
    new: &Incident,
    alert: &Alert,
    keys: &Keys,
) -> Result<Option<IncidentId>, Fault> {
    if alert.status != AlertStatus::Resolved || meeting::is_held(&mut *conn, new.tenant, keys).await? {
        return Ok(None);
    }
    let incident: Option<String> = sqlx::query_scalar(LAST_TOLD_OF)
        .bind(new.tenant.to_string())
        .bind(name_of(&alert.source)?)
        .bind(&alert.fingerprint)
        .bind(&new.cluster.key)
        .fetch_optional(conn)
        .await?;
    Ok(incident.as_deref().map(read_id).transpose()?.map(IncidentId))
}

/// What a new incident begins with: its alerts, also those of others that met there, and what else its maker says.
fn opening(new: &Incident, alerts: &[&Placed<'_>]) -> Vec<TimelineEntry> {
    let heard = alerts
        .iter()
        .map(|placed| TimelineEntry::heard(placed.alert, new.created_at, Phase::Received));
    let rest = new.case.timeline.iter();
    let rest = rest.filter(|entry| !matches!(entry.event, Event::AlertReceived { .. }));
    heard.chain(rest.cloned()).collect()
}

/// Tells an open incident what it has not been told; what it heard.
async fn join(
    conn: &mut AnyConnection,
    incident: IncidentId,
    alerts: Vec<&Placed<'_>>,
    now: i64,
    shown: &mut Shown,
) -> Result<Vec<TimelineEntry>, Fault> {
    let news = untold(&mut *conn, incident, alerts).await?;
    if news.is_empty() {
        return Ok(Vec::new());
    }
    // the incident's row is taken, so that positions are given to one delivery at a time
    let phase: String = sqlx::query_scalar(
        "UPDATE incidents SET updated_at = CASE WHEN updated_at < $2 THEN $2 ELSE updated_at END \
         WHERE id = $1 RETURNING phase",
    )
    .bind(incident.to_string())
    .bind(now)
    .fetch_one(&mut *conn)
    .await?;
    let phase = read_phase(&phase)?;
    let next: i64 = sqlx::query_scalar(SHOWN_BY)
        .bind(incident.to_string())
        .fetch_one(&mut *conn)
        .await?;
    shown.add(incident, next, news.iter().map(|p| p.id));
    if news.iter().any(|p| p.alert.status != AlertStatus::Firing) {
        queue::wake(conn, incident, now).await?;
    }
    let heard = news
        .iter()
        .map(|p| TimelineEntry::heard(p.alert, from_millis(now), phase));
    Ok(heard.collect())
}

/// The alerts that an incident has not been told of in the same words.
async fn untold<'p, 'a>(
    conn: &mut AnyConnection,
    incident: IncidentId,
    alerts: Vec<&'p Placed<'a>>,
) -> Result<Vec<&'p Placed<'a>>, Fault> {
    let mut told: BTreeSet<Told> = BTreeSet::new();
    for chunk in alerts.chunks(rows::CHUNK) {
        let sql = format!(
            "SELECT DISTINCT fingerprint, status, starts_at FROM alerts WHERE incident = $1 AND fingerprint IN ({})",
            rows::list(chunk.len(), 1)
        );
        let mut query = sqlx::query_as::<_, Told>(AssertSqlSafe(sql)).bind(incident.to_string());
        for placed in chunk {
            query = query.bind(&placed.alert.fingerprint);
        }
        told.extend(query.fetch_all(&mut *conn).await?);
    }
    let mut news = Vec::new();
    for placed in alerts {
        let alert = placed.alert;
        let said = (
            alert.fingerprint.clone(),
            name_of(&alert.status)?,
            alert.starts_at.map(to_millis),
        );
        if told.insert(said) {
            news.push(placed);
        }
    }
    Ok(news)
}

/// Takes the delivery's key; false where a delivery that counts has it.
async fn is_first(conn: &mut AnyConnection, delivery: &NewDelivery, receipt: &Receipt<'_>) -> Result<bool, Fault> {
    let received = to_millis(delivery.received_at);
    let counts_since = delivery.repeats_for.map_or(i64::MIN, |span| {
        received.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    });
    let done = sqlx::query(
        "INSERT INTO delivery_keys (tenant, source, key, delivery, received_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant, source, key) DO UPDATE SET delivery = excluded.delivery, received_at = excluded.received_at \
         WHERE delivery_keys.received_at < $6",
    )
    .bind(delivery.tenant.to_string())
    .bind(receipt.source)
    .bind(receipt.key)
    .bind(receipt.id.to_string())
    .bind(received)
    .bind(counts_since)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// What came of the delivery when it came first.
async fn first_time(conn: &mut AnyConnection, receipt: &Receipt<'_>) -> Result<Taken, Fault> {
    let first: String =
        sqlx::query_scalar("SELECT delivery FROM delivery_keys WHERE tenant = $1 AND source = $2 AND key = $3")
            .bind(receipt.tenant.to_string())
            .bind(receipt.source)
            .bind(receipt.key)
            .fetch_one(&mut *conn)
            .await?;
    let found: Vec<String> = sqlx::query_scalar(OF_DELIVERY)
        .bind(&first)
        .bind(receipt.tenant.to_string())
        .fetch_all(conn)
        .await?;
    let incidents: Result<Vec<_>, StoreError> = found.iter().map(|id| read_id(id).map(IncidentId)).collect();
    Ok(Taken {
        delivery: DeliveryId(read_id(&first)?),
        repeated: true,
        incidents: incidents?,
    })
}

/// A source as rows name it: its kind and, where it has one, its name.
fn source_name(delivery: &NewDelivery) -> Result<String, StoreError> {
    let kind = name_of(&delivery.kind)?;
    Ok(match delivery.source.as_str() {
        "" => kind,
        name => format!("{kind}/{name}"),
    })
}

#[cfg(test)]
mod tests;
