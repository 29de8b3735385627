//! The ports: how the responder reaches the world, as traits that adapters implement.
//!
//! | port | what it is for | adapter |
//! | --- | --- | --- |
//! | [`Clock`] | time, real or faster | `cli`, `simulator` |
//! | [`ClusterRead`] | scoped, redacted reads | `cluster` |
//! | [`ClusterWrite`] | rehearse, apply, settle, revert | `cluster` |
//! | [`Strategies`] | calls into components | `sandbox` |
//! | [`Policy`] | may it run | `policy` |
//! | [`Store`] | incidents, journal, audit, emergency stop | `store` |
//! | [`Sealer`] | values under the keyring | `vault` |
//! | [`RegistryCredentials`] | pull credentials that an operator gave | `store` |
//! | [`Story`] | watching an incident as it happens | `cli` |

use crate::decision::{
    Decision, EmergencyStop, IncidentFacts, PastAction, ScopedStop, StepFacts, StopScope, Surroundings,
};
use crate::event::TimelineEntry;
use crate::finding::{Assessment, Finding, Verdict};
use crate::id::{EntryId, IncidentId, TenantId};
use crate::incident::{ClusterId, Incident};
use crate::journal::{JournalEntry, WriteOutcome};
use crate::manifest::StrategyInfo;
use crate::object::ObjectRef;
use crate::phase::Phase;
use crate::plan::{Plan, Step};
use crate::read::{Health, ReadError, ReadRequest, ReadResponse, Scope};
use crate::rehearsal::{Rehearsal, Write};
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Time. The only source of it: tests and the simulator bring their own.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment; may jump when the machine's clock is set.
    fn now(&self) -> Timestamp;
    /// Time since some fixed point; never goes back.
    fn monotonic(&self) -> Duration;
    /// Returns when [`Clock::monotonic`] has reached `deadline`.
    async fn sleep_until(&self, deadline: Duration);
}

/// Reads of one cluster.
#[async_trait]
pub trait ClusterRead: Send + Sync {
    /// Reads, inside `scope`.
    async fn read(&self, scope: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError>;
}

/// Why an action could not be rehearsed, applied or reverted. Nothing was changed, except with [`ActError::InDoubt`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ActError {
    /// A read that it needs failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The action is not one that the host carries out, whoever proposes it.
    #[error("{why}")]
    NotAllowed {
        /// Which bound it breaks, and what would be allowed.
        why: String,
    },
    /// The cluster may or may not have taken the write; reading the object tells.
    #[error("the cluster did not answer after the write was sent: {why}")]
    InDoubt {
        /// What happened.
        why: String,
    },
}

/// Writes of one cluster. Nothing else in the program writes to one.
#[async_trait]
pub trait ClusterWrite: Send + Sync {
    /// Tries a step without effect and works out the writes, their inverses and what could be checked.
    async fn rehearse(&self, scope: &Scope, step: &Step) -> Result<Rehearsal, ActError>;
    /// Makes one write. Idempotent: preconditions are part of the call.
    async fn apply(&self, scope: &Scope, write: &Write) -> Result<WriteOutcome, ActError>;
    /// After a crash or time-out: what came of `write`, by reading. `None`: it did not happen, it is safe to make it.
    async fn settle(&self, scope: &Scope, write: &Write) -> Result<Option<WriteOutcome>, ActError>;
    /// Why `write` could not be made now, tried without effect; `None` where it could. Asked of the inverse of each
    /// write once that is made: an obstacle means that the step cannot be taken back any more, which is said at once.
    /// An adapter that cannot try names no obstacle.
    async fn obstacle(&self, _scope: &Scope, _write: &Write) -> Result<Option<String>, ActError> {
        Ok(None)
    }
    /// The write that takes `done` back, given what came of it; `None` where nothing is to be taken back (a deleted pod).
    fn inverse(&self, done: &Write, outcome: &WriteOutcome) -> Option<Write>;
    /// Whether what `write` set still holds: `None` if so, else what differs and who wrote it.
    async fn breach(&self, scope: &Scope, write: &Write) -> Result<Option<String>, ActError>;
    /// How an object does now.
    async fn health(&self, scope: &Scope, object: &ObjectRef) -> Result<Health, ReadError>;
}

