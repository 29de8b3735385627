//! Assessing: which strategy gets the case.
//!
//! The best confidence above one half gets it, ties go to the operator's order. A strategy that fails or does not know
//! gives the case on to the next in the ranking, and gets it back only by a hand-over.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::event::Event;
use dreamops_domain::manifest::StrategyRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{CallContext, CallError};
use futures::future::join_all;

/// What a strategy's confidence must exceed to get a case.
const THRESHOLD: f64 = 0.5;

impl Session<'_> {
    /// Asks every strategy and gives the case to the surest.
    pub(crate) async fn assess(&mut self) -> Result<(), RespondError> {
        let strategies = &self.responder.ports.strategies;
        let installed = strategies.installed();
        if installed.is_empty() {
            let proposal = "install strategies: `dreamops plugin list` shows what is there";
            return self.escalate("no strategy is installed", proposal).await;
        }
        let shared = self.context("").await?;
        let contexts: Vec<CallContext> = installed
            .iter()
            .map(|s| CallContext {
                log: self.log_of(&s.manifest.name),
                ..shared.clone()
            })
            .collect();
        let calls = installed
            .iter()
            .zip(&contexts)
            .map(|(s, context)| strategies.assess(&s.digest, context));
        let answers = join_all(calls).await;
        let mut ranking = Vec::new();
        for (info, answer) in installed.iter().zip(answers) {
            let strategy = StrategyRef::from(info);
            match answer {
                Ok(assessment) => {
                    let confidence = assessment.confidence(strategies.confidence_cap(&info.digest));
                    ranking.push((strategy.clone(), confidence));
                    self.record(Event::Assessed {
                        strategy,
                        assessment,
                        confidence,
                    });
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

    /// Gives the case to the next in the ranking that has not had it; without one, ends it.
    pub(crate) async fn give_to_next(&mut self, because: &str) -> Result<(), RespondError> {
        let Some((strategy, confidence)) = self.next_in_ranking() else {
            return self.nobody_knows().await;
        };
        self.incident.case.handed_over = None;
        let because = format!("{because} (confidence {confidence:.2})");
        self.choose(strategy, &because).await
    }

    /// The surest strategy that has not had the case.
    pub(crate) fn next_in_ranking(&self) -> Option<(StrategyRef, f64)> {
        let case = &self.incident.case;
        case.ranking
            .iter()
            .find(|(s, _)| !case.tried.contains(&s.name))
            .cloned()
    }

    /// Gives the case to a strategy.
    pub(crate) async fn choose(&mut self, strategy: StrategyRef, because: &str) -> Result<(), RespondError> {
        self.record(Event::Chosen {
            strategy: strategy.clone(),
            because: because.to_owned(),
        });
        self.keep_component(&strategy).await?;
        let case = &mut self.incident.case;
        if !case.tried.contains(&strategy.name) {
            case.tried.push(strategy.name.clone());
        }
        case.strategy = Some(strategy);
        // an approval was given to another one's plan
        case.approval = None;
        case.plan_digest = None;
        self.enter(Phase::Diagnosing).await
    }

    /// Notes that a component did not answer as it should.
    pub(crate) fn strategy_failed(&mut self, strategy: StrategyRef, call: &str, error: &CallError) {
        self.record(Event::StrategyFailed {
            strategy,
            call: call.to_owned(),
            outcome: error.outcome().to_owned(),
            message: error.to_string(),
        });
    }
}
