//! Checking the chain of a team's audit.
//!
//! | done without the key | found as |
//! | --- | --- |
//! | an event changed, put in another place, or made up | its value does not hold |
//! | an event removed, or its place taken away | a gap |
//! | the beginning cut off | a gap; only a checkpoint that we signed (see `retention`) stands for a beginning |
//! | the end cut off | only against an anchor: a head that was kept elsewhere |
//! | the end cut off, and the events sealed anew | the event at the anchor is another one |
//!
//! Each event is checked against the value stored before it, so that one change is one problem and not all that follows.

use crate::error::Fault;
use crate::open::SqlStore;
use crate::retention::{Checkpoint, checkpoint};
use crate::scope::Scope;
use crate::seal::{Stored, head};
use dreamops_domain::audit::{AuditCheck, AuditHead, Signer};
use dreamops_domain::id::TenantId;
use sqlx::AnyConnection;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// How many events are read at once.
const PAGE: i64 = 1000;
/// How many problems are told one by one.
const PROBLEMS: usize = 100;

pub(crate) const LINKS: &str = "SELECT position, chain_key, chain, number_all, tenant, incident, at, phase, event, body_json FROM audit \
     WHERE tenant = $1 AND position > $2 ORDER BY position LIMIT $3";
pub(crate) const UNSEALED_OF: &str = "SELECT count(*) FROM audit WHERE position IS NULL AND tenant = $1";
pub(crate) const AT: &str = "SELECT chain FROM audit WHERE tenant = $1 AND position = $2";

#[derive(sqlx::FromRow)]
pub(crate) struct Link {
    position: i64,
    chain_key: Option<String>,
    chain: Option<String>,
    #[sqlx(flatten)]
    stored: Stored,
}

impl Link {
    /// When the event happened.
    pub(crate) fn at(&self) -> i64 {
        self.stored.at
    }

    /// The incident that it tells of.
    pub(crate) fn incident(&self) -> Option<&str> {
        self.stored.incident.as_deref()
    }

    /// Its position and chain value.
    pub(crate) fn place(&self) -> (i64, String) {
        (self.position, self.chain.clone().unwrap_or_default())
    }
}

/// A check under way.
pub(crate) struct Check<'a> {
    signer: &'a dyn Signer,
    /// What keys that left the ring have signed with.
    left: BTreeMap<String, Zeroizing<Vec<u8>>>,
    checked: u64,
    /// What stands in the place of events that were removed.
    removed: Option<Checkpoint>,
    /// The position and the value before the next event; no value where it is not known.
    last: i64,
    before: Option<String>,
    problems: Vec<String>,
    untold: u64,
}

impl<'a> Check<'a> {
    /// A check from where the audit of a team begins: its first event, or the checkpoint in the place of those that were removed.
    pub(crate) async fn begin(
        store: &SqlStore,
        signer: &'a dyn Signer,
        conn: &mut AnyConnection,
        tenant: &str,
    ) -> Result<Self, Fault> {
        let mut check = Self {
            signer,
            left: store.chain_keys(conn).await?,
            checked: 0,
            removed: checkpoint(conn, tenant).await?,
            last: 0,
            before: Some(String::new()),
            problems: Vec::new(),
            untold: 0,
        };
        if let Some(removed) = &check.removed {
            check.last = removed.position;
            check.before = Some(removed.chain.clone());
            if removed.holds(&check, tenant) != Some(true) {
                let text = format!(
                    "the checkpoint at event {} does not hold: it was changed or made up, or its key is missing in the ring",
                    removed.position
                );
                check.problem(text);
            }
        }
        Ok(check)
    }

    /// The position of the last event that was looked at.
    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// Whether something is wrong with what was looked at.
    pub(crate) fn found_any(&self) -> bool {
        !self.problems.is_empty()
    }
}

