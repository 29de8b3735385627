//! Rights that components lacked: a component says in its own words that it could not look, the host knows which right was missing.

use async_trait::async_trait;
use dreamops_domain::ports::ClusterRead;
use dreamops_domain::read::{ReadError, ReadRequest, ReadResponse, Scope};
use std::sync::{Arc, Mutex, PoisonError};

/// How many rights a sentence names.
const NAMED: usize = 3;

#[derive(Default)]
struct Found {
    /// Sentences that name a right each and the rule that would give it, in the order of the reads.
    rights: Vec<String>,
    /// How many of them are in the timeline.
    told: usize,
}

/// What was refused to reads of one session.
#[derive(Clone, Default)]
pub(crate) struct MissingRights(Arc<Mutex<Found>>);

impl MissingRights {
    /// The same reads, watched.
    pub(crate) fn watch(&self, reads: Arc<dyn ClusterRead>) -> Arc<dyn ClusterRead> {
        Arc::new(Watched {
            reads,
            missing: self.clone(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().rights.is_empty()
    }

    /// Those that were not taken before.
    pub(crate) fn take_news(&self) -> Vec<String> {
        let mut found = self.lock();
        let news = found.rights[found.told..].to_vec();
        found.told = found.rights.len();
        news
    }

    /// Those that `text` does not name, in one sentence; `None` where there are none.
    pub(crate) fn beyond(&self, text: &str) -> Option<String> {
        let found = self.lock();
        let new: Vec<&str> = found
            .rights
            .iter()
            .map(String::as_str)
            .filter(|r| !text.contains(r))
            .take(NAMED)
            .collect();
        (!new.is_empty()).then(|| new.join("; "))
    }

    fn note(&self, error: &ReadError) {
        if matches!(error, ReadError::Forbidden { .. }) {
            let right = error.to_string();
            let mut found = self.lock();
            if !found.rights.contains(&right) {
                found.rights.push(right);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Watched {
    reads: Arc<dyn ClusterRead>,
    missing: MissingRights,
}

#[async_trait]
impl ClusterRead for Watched {
    async fn read(&self, scope: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        let answer = self.reads.read(scope, request).await;
        if let Err(error) = &answer {
            self.missing.note(error);
        }
        answer
    }
}
