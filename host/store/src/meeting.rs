//! Which open incident an alert belongs to, told from the alert alone.
//!
//! | key | alerts meet |
//! | --- | --- |
//! | cluster, kind of source, fingerprint | always: the source says that it is the same alert |
//! | cluster, `namespace/Kind/name` of the first object named | firing alerts only: a resolution is about one alert |
//!
//! An open incident holds the keys of its alerts, and gives them back when it ends; of two deliveries at the same time that bring a
//! new key, one gets it and the other meets it. An incident that is opened again holds none: alerts find it by its owner, when
//! a worker has asked the cluster.

use crate::column::{name_of, read_id};
use crate::error::Fault;
use crate::rows;
use dreamops_domain::alert::{Alert, AlertStatus};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::ports::StoreError;
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const FORGET: &str = "DELETE FROM meeting_keys WHERE incident = $1";

/// Where an alert may meet others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Keys {
    fingerprint: String,
    place: Option<String>,
    /// Whether it goes where its place is dealt with.
    by_place: bool,
}

impl Keys {
    pub(crate) fn of(cluster_key: &str, alert: &Alert) -> Result<Self, StoreError> {
        let source = name_of(&alert.source)?;
        let object = alert.hints.namespace.as_ref().zip(alert.hints.objects.first());
        let place = object
            .filter(|_| alert.status != AlertStatus::Resolved)
            .map(|(namespace, (kind, name))| format!("place {namespace}/{kind}/{name} {cluster_key}"));
        Ok(Self {
            fingerprint: format!("alert {source} {cluster_key} {}", alert.fingerprint),
            place,
            by_place: alert.status == AlertStatus::Firing,
        })
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.fingerprint).chain(&self.place)
    }
}

