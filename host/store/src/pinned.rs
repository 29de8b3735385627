//! The files of components that handle open incidents.
//!
//! A file is kept once, under the SHA-256 of its bytes, from the moment an incident is given to it until the last open incident
//! that it handles has ended. What is read back is held against that digest: other bytes are refused, never run.

use crate::error::Fault;
use crate::lease::hold;
use crate::open::SqlStore;
use crate::scope::{Dialect, PINS_LOCK, Scope};
use dreamops_domain::id::IncidentId;
use dreamops_domain::ports::{Lease, StoreError};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;

pub(crate) const OF_INCIDENT: &str = "SELECT digest FROM pinned_components WHERE incident = $1";
pub(crate) const KEPT: &str = "SELECT bytes FROM components WHERE digest = $1";
pub(crate) const LET_GO: &str = "DELETE FROM components WHERE digest = $1 \
     AND NOT EXISTS (SELECT 1 FROM pinned_components p WHERE p.digest = components.digest)";

impl SqlStore {
    pub(crate) async fn pin_component(&self, lease: &Lease, digest: &str, bytes: &[u8]) -> Result<(), Fault> {
        if digest_of(bytes) != digest {
            return Err(StoreError::Component(digest.to_owned()).into());
        }
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        hold(&mut tx, lease, self.now()).await?;
        if pinned_by(&mut tx, lease.incident).await?.iter().any(|p| p == digest) {
            return Ok(());
        }
        in_turn(&mut tx, self.dialect).await?;
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM components WHERE digest = $1")
            .bind(digest)
            .fetch_one(&mut *tx)
            .await?;
        if kept == 0 {
            sqlx::query("INSERT INTO components (digest, bytes) VALUES ($1, $2)")
                .bind(digest)
                .bind(bytes)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("INSERT INTO pinned_components (incident, digest) VALUES ($1, $2)")
            .bind(lease.incident.to_string())
            .bind(digest)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn pinned_component(&self, digest: &str) -> Result<Option<Vec<u8>>, Fault> {
        let mut tx = self.read(Scope::Program).await?;
        let kept: Option<Vec<u8>> = sqlx::query_scalar(KEPT).bind(digest).fetch_optional(&mut *tx).await?;
        match kept {
            Some(bytes) if digest_of(&bytes) != digest => Err(StoreError::Component(digest.to_owned()).into()),
            other => Ok(other),
        }
    }
}

/// Lets go of what an incident that ends was handled by, and of the files that no other open incident needs.
pub(crate) async fn let_go(conn: &mut AnyConnection, dialect: Dialect, incident: IncidentId) -> Result<(), Fault> {
    let pinned = pinned_by(&mut *conn, incident).await?;
    if pinned.is_empty() {
        return Ok(());
    }
    in_turn(&mut *conn, dialect).await?;
    sqlx::query("DELETE FROM pinned_components WHERE incident = $1")
        .bind(incident.to_string())
        .execute(&mut *conn)
        .await?;
    for digest in pinned {
        sqlx::query(LET_GO).bind(digest).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn pinned_by(conn: &mut AnyConnection, incident: IncidentId) -> Result<Vec<String>, Fault> {
    let pinned = sqlx::query_scalar(OF_INCIDENT).bind(incident.to_string());
    Ok(pinned.fetch_all(conn).await?)
}

/// Waits until no other transaction keeps or lets go of files: one that keeps a file must not meet one that removes it.
async fn in_turn(conn: &mut AnyConnection, dialect: Dialect) -> Result<(), Fault> {
    if dialect == Dialect::Postgres {
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(PINS_LOCK)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// The SHA-256 of a file, as digests of components are written.
fn digest_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
