//! What a server does beside its work: it warns of credentials that run out, and removes what is older than its time.
//!
//! Every replica runs it. Each warning is given by one of them, and one removes at a time: the store sees to both.

use dreamops_domain::ports::{Clock, StoreError};
use dreamops_domain::upkeep::{Removed, Retention, Upkeep};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked.
const EVERY: Duration = Duration::from_mins(10);
/// The pause between two batches: others write too.
const PAUSE: Duration = Duration::from_millis(50);
/// How much of a kind is removed in one transaction.
const BATCH: u32 = 200;

/// Runs until `stop` turns true.
pub async fn keep(
    upkeep: Arc<dyn Upkeep>,
    clock: Arc<dyn Clock>,
    retention: Retention,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        if let Err(error) = warn(&*upkeep).await {
            tracing::warn!(%error, "credentials could not be looked at; it is tried again");
        }
        let more = remove(&*upkeep, &retention).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is older than its time could not be removed; it is tried again");
            false
        });
        let next = clock.monotonic() + if more { PAUSE } else { EVERY };
        tokio::select! {
            () = clock.sleep_until(next) => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
}

async fn warn(upkeep: &dyn Upkeep) -> Result<(), StoreError> {
    for ending in upkeep.watch_credentials().await? {
        let (cluster, expires_at) = (ending.cluster, ending.expires_at);
        if ending.over {
            tracing::warn!(%cluster, %expires_at, "the credential of a cluster has run out; connect it again with a new one");
        } else {
            tracing::warn!(%cluster, %expires_at, "the credential of a cluster runs out soon; connect it again with a new one");
        }
    }
    Ok(())
}

/// Removes a batch; whether there may be more.
async fn remove(upkeep: &dyn Upkeep, retention: &Retention) -> Result<bool, StoreError> {
    let removed = upkeep.retain(retention, BATCH).await?;
    if removed == Removed::default() {
        return Ok(false);
    }
    let Removed {
        incidents,
        deliveries,
        events,
    } = removed;
    tracing::info!(
        incidents,
        deliveries,
        events,
        "what was older than its time was removed"
    );
    Ok(true)
}