/// How a call into a component ended, if not well.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// The component itself says it cannot; the text is its own.
    #[error("it says: {0}")]
    Failure(String),
    /// A grant is missing; the line that would add it.
    #[error("it was refused {grant}; `dreamops grant add` with `{line}` would allow it")]
    Refused {
        /// The grant.
        grant: String,
        /// The configuration line.
        line: String,
    },
    /// It used up its processor time.
    #[error("it used up its {budget_ms} ms of processor time; look for an endless loop")]
    CpuLimit {
        /// The budget.
        budget_ms: u64,
    },
    /// It used up its wall time.
    #[error("it did not finish within {budget_ms} ms")]
    WallLimit {
        /// The budget.
        budget_ms: u64,
    },
    /// It wanted more memory than it may have.
    #[error("it wanted more than its {limit_mib} MiB of memory")]
    MemoryLimit {
        /// The limit.
        limit_mib: u64,
    },
    /// It trapped, or panicked.
    #[error("it crashed: {0}")]
    Trap(String),
    /// What it returned breaks the contract.
    #[error("it returned something the contract does not allow: {0}")]
    BadOutput(String),
    /// It is not loaded (any more), or was built for another contract.
    #[error("{0}")]
    Mismatch(String),
}

impl CallError {
    /// The outcome's name, as metrics and the timeline write it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Failure(_) => "failure",
            Self::Refused { .. } => "refused",
            Self::CpuLimit { .. } => "cpu-limit",
            Self::WallLimit { .. } => "wall-limit",
            Self::MemoryLimit { .. } => "memory-limit",
            Self::Trap(_) => "trap",
            Self::BadOutput(_) => "bad-output",
            Self::Mismatch(_) => "contract-mismatch",
        }
    }
}

/// What a component may see of an incident during one call. Made by the responder, bound to one cluster and scope.
#[derive(Clone)]
pub struct CallContext {
    /// The incident as it stands: alerts, target, owner, fault.
    pub incident: Arc<IncidentView>,
    /// Where reads may go.
    pub scope: Scope,
    /// The reader of the incident's cluster.
    pub reads: Arc<dyn ClusterRead>,
    /// Objects whose uid the host has returned in this incident; reads add to it, drafts are checked against it.
    pub known: Arc<Mutex<Vec<ObjectRef>>>,
    /// Gets what the component logs, already inert for terminals.
    pub log: Arc<dyn Fn(String) + Send + Sync>,
    /// The present time, read once per host call.
    pub clock: Arc<dyn Clock>,
}

/// The incident as a component sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IncidentView {
    /// The incident's id as text.
    pub id: String,
    /// The cluster's name, for display only.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The first alert's title.
    pub title: String,
    /// Its description.
    pub description: String,
    /// Its severity.
    pub severity: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// The container it names, if any.
    pub container: Option<String>,
    /// When the symptom began, by the alert.
    pub started_at: Option<Timestamp>,
    /// The object the alert is about; after a hand-over, the one that was handed over.
    pub target: ObjectRef,
    /// Its top-level owner.
    pub owner: ObjectRef,
    /// Who keeps the owner's spec, if it is not a person.
    pub managed_by: Option<String>,
    /// The fault that another strategy handed over.
    pub handed_over: Option<String>,
    /// Earlier actions on this owner, newest first.
    pub history: Vec<PastAction>,
}

/// What was done, as `verify` sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Execution {
    /// Each step with its outcome's name.
    pub steps: Vec<(Step, String)>,
    /// When the first write was made.
    pub started_at: Timestamp,
    /// When the last was.
    pub finished_at: Timestamp,
    /// How the owner did before.
    pub baseline: Health,
    /// How it does now.
    pub present: Health,
    /// The finding that the plan came from.
    pub finding: Finding,
}

/// Calls into installed strategies.
#[async_trait]
pub trait Strategies: Send + Sync {
    /// What is installed, in the operator's order.
    fn installed(&self) -> Vec<StrategyInfo>;
    /// The most confidence the host grants to a component: 1 for first-party ones, 0.7 by default for others.
    fn confidence_cap(&self, digest: &str) -> f64;
    /// The file of an installed component, to be kept while an incident that it handles is open.
    fn file(&self, digest: &str) -> Option<Arc<[u8]>>;
    /// Whether a component can be called: it is installed, or was revived.
    fn at_hand(&self, digest: &str) -> bool;
    /// Makes a component that is not installed (any more) callable from its kept file, for the incidents that it
    /// handles. It is granted what the operator allows its name now, and is not among [`Strategies::installed`].
    async fn revive(&self, bytes: Vec<u8>) -> Result<StrategyInfo, CallError>;
    /// How sure is it?
    async fn assess(&self, digest: &str, context: &CallContext) -> Result<Assessment, CallError>;
    /// What is the cause?
    async fn diagnose(&self, digest: &str, context: &CallContext) -> Result<Finding, CallError>;
    /// What should be done? Every target is one of `context.known`.
    async fn plan(&self, digest: &str, context: &CallContext, finding: &Finding) -> Result<Plan, CallError>;
    /// Did it help?
    async fn verify(&self, digest: &str, context: &CallContext, execution: &Execution) -> Result<Verdict, CallError>;
}

