//! Clusters that the store knows: by name, or the only one. Each is reached by its own stored credential and by no other.

use crate::app::App;
use crate::exit::Failure;
use anyhow::anyhow;
use dreamops_cluster::connect::{self, Connection, Given};
use dreamops_domain::access::PageRequest;
use dreamops_domain::fleet::{AuthMethod, ClusterRecord, ConnectionStatus, Fleet};
use dreamops_domain::id::TenantId;
use dreamops_domain::redact::Redactor;
use dreamops_server::engine::NoResponder;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A kubeconfig file on this machine, as an operator registered it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalFile {
    /// The file.
    pub(crate) path: PathBuf,
    /// The context; the file's current one if none is given.
    pub(crate) context: Option<String>,
}

/// Why a registered cluster was not connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unconnected {
    /// What is stored of it is gone or cannot be read: it has to be connected anew.
    #[error("{0}")]
    Unusable(String),
    /// It does not answer, or refuses the credential, or the store is away.
    #[error("{0}")]
    Failed(String),
}

impl From<Unconnected> for NoResponder {
    fn from(error: Unconnected) -> Self {
        match error {
            Unconnected::Unusable(why) => Self::Unknown(why),
            Unconnected::Failed(why) => Self::Unreachable(why),
        }
    }
}

impl App {
    /// Connects to a registered cluster, and notes how that went.
    pub(crate) async fn connect_registered(
        &self,
        record: &ClusterRecord,
        redactor: Redactor,
    ) -> Result<Connection, Unconnected> {
        let stored = Fleet::credential(self.store.as_ref(), record.tenant, record.id).await;
        let document = stored
            .map_err(|error| Unconnected::Failed(error.to_string()))?
            .ok_or_else(|| Unconnected::Unusable(format!("no cluster {:?} is connected", record.name)))?;
        let connected = if record.auth_method == AuthMethod::Local {
            let local: LocalFile = serde_json::from_str(&document).map_err(|_| {
                Unconnected::Unusable(format!("what is stored of cluster {} cannot be read", record.name))
            })?;
            let options = self.options(local.context.as_deref(), redactor);
            connect::kubeconfig(&local.path, &options).await
        } else {
            let given = Given::from_document(&document).map_err(|error| Unconnected::Unusable(error.to_string()))?;
            connect::with(&given, &self.options(None, redactor)).await
        };
        let (status, reason) = match &connected {
            Ok(_) => (ConnectionStatus::Connected, String::new()),
            Err(error) if error.is_expired() => (ConnectionStatus::Expired, error.to_string()),
            Err(error) => (ConnectionStatus::Failed, error.to_string()),
        };
        let noted = self.store.note(record.tenant, record.id, status, &reason, true).await;
        if let Err(error) = noted {
            tracing::warn!(cluster = %record.name, %error, "how the cluster does was not noted");
        }
        connected.map_err(|error| Unconnected::Failed(format!("cluster {}: {error}", record.name)))
    }

    /// The registered cluster of that name; the only one where none is named.
    pub(crate) async fn registered(&self, name: Option<&str>) -> Result<ClusterRecord, Failure> {
        let all = PageRequest {
            limit: 500,
            after: None,
        };
        let mut there = self.store.clusters(TenantId::DEFAULT, &all).await?.items;
        let names: Vec<String> = there.iter().map(|record| record.name.clone()).collect();
        let found = match name {
            Some(name) => there.into_iter().find(|record| record.name == name),
            None if there.len() == 1 => there.pop(),
            None => None,
        };
        found.ok_or_else(|| {
            let registered = if names.is_empty() {
                "none is registered".to_owned()
            } else {
                format!("registered are: {}", names.join(", "))
            };
            Failure::usage(match name {
                Some(name) => anyhow!(
                    "there is no registered cluster {name:?} ({registered}); name a kubeconfig with --kubeconfig FILE"
                ),
                None => anyhow!(
                    "no cluster is named, and there is not exactly one ({registered}); name one with --cluster NAME or a kubeconfig with --kubeconfig FILE"
                ),
            })
        })
    }
}
