//! Assessing and diagnosing: which strategy gets the case, and what it finds.
//!
//! The best confidence above one half gets the case, ties go to the operator's order. A strategy
//! that hands over, fails or does not know gives the case on; none gets it twice.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::event::Event;
use dreamops_domain::finding::{Evidence, Finding};
use dreamops_domain::manifest::{StrategyInfo, StrategyRef};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::read::Health;
use futures::future::join_all;

/// What a strategy's confidence must exceed to get a case.
const THRESHOLD: f64 = 0.5;
/// How often a case may be handed on before a person gets it.
const MAX_HAND_OVERS: usize = 4;

impl Session<'_> {
    /// Asks every strategy and gives the case to the surest.
    pub(crate) async fn assess(&mut self) -> Result<(), RespondError> {
        let strategies = &self.responder.ports.strategies;
        let installed = strategies.installed();
        if installed.is_empty() {
            let proposal = "install strategies: `dreamops plugin list` shows what is there";
            return self.escalate("no strategy is installed", proposal).await;
        }
        let context = self.context().await?;
        let answers = join_all(installed.iter().map(|s| strategies.assess(&s.digest, &context))).await;
        let mut ranking = Vec::new();
        for (info, answer) in installed.iter().zip(answers) {
            let strategy = StrategyRef::from(info);
            match answer {
                Ok(assessment) => {
                    let confidence = assessment.confidence(strategies.confidence_cap(&info.digest));
                    ranking.push((strategy.clone(), confidence));
                    self.record(Event::Assessed { strategy, assessment, confidence });
                }
                Err(error) => self.strategy_failed(strategy, "assess", &error),
            }
        }
        // stable: equals stay in the operator's order
        ranking.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranking.retain(|(_, confidence)| *confidence > THRESHOLD);
        self.incident.case.ranking = ranking;
        self.give_to_next("it is the surest").await
    }

    /// Asks the strategy in charge for the cause.
    pub(crate) async fn diagnose(&mut self) -> Result<(), RespondError> {
        let Some(strategy) = self.incident.case.strategy.clone() else {
            return self.enter(Phase::Assessing).await;
        };
        let context = self.context().await?;
        let finding = match self.responder.ports.strategies.diagnose(&strategy.digest, &context).await {
            Ok(finding) => finding,
            Err(error) => {
                self.strategy_failed(strategy, "diagnose", &error);
                return self.give_to_next("the strategy before it failed").await;
            }
        };
        self.record(Event::Diagnosed { finding: finding.clone() });
        self.incident.case.finding = Some(finding.clone());
        match finding {
            Finding::Cause(_) => self.enter(Phase::Planning).await,
            Finding::HandOver { fault, target, reason, .. } => self.hand_over(&fault, target, &reason).await,
            Finding::Healthy { evidence } => self.found_healthy(&evidence).await,
            Finding::Unknown { .. } => self.give_to_next("the strategy before it could not tell the cause").await,
        }
    }

    /// Gives the case to the strategy that handles `fault`.
    async fn hand_over(&mut self, fault: &str, target: ObjectRef, reason: &str) -> Result<(), RespondError> {
        let from = self.incident.case.strategy.as_ref().map(|s| s.name.clone()).unwrap_or_default();
        let step = format!("{from} → {fault} at {target}");
        let circle = self.incident.case.hand_overs.contains(&step);
        let Some(next) = self.handler_of(fault) else {
            let why = format!("{reason}; no installed strategy handles {fault}");
            return self.escalate(&why, &format!("look at {target}: {reason}")).await;
        };
        if circle || self.incident.case.hand_overs.len() >= MAX_HAND_OVERS {
            let chain = self.incident.case.hand_overs.join(", ");
            let why = format!("strategies hand the incident round ({chain}, {step}) and none names a cause");
            return self.escalate(&why, &format!("look at {target}: {reason}")).await;
        }
        let located = self.responder.locator(&self.incident.case.namespace).with_owner(target.clone()).await?;
        let other_owner = self.incident.case.owner.as_ref().is_none_or(|o| !o.same(&located.owner));
        if other_owner && !self.claim(&located.owner).await? {
            return Ok(());
        }
        let baseline = self.health(&located.owner).await.ok();
        let case = &mut self.incident.case;
        case.hand_overs.push(step);
        case.owner = Some(located.owner);
        case.managed_by = located.managed_by;
        case.baseline = baseline.or(case.baseline.take());
        case.handed_over = Some((fault.to_owned(), target));
        let because = format!("{from} hands over: {reason}");
        self.choose(StrategyRef::from(&next), &because).await
    }

    fn handler_of(&self, fault: &str) -> Option<StrategyInfo> {
        let installed = self.responder.ports.strategies.installed();
        installed.into_iter().find(|s| s.manifest.faults.iter().any(|f| f == fault))
    }

    /// Gives the case to the next in the ranking that has not had it; without one, ends it.
    pub(crate) async fn give_to_next(&mut self, because: &str) -> Result<(), RespondError> {
        let case = &self.incident.case;
        let next = case.ranking.iter().find(|(s, _)| !case.tried.contains(&s.name)).cloned();
        match next {
            Some((strategy, confidence)) => {
                self.incident.case.handed_over = None;
                let because = format!("{because} (confidence {confidence:.2})");
                self.choose(strategy, &because).await
            }
            None => self.nobody_knows().await,
        }
    }

    async fn choose(&mut self, strategy: StrategyRef, because: &str) -> Result<(), RespondError> {
        self.record(Event::Chosen { strategy: strategy.clone(), because: because.to_owned() });
        self.incident.case.tried.push(strategy.name.clone());
        self.incident.case.strategy = Some(strategy);
        self.incident.case.plan = None;
        self.incident.case.rehearsals.clear();
        self.incident.case.decisions.clear();
        self.incident.case.outcomes.clear();
        self.enter(Phase::Diagnosing).await
    }

    /// A strategy sees nothing wrong: believed if the host sees nothing wrong either.
    async fn found_healthy(&mut self, evidence: &[Evidence]) -> Result<(), RespondError> {
        let summary = evidence.first().map_or_else(|| "nothing is wrong".to_owned(), |e| e.text.clone());
        if self.looks_healthy().await? {
            return self.close(Phase::NoAction, &summary).await;
        }
        self.give_to_next("the strategy before it sees nothing wrong").await
    }

    /// No strategy is left: over if all is well, else a person's.
    async fn nobody_knows(&mut self) -> Result<(), RespondError> {
        if self.incident.case.attempt == 1 && self.looks_healthy().await? {
            return self.close(Phase::NoAction, &self.healthy_summary()).await;
        }
        let case = &self.incident.case;
        let seen = case.finding.as_ref().map(summary_of).unwrap_or_default();
        let what = case.owner.as_ref().map_or_else(|| "the object".to_owned(), ToString::to_string);
        let reason = match (&case.last_word, seen.is_empty()) {
            (Some(word), _) if case.attempt > 1 || case.revert.is_some() => {
                format!("{what} is not healthy: {word}; no other strategy is left")
            }
            (_, true) => format!("{what} is not healthy and no strategy recognises the fault"),
            (_, false) => format!("{what} is not healthy and no strategy can tell the cause: {seen}"),
        };
        let proposal = format!("look at {what} by hand; what was seen is in the incident's evidence");
        self.escalate(&reason, &proposal).await
    }

    /// Whether the owner has all it wants and nothing restarted lately, by the host's own look.
    async fn looks_healthy(&mut self) -> Result<bool, RespondError> {
        let Some(owner) = self.incident.case.owner.clone() else { return Ok(false) };
        let health = self.health(&owner).await?;
        let now = self.responder.ports.clock.now();
        let calm = health.last_restart.is_none_or(|at| now.since(at) >= self.responder.settings.calm);
        let whole = health.whole() && calm;
        self.incident.case.last_health = Some(health);
        Ok(whole)
    }

    fn healthy_summary(&self) -> String {
        let Health { ready, desired, .. } = self.incident.case.last_health.clone().unwrap_or_default();
        let what = self.incident.case.owner.as_ref().map_or_else(String::new, ToString::to_string);
        format!("{what} is healthy: {ready} of {desired} ready, no recent restart")
    }

    /// Notes that a component did not answer as it should.
    pub(crate) fn strategy_failed(
        &mut self,
        strategy: StrategyRef,
        call: &str,
        error: &dreamops_domain::ports::CallError,
    ) {
        self.record(Event::StrategyFailed {
            strategy,
            call: call.to_owned(),
            outcome: error.outcome().to_owned(),
            message: error.to_string(),
        });
    }
}

fn summary_of(finding: &Finding) -> String {
    finding.evidence().iter().take(3).map(|e| format!("{}: {}", e.source, e.text)).collect::<Vec<_>>().join("; ")
}
