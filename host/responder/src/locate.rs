//! From an alert to the object it is about, and on to the object's top-level owner.
//!
//! Order of belief: what the operator named, labels and metadata, names in title and description.
//! A name in prose counts only if exactly one existing object bears it. A pod that is gone is
//! normal: its owner is found by the name it was given.

use dreamops_domain::alert::{Alert, Candidate, Strength, candidates_in};
use dreamops_domain::object::{ObjectRef, kind_from};
use dreamops_domain::ports::ClusterRead;
use dreamops_domain::read::{ReadError, ReadRequest, ReadResponse, Scope};

/// Where an alert points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located {
    /// The object: the one named, or the owner of a pod that is gone.
    pub target: ObjectRef,
    /// Its top-level owner; equal to the target where nothing owns it.
    pub owner: ObjectRef,
    /// Who keeps the owner's spec, if it is not a person.
    pub managed_by: Option<String>,
}

/// Looks objects up in one namespace.
pub struct Locator<'a> {
    pub(crate) reads: &'a dyn ClusterRead,
    pub(crate) scope: Scope,
    pub(crate) namespace: String,
}

/// Kinds that a bare name in prose may mean.
const PROSE_KINDS: [&str; 5] = ["Pod", "Deployment", "StatefulSet", "DaemonSet", "Service"];

impl Locator<'_> {
    /// The place an alert is about; `None` where nothing that it names exists, nor an owner of it.
    ///
    /// A kind that may not be read is passed over; the refusal is the answer where nothing else leads on.
    pub async fn locate(&self, alert: &Alert) -> Result<Option<Located>, ReadError> {
        let mut refused = Refused::default();
        for (kind, name) in &alert.hints.objects {
            let Some(kind) = kind_from(kind) else { continue };
            if let Some(found) = refused.pass(self.named(kind, name).await)? {
                return Ok(Some(found));
            }
        }
        // what a label names and nobody may look at is not to be guessed from prose
        refused.or_nothing()?;
        self.in_prose(&format!("{}\n{}", alert.title, alert.description)).await
    }

    /// The object of that kind and name, or what owned it.
    async fn named(&self, kind: &str, name: &str) -> Result<Option<Located>, ReadError> {
        if let Some(object) = self.get(kind, name).await? {
            return self.with_owner(object).await.map(Some);
        }
        if kind != "Pod" {
            return Ok(None);
        }
        let mut refused = Refused::default();
        for (kind, name) in former_owners(name) {
            if let Some(object) = refused.pass(self.get(kind, name).await)? {
                return self.with_owner(object).await.map(Some);
            }
        }
        refused.or_nothing()?;
        Ok(None)
    }

    /// Goes from the strongest names to the weakest and stops at the first strength at which anything exists.
    async fn in_prose(&self, text: &str) -> Result<Option<Located>, ReadError> {
        let candidates = candidates_in(text);
        for strength in [Strength::Named, Strength::Shaped, Strength::Bare] {
            let mut refused = Refused::default();
            let mut found: Vec<Located> = Vec::new();
            for candidate in candidates.iter().filter(|c| c.strength == strength && self.here(c)) {
                for place in self.bearing(candidate, &mut refused).await? {
                    if !found.iter().any(|f| f.owner.same(&place.owner)) {
                        found.push(place);
                    }
                }
            }
            if !found.is_empty() {
                return Ok(if found.len() == 1 { found.pop() } else { None });
            }
            refused.or_nothing()?;
        }
        Ok(None)
    }

    fn here(&self, candidate: &Candidate) -> bool {
        candidate.namespace.as_ref().is_none_or(|n| *n == self.namespace)
    }

    /// What exists under a candidate's name.
    async fn bearing(&self, candidate: &Candidate, refused: &mut Refused) -> Result<Vec<Located>, ReadError> {
        let said = candidate.kind.as_deref().and_then(kind_from);
        let kinds: &[&str] = said.as_ref().map_or(&PROSE_KINDS, std::slice::from_ref);
        let mut found = Vec::new();
        for kind in kinds {
            found.extend(refused.pass(self.named(kind, &candidate.name).await)?);
        }
        Ok(found)
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<ObjectRef>, ReadError> {
        let namespace = if kind == "Node" {
            String::new()
        } else {
            self.namespace.clone()
        };
        let request = ReadRequest::Get {
            kind: kind.to_owned(),
            namespace,
            name: name.to_owned(),
            mask: vec!["/metadata/uid".to_owned()],
        };
        match self.reads.read(&self.scope, request).await {
            Ok(ReadResponse::Object(object)) => Ok(Some(object.reference)),
            Ok(_) | Err(ReadError::NotFound { .. } | ReadError::Invalid { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Follows controllers upwards.
    pub(crate) async fn with_owner(&self, object: ObjectRef) -> Result<Located, ReadError> {
        let request = ReadRequest::Owners { object: object.clone() };
        let owners = match self.reads.read(&self.scope, request).await {
            Ok(ReadResponse::Owners(owners)) => owners,
            Ok(_) | Err(ReadError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let managed_by = owners.iter().rev().find_map(|o| o.managed_by.clone());
        let owner = owners.last().map_or_else(|| object.clone(), |o| o.object.clone());
        Ok(Located {
            target: object,
            owner,
            managed_by,
        })
    }
}

/// The first read that was refused on the way.
#[derive(Default)]
struct Refused(Option<ReadError>);

impl Refused {
    /// What was found; a refusal is kept and counts as nothing.
    fn pass<T>(&mut self, found: Result<Option<T>, ReadError>) -> Result<Option<T>, ReadError> {
        match found {
            Err(error @ ReadError::Forbidden { .. }) => {
                self.0.get_or_insert(error);
                Ok(None)
            }
            other => other,
        }
    }

    /// The refusal, if there was one.
    fn or_nothing(self) -> Result<(), ReadError> {
        self.0.map_or(Ok(()), Err)
    }
}

/// What may have owned a pod of this name, by the way controllers name pods: `web-5d4b9c-x7x2p`
/// (ReplicaSet, Deployment), `agent-x7x2p` (DaemonSet, Job), `db-0` (StatefulSet).
fn former_owners(pod: &str) -> Vec<(&'static str, &str)> {
    let mut owners = Vec::new();
    if let Some((rest, last)) = pod.rsplit_once('-') {
        owners.push(("ReplicaSet", rest));
        if last.bytes().all(|b| b.is_ascii_digit()) {
            owners.push(("StatefulSet", rest));
        }
        owners.push(("DaemonSet", rest));
        owners.push(("Job", rest));
        if let Some((deployment, _)) = rest.rsplit_once('-') {
            owners.push(("Deployment", deployment));
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gone_pods_name_tells_its_former_owners() {
        let owners = former_owners("web-5d4b9c-x7x2p");
        assert!(owners.contains(&("ReplicaSet", "web-5d4b9c")) && owners.contains(&("Deployment", "web")));
        assert!(former_owners("db-0").contains(&("StatefulSet", "db")));
        assert!(former_owners("bare").is_empty());
    }
}
