//! Why an incident could not be taken further. The incident stays as it was saved last.

use dreamops_domain::id::IncidentId;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{ActError, StoreError};
use dreamops_domain::read::ReadError;

/// Why the responder stopped short of an end.
#[derive(Debug, thiserror::Error)]
pub enum RespondError {
    /// The store failed, or another worker has the incident.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cluster cannot be read; the incident can be resumed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A write is in doubt and the cluster does not say what came of it.
    #[error("{0}; `dreamops incident resume` settles it by reading")]
    Act(#[from] ActError),
    /// The incident is not waiting for an approval.
    #[error("incident {id} is in phase {phase}; only a plan that awaits approval can be approved or rejected")]
    NotWaiting {
        /// The incident.
        id: IncidentId,
        /// Its phase.
        phase: Phase,
    },
    /// The digest is not that of the plan that waits.
    #[error(
        "the plan that waits has digest {waiting}, not {given}; look at it with `dreamops incident show {id}` and approve that"
    )]
    OtherDigest {
        /// The incident.
        id: IncidentId,
        /// The digest of the plan that waits.
        waiting: String,
        /// The digest that was given.
        given: String,
    },
    /// The incident is closed.
    #[error("incident {id} is over ({phase})")]
    Over {
        /// The incident.
        id: IncidentId,
        /// Its phase.
        phase: Phase,
    },
    /// There is nothing to take back.
    #[error("incident {id} wrote nothing that could be taken back (phase {phase})")]
    NothingToRollBack {
        /// The incident.
        id: IncidentId,
        /// Its phase.
        phase: Phase,
    },
    /// Another alert joined an incident that is in the midst of acting, in a mode that leaves the host less than it does.
    #[error(
        "incident {id} is open for the same object and in the midst of acting (phase {phase}, mode {present}), which mode {asked} does not allow; go on with `dreamops incident resume {id}` or take it back with `dreamops incident rollback {id}`"
    )]
    Acting {
        /// The incident that acts.
        id: IncidentId,
        /// Its phase.
        phase: Phase,
        /// Its mode.
        present: Mode,
        /// The mode that was asked for.
        asked: Mode,
    },
    /// The cluster is not the one the incident was opened on.
    #[error(
        "incident {id} belongs to cluster {recorded}; this kubeconfig leads to {given}, which has another identity, address or certificate authority; use the kubeconfig it was opened with"
    )]
    OtherCluster {
        /// The incident.
        id: IncidentId,
        /// Name and address as recorded.
        recorded: String,
        /// Name and address as given.
        given: String,
    },
}
