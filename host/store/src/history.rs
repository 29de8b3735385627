//! What was done to an owner before: a view of the journal.
//!
//! An action counts once per step, when any write of it took effect; that it was taken back later does not unmake it, and shows in the outcome
//! of its incident.

use crate::column::{from_millis, read_id, read_phase, to_millis};
use crate::correlate::owner_key;
use crate::error::Fault;
use crate::open::SqlStore;
use crate::scope::Scope;
use dreamops_domain::decision::PastAction;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::ClusterId;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::StoreError;
use dreamops_domain::time::Timestamp;

pub(crate) const HISTORY: &str = "SELECT j.incident, j.action, j.strategy, j.fault, i.phase, max(j.finished_at) AS at \
     FROM journal j JOIN incidents i ON i.id = j.incident \
     WHERE j.tenant = $1 AND j.cluster_key = $2 AND j.owner_key = $3 AND j.finished_at >= $4 \
     AND j.applied = 1 AND j.direction = 'forward' \
     GROUP BY j.incident, j.attempt, j.step, j.action, j.strategy, j.fault, i.phase ORDER BY at DESC, max(j.number_all) DESC";

#[derive(sqlx::FromRow)]
struct Row {
    incident: String,
    action: String,
    strategy: String,
    fault: String,
    phase: String,
    at: i64,
}

impl Row {
    fn action(self) -> Result<PastAction, StoreError> {
        let phase = read_phase(&self.phase)?;
        let outcome = if phase.closed() { phase.name() } else { "open" };
        Ok(PastAction {
            at: from_millis(self.at),
            action: self.action,
            strategy: self.strategy,
            outcome: outcome.to_owned(),
            incident: IncidentId(read_id(&self.incident)?),
            fault: self.fault,
        })
    }
}

impl SqlStore {
    pub(crate) async fn past_actions(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        owner: &ObjectRef,
        since: Timestamp,
    ) -> Result<Vec<PastAction>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<Row> = sqlx::query_as(HISTORY)
            .bind(tenant.to_string())
            .bind(&cluster.key)
            .bind(owner_key(owner))
            .bind(to_millis(since))
            .fetch_all(&mut *tx)
            .await?;
        let actions: Result<Vec<_>, StoreError> = rows.into_iter().map(Row::action).collect();
        Ok(actions?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::testing::{TTL, cluster, entry, fresh, incident, owner};
    use dreamops_domain::finding::{Diagnosis, Finding};
    use dreamops_domain::id::TenantId;
    use dreamops_domain::incident::ClusterId;
    use dreamops_domain::journal::{Direction, JournalEntry, WriteOutcome};
    use dreamops_domain::manifest::StrategyRef;
    use dreamops_domain::object::ObjectRef;
    use dreamops_domain::phase::Phase;
    use dreamops_domain::plan::{Action, Plan, Step};
    use dreamops_domain::ports::{Clock, Store};
    use dreamops_domain::time::Timestamp;
    use std::time::Duration;

    fn plan() -> Plan {
        let step = |action| Step {
            action,
            reason: String::new(),
            expect: String::new(),
        };
        Plan {
            steps: vec![
                step(Action::RestartWorkload { workload: owner() }),
                step(Action::Scale {
                    workload: owner(),
                    replicas: 3,
                }),
            ],
        }
    }

    fn finding() -> Finding {
        Finding::Cause(Diagnosis {
            fault: "crash-loop".into(),
            root_cause: String::new(),
            confidence: 1.0,
            target: owner(),
            evidence: Vec::new(),
            ruled_out: Vec::new(),
            facts: Vec::new(),
        })
    }

    #[tokio::test]
    async fn an_action_counts_when_it_was_applied_and_once() {
        let (store, clock) = fresh().await;
        let mut one = incident(&clock, "one");
        store.create(&one, "one").await.unwrap();
        let lease = store.lease(one.id, "a", TTL).await.unwrap();
        store.correlate(&lease, &one, &owner()).await.unwrap();
        one.case.plan = Some(plan());
        one.case.finding = Some(finding());
        one.case.strategy = Some(StrategyRef {
            name: "crash-loop".into(),
            version: "1.0.0".into(),
            digest: String::new(),
        });
        store.save(&lease, &one, &[]).await.unwrap();
        let second_write = JournalEntry {
            number: 1,
            ..entry(&clock, 0)
        };
        let back = JournalEntry {
            direction: Direction::Revert,
            ..entry(&clock, 0)
        };
        let entries = [entry(&clock, 0), second_write, entry(&clock, 1), back];
        store.journal_plan(&lease, &entries).await.unwrap();
        let applied = WriteOutcome::Applied { version: None };
        let conflict = WriteOutcome::Conflict { why: String::new() };
        let outcomes = [&applied, &applied, &conflict, &applied];
        for (entry, outcome) in entries.iter().zip(outcomes) {
            clock.advance(Duration::from_secs(1));
            let now = clock.now();
            store.journal_start(&lease, entry.id, now, false).await.unwrap();
            store.journal_finish(&lease, entry.id, outcome, now).await.unwrap();
        }

        let since = Timestamp::from_millis(0);
        let past = store
            .history(TenantId::DEFAULT, &cluster(), &owner(), since)
            .await
            .unwrap();
        assert_eq!(past.len(), 1, "{past:?}");
        assert_eq!(past[0].action, "restart-workload");
        assert_eq!(past[0].strategy, "crash-loop");
        assert_eq!(past[0].fault, "crash-loop");
        assert_eq!(past[0].outcome, "open");
        assert_eq!(past[0].incident, one.id);
        assert_eq!(past[0].at.millis() + 2000, clock.now().millis());

        one.phase = Phase::Suppressed;
        store.save(&lease, &one, &[]).await.unwrap();
        let past = store
            .history(TenantId::DEFAULT, &cluster(), &owner(), since)
            .await
            .unwrap();
        assert_eq!(past[0].outcome, "suppressed");

        let elsewhere = ClusterId {
            key: "cluster-2".into(),
            ..cluster()
        };
        let successor = ObjectRef::new("Deployment", "shop", "web", "uid-successor");
        for (cluster, owner, since) in [
            (&elsewhere, &owner(), since),
            (&cluster(), &successor, since),
            (&cluster(), &owner(), clock.now()),
        ] {
            let past = store.history(TenantId::DEFAULT, cluster, owner, since).await.unwrap();
            assert!(past.is_empty(), "{past:?}");
        }
    }
}
