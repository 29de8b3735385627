//! Planning: what the strategy drafts. Words to a person go to a person, an empty draft waits, the rest is rehearsed.

use crate::RespondError;
use crate::session::Session;
use crate::watch::Watched;
use dreamops_domain::event::Event;
use dreamops_domain::manifest::StrategyRef;
use dreamops_domain::object::WORKLOADS;
use dreamops_domain::phase::Phase;
use dreamops_domain::plan::{Action, Plan, Step};

impl Session<'_> {
    /// Lets the strategy draft.
    pub(crate) async fn plan(&mut self) -> Result<(), RespondError> {
        let (Some((strategy, true)), Some(finding)) = (self.in_charge().await?, self.incident.case.finding.clone())
        else {
            return self.enter(Phase::Diagnosing).await;
        };
        let context = self.context(&strategy.name).await?;
        let plan = match self
            .responder
            .ports
            .strategies
            .plan(&strategy.digest, &context, &finding)
            .await
        {
            Ok(plan) => plan,
            Err(error) => {
                self.strategy_failed(strategy, "plan", &error);
                return self.give_to_next("the strategy before it could not plan").await;
            }
        };
        let waited = self.has_waited_for(&strategy.name);
        self.record(Event::Planned { plan: plan.clone() });
        let case = &mut self.incident.case;
        case.plan = Some(plan.clone());
        case.rehearsals.clear();
        case.decisions.clear();
        case.outcomes.clear();
        if plan.steps.is_empty() {
            return self.wait_and_look_again(strategy, waited).await;
        }
        if plan.steps.iter().all(|s| !s.action.writes()) {
            return self.hand_to_person(&plan).await;
        }
        if self.acts_upon(&plan).await? {
            self.enter(Phase::Rehearsing).await?;
        }
        Ok(())
    }

    /// The strategy would change nothing: what may pass is waited for. What has not passed then is another fault than the one
    /// that was seen, so the strategy looks once more before a person is asked.
    async fn wait_and_look_again(&mut self, strategy: StrategyRef, waited: bool) -> Result<(), RespondError> {
        const BECAUSE: &str = "nothing has to change";
        if waited {
            return self.did_not_recover(BECAUSE).await;
        }
        match self.watch().await? {
            Watched::Over => Ok(()),
            Watched::InVain if self.out_of_time() => self.did_not_recover(BECAUSE).await,
            Watched::InVain => self.choose(strategy, "it did not pass, so it looks again").await,
        }
    }

    /// Whether a strategy's plan was to change nothing before.
    fn has_waited_for(&self, strategy: &str) -> bool {
        let mut in_charge = false;
        self.incident.case.timeline.iter().any(|entry| {
            match &entry.event {
                Event::Chosen { strategy: chosen, .. } => in_charge = chosen.name == strategy,
                Event::Planned { plan } => return in_charge && plan.steps.is_empty(),
                _ => {}
            }
            false
        })
    }

    /// Makes the workload that the plan changes the incident's, so that no two incidents act on one at the same time. An
    /// alert about a Service often leads to one without a hand-over. False if this incident joined another.
    async fn acts_upon(&mut self, plan: &Plan) -> Result<bool, RespondError> {
        let has_owner = |s: &&Step| {
            let kind = s.action.target().kind.as_str();
            s.action.writes() && (kind == "Pod" || WORKLOADS.contains(&kind))
        };
        let Some(step) = plan.steps.iter().find(has_owner) else {
            return Ok(true);
        };
        let locator = self.responder.locator(&self.incident.case.namespace);
        let located = locator.with_owner(step.action.target().clone()).await?;
        self.take_over(located).await
    }

    /// The plan is only a word to a person.
    async fn hand_to_person(&mut self, plan: &Plan) -> Result<(), RespondError> {
        let (reason, proposal) = escalation_in(plan).unwrap_or_default();
        let cause = self.cause();
        let reason = if reason.contains(&cause) {
            reason
        } else {
            format!("{cause}; {reason}")
        };
        self.escalate(&reason, &proposal).await
    }

    /// The plan cannot be carried out: a person has to remove what forbids it.
    pub(crate) async fn plan_fails(&mut self, why: &str) -> Result<(), RespondError> {
        let wanted = self.incident.case.plan.as_ref().map(describe).unwrap_or_default();
        let reason = format!("{}; the fix cannot be carried out: {why}", self.cause());
        self.escalate(&reason, &format!("{wanted}; first remove what forbids it: {why}"))
            .await
    }
}

/// The words to a person that a plan holds: reason and proposal.
pub(crate) fn escalation_in(plan: &Plan) -> Option<(String, String)> {
    let words: Vec<(&str, &str)> = plan
        .steps
        .iter()
        .filter_map(|s| match &s.action {
            Action::Escalate { proposal, .. } => Some((s.reason.as_str(), proposal.as_str())),
            _ => None,
        })
        .collect();
    let (reason, _) = words.first()?;
    let proposals: Vec<&str> = words.iter().map(|(_, proposal)| *proposal).collect();
    Some(((*reason).to_owned(), proposals.join("; ")))
}

/// A plan in a sentence, for a person who would carry it out.
pub(crate) fn describe(plan: &Plan) -> String {
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|s| match &s.action {
            Action::Escalate { proposal, .. } => proposal.clone(),
            action => format!("{} on {} ({})", action.name(), action.target(), s.reason),
        })
        .collect();
    steps.join(", then ")
}