/// May it run?
pub trait Policy: Send + Sync {
    /// SHA-256 of the rules in force, hexadecimal; an approval binds it.
    fn digest(&self) -> String;
    /// May this incident's plan run at all, now?
    fn incident(&self, facts: &IncidentFacts<'_>) -> Decision;
    /// May this step run, and does it need a person?
    fn step(&self, facts: &StepFacts<'_>) -> Decision;
}

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another worker holds the incident, or this one's lease ran out. Nothing was written.
    #[error("the incident is held by another worker; try again when it has ended")]
    LeaseLost,
    /// The change of phase is not in the table.
    #[error("an incident in phase {from} cannot go to {to}")]
    Forbidden {
        /// From.
        from: Phase,
        /// To.
        to: Phase,
    },
    /// There is no such incident.
    #[error("there is no incident {0}; `dreamops incident list` shows those there are")]
    NoSuchIncident(IncidentId),
    /// A sealed value does not open: another key, or it was moved or changed.
    #[error("a stored value cannot be opened: {0}; check DREAMOPS_ENCRYPTION_KEYS")]
    Sealed(String),
    /// The emergency stop is on.
    #[error("{} is on since {} ({}: {}); `dreamops resume` releases it", .0.scope, .0.stop.since, .0.stop.by, .0.stop.reason)]
    Stopped(ScopedStop),
    /// Another incident is open for the same owner, so this one cannot be opened again.
    #[error("incident {0} is open for the same object; end it first")]
    OwnerTaken(IncidentId),
    /// The kept file of a component is not the one that was kept. It is not run.
    #[error("the kept file of component {0} has other bytes than its digest says; it is not run")]
    Component(String),
    /// The journal's order would be broken: a write that is settled is not made again. Nothing was written.
    #[error("the journal does not allow it: {0}")]
    Journal(String),
    /// The database failed.
    #[error("the database did not do as asked: {0}")]
    Database(String),
}

/// The right to write to one incident for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The incident.
    pub incident: IncidentId,
    /// Goes up with each taker; every write is conditional on it.
    pub epoch: i64,
}

/// What came of asking to be the open incident of an owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Correlated {
    /// It is the one.
    Became,
    /// Another is open; this one was closed as suppressed and its alerts joined that one.
    Joined(IncidentId),
}

/// A filter for lists of incidents; empty fields match all.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// In this phase.
    pub phase: Option<Phase>,
    /// Only open ones.
    pub open: bool,
    /// At most so many, newest first; 0 means 50.
    pub limit: u32,
    /// Only those opened before this one: the last of the page before.
    pub after: Option<IncidentId>,
}

