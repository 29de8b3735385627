//! Planning and rehearsing: what should be done, tried without effect, and what policy says of it.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::decision::{Decision, IncidentFacts, StepFacts};
use dreamops_domain::event::Event;
use dreamops_domain::finding::{Diagnosis, Finding};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::plan::{Action, Binding, Plan, Step};
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{ObjectVersion, Rehearsal, Risk};

impl Session<'_> {
    /// Lets the strategy draft.
    pub(crate) async fn plan(&mut self) -> Result<(), RespondError> {
        let (Some(strategy), Some(finding)) = (self.incident.case.strategy.clone(), self.incident.case.finding.clone())
        else {
            return self.enter(Phase::Diagnosing).await;
        };
        let context = self.context().await?;
        let plan = match self.responder.ports.strategies.plan(&strategy.digest, &context, &finding).await {
            Ok(plan) => plan,
            Err(error) => {
                self.strategy_failed(strategy, "plan", &error);
                return self.give_to_next("the strategy before it could not plan").await;
            }
        };
        self.record(Event::Planned { plan: plan.clone() });
        self.incident.case.plan = Some(plan.clone());
        if plan.steps.is_empty() {
            return self.watch().await;
        }
        if plan.steps.iter().all(|s| !s.action.writes()) {
            return self.hand_to_person(&plan).await;
        }
        self.enter(Phase::Rehearsing).await
    }

    /// The strategy wants nothing changed: wait a while whether the fault goes by itself.
    async fn watch(&mut self) -> Result<(), RespondError> {
        self.commit().await?;
        let object = self.subject();
        let clock = self.responder.ports.clock.clone();
        let until = clock.monotonic() + self.responder.settings.watch;
        loop {
            self.heartbeat().await?;
            let health = self.health(&object).await?;
            let whole = health.whole();
            self.incident.case.last_health = Some(health);
            if whole {
                return self.close(Phase::NoAction, &format!("{object} recovered by itself")).await;
            }
            if clock.monotonic() >= until || self.out_of_time() {
                break;
            }
            self.pause(self.responder.settings.poll).await;
        }
        let cause = self.diagnosis().map_or_else(String::new, |d| d.root_cause.clone());
        let proposal = format!("nothing in {object} has to change; remove the cause: {cause}");
        self.escalate(&cause, &proposal).await
    }

    /// The plan is only a word to a person.
    async fn hand_to_person(&mut self, plan: &Plan) -> Result<(), RespondError> {
        let (reason, proposal) = escalation_in(plan).unwrap_or_default();
        let cause = self.diagnosis().map(|d| d.root_cause.clone()).filter(|c| !reason.contains(c));
        let reason = cause.map_or_else(|| reason.clone(), |cause| format!("{cause}; {reason}"));
        self.escalate(&reason, &proposal).await
    }

    /// Tries every step without effect, asks policy, and goes on as the mode says.
    pub(crate) async fn rehearse(&mut self) -> Result<(), RespondError> {
        let Some(plan) = self.incident.case.plan.clone() else { return self.enter(Phase::Diagnosing).await };
        if let Some(object) = twice_changed(&plan) {
            let why = format!("the plan changes {object} twice; one incident makes one change to an object");
            return self.plan_fails(&why).await;
        }
        self.incident.case.rehearsals.clear();
        for (index, step) in plan.steps.iter().enumerate() {
            self.heartbeat().await?;
            match self.rehearse_step(step).await {
                Ok(rehearsal) => {
                    self.record(Event::Rehearsed { step: index, rehearsal: rehearsal.clone() });
                    self.incident.case.rehearsals.push(rehearsal);
                }
                Err(ActError::NotAllowed { why }) => return self.plan_fails(&why).await,
                Err(ActError::Read(error)) => return Err(error.into()),
                Err(error) => return Err(error.into()),
            }
        }
        let failed = self.incident.case.rehearsals.iter().find_map(|r| r.failure().map(|(n, w)| format!("{n}: {w}")));
        match failed {
            Some(why) => self.plan_fails(&why).await,
            None => self.decide(&plan).await,
        }
    }

    /// A step's rehearsal; words to a person need none.
    async fn rehearse_step(&self, step: &Step) -> Result<Rehearsal, ActError> {
        if step.action.writes() {
            return self.responder.ports.writes.rehearse(&self.scope(), step).await;
        }
        Ok(Rehearsal {
            diff: String::new(),
            checks: Vec::new(),
            risk: Risk::Low,
            reversible: true,
            versions: Vec::new(),
            pods_affected: 0,
            managed_by: None,
            writes: Vec::new(),
        })
    }

    /// The plan cannot be carried out: the next strategy may try once, then a person.
    async fn plan_fails(&mut self, why: &str) -> Result<(), RespondError> {
        let cause = self.diagnosis().map_or_else(String::new, |d| d.root_cause.clone());
        let wanted = self.incident.case.plan.as_ref().map(describe).unwrap_or_default();
        let reason = format!("{cause}; the fix cannot be carried out: {why}");
        self.escalate(&reason, &format!("{wanted}; first remove what forbids it: {why}")).await
    }

    /// Asks policy for the incident and for each step.
    async fn decide(&mut self, plan: &Plan) -> Result<(), RespondError> {
        let whole = self.incident_decision(plan).await?;
        self.record(Event::Decided { step: None, decision: whole.clone() });
        let mut decisions = Vec::new();
        for (index, step) in plan.steps.iter().enumerate().filter(|(_, s)| s.action.writes()) {
            let decision = self.step_decision(index, step);
            self.record(Event::Decided { step: Some(index), decision: decision.clone() });
            decisions.push(decision);
        }
        self.incident.case.decisions.clone_from(&decisions);
        self.incident.case.plan_digest = Some(self.digest(plan));
        decisions.insert(0, whole);
        let denied = decisions.iter().find_map(|d| match d {
            Decision::Deny { because } => Some(because.clone()),
            _ => None,
        });
        let asks = decisions.iter().any(|d| matches!(d, Decision::NeedsApproval { .. }));
        match denied {
            Some(because) if self.incident.mode != Mode::Observe => {
                let proposal = format!("{}; a person may do it by hand", describe(plan));
                self.escalate(&format!("policy forbids it: {because}"), &proposal).await
            }
            _ if self.incident.mode == Mode::Observe => {
                self.close(Phase::Proposed, "observe mode: the plan is recorded, nothing was written").await
            }
            _ if asks && !self.approved() => self.ask().await,
            _ => self.begin().await,
        }
    }

    async fn incident_decision(&self, plan: &Plan) -> Result<Decision, RespondError> {
        let owner = self.incident.case.owner.clone().unwrap_or_else(|| self.subject());
        let history = self.history(&owner).await?;
        // what this incident did itself is counted in steps_done
        let history: Vec<_> = history.into_iter().filter(|p| p.incident != self.incident.id).collect();
        let journal = self.responder.ports.store.journal(self.incident.tenant, self.incident.id).await?;
        let mut done: Vec<_> = journal.iter().filter(|e| e.took_effect()).map(|e| (e.attempt, e.step)).collect();
        done.dedup();
        Ok(self.responder.ports.policy.incident(&IncidentFacts {
            mode: self.incident.mode,
            owner: &owner,
            now: self.responder.ports.clock.now(),
            history: &history,
            steps_done: done.len(),
            steps_planned: plan.steps.iter().filter(|s| s.action.writes()).count(),
        }))
    }

    fn step_decision(&self, index: usize, step: &Step) -> Decision {
        let case = &self.incident.case;
        let irreversible = case.rehearsals.iter().take(index + 1).filter(|r| !r.reversible).count();
        self.responder.ports.policy.step(&StepFacts {
            mode: self.incident.mode,
            cluster: &self.incident.cluster.name,
            namespace: &case.namespace,
            confidence: self.diagnosis().map_or(0.0, |d| d.confidence),
            step,
            rehearsal: &case.rehearsals[index],
            index,
            irreversible_so_far: irreversible,
        })
    }

    /// What an approval of the plan has to name.
    fn digest(&self, plan: &Plan) -> String {
        let case = &self.incident.case;
        let versions: Vec<ObjectVersion> = case.rehearsals.iter().flat_map(|r| r.versions.clone()).collect();
        let component = case.strategy.as_ref().map(|s| s.digest.clone()).unwrap_or_default();
        let policy = self.responder.ports.policy.digest();
        Binding { plan, component: &component, versions: &versions, policy: &policy }.digest()
    }

    /// The diagnosis in force.
    pub(crate) fn diagnosis(&self) -> Option<&Diagnosis> {
        match &self.incident.case.finding {
            Some(Finding::Cause(diagnosis)) => Some(diagnosis),
            _ => None,
        }
    }

    /// The object that has to be healthy in the end: the one handed over or alerted about, by its owner.
    pub(crate) fn subject(&self) -> ObjectRef {
        let case = &self.incident.case;
        case.owner
            .clone()
            .or_else(|| self.diagnosis().map(|d| d.target.clone()))
            .unwrap_or_else(|| ObjectRef::new("", &case.namespace, "", ""))
    }
}

/// The words to a person that a plan holds: reason and proposal.
pub(crate) fn escalation_in(plan: &Plan) -> Option<(String, String)> {
    plan.steps.iter().find_map(|s| match &s.action {
        Action::Escalate { proposal, .. } => Some((s.reason.clone(), proposal.clone())),
        _ => None,
    })
}

/// An object that two writing steps would change.
fn twice_changed(plan: &Plan) -> Option<&ObjectRef> {
    let targets: Vec<_> = plan.steps.iter().filter(|s| s.action.writes()).map(|s| s.action.target()).collect();
    targets.iter().enumerate().find(|(i, t)| targets[..*i].iter().any(|u| u.same(t))).map(|(_, t)| *t)
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
