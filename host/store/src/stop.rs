//! The emergency stop: durable, and read inside the transaction that starts a write.
//!
//! | scope | kept as |
//! | --- | --- |
//! | everywhere | the empty text |
//! | a team | `tenant/ID` |
//! | a cluster of a team | `cluster/ID OF THE TEAM/KEY OF THE CLUSTER` |
//!
//! A cluster is known by its key: connecting it anew, under whatever name, does not release its stop.

use crate::column::{from_millis, read_id, to_millis};
use crate::error::{Fault, unreadable};
use crate::open::SqlStore;
use crate::scope::{Dialect, Scope};
use dreamops_domain::decision::{EmergencyStop, ScopedStop, StopScope};
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::StoreError;
use sqlx::AnyConnection;

const OVER: &str = "SELECT scope, cluster, since, pulled_by, reason FROM emergency_stop \
     WHERE scope IN ('', $1, $2) ORDER BY scope LIMIT 1";
const OF_TEAM: &str = "SELECT scope, cluster, since, pulled_by, reason FROM emergency_stop \
     WHERE scope IN ('', $1) OR (scope >= $2 AND scope < $3) ORDER BY scope";

#[derive(sqlx::FromRow)]
struct Row {
    scope: String,
    cluster: Option<String>,
    since: i64,
    pulled_by: String,
    reason: String,
}

impl Row {
    fn read(self) -> Result<ScopedStop, StoreError> {
        Ok(ScopedStop {
            scope: read_scope(&self.scope, self.cluster)?,
            stop: EmergencyStop {
                since: from_millis(self.since),
                by: self.pulled_by,
                reason: self.reason,
            },
        })
    }
}

/// A scope as the database keeps it.
fn text(scope: &StopScope) -> String {
    match scope {
        StopScope::Everywhere => String::new(),
        StopScope::Tenant(tenant) => format!("tenant/{tenant}"),
        StopScope::Cluster { tenant, key, .. } => format!("cluster/{tenant}/{key}"),
    }
}

fn read_scope(text: &str, cluster: Option<String>) -> Result<StopScope, StoreError> {
    if text.is_empty() {
        return Ok(StopScope::Everywhere);
    }
    if let Some(tenant) = text.strip_prefix("tenant/") {
        return Ok(StopScope::Tenant(TenantId(read_id(tenant)?)));
    }
    let parts = text.strip_prefix("cluster/").and_then(|rest| rest.split_once('/'));
    let (tenant, key) = parts.ok_or_else(|| unreadable("the scope of an emergency stop"))?;
    Ok(StopScope::Cluster {
        tenant: TenantId(read_id(tenant)?),
        key: key.to_owned(),
        name: cluster.unwrap_or_default(),
    })
}

/// Whose audit tells of it.
fn told_to(scope: &StopScope) -> TenantId {
    match scope {
        StopScope::Everywhere => TenantId::DEFAULT,
        StopScope::Tenant(tenant) | StopScope::Cluster { tenant, .. } => *tenant,
    }
}

impl SqlStore {
    pub(crate) async fn stop_everywhere(&self) -> Result<Option<EmergencyStop>, Fault> {
        let mut tx = self.read(Scope::Program).await?;
        let row: Option<Row> =
            sqlx::query_as("SELECT scope, cluster, since, pulled_by, reason FROM emergency_stop WHERE scope = ''")
                .fetch_optional(&mut *tx)
                .await?;
        Ok(row.map(Row::read).transpose()?.map(|found| found.stop))
    }

    pub(crate) async fn stop_over_cluster(&self, tenant: TenantId, key: &str) -> Result<Option<ScopedStop>, Fault> {
        let mut tx = self.read(Scope::Program).await?;
        read(&mut tx, tenant, key).await
    }

    /// The stop, for a transaction that starts a write: it is not pulled before that transaction has ended.
    pub(crate) async fn stop_in(
        &self,
        conn: &mut AnyConnection,
        tenant: TenantId,
        key: &str,
    ) -> Result<Option<ScopedStop>, Fault> {
        if self.dialect == Dialect::Postgres {
            sqlx::query("LOCK TABLE emergency_stop IN SHARE MODE")
                .execute(&mut *conn)
                .await?;
        }
        read(conn, tenant, key).await
    }

    pub(crate) async fn stops_of(&self, tenant: TenantId) -> Result<Vec<ScopedStop>, Fault> {
        let mut tx = self.read(Scope::Program).await?;
        let rows: Vec<Row> = sqlx::query_as(OF_TEAM)
            .bind(text(&StopScope::Tenant(tenant)))
            .bind(format!("cluster/{tenant}/"))
            // what follows the slash
            .bind(format!("cluster/{tenant}0"))
            .fetch_all(&mut *tx)
            .await?;
        let stops: Result<Vec<_>, StoreError> = rows.into_iter().map(Row::read).collect();
        Ok(stops?)
    }

