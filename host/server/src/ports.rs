//! What the HTTP side asks of the rest of the program, beside the store's ports.
//!
//! | port | what it is for | adapter |
//! | --- | --- | --- |
//! | [`Desk`] | acting on an incident on a person's word | the workers |
//! | [`Connector`] | proving a credential, learning about its cluster | `cli`, with `cluster` |
//! | [`Rehearsals`] | a scenario in the simulator | `cli`, with `simulator` |
//! | [`Redactors`] | what redacts a tenant's texts | `cli`, with `store` |

use async_trait::async_trait;
use dreamops_domain::fleet::{AuthMethod, ClusterRecord};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::StoreError;
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use zeroize::Zeroizing;

/// Why a person's word on an incident was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The tenant has no such incident.
    #[error("there is no incident {0}")]
    NotFound(IncidentId),
    /// The incident stands where this cannot be done.
    #[error("incident {incident} is {phase}, where it cannot be {act}")]
    WrongPhase {
        /// The incident.
        incident: IncidentId,
        /// Where it stands.
        phase: Phase,
        /// What was asked: `approved`, `rejected`, `rolled back`, `acknowledged`.
        act: &'static str,
    },
    /// The plan is another one than the digest names.
    #[error("the plan that waits is not the one that was approved")]
    OtherPlan {
        /// The digest of the plan that waits.
        waiting: String,
    },
    /// A worker holds the incident at this moment.
    #[error("a worker has incident {0} at this moment")]
    Held(IncidentId),
    /// Nothing can be done now.
    #[error("the server cannot act at this moment: {0}")]
    Unavailable(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Acts on incidents on a person's word. Each method records the word durably and returns at once, with the incident as it
/// then stands; the work goes on in the background.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Approves the plan with this digest.
    async fn approve(
        &self,
        tenant: TenantId,
        incident: IncidentId,
        digest: &str,
        by: &str,
    ) -> Result<Incident, DeskError>;
    /// Refuses the plan that waits.
    async fn reject(
        &self,
        tenant: TenantId,
        incident: IncidentId,
        by: &str,
        reason: &str,
    ) -> Result<Incident, DeskError>;
    /// Takes back what the incident wrote.
    async fn rollback(&self, tenant: TenantId, incident: IncidentId, by: &str) -> Result<Incident, DeskError>;
    /// Notes that a person has it: from now on nothing is done without being asked.
    async fn acknowledge(&self, tenant: TenantId, incident: IncidentId, by: &str) -> Result<Incident, DeskError>;
    /// Says that there is new work. Never waits.
    fn nudge(&self);
}

/// The credential of a request, as it came: certificate and key are PEM or base64 of PEM.
#[derive(Clone)]
pub enum GivenCredential {
    /// A service account's token.
    Token(Zeroizing<String>),
    /// A kubeconfig, as text.
    Kubeconfig(Zeroizing<String>),
    /// A client certificate.
    ClientCert {
        /// The certificate.
        certificate: String,
        /// Its key.
        key: Zeroizing<String>,
    },
}

impl GivenCredential {
    /// How the host proves itself with it.
    pub fn auth_method(&self) -> AuthMethod {
        match self {
            Self::Token(_) => AuthMethod::ServiceAccount,
            Self::Kubeconfig(_) => AuthMethod::Kubeconfig,
            Self::ClientCert { .. } => AuthMethod::ClientCert,
        }
    }
}

/// A cluster as a request describes it.
#[derive(Clone)]
pub struct ConnectRequest {
    /// The name it is to be known by.
    pub name: String,
    /// How the host shall prove itself.
    pub credential: GivenCredential,
    /// The API server's address; empty only with a kubeconfig.
    pub endpoint: String,
    /// The namespace where alerts name none.
    pub namespace: String,
    /// The CA bundle: PEM or base64 of PEM.
    pub ca_certificate: Option<String>,
    /// Whether the server's certificate is checked.
    pub verify_ssl: bool,
    /// The proxy to go through.
    pub proxy_url: Option<String>,
    /// Whether the one who asks may connect addresses of the host itself (an admin of the default tenant).
    pub loopback_allowed: bool,
}

/// Names only: the rest may hold credentials.
impl std::fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("name", &self.name)
            .field("auth_method", &self.credential.auth_method())
            .finish_non_exhaustive()
    }
}

/// What was learned about a cluster that accepts the credential.
pub struct Proved {
    /// Which cluster it is; its name is the one asked for.
    pub cluster: ClusterId,
    /// The namespace where alerts name none: the one asked for, else the kubeconfig's, else `default`.
    pub namespace: String,
    /// The API server's version.
    pub version: String,
    /// The platform it says it runs on.
    pub platform: String,
    /// Whether namespaces may be listed.
    pub can_list_namespaces: bool,
    /// When certificate or token run out, where that is known.
    pub expires_at: Option<Timestamp>,
    /// The credential as the store is to keep it, sealed.
    pub credential: Zeroizing<String>,
}

/// What was learned about a connected cluster that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tried {
    /// The API server's version.
    pub version: String,
    /// The platform it says it runs on.
    pub platform: String,
    /// Whether namespaces may be listed.
    pub can_list_namespaces: bool,
}

/// Why a cluster was not connected. Nothing was stored. The texts hold no credential.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConnectRefusal {
    /// The request itself cannot be right: a forbidden field, a missing part, two addresses.
    #[error("{0}")]
    Invalid(String),
    /// The address answers nobody, or another protocol.
    #[error("{0}")]
    Unreachable(String),
    /// The cluster does not accept the credential, or it has run out.
    #[error("{0}")]
    Refused(String),
    /// The server cannot try at this moment.
    #[error("{0}")]
    Unavailable(String),
}

/// Proves credentials and learns about their clusters.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Reaches the cluster with the credential of the request alone; never with another one.
    async fn prove(&self, tenant: TenantId, request: &ConnectRequest) -> Result<Proved, ConnectRefusal>;
    /// Reaches a connected cluster with its stored credential, and notes how that went.
    async fn test(&self, record: &ClusterRecord) -> Result<Tried, ConnectRefusal>;
}

/// Runs scenarios of the simulator, for `test-remediation`.
#[async_trait]
pub trait Rehearsals: Send + Sync {
    /// Runs one to its end; what came of it, as the report of an incident. The error is a sentence.
    async fn run(&self, scenario: &str) -> Result<serde_json::Value, String>;
    /// The names that [`Self::run`] knows.
    fn scenarios(&self) -> Vec<String>;
}

/// Redaction per tenant: equal secrets have equal handles within a tenant and nowhere else.
#[async_trait]
pub trait Redactors: Send + Sync {
    /// The redactor of a tenant.
    async fn redactor(&self, tenant: TenantId) -> Result<Redactor, StoreError>;
}
