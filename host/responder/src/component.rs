//! The file of the strategy in charge: kept from the moment it gets the case, brought back where another is installed by then.
//!
//! | the version that has the case | what follows |
//! | --- | --- |
//! | is installed | it goes on |
//! | was replaced or removed, and its file is kept | it goes on from that file, which the timeline says |
//! | is gone for good, nothing is drafted yet | the version that is installed looks anew |
//! | is gone for good, a plan waits or was carried out | a person: nobody else answers for that plan |

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::event::Event;
use dreamops_domain::manifest::{StrategyInfo, StrategyRef};
use dreamops_domain::ports::StoreError;

impl Session<'_> {
    /// Keeps the file of a strategy that gets the case. One that is gone by now is missed when it is asked.
    pub(crate) async fn keep_component(&self, strategy: &StrategyRef) -> Result<(), RespondError> {
        let ports = &self.responder.ports;
        let Some(file) = ports.strategies.file(&strategy.digest) else {
            return Ok(());
        };
        Ok(ports.store.pin(&self.lease, &strategy.digest, &file).await?)
    }

    /// The strategy in charge, and whether it is the version that has the case; else the version that is installed.
    pub(crate) async fn in_charge(&mut self) -> Result<Option<(StrategyRef, bool)>, RespondError> {
        let Some(strategy) = self.incident.case.strategy.clone() else {
            return Ok(None);
        };
        if self.bring_back(&strategy).await?.is_none() {
            return Ok(Some((strategy, true)));
        }
        let installed = self.responder.ports.strategies.installed();
        let successor: Option<&StrategyInfo> = installed.iter().find(|s| s.manifest.name == strategy.name);
        Ok(Some(
            successor.map_or((strategy, true), |s| (StrategyRef::from(s), false)),
        ))
    }

    /// Why nobody answers for the plan: the component that drafted it is gone for good. `None` where it can be called.
    pub(crate) async fn drafter_is_gone(&mut self) -> Result<Option<String>, RespondError> {
        let Some(strategy) = self.incident.case.strategy.clone() else {
            return Ok(None);
        };
        let why = self.bring_back(&strategy).await?;
        let StrategyRef { name, version, digest } = strategy;
        Ok(
            why.map(|why| {
                format!("{name} {version} (sha256 {digest}), which drafted the plan, cannot be asked: {why}")
            }),
        )
    }

    /// Makes the version that has the case callable; why that cannot be done.
    async fn bring_back(&mut self, strategy: &StrategyRef) -> Result<Option<String>, RespondError> {
        let ports = &self.responder.ports;
        let installed = ports.strategies.installed();
        if installed.iter().any(|s| s.digest == strategy.digest) {
            return Ok(None);
        }
        if !ports.strategies.at_hand(&strategy.digest) {
            let kept = match ports.store.pinned(&strategy.digest).await {
                Ok(Some(kept)) => kept,
                Ok(None) => {
                    return Ok(Some(
                        "it is not installed any more, and its file is not kept".to_owned(),
                    ));
                }
                Err(StoreError::Component(digest)) => return Ok(Some(StoreError::Component(digest).to_string())),
                Err(error) => return Err(error.into()),
            };
            match ports.strategies.revive(kept).await {
                Ok(revived) if StrategyRef::from(&revived) == *strategy => {}
                Ok(revived) => return Ok(Some(format!("its kept file is {}", revived.manifest.name))),
                Err(error) => return Ok(Some(error.to_string())),
            }
        }
        self.tell_of_kept(strategy);
        Ok(None)
    }

    /// Says once that the incident goes on with a file that is not the installed one.
    fn tell_of_kept(&mut self, strategy: &StrategyRef) {
        let text = format!(
            "{} {} (sha256 {}) is not installed any more; this incident goes on with its kept file",
            strategy.name, strategy.version, strategy.digest
        );
        let told = self.incident.case.timeline.iter().any(|entry| match &entry.event {
            Event::Seen { evidence } => evidence.text == text,
            _ => false,
        });
        if !told {
            self.note("host", text);
        }
    }
}
