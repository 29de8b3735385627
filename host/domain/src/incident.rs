//! An incident: everything that is known about one fault of one owner.

use crate::alert::Alert;
use crate::decision::Decision;
use crate::event::TimelineEntry;
use crate::finding::Finding;
use crate::id::{IncidentId, TenantId};
use crate::manifest::StrategyRef;
use crate::object::ObjectRef;
use crate::phase::{Mode, Phase};
use crate::plan::Plan;
use crate::read::Health;
use crate::rehearsal::Rehearsal;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The format of the stored case; raised when its shape changes.
pub const CASE_FORMAT: u32 = 1;

/// Which cluster an incident is about, so that a later command cannot continue it on another one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClusterId {
    /// The name for display: the registered name, or the kubeconfig's context.
    pub name: String,
    /// The API server's address.
    pub address: String,
    /// SHA-256 of the CA bundle, hexadecimal; empty where the system's roots are used.
    pub ca_digest: String,
    /// Stable key of the cluster: the uid of its `kube-system` namespace where it may be read, else address and CA digest.
    pub key: String,
}

/// An incident as it is stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// The team.
    pub tenant: TenantId,
    /// Where it stands.
    pub phase: Phase,
    /// How far the host may go.
    pub mode: Mode,
    /// The cluster.
    pub cluster: ClusterId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// The work so far.
    pub case: Case,
}

impl Incident {
    /// An incident that alerts open, in `received`, with the events that tell so.
    pub fn received(
        tenant: TenantId,
        cluster: ClusterId,
        namespace: &str,
        mode: Mode,
        alerts: Vec<Alert>,
        now: Timestamp,
    ) -> Self {
        let timeline = alerts
            .iter()
            .map(|alert| TimelineEntry::heard(alert, now, Phase::Received));
        let timeline = timeline.collect();
        Self {
            id: IncidentId::new(now),
            tenant,
            phase: Phase::Received,
            mode,
            cluster,
            created_at: now,
            updated_at: now,
            closed_at: None,
            case: Case {
                timeline,
                ..Case::new(namespace, alerts)
            },
        }
    }
}

/// The work on an incident.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Case {
    /// [`CASE_FORMAT`] when it was written.
    pub format: u32,
    /// The alerts that opened or joined it.
    pub alerts: Vec<Alert>,
    /// The namespace.
    pub namespace: String,
    /// The object the alert is about.
    pub target: Option<ObjectRef>,
    /// Its top-level owner.
    pub owner: Option<ObjectRef>,
    /// How the owner did before anything was done.
    pub baseline: Option<Health>,
    /// The strategy in charge.
    pub strategy: Option<StrategyRef>,
    /// Strategies that were asked, best first, with the host's confidence.
    pub ranking: Vec<(StrategyRef, f64)>,
    /// Which attempt this is: 1 for the first plan, 2 for the fallback's.
    pub attempt: u32,
    /// Strategies that had the case and did not end it, by name; none of them gets it again.
    pub tried: Vec<String>,
    /// Where a strategy that handed over said to look, with the fault it named.
    pub handed_over: Option<(String, ObjectRef)>,
    /// Who keeps the owner's spec, if it is not a person.
    pub managed_by: Option<String>,
    /// The person who took the incident: nothing is written without a person from then on.
    #[serde(default)]
    pub acknowledged_by: Option<String>,
    /// Why writes are being taken back, and by whom if a person asked for it.
    pub revert: Option<Revert>,
    /// Hand-overs so far, as `from → to`, to stop circles.
    pub hand_overs: Vec<String>,
    /// What was found.
    pub finding: Option<Finding>,
    /// What is proposed.
    pub plan: Option<Plan>,
    /// How each step's rehearsal went.
    pub rehearsals: Vec<Rehearsal>,
    /// What policy said of each step.
    pub decisions: Vec<Decision>,
    /// What an approval has to name.
    pub plan_digest: Option<String>,
    /// Who approved which digest.
    pub approval: Option<(String, String)>,
    /// What became of each step.
    pub outcomes: Vec<StepOutcome>,
    /// When the last write was made.
    pub last_write_at: Option<Timestamp>,
    /// The first moment of the unbroken healthy window.
    pub healed_at: Option<Timestamp>,
    /// What was seen last after acting.
    pub last_health: Option<Health>,
    /// The strategy's or the host's last word on the outcome.
    pub last_word: Option<String>,
    /// What a person should do.
    pub escalation: Option<Escalation>,
    /// One sentence on how it ended.
    pub summary: Option<String>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Uids that the host has returned to a component in this incident, with the objects.
    pub known: Vec<ObjectRef>,
}

/// What became of one step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepOutcome {
    /// `applied`, `already-so`, `conflict`, `refused`, `not-run`, `proposed`.
    pub outcome: String,
    /// More, where there is more to say.
    pub detail: String,
    /// Whether it was taken back.
    pub reverted: bool,
}

/// Why writes are taken back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Revert {
    /// In a sentence.
    pub because: String,
    /// The person who asked for it; `None` where the host decided.
    pub by: Option<String>,
}

/// What a person has to take over, and how.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Escalation {
    /// Why.
    pub reason: String,
    /// The exact change to make.
    pub proposal: String,
}

impl Case {
    /// The case of an incident that was just opened.
    pub fn new(namespace: &str, alerts: Vec<Alert>) -> Self {
        Self {
            format: CASE_FORMAT,
            alerts,
            namespace: namespace.to_owned(),
            target: None,
            owner: None,
            baseline: None,
            strategy: None,
            ranking: Vec::new(),
            attempt: 1,
            tried: Vec::new(),
            handed_over: None,
            managed_by: None,
            acknowledged_by: None,
            revert: None,
            hand_overs: Vec::new(),
            finding: None,
            plan: None,
            rehearsals: Vec::new(),
            decisions: Vec::new(),
            plan_digest: None,
            approval: None,
            outcomes: Vec::new(),
            last_write_at: None,
            healed_at: None,
            last_health: None,
            last_word: None,
            escalation: None,
            summary: None,
            timeline: Vec::new(),
            known: Vec::new(),
        }
    }
}