/// What must survive a crash. Every method is one transaction.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores a new incident in `received`, with its alerts and an audit event.
    async fn create(&self, incident: &Incident, delivery_key: &str) -> Result<(), StoreError>;
    /// Takes the right to write, if nobody else holds it. `ttl` from now by the store's clock.
    async fn lease(&self, incident: IncidentId, worker: &str, ttl: Duration) -> Result<Lease, StoreError>;
    /// Extends a lease that is still ours.
    async fn heartbeat(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError>;
    /// Gives it back.
    async fn release(&self, lease: Lease) -> Result<(), StoreError>;
    /// Becomes the open incident of (tenant, cluster, owner), or joins the one there is. May be called again
    /// with another owner after a hand-over.
    async fn correlate(&self, lease: &Lease, incident: &Incident, owner: &ObjectRef) -> Result<Correlated, StoreError>;
    /// Saves the incident with its phase, which must be allowed to follow the stored one (or equal it), and the
    /// `events` for the audit, in one transaction, if the lease's epoch still holds.
    async fn save(&self, lease: &Lease, incident: &Incident, events: &[TimelineEntry]) -> Result<(), StoreError>;
    /// Loads one.
    async fn load(&self, tenant: TenantId, incident: IncidentId) -> Result<Incident, StoreError>;
    /// Lists some, newest first.
    async fn list(&self, tenant: TenantId, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError>;
    /// Earlier actions on an owner since `since`, newest first.
    async fn history(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        owner: &ObjectRef,
        since: Timestamp,
    ) -> Result<Vec<PastAction>, StoreError>;
    /// What policy asks about the surroundings of a plan of `strategy` for `cluster`.
    async fn surroundings(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        strategy: &str,
        now: Timestamp,
    ) -> Result<Surroundings, StoreError>;
    /// Writes planned entries (not started) to the journal. Forward entries of the same attempt that were planned
    /// before and never started are replaced, as a whole; entries that take writes back replace those of the same write.
    async fn journal_plan(&self, lease: &Lease, entries: &[JournalEntry]) -> Result<(), StoreError>;
    /// Marks an entry as about to be sent. Fails if the emergency stop is on, in the same transaction, unless a
    /// person takes writes back (`by_person`; only entries of [`Direction::Revert`](crate::journal::Direction) pass).
    async fn journal_start(
        &self,
        lease: &Lease,
        entry: EntryId,
        now: Timestamp,
        by_person: bool,
    ) -> Result<(), StoreError>;
    /// Records what came of it.
    async fn journal_finish(
        &self,
        lease: &Lease,
        entry: EntryId,
        outcome: &WriteOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// All entries of an incident in order, opened.
    async fn journal(&self, tenant: TenantId, incident: IncidentId) -> Result<Vec<JournalEntry>, StoreError>;
    /// Keeps the file of a component that handles an incident, until the last open incident that it handles has ended.
    /// `digest` is the SHA-256 of `bytes`. Again is the same as once.
    async fn pin(&self, lease: &Lease, digest: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// A kept file, held against its digest; `None` where it is not kept.
    async fn pinned(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// The emergency stop for everything, if it is on.
    async fn emergency_stop(&self) -> Result<Option<EmergencyStop>, StoreError>;
    /// Pulls or releases it, on the word of whoever is at the host.
    async fn set_emergency_stop(&self, stop: Option<EmergencyStop>) -> Result<(), StoreError>;
    /// The widest stop that holds for a team's cluster, by [`ClusterId::key`], if any does.
    async fn stop_over(&self, tenant: TenantId, cluster_key: &str) -> Result<Option<ScopedStop>, StoreError>;
    /// The stops that hold for a team or a part of it, the widest first.
    async fn stops(&self, tenant: TenantId) -> Result<Vec<ScopedStop>, StoreError>;
    /// Pulls a stop; false where it is on already: who pulled it first stays.
    async fn pull_stop(&self, stop: &ScopedStop) -> Result<bool, StoreError>;
    /// Releases a stop; false where it was not on.
    async fn release_stop(&self, scope: &StopScope, by: &str) -> Result<bool, StoreError>;
}

/// Where a sealed value belongs; a value is refused elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealPlace<'a> {
    /// The team.
    pub tenant: TenantId,
    /// The table.
    pub table: &'a str,
    /// The row's id.
    pub row: String,
    /// The column.
    pub column: &'a str,
}

/// Seals values for the store.
pub trait Sealer: Send + Sync {
    /// The newest key's id: that of every value that is sealed from now on.
    fn newest(&self) -> String;
    /// Seals under the newest key; returns the key's id and the token.
    fn seal(&self, place: &SealPlace<'_>, value: &[u8]) -> Result<(String, String), SealError>;
    /// Opens with any key of the ring, if the value belongs to this place.
    fn open(&self, place: &SealPlace<'_>, token: &str) -> Result<Vec<u8>, SealError>;
}

/// Why a value could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No key of the ring opens it.
    #[error("no key of the ring opens the value")]
    WrongKey,
    /// It was sealed for another row.
    #[error("the value belongs to another row")]
    WrongPlace,
    /// It could not be sealed.
    #[error("the value could not be sealed: {0}")]
    Failed(String),
}

/// Watches an incident as it happens.
pub trait Story: Send + Sync {
    /// Something happened. Called after it was committed.
    fn tell(&self, incident: IncidentId, entry: &TimelineEntry);
}

/// A credential for a container registry, for `set-pull-secret`. Never shown.
#[derive(Clone)]
pub struct RegistryCredential {
    /// The registry's host as image names write it (`docker.io` for bare names).
    pub registry: String,
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: zeroize::Zeroizing<String>,
}

impl std::fmt::Debug for RegistryCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryCredential({})", self.registry)
    }
}

/// Credentials that an operator gave for registries.
#[async_trait]
pub trait RegistryCredentials: Send + Sync {
    /// The credential for a registry that may be used in a namespace.
    async fn credential(&self, registry: &str, namespace: &str) -> Result<Option<RegistryCredential>, StoreError>;
}