impl Check<'_> {
    fn problem(&mut self, text: String) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(text);
        } else {
            self.untold += 1;
        }
    }

    pub(crate) fn link(&mut self, link: Link) {
        let position = link.position;
        self.checked += 1;
        if position != self.last + 1 {
            self.gap(self.last + 1, position - 1);
            self.before = None;
        }
        let (key, chain) = (link.chain_key.unwrap_or_default(), link.chain.unwrap_or_default());
        // after a gap there is nothing to check against, and the gap was told
        if let Some(before) = self.before.take() {
            match self.holds(&key, &link.stored.link(&before, position), &chain) {
                Some(true) => {}
                Some(false) => self.problem(format!(
                    "event {position} does not hold: it, or the one before it, was changed, made up or put in another place"
                )),
                None => self.problem(format!(
                    "event {position} is sealed under key {key:?}, which the ring does not have; bring that key back"
                )),
            }
        }
        self.before = Some(chain);
        self.last = position;
    }

    /// Whether `value` is that of `bytes` under the key; `None` where nothing is known of that.
    pub(crate) fn holds(&self, key: &str, bytes: &[u8], value: &str) -> Option<bool> {
        let in_ring = self.signer.check(key, bytes, value);
        in_ring.or_else(|| Some(self.signer.check_under(self.left.get(key)?, bytes, value)))
    }

    fn gap(&mut self, from: i64, to: i64) {
        self.problem(if from == to {
            format!("event {from} is missing")
        } else {
            format!("events {from} to {to} are missing")
        });
    }
}

impl SqlStore {
    pub(crate) async fn verify_chain(&self, tenant: TenantId, anchor: Option<&AuditHead>) -> Result<AuditCheck, Fault> {
        let signer = self.signer()?;
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let tenant = tenant.to_string();
        let mut check = Check::begin(self, &*signer, &mut tx, &tenant).await?;
        loop {
            let links: Vec<Link> = sqlx::query_as(LINKS)
                .bind(&tenant)
                .bind(check.last)
                .bind(PAGE)
                .fetch_all(&mut *tx)
                .await?;
            if links.is_empty() {
                break;
            }
            for link in links {
                check.link(link);
            }
        }
        let head = head(&mut tx, &tenant).await?;
        if let Some(anchor) = anchor {
            compare(&mut tx, &tenant, anchor, &head, &mut check).await?;
        }
        let unsealed: i64 = sqlx::query_scalar(UNSEALED_OF)
            .bind(&tenant)
            .fetch_one(&mut *tx)
            .await?;
        if check.untold > 0 {
            let more = format!("{} more problems were found", check.untold);
            check.problems.push(more);
        }
        Ok(AuditCheck {
            checked: check.checked,
            head,
            unsealed: u64::try_from(unsealed).unwrap_or_default(),
            problems: check.problems,
        })
    }
}

/// Compares the chain with a head that was kept elsewhere.
async fn compare(
    conn: &mut AnyConnection,
    tenant: &str,
    anchor: &AuditHead,
    head: &AuditHead,
    check: &mut Check<'_>,
) -> Result<(), Fault> {
    if anchor.position > head.position {
        check.problem(format!(
            "the chain ends with event {}, and the anchor was taken at event {}: its end was cut off",
            head.position, anchor.position
        ));
        return Ok(());
    }
    if let Some(removed) = &check.removed
        && anchor.position <= removed.position
    {
        // what was removed cannot be compared, but for its last event
        if anchor.position == removed.position && anchor.chain != removed.chain {
            check.problem(format!(
                "the checkpoint at event {} is not of the event that the anchor was taken at",
                anchor.position
            ));
        }
        return Ok(());
    }
    let there: Option<Option<String>> = sqlx::query_scalar(AT)
        .bind(tenant)
        .bind(anchor.position)
        .fetch_optional(conn)
        .await?;
    let same = anchor.position == 0 || there.flatten().is_some_and(|chain| chain == anchor.chain);
    if !same {
        check.problem(format!(
            "event {} is not the one that the anchor was taken at: the chain was cut off and continued",
            anchor.position
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
