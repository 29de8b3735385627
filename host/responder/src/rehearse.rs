//! Rehearsing: every step is tried without effect, and policy says what may run.

use crate::RespondError;
use crate::plan::describe;
use crate::session::{Session, cannot_be_retried};
use dreamops_domain::decision::{Decision, IncidentFacts, StepFacts};
use dreamops_domain::event::Event;
use dreamops_domain::journal::{Direction, JournalEntry};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::plan::{Binding, Plan, Step};
use dreamops_domain::ports::ActError;
use dreamops_domain::read::ReadError;
use dreamops_domain::rehearsal::{CheckOutcome, ObjectVersion, Rehearsal, Risk};
use std::collections::BTreeSet;

/// Why a step could not be rehearsed.
enum Obstacle {
    /// The host does not do such things: the strategy's fault.
    NotAllowed(String),
    /// A person has to remove it.
    InTheWay(String),
    /// Trying again may help.
    Passing(RespondError),
}

impl Session<'_> {
    /// Tries every step without effect, asks policy, and goes on as the mode says.
    pub(crate) async fn rehearse(&mut self) -> Result<(), RespondError> {
        let Some(plan) = self.incident.case.plan.clone() else {
            return self.enter(Phase::Diagnosing).await;
        };
        if let Some(why) = self.drafter_is_gone().await? {
            let proposal = "send the alert again: what is installed now looks anew";
            return self.escalate(&why, proposal).await;
        }
        if let Some(object) = twice_changed(&plan) {
            let why = format!("the plan changes {object} twice; one incident makes one change to an object");
            return self.not_allowed(&why).await;
        }
        match self.rehearse_steps(&plan).await {
            Ok(()) => {}
            Err(Obstacle::NotAllowed(why)) => return self.not_allowed(&why).await,
            Err(Obstacle::InTheWay(why)) => return self.plan_fails(&why).await,
            Err(Obstacle::Passing(error)) => return Err(error),
        }
        if let Some(why) = failures(&self.incident.case.rehearsals) {
            return self.plan_fails(&why).await;
        }
        if self.incident.case.rehearsals.iter().all(|r| r.writes.is_empty()) {
            return self.watch_or_escalate("what the plan wants is so already").await;
        }
        if self.heed_anew().await? {
            return Ok(());
        }
        self.decide(&plan).await
    }

    async fn rehearse_steps(&mut self, plan: &Plan) -> Result<(), Obstacle> {
        self.incident.case.rehearsals.clear();
        for (index, step) in plan.steps.iter().enumerate() {
            self.heartbeat().await.map_err(Obstacle::Passing)?;
            let rehearsal = self.rehearse_step(step).await.map_err(obstacle)?;
            self.record(Event::Rehearsed {
                step: index,
                rehearsal: rehearsal.clone(),
            });
            self.incident.case.rehearsals.push(rehearsal);
        }
        Ok(())
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

    /// A plan that the host carries out for nobody: the next strategy may have a better one.
    async fn not_allowed(&mut self, why: &str) -> Result<(), RespondError> {
        if self.next_in_ranking().is_none() {
            return self.plan_fails(why).await;
        }
        self.incident.case.last_word = Some(why.to_owned());
        self.give_to_next(&format!("what the strategy before it proposes is not done: {why}"))
            .await
    }

    /// Asks policy for the incident and for each step.
    async fn decide(&mut self, plan: &Plan) -> Result<(), RespondError> {
        let whole = self.incident_decision(plan).await?;
        self.record(Event::Decided {
            step: None,
            decision: whole.clone(),
        });
        let mut decisions = Vec::new();
        for (index, step) in plan.steps.iter().enumerate() {
            let decision = self.step_decision(index, step);
            if step.action.writes() {
                self.record(Event::Decided {
                    step: Some(index),
                    decision: decision.clone(),
                });
            }
            decisions.push(decision);
        }
        self.incident.case.decisions.clone_from(&decisions);
        self.incident.case.plan_digest = Some(self.digest(plan));
        decisions.push(whole);
        self.go_as_decided(plan, &decisions).await
    }

    async fn go_as_decided(&mut self, plan: &Plan, decisions: &[Decision]) -> Result<(), RespondError> {
        if self.incident.mode == Mode::Observe {
            return self
                .close(
                    Phase::Proposed,
                    "observe mode: the plan is recorded, nothing was written",
                )
                .await;
        }
        let denied = decisions.iter().find_map(|d| match d {
            Decision::Deny { because } => Some(because),
            _ => None,
        });
        if let Some(because) = denied {
            let proposal = format!("{}; a person may do it by hand", describe(plan));
            return self
                .escalate(
                    &format!("{}; policy forbids the fix: {because}", self.cause()),
                    &proposal,
                )
                .await;
        }
        let asks = decisions.iter().any(|d| matches!(d, Decision::NeedsApproval { .. }));
        let drifted = self.incident.case.approval.is_some() && !self.approved();
        if drifted || (asks && !self.approved()) {
            self.ask().await
        } else {
            self.begin().await
        }
    }

    async fn incident_decision(&self, plan: &Plan) -> Result<Decision, RespondError> {
        let owner = self.incident.case.owner.clone().unwrap_or_else(|| self.subject());
        let history = self.history(&owner).await?;
        // what this incident did itself is counted in steps_done
        let history: Vec<_> = history.into_iter().filter(|p| p.incident != self.incident.id).collect();
        let journal = self.journal().await?;
        let changed = |e: &&JournalEntry| e.direction == Direction::Forward && (e.took_effect() || e.in_doubt());
        let done: BTreeSet<(u32, u32)> = journal.iter().filter(changed).map(|e| (e.attempt, e.step)).collect();
        let ports = &self.responder.ports;
        let (cluster, now) = (&self.incident.cluster, ports.clock.now());
        let strategy = self.incident.case.strategy.as_ref().map(|s| s.name.as_str());
        let strategy = strategy.unwrap_or_default();
        let surroundings = ports
            .store
            .surroundings(self.incident.tenant, cluster, strategy, now)
            .await?;
        Ok(ports.policy.incident(&IncidentFacts {
            mode: self.incident.mode,
            owner: &owner,
            now,
            history: &history,
            steps_done: done.len(),
            steps_planned: plan.steps.iter().filter(|s| s.action.writes()).count(),
            cluster: &cluster.name,
            namespace: &self.incident.case.namespace,
            strategy,
            surroundings: &surroundings,
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
        Binding {
            plan,
            component: &component,
            versions: &versions,
            policy: &policy,
        }
        .digest()
    }
}

fn obstacle(error: ActError) -> Obstacle {
    match error {
        ActError::NotAllowed { why } => Obstacle::NotAllowed(why),
        ActError::Read(error) if cannot_be_retried(&error) => Obstacle::InTheWay(error.to_string()),
        ActError::Read(error) => Obstacle::Passing(error.into()),
        // a dry run changes nothing, whether or not it arrived
        ActError::InDoubt { why } => Obstacle::Passing(ReadError::Unavailable { why }.into()),
    }
}

/// All checks that failed, each once, in one sentence: a missing right beside a refused dry run is worth naming.
fn failures(rehearsals: &[Rehearsal]) -> Option<String> {
    let mut failed: Vec<String> = Vec::new();
    for check in rehearsals.iter().flat_map(|r| &r.checks) {
        if let CheckOutcome::Failed { why } = &check.outcome {
            let said = format!("{}: {why}", check.name);
            if !failed.contains(&said) {
                failed.push(said);
            }
        }
    }
    (!failed.is_empty()).then(|| failed.join("; "))
}

/// An object that two writing steps would change. The second would be rehearsed against what the first changes.
fn twice_changed(plan: &Plan) -> Option<&ObjectRef> {
    let targets: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| s.action.writes())
        .map(|s| s.action.target())
        .collect();
    targets
        .iter()
        .enumerate()
        .find(|(i, t)| targets[..*i].iter().any(|u| u.same(t)))
        .map(|(_, t)| *t)
}
