//! Windows of maintenance, and what else policy asks about the surroundings of a plan.

use crate::access::LAST;
use crate::audit;
use crate::column::{from_json, from_millis, read_phase, to_json, to_millis};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::page::{page_of, rows_of};
use crate::scope::Scope;
use async_trait::async_trait;
use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::decision::Surroundings;
use dreamops_domain::id::{MaintenanceWindowId, TenantId};
use dreamops_domain::incident::ClusterId;
use dreamops_domain::maintenance::{Maintenance, MaintenanceWindow, Opening};
use dreamops_domain::ports::StoreError;
use dreamops_domain::time::Timestamp;

/// How far back a strategy's incidents are looked at, in milliseconds: a day.
const STRATEGY: i64 = 24 * 60 * 60 * 1000;
/// How far back automated actions are counted: an hour.
const AUTOMATED: i64 = 60 * 60 * 1000;

pub(crate) const WINDOWS: &str = "SELECT id, window_json FROM maintenance_windows \
     WHERE tenant = $1 AND id < $2 AND (ends_at IS NULL OR ends_at > $3) ORDER BY id DESC LIMIT $4";
pub(crate) const OF_CLUSTER: &str = "SELECT count(*) FROM (SELECT DISTINCT incident, attempt, step FROM journal \
     WHERE tenant = $1 AND cluster_key = $2 AND finished_at >= $3 \
     AND applied = 1 AND direction = 'forward' AND approved = 0) AS steps";
pub(crate) const OF_STRATEGY: &str = "SELECT max(j.finished_at) AS at, i.phase FROM journal j \
     JOIN incidents i ON i.id = j.incident \
     WHERE j.tenant = $1 AND j.strategy = $2 AND j.finished_at >= $3 AND j.applied = 1 AND j.direction = 'forward' \
     GROUP BY j.incident, i.phase ORDER BY at DESC LIMIT 50";

fn window(text: &str) -> Result<MaintenanceWindow, StoreError> {
    from_json(text, "a window of maintenance")
}

#[async_trait]
impl Maintenance for SqlStore {
    async fn add_window(&self, tenant: TenantId, window: &MaintenanceWindow) -> Result<(), StoreError> {
        Ok(self.insert_window(tenant, window).await?)
    }

