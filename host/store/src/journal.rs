//! The journal: what is about to be written to a cluster, and what came of it.
//!
//! Promise: an entry is started before its call and finished after it; a finished entry is never started again;
//! none is started while the emergency stop is on, which is read in the same transaction. The call itself may hold secret values
//! and is stored only sealed, bound to its entry.

use crate::column::{from_json, from_millis, read_id, to_json, to_millis};
use crate::correlate::owner_key;
use crate::error::{Fault, unreadable};
use crate::lease::{Held, hold};
use crate::open::SqlStore;
use crate::scope::Scope;
use dreamops_domain::finding::Finding;
use dreamops_domain::id::{EntryId, IncidentId, TenantId};
use dreamops_domain::incident::Case;
use dreamops_domain::journal::{Direction, JournalEntry, WriteOutcome};
use dreamops_domain::ports::{Lease, SealPlace, StoreError};
use dreamops_domain::rehearsal::Write;
use dreamops_domain::time::Timestamp;
use sqlx::AnyConnection;
use zeroize::Zeroizing;

pub(crate) const JOURNAL: &str = "SELECT id, attempt, step, number, direction, write_sealed, started_at, finished_at, outcome_json \
     FROM journal WHERE incident = $1 AND tenant = $2 ORDER BY number_all";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    attempt: i64,
    step: i64,
    number: i64,
    direction: String,
    write_sealed: String,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    outcome_json: Option<String>,
}