/// Finds for each alert, given with the incident that it would open, the incident that deals with it; the keys
/// are held afterwards by the incidents found.
pub(crate) async fn meet(
    conn: &mut AnyConnection,
    tenant: TenantId,
    alerts: &[(IncidentId, Keys)],
) -> Result<Vec<IncidentId>, Fault> {
    let mut wanted: BTreeMap<&str, IncidentId> = BTreeMap::new();
    for (incident, keys) in alerts {
        for key in keys.all() {
            wanted.entry(key).or_insert(*incident);
        }
    }
    let held = hold(&mut *conn, tenant, &wanted).await?;
    let (found, settled) = settle(alerts, &held);
    for (key, incident) in &settled {
        if held.get(key.as_str()) != Some(incident) {
            sqlx::query("UPDATE meeting_keys SET incident = $3 WHERE tenant = $1 AND key = $2")
                .bind(tenant.to_string())
                .bind(key)
                .bind(incident.to_string())
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(found)
}

/// Whether an open incident deals with what the source calls the same alert.
pub(crate) async fn is_held(conn: &mut AnyConnection, tenant: TenantId, keys: &Keys) -> Result<bool, Fault> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM meeting_keys WHERE tenant = $1 AND key = $2")
        .bind(tenant.to_string())
        .bind(&keys.fingerprint)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Takes the keys of a new incident that nobody holds.
pub(crate) async fn take_free(
    conn: &mut AnyConnection,
    tenant: TenantId,
    incident: IncidentId,
    keys: &[Keys],
) -> Result<(), Fault> {
    let wanted = keys.iter().flat_map(Keys::all).map(|key| (key.as_str(), incident));
    hold(conn, tenant, &wanted.collect()).await?;
    Ok(())
}

/// Takes the keys that nobody holds; tells who holds each. In the order of the keys, so that two who want the same ones
/// wait for each other one way round.
async fn hold(
    conn: &mut AnyConnection,
    tenant: TenantId,
    wanted: &BTreeMap<&str, IncidentId>,
) -> Result<BTreeMap<String, IncidentId>, Fault> {
    let wanted: Vec<_> = wanted.iter().collect();
    let mut held = BTreeMap::new();
    for chunk in wanted.chunks(rows::CHUNK) {
        // an update that changes nothing, because a conflict that is left alone returns no row
        let sql = format!(
            "{} ON CONFLICT (tenant, key) DO UPDATE SET incident = meeting_keys.incident RETURNING key, incident",
            rows::insert("meeting_keys", &["tenant", "key", "incident"], chunk.len())
        );
        let mut query = sqlx::query_as::<_, (String, String)>(AssertSqlSafe(sql));
        for (key, incident) in chunk {
            query = query
                .bind(tenant.to_string())
                .bind((**key).to_owned())
                .bind(incident.to_string());
        }
        for (key, incident) in query.fetch_all(&mut *conn).await? {
            held.insert(key, IncidentId(read_id(&incident)?));
        }
    }
    Ok(held)
}

/// Which incident each alert goes to, and who holds each key then. A key that this delivery took counts only once an alert
/// with it has been placed: the incident that took it may not come to be.
fn settle(
    alerts: &[(IncidentId, Keys)],
    held: &BTreeMap<String, IncidentId>,
) -> (Vec<IncidentId>, BTreeMap<String, IncidentId>) {
    let ours: BTreeSet<_> = alerts.iter().map(|(incident, _)| *incident).collect();
    let mut settled: BTreeMap<String, IncidentId> = held
        .iter()
        .filter(|(_, id)| !ours.contains(id))
        .map(|(key, id)| (key.clone(), *id))
        .collect();
    let mut found = Vec::with_capacity(alerts.len());
    for (incident, keys) in alerts {
        let by_place = keys.place.as_ref().filter(|_| keys.by_place);
        let met = settled
            .get(&keys.fingerprint)
            .or_else(|| by_place.and_then(|key| settled.get(key)));
        let goes_to = met.copied().unwrap_or(*incident);
        for key in keys.all() {
            settled.entry(key.clone()).or_insert(goes_to);
        }
        found.push(goes_to);
    }
    (found, settled)
}

/// Gives the keys of an incident to the one that it joins.
pub(crate) async fn hand_over(conn: &mut AnyConnection, from: IncidentId, to: IncidentId) -> Result<(), Fault> {
    sqlx::query("UPDATE meeting_keys SET incident = $2 WHERE incident = $1")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives back the keys of an incident that ends.
pub(crate) async fn forget(conn: &mut AnyConnection, incident: IncidentId) -> Result<(), Fault> {
    sqlx::query(FORGET).bind(incident.to_string()).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::alert;
    use dreamops_domain::time::Timestamp;

    fn ids<const N: usize>() -> [IncidentId; N] {
        std::array::from_fn(|_| IncidentId::new(Timestamp::from_millis(1)))
    }

    fn keys(fingerprint: &str, pod: &str) -> Keys {
        let mut sent = alert(fingerprint);
        sent.hints.namespace = Some("shop".into());
        sent.hints.objects = vec![("Pod".into(), pod.into())];
        Keys::of("cluster-1", &sent).expect("a source has a name")
    }

    #[test]
    fn an_alert_follows_the_one_before_it_into_another_incident() {
        let [open, first, second] = ids();
        let alerts = [(first, keys("a", "web-1")), (second, keys("b", "web-1"))];
        // the first alert is known; its place was new and taken for an incident that does not come to be
        let held = [
            (alerts[0].1.fingerprint.clone(), open),
            (alerts[1].1.fingerprint.clone(), second),
            (alerts[0].1.place.clone().expect("it names a pod"), first),
        ];
        let (found, settled) = settle(&alerts, &held.into());
        assert_eq!(found, [open, open]);
        assert!(settled.values().all(|id| *id == open), "{settled:?}");
    }

    #[test]
    fn what_only_firing_alerts_share_does_not_move_others() {
        let [open, new] = ids();
        let mut taken = alert("b");
        taken.hints.namespace = Some("shop".into());
        taken.hints.objects = vec![("Pod".into(), "web-1".into())];
        taken.status = AlertStatus::Acknowledged;
        let taken = Keys::of("cluster-1", &taken).expect("a source has a name");
        let place = taken.place.clone().expect("it names a pod");
        let held = [(place.clone(), open), (taken.fingerprint.clone(), new)];
        let (found, settled) = settle(&[(new, taken)], &held.into());
        assert_eq!(found, [new]);
        assert_eq!(settled[&place], open);
    }

    #[test]
    fn clusters_do_not_meet() {
        let sent = alert("a");
        let here = Keys::of("cluster-1", &sent).expect("a source has a name");
        let there = Keys::of("cluster-2", &sent).expect("a source has a name");
        assert_ne!(here, there);
    }
}