    pub(crate) async fn pull(&self, pulled: &ScopedStop) -> Result<bool, Fault> {
        let ScopedStop { scope, stop } = pulled;
        let tenant = told_to(scope);
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let done = sqlx::query(
            "INSERT INTO emergency_stop (scope, cluster, since, pulled_by, reason) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(text(scope))
        .bind(scope.cluster())
        .bind(to_millis(stop.since))
        .bind(&stop.by)
        .bind(&stop.reason)
        .execute(&mut *tx)
        .await?;
        let body = serde_json::json!({
            "scope": scope.name(), "cluster": scope.cluster(), "by": stop.by, "reason": stop.reason, "since": stop.since,
        });
        self.told(tx, done.rows_affected(), tenant, "emergency-stop-pulled", &body)
            .await
    }

    pub(crate) async fn release_scope(&self, scope: &StopScope, by: &str) -> Result<bool, Fault> {
        let tenant = told_to(scope);
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let done = sqlx::query("DELETE FROM emergency_stop WHERE scope = $1")
            .bind(text(scope))
            .execute(&mut *tx)
            .await?;
        let body = serde_json::json!({ "scope": scope.name(), "cluster": scope.cluster(), "by": by });
        self.told(tx, done.rows_affected(), tenant, "emergency-stop-released", &body)
            .await
    }
}

/// The widest stop that holds for a cluster of a team, if one does.
async fn read(conn: &mut AnyConnection, tenant: TenantId, key: &str) -> Result<Option<ScopedStop>, Fault> {
    let cluster = StopScope::Cluster {
        tenant,
        key: key.to_owned(),
        name: String::new(),
    };
    let row: Option<Row> = sqlx::query_as(OVER)
        .bind(text(&StopScope::Tenant(tenant)))
        .bind(text(&cluster))
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Row::read).transpose()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::testing::{TTL, cluster, entry, fresh, incident};
    use dreamops_domain::access::Access;
    use dreamops_domain::decision::{EmergencyStop, ScopedStop, StopScope};
    use dreamops_domain::id::TenantId;
    use dreamops_domain::journal::{Direction, JournalEntry};
    use dreamops_domain::ports::{Clock, Store, StoreError};

    #[tokio::test]
    async fn a_stop_holds_in_its_scope_and_nowhere_else() {
        let (store, clock) = fresh().await;
        let other = store.tenant_create("other", "admin").await.unwrap().unwrap();
        let mut leases = Vec::new();
        // two clusters of one team, and the first one's key in another team
        for (tenant, key) in [(TenantId::DEFAULT, "a"), (TenantId::DEFAULT, "b"), (other, "a")] {
            let mut new = incident(&clock, key);
            new.tenant = tenant;
            new.cluster.key = key.into();
            store.create(&new, &format!("{tenant} {key}")).await.unwrap();
            let lease = store.lease(new.id, "a", TTL).await.unwrap();
            let back = JournalEntry {
                direction: Direction::Revert,
                ..entry(&clock, 0)
            };
            let forward = entry(&clock, 0);
            store
                .journal_plan(&lease, &[forward.clone(), back.clone()])
                .await
                .unwrap();
            leases.push((tenant, key, lease, forward, back));
        }
        let cluster_a = StopScope::Cluster {
            tenant: TenantId::DEFAULT,
            key: "a".into(),
            name: "production".into(),
        };
        for (scope, stopped) in [
            (StopScope::Everywhere, [true, true, true]),
            (StopScope::Tenant(TenantId::DEFAULT), [true, true, false]),
            (StopScope::Tenant(other), [false, false, true]),
            (cluster_a, [true, false, false]),
        ] {
            let pulled = ScopedStop {
                scope: scope.clone(),
                stop: EmergencyStop {
                    since: clock.now(),
                    by: "ana".into(),
                    reason: "a test".into(),
                },
            };
            assert!(store.pull_stop(&pulled).await.unwrap());
            // who pulled it first stays
            let later = ScopedStop {
                stop: EmergencyStop {
                    by: "bob".into(),
                    ..pulled.stop.clone()
                },
                ..pulled.clone()
            };
            assert!(!store.pull_stop(&later).await.unwrap());
            for ((tenant, key, lease, forward, back), stopped) in leases.iter().zip(stopped) {
                let over = store.stop_over(*tenant, key).await.unwrap();
                assert_eq!(over, Some(pulled.clone()).filter(|_| stopped), "{scope:?} {key}");
                for entry in [forward, back] {
                    let started = store.journal_start(lease, entry.id, clock.now(), false).await;
                    match started {
                        Err(StoreError::Stopped(by)) => assert!(stopped && by == pulled, "{by:?}"),
                        other => assert!(other.is_ok() && !stopped, "{other:?}"),
                    }
                }
                // a person's rollback works all the same
                store.journal_start(lease, back.id, clock.now(), true).await.unwrap();
            }
            let mine = store.stops(TenantId::DEFAULT).await.unwrap();
            assert_eq!(mine.len(), usize::from(stopped[0]), "{mine:?}");
            let theirs = store.stops(other).await.unwrap();
            assert_eq!(theirs.len(), usize::from(stopped[2]), "{theirs:?}");
            assert!(store.release_stop(&scope, "ana").await.unwrap());
            assert!(!store.release_stop(&scope, "ana").await.unwrap());
        }
        assert_eq!(store.stop_over(TenantId::DEFAULT, &cluster().key).await.unwrap(), None);
    }
}
