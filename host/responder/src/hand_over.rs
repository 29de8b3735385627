//! Hand-overs: a strategy says whose the case is, and where to look. A circle ends with a person.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::manifest::{StrategyInfo, StrategyRef};
use dreamops_domain::object::ObjectRef;

/// How often a case may be handed on before a person gets it.
const MAX_HAND_OVERS: usize = 4;

impl Session<'_> {
    /// Gives the case to the strategy that handles `fault`, together with the owner of `target`.
    pub(crate) async fn hand_over(&mut self, fault: &str, target: ObjectRef, reason: &str) -> Result<(), RespondError> {
        let case = &self.incident.case;
        let from = case.strategy.as_ref().map(|s| s.name.clone()).unwrap_or_default();
        let step = format!("{from} → {fault} at {target}");
        let look = format!("look at {target}: {reason}");
        let Some(next) = self.handler_of(fault) else {
            return self
                .escalate(&format!("{reason}; no installed strategy handles {fault}"), &look)
                .await;
        };
        if case.hand_overs.contains(&step) || case.hand_overs.len() >= MAX_HAND_OVERS {
            let chain = case.hand_overs.join(", ");
            let why = format!("{reason}; strategies hand the incident round ({chain}, {step}) and none names a cause");
            return self.escalate(&why, &look).await;
        }
        let located = self
            .responder
            .locator(&case.namespace)
            .with_owner(target.clone())
            .await?;
        if !self.take_over(located).await? {
            return Ok(());
        }
        let case = &mut self.incident.case;
        case.hand_overs.push(step);
        case.handed_over = Some((fault.to_owned(), target));
        self.choose(StrategyRef::from(&next), &format!("{from} hands over: {reason}"))
            .await
    }

    fn handler_of(&self, fault: &str) -> Option<StrategyInfo> {
        let installed = self.responder.ports.strategies.installed();
        installed
            .into_iter()
            .find(|s| s.manifest.faults.iter().any(|f| f == fault))
    }
}
