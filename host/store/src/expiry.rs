//! Credentials of clusters run out: a warning some days before, each once, and the status when it has happened.

use crate::audit;
use crate::column::{from_millis, name_of};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::scope::Scope;
use dreamops_domain::fleet::ConnectionStatus;
use dreamops_domain::id::TenantId;
use dreamops_domain::upkeep::Expiring;
use sqlx::{AnyConnection, AssertSqlSafe};

/// Days before the end at which it is said, the last first; 0 is the end itself.
const WARNED_AT: [i64; 4] = [0, 1, 3, 14];
/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

pub(crate) const ENDING: &str = "SELECT id, name, status, expires_at, expiry_told, expiry_told_of FROM clusters \
     WHERE tenant = $1 AND expires_at <= $2 ORDER BY expires_at";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    status: String,
    expires_at: i64,
    expiry_told: Option<i64>,
    expiry_told_of: Option<i64>,
}

impl Row {
    /// The warning that is due, in days before the end.
    fn due(&self, now: i64) -> Option<i64> {
        let left = self.expires_at - now;
        let days = WARNED_AT.into_iter().find(|days| left <= days * DAY)?;
        // of a credential that was there before nothing is known of this one
        let told = self
            .expiry_told
            .filter(|_| self.expiry_told_of == Some(self.expires_at));
        told.is_none_or(|told| days < told).then_some(days)
    }
}

impl SqlStore {
    pub(crate) async fn watch_expiry(&self) -> Result<Vec<Expiring>, Fault> {
        let mut told = Vec::new();
        for team in self.teams().await? {
            self.watch_team(team, &mut told).await?;
        }
        Ok(told)
    }

    async fn watch_team(&self, team: TenantId, told: &mut Vec<Expiring>) -> Result<(), Fault> {
        let now = self.now();
        let expired = name_of(&ConnectionStatus::Expired)?;
        let mut tx = self.write(Scope::Team(team)).await?;
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(format!("{ENDING}{}", self.dialect.taking())))
            .bind(team.to_string())
            .bind(now + WARNED_AT[3] * DAY)
            .fetch_all(&mut *tx)
            .await?;
        for row in rows {
            let over = row.expires_at <= now;
            let due = row.due(now);
            // a try in the meantime may have noted another status
            if due.is_none() && !(over && row.status != expired) {
                continue;
            }
            self.note_end(&mut tx, &row, over.then_some(expired.as_str()), now)
                .await?;
            let Some(days) = due else {
                continue;
            };
            let expires_at = from_millis(row.expires_at);
            let event = if over { "cluster-expired" } else { "cluster-expiring" };
            let body = serde_json::json!({
                "cluster": row.id, "name": row.name, "expires-at": expires_at, "within-days": days,
            });
            audit::append_act(&mut tx, team, now, event, &body).await?;
            told.push(Expiring {
                tenant: team,
                cluster: row.name,
                expires_at,
                over,
            });
        }
        Ok(tx.commit().await?)
    }

    async fn note_end(&self, conn: &mut AnyConnection, row: &Row, status: Option<&str>, now: i64) -> Result<(), Fault> {
        sqlx::query(
            "UPDATE clusters SET expiry_told = coalesce($2, expiry_told), expiry_told_of = expires_at WHERE id = $1",
        )
        .bind(&row.id)
        .bind(row.due(now))
        .execute(&mut *conn)
        .await?;
        if let Some(status) = status {
            let reason = format!(
                "the credential ran out at {}; connect the cluster again with a new one",
                from_millis(row.expires_at)
            );
            sqlx::query("UPDATE clusters SET status = $2, status_reason = $3, updated_at = $4 WHERE id = $1")
                .bind(&row.id)
                .bind(status)
                .bind(reason)
                .bind(now)
                .execute(conn)
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::SqlStore;
    use crate::testing::{StillClock, cluster, fresh};
    use dreamops_domain::access::Access;
    use dreamops_domain::fleet::{AuthMethod, ClusterRecord, ConnectionStatus, Fleet};
    use dreamops_domain::id::{ClusterRecordId, TenantId};
    use dreamops_domain::ports::Clock;
    use dreamops_domain::upkeep::Upkeep;
    use std::time::Duration;
    use zeroize::Zeroizing;

    const DAY: Duration = Duration::from_hours(24);

    fn record(clock: &StillClock, tenant: TenantId, name: &str) -> ClusterRecord {
        ClusterRecord {
            id: ClusterRecordId::new(clock.now()),
            tenant,
            name: name.into(),
            auth_method: AuthMethod::ClientCert,
            namespace: "shop".into(),
            status: ConnectionStatus::Connected,
            status_reason: String::new(),
            version: String::new(),
            platform: String::new(),
            cluster: cluster(),
            mode: None,
            expires_at: Some(clock.now() + DAY * 20),
            created_at: clock.now(),
            updated_at: clock.now(),
            last_used_at: None,
        }
    }

    fn secret() -> Zeroizing<String> {
        Zeroizing::new("secret".into())
    }

    async fn warned(store: &SqlStore) -> Vec<(String, bool)> {
        let told = store.watch_credentials().await.unwrap();
        told.into_iter().map(|e| (e.cluster, e.over)).collect()
    }

    #[tokio::test]
    async fn each_warning_is_given_once_and_the_end_shows_in_the_status() {
        let (store, clock) = fresh().await;
        let other = store.tenant_create("other", "admin").await.unwrap().unwrap();
        let mut mine = record(&clock, TenantId::DEFAULT, "mine");
        store.add(&mine, &secret(), "ana").await.unwrap();
        let mut eternal = record(&clock, TenantId::DEFAULT, "eternal");
        eternal.expires_at = None;
        store.add(&eternal, &secret(), "ana").await.unwrap();
        assert!(warned(&store).await.is_empty());
        // six days later, 14 are left
        for (days, over) in [(6, false), (11, false), (2, false), (1, true)] {
            clock.advance(DAY * days);
            assert_eq!(warned(&store).await, [("mine".to_owned(), over)], "{days}");
            assert!(warned(&store).await.is_empty(), "{days}");
        }
        let status = async |tenant, name: &str| store.cluster(tenant, name).await.unwrap().unwrap().status;
        assert_eq!(status(TenantId::DEFAULT, "mine").await, ConnectionStatus::Expired);
        assert_eq!(status(TenantId::DEFAULT, "eternal").await, ConnectionStatus::Connected);

        // a new credential is warned of anew, and one that was found late gets the last warning alone
        mine.expires_at = Some(clock.now() + DAY * 2);
        mine.updated_at = clock.now();
        store.rotate(&mine, &secret(), "ana").await.unwrap();
        store
            .add(&record(&clock, other, "theirs"), &secret(), "bob")
            .await
            .unwrap();
        assert_eq!(warned(&store).await, [("mine".to_owned(), false)]);
        clock.advance(DAY * 19);
        let mut both = warned(&store).await;
        both.sort();
        assert_eq!(both, [("mine".to_owned(), true), ("theirs".to_owned(), false)]);
        assert_eq!(status(other, "theirs").await, ConnectionStatus::Connected);
        // what a try notes in the meantime does not hide the end
        let failed = ConnectionStatus::Failed;
        store
            .note(TenantId::DEFAULT, mine.id, failed, "no route", true)
            .await
            .unwrap();
        assert!(warned(&store).await.is_empty());
        assert_eq!(status(TenantId::DEFAULT, "mine").await, ConnectionStatus::Expired);
    }
}