impl SqlStore {
    pub(crate) async fn plan_entries(&self, lease: &Lease, entries: &[JournalEntry]) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        let held = hold(&mut tx, lease, self.now()).await?;
        let case: String = sqlx::query_scalar("SELECT case_json FROM incidents WHERE id = $1")
            .bind(lease.incident.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let case: Case = from_json(&case, &format!("the case of incident {}", lease.incident))?;
        for entry in entries {
            clear_planned(&mut tx, lease.incident, entry).await?;
        }
        for entry in entries {
            self.insert_entry(&mut tx, lease.incident, &held, &case, entry).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn insert_entry(
        &self,
        conn: &mut AnyConnection,
        incident: IncidentId,
        held: &Held,
        case: &Case,
        entry: &JournalEntry,
    ) -> Result<(), Fault> {
        let text = serde_json::to_vec(&entry.write)
            .map(Zeroizing::new)
            .map_err(|_| unreadable("a write"))?;
        let (key, sealed) = self.seal_value(&place(held.tenant, entry.id), &text)?;
        let owner = held.owner_key.clone();
        sqlx::query(
            "INSERT INTO journal (id, tenant, incident, cluster_key, owner_key, attempt, step, number, direction, \
             action, strategy, fault, write_key, write_sealed, approved) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(entry.id.to_string())
        .bind(held.tenant.to_string())
        .bind(incident.to_string())
        .bind(&held.cluster_key)
        .bind(owner.or_else(|| case.owner.as_ref().map(owner_key)))
        .bind(i64::from(entry.attempt))
        .bind(i64::from(entry.step))
        .bind(i64::from(entry.number))
        .bind(direction_name(entry.direction))
        .bind(action_name(case, entry))
        .bind(case.strategy.as_ref().map(|s| s.name.clone()).unwrap_or_default())
        .bind(fault_name(case))
        .bind(key)
        .bind(sealed)
        .bind(i64::from(case.approval.is_some()))
        .execute(conn)
        .await?;
        Ok(())
    }

    pub(crate) async fn start_entry(
        &self,
        lease: &Lease,
        entry: EntryId,
        now: Timestamp,
        by_person: bool,
    ) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        let held = hold(&mut tx, lease, self.now()).await?;
        let found: Option<(String, Option<String>)> =
            sqlx::query_as("SELECT direction, outcome_json FROM journal WHERE id = $1 AND incident = $2")
                .bind(entry.to_string())
                .bind(lease.incident.to_string())
                .fetch_optional(&mut *tx)
                .await?;
        let (direction, outcome) = found.ok_or_else(|| no_entry(lease, entry))?;
        if outcome.is_some() {
            let why = format!("the outcome of write {entry} is known, so it is not made again");
            return Err(StoreError::Journal(why).into());
        }
        let taken_back = by_person && direction == direction_name(Direction::Revert);
        if !taken_back && let Some(stop) = self.stop_in(&mut tx, held.tenant, &held.cluster_key).await? {
            return Err(StoreError::Stopped(stop).into());
        }
        sqlx::query("UPDATE journal SET started_at = $2 WHERE id = $1")
            .bind(entry.to_string())
            .bind(to_millis(now))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn finish_entry(
        &self,
        lease: &Lease,
        entry: EntryId,
        outcome: &WriteOutcome,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        hold(&mut tx, lease, self.now()).await?;
        let found: Option<(Option<i64>, Option<String>)> =
            sqlx::query_as("SELECT started_at, outcome_json FROM journal WHERE id = $1 AND incident = $2")
                .bind(entry.to_string())
                .bind(lease.incident.to_string())
                .fetch_optional(&mut *tx)
                .await?;
        let (started, known) = found.ok_or_else(|| no_entry(lease, entry))?;
        if started.is_none() {
            let why = format!("write {entry} was never started, so nothing came of it");
            return Err(StoreError::Journal(why).into());
        }
        let text = to_json(outcome, "the outcome of a write")?;
        if let Some(known) = known {
            // recorded by an answer that got lost: the same again is no news, another is a contradiction
            if known == text {
                return Ok(());
            }
            let why = format!("another outcome of write {entry} is recorded");
            return Err(StoreError::Journal(why).into());
        }
        sqlx::query("UPDATE journal SET outcome_json = $2, applied = $3, finished_at = $4 WHERE id = $1")
            .bind(entry.to_string())
            .bind(text)
            .bind(i64::from(matches!(outcome, WriteOutcome::Applied { .. })))
            .bind(to_millis(now))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn journal_of(&self, tenant: TenantId, incident: IncidentId) -> Result<Vec<JournalEntry>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<Row> = sqlx::query_as(JOURNAL)
            .bind(incident.to_string())
            .bind(tenant.to_string())
            .fetch_all(&mut *tx)
            .await?;
        let entries: Result<Vec<_>, StoreError> = rows.iter().map(|row| self.entry(tenant, row)).collect();
        Ok(entries?)
    }

    fn entry(&self, tenant: TenantId, row: &Row) -> Result<JournalEntry, StoreError> {
        let id = EntryId(read_id(&row.id)?);
        let text = self.unseal(&place(tenant, id), &row.write_sealed)?;
        // what does not parse is told by its name alone: the text is secret
        let write: Write = serde_json::from_slice(&text).map_err(|_| unreadable(&format!("write {id}")))?;
        let outcome = row.outcome_json.as_deref();
        let what = format!("the outcome of write {id}");
        Ok(JournalEntry {
            id,
            attempt: small(row.attempt)?,
            step: small(row.step)?,
            number: small(row.number)?,
            direction: read_direction(&row.direction)?,
            write,
            started_at: row.started_at.map(from_millis),
            outcome: outcome.map(|text| from_json(text, &what)).transpose()?,
            finished_at: row.finished_at.map(from_millis),
        })
    }
}

/// Removes what `entry` replaces. A plan that is drawn up anew after a crash replaces the former as a whole, so
/// that nothing is carried out twice; a write back replaces only its own former self, since the others still count.
async fn clear_planned(conn: &mut AnyConnection, incident: IncidentId, entry: &JournalEntry) -> Result<(), Fault> {
    sqlx::query(
        "DELETE FROM journal WHERE incident = $1 AND attempt = $2 AND direction = $3 AND started_at IS NULL \
         AND (direction = 'forward' OR (step = $4 AND number = $5))",
    )
    .bind(incident.to_string())
    .bind(i64::from(entry.attempt))
    .bind(direction_name(entry.direction))
    .bind(i64::from(entry.step))
    .bind(i64::from(entry.number))
    .execute(conn)
    .await?;
    Ok(())
}

fn place(tenant: TenantId, entry: EntryId) -> SealPlace<'static> {
    SealPlace {
        tenant,
        table: "journal",
        row: entry.to_string(),
        column: "write",
    }
}

/// The action that the entry's step stands for, by the stored plan; else what the call does.
fn action_name(case: &Case, entry: &JournalEntry) -> &'static str {
    let step = usize::try_from(entry.step).unwrap_or(usize::MAX);
    let planned = case.plan.as_ref().and_then(|plan| plan.steps.get(step));
    planned.map_or(
        match entry.write {
            Write::Patch { .. } => "patch",
            Write::Delete { .. } => "delete",
            Write::Evict { .. } => "evict",
            Write::Create { .. } => "create",
        },
        |step| step.action.name(),
    )
}

fn fault_name(case: &Case) -> &str {
    match &case.finding {
        Some(Finding::Cause(diagnosis)) => &diagnosis.fault,
        _ => "",
    }
}

fn no_entry(lease: &Lease, entry: EntryId) -> StoreError {
    StoreError::Journal(format!("incident {} has no write {entry}", lease.incident))
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "forward",
        Direction::Revert => "revert",
    }
}

fn read_direction(text: &str) -> Result<Direction, StoreError> {
    [Direction::Forward, Direction::Revert]
        .into_iter()
        .find(|direction| direction_name(*direction) == text)
        .ok_or_else(|| unreadable("a stored direction"))
}

fn small(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| unreadable("a stored number"))
}

#[cfg(test)]
mod tests;
