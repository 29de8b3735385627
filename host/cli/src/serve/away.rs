//! A cluster that is not there: what is recorded without one reads nothing and writes nothing.

use async_trait::async_trait;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::Step;
use dreamops_domain::ports::{ActError, ClusterRead, ClusterWrite};
use dreamops_domain::read::{Health, ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::rehearsal::{Rehearsal, Write};

/// Answers every question with: not now.
pub(super) struct Away;

fn away() -> ReadError {
    ReadError::Unavailable {
        why: "the cluster is not connected".to_owned(),
    }
}

#[async_trait]
impl ClusterRead for Away {
    async fn read(&self, _: &Scope, _: ReadRequest) -> Result<ReadResponse, ReadError> {
        Err(away())
    }
}

#[async_trait]
impl ClusterWrite for Away {
    async fn rehearse(&self, _: &Scope, _: &Step) -> Result<Rehearsal, ActError> {
        Err(away().into())
    }

    async fn apply(&self, _: &Scope, _: &Write) -> Result<WriteOutcome, ActError> {
        Err(away().into())
    }

    async fn settle(&self, _: &Scope, _: &Write) -> Result<Option<WriteOutcome>, ActError> {
        Err(away().into())
    }

    fn inverse(&self, _: &Write, _: &WriteOutcome) -> Option<Write> {
        None
    }

    async fn breach(&self, _: &Scope, _: &Write) -> Result<Option<String>, ActError> {
        Err(away().into())
    }

    async fn health(&self, _: &Scope, _: &ObjectRef) -> Result<Health, ReadError> {
        Err(away())
    }
}