    async fn windows(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<MaintenanceWindow>, StoreError> {
        Ok(self.list_windows(tenant, page).await?)
    }

    async fn remove_window(&self, tenant: TenantId, id: MaintenanceWindowId, by: &str) -> Result<bool, StoreError> {
        Ok(self.delete_window(tenant, id, by).await?)
    }
}

impl SqlStore {
    async fn insert_window(&self, tenant: TenantId, window: &MaintenanceWindow) -> Result<(), Fault> {
        let ends_at = match window.opening {
            Opening::Once { until, .. } => Some(to_millis(until)),
            Opening::Weekly { .. } => None,
        };
        let mut tx = self.write(Scope::Team(tenant)).await?;
        sqlx::query(
            "INSERT INTO maintenance_windows (id, tenant, ends_at, created_at, window_json) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(window.id.to_string())
        .bind(tenant.to_string())
        .bind(ends_at)
        .bind(to_millis(window.created_at))
        .bind(to_json(window, "the window")?)
        .execute(&mut *tx)
        .await?;
        let body = serde_json::json!({ "window": window, "by": window.created_by });
        audit::append_act(&mut tx, tenant, self.now(), "maintenance-window-added", &body).await?;
        Ok(tx.commit().await?)
    }

    async fn list_windows(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<MaintenanceWindow>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<(String, String)> = sqlx::query_as(WINDOWS)
            .bind(tenant.to_string())
            .bind(page.after.as_deref().unwrap_or(LAST))
            .bind(self.now())
            .bind(rows_of(page))
            .fetch_all(&mut *tx)
            .await?;
        Ok(page_of(rows, page, |(id, _)| id.clone(), |(_, text)| window(&text))?)
    }

    async fn delete_window(&self, tenant: TenantId, id: MaintenanceWindowId, by: &str) -> Result<bool, Fault> {
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let done = sqlx::query("DELETE FROM maintenance_windows WHERE id = $1 AND tenant = $2")
            .bind(id.to_string())
            .bind(tenant.to_string())
            .execute(&mut *tx)
            .await?;
        let body = serde_json::json!({ "window": id, "by": by });
        self.told(tx, done.rows_affected(), tenant, "maintenance-window-removed", &body)
            .await
    }

    pub(crate) async fn surroundings_of(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        strategy: &str,
        now: Timestamp,
    ) -> Result<Surroundings, Fault> {
        let now = to_millis(now);
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let automated: i64 = sqlx::query_scalar(OF_CLUSTER)
            .bind(tenant.to_string())
            .bind(&cluster.key)
            .bind(now - AUTOMATED)
            .fetch_one(&mut *tx)
            .await?;
        let of_strategy: Vec<(i64, String)> = sqlx::query_as(OF_STRATEGY)
            .bind(tenant.to_string())
            .bind(strategy)
            .bind(now - STRATEGY)
            .fetch_all(&mut *tx)
            .await?;
        let windows: Vec<(String, String)> = sqlx::query_as(WINDOWS)
            .bind(tenant.to_string())
            .bind(LAST)
            .bind(now)
            .bind(i64::from(i32::MAX))
            .fetch_all(&mut *tx)
            .await?;
        let of_strategy: Result<Vec<_>, StoreError> = of_strategy
            .into_iter()
            .map(|(at, phase)| Ok((from_millis(at), read_phase(&phase)?)))
            .collect();
        let windows: Result<Vec<_>, StoreError> = windows.iter().map(|(_, text)| window(text)).collect();
        Ok(Surroundings {
            automated_last_hour: usize::try_from(automated).unwrap_or_default(),
            of_strategy: of_strategy?,
            windows: windows?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::testing::{StillClock, TTL, cluster, entry, fresh, incident, owner};
    use dreamops_domain::access::{Access, PageRequest};
    use dreamops_domain::id::{MaintenanceWindowId, TenantId};
    use dreamops_domain::journal::WriteOutcome;
    use dreamops_domain::maintenance::{Maintenance, MaintenanceWindow, Opening, Weekday};
    use dreamops_domain::manifest::StrategyRef;
    use dreamops_domain::phase::Phase;
    use dreamops_domain::ports::{Clock, Store};
    use std::time::Duration;

    fn window(clock: &StillClock, opening: Opening) -> MaintenanceWindow {
        MaintenanceWindow {
            id: MaintenanceWindowId::new(clock.now()),
            cluster: Some("production".into()),
            namespace: None,
            opening,
            reason: "an upgrade".into(),
            created_by: "ana".into(),
            created_at: clock.now(),
        }
    }

    #[tokio::test]
    async fn windows_are_a_teams_own_and_go_when_they_are_over() {
        let (store, clock) = fresh().await;
        let other = store.tenant_create("other", "admin").await.unwrap().unwrap();
        let once = Opening::Once {
            from: clock.now(),
            until: clock.now() + Duration::from_hours(1),
        };
        let weekly = Opening::Weekly {
            days: vec![Weekday::Sun],
            minute_of_day: 0,
            minutes: 60,
        };
        let once = window(&clock, once);
        clock.advance(Duration::from_millis(1));
        let weekly = window(&clock, weekly);
        for one in [&once, &weekly] {
            store.add_window(TenantId::DEFAULT, one).await.unwrap();
        }
        let listed = async |tenant| {
            let page = store.windows(tenant, &PageRequest::default()).await.unwrap();
            page.items
        };
        assert_eq!(listed(TenantId::DEFAULT).await, [weekly.clone(), once]);
        assert!(listed(other).await.is_empty());
        assert!(!store.remove_window(other, weekly.id, "bob").await.unwrap());
        let around = store.surroundings(other, &cluster(), "crash-loop", clock.now()).await;
        assert!(around.unwrap().windows.is_empty());
        clock.advance(Duration::from_hours(1));
        assert_eq!(listed(TenantId::DEFAULT).await, [weekly.clone()]);
        let place = cluster();
        let around = store.surroundings(TenantId::DEFAULT, &place, "crash-loop", clock.now());
        assert_eq!(around.await.unwrap().windows, [weekly.clone()]);
        assert!(store.remove_window(TenantId::DEFAULT, weekly.id, "ana").await.unwrap());
        assert!(listed(TenantId::DEFAULT).await.is_empty());
    }

    #[tokio::test]
    async fn actions_count_that_ran_without_a_person_and_incidents_by_their_strategy() {
        let (store, clock) = fresh().await;
        for (title, approved, phase) in [("alone", false, Phase::NoAction), ("agreed", true, Phase::NoAction)] {
            let mut one = incident(&clock, title);
            store.create(&one, title).await.unwrap();
            let lease = store.lease(one.id, "a", TTL).await.unwrap();
            one.case.strategy = Some(StrategyRef {
                name: "crash-loop".into(),
                version: "1.0.0".into(),
                digest: String::new(),
            });
            one.case.approval = approved.then(|| ("ana".to_owned(), "digest".to_owned()));
            store.save(&lease, &one, &[]).await.unwrap();
            store.correlate(&lease, &one, &owner()).await.unwrap();
            let planned = [entry(&clock, 0), entry(&clock, 1)];
            store.journal_plan(&lease, &planned).await.unwrap();
            let applied = WriteOutcome::Applied { version: None };
            for entry in &planned {
                let now = clock.now();
                store.journal_start(&lease, entry.id, now, false).await.unwrap();
                store.journal_finish(&lease, entry.id, &applied, now).await.unwrap();
            }
            one.phase = phase;
            store.save(&lease, &one, &[]).await.unwrap();
            clock.advance(Duration::from_mins(1));
        }
        let around = async |strategy: &str| {
            let place = cluster();
            let found = store.surroundings(TenantId::DEFAULT, &place, strategy, clock.now());
            found.await.unwrap()
        };
        let found = around("crash-loop").await;
        assert_eq!(found.automated_last_hour, 2);
        let phases: Vec<_> = found.of_strategy.iter().map(|(_, phase)| *phase).collect();
        assert_eq!(phases, [Phase::NoAction; 2]);
        assert!(found.of_strategy[0].0 > found.of_strategy[1].0);
        assert!(around("another").await.of_strategy.is_empty());
        clock.advance(Duration::from_hours(1));
        assert_eq!(around("crash-loop").await.automated_last_hour, 0);
        clock.advance(Duration::from_hours(24));
        assert!(around("crash-loop").await.of_strategy.is_empty());
    }
}
