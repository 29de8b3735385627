//! Diagnosing: what the strategy in charge finds, and what is done where none finds a cause.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::event::Event;
use dreamops_domain::finding::{Diagnosis, Evidence, Finding};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::read::{Health, ReadError};

/// Kinds whose health the host can tell.
const WITH_HEALTH: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Service"];
/// How many strategies' troubles and how much evidence a sentence holds.
const NAMED: usize = 3;

impl Session<'_> {
    /// Asks the strategy in charge for the cause.
    pub(crate) async fn diagnose(&mut self) -> Result<(), RespondError> {
        let Some((strategy, same_version)) = self.in_charge().await? else {
            return self.enter(Phase::Assessing).await;
        };
        if !same_version {
            return self
                .choose(strategy, "the version that had the case is not installed any more")
                .await;
        }
        let context = self.context(&strategy.name).await?;
        let finding = match self
            .responder
            .ports
            .strategies
            .diagnose(&strategy.digest, &context)
            .await
        {
            Ok(finding) => finding,
            Err(error) => {
                self.strategy_failed(strategy, "diagnose", &error);
                return self.give_to_next("the strategy before it failed").await;
            }
        };
        self.record(Event::Diagnosed {
            finding: finding.clone(),
        });
        self.incident.case.finding = Some(finding.clone());
        match finding {
            Finding::Cause(_) => self.enter(Phase::Planning).await,
            Finding::HandOver {
                fault, target, reason, ..
            } => self.hand_over(&fault, target, &reason).await,
            Finding::Healthy { evidence } => self.found_healthy(&evidence).await,
            Finding::Unknown { .. } => {
                self.give_to_next("the strategy before it could not tell the cause")
                    .await
            }
        }
    }

    /// A strategy sees nothing wrong: believed if the host sees nothing wrong either.
    async fn found_healthy(&mut self, evidence: &[Evidence]) -> Result<(), RespondError> {
        let summary = evidence
            .first()
            .map_or_else(|| "nothing is wrong".to_owned(), |e| e.text.clone());
        if self.looks_healthy().await? {
            return self.close(Phase::NoAction, &summary).await;
        }
        self.give_to_next("the strategy before it sees nothing wrong").await
    }

    /// No strategy is left: over if all is well and none saw anything wrong, else a person's.
    pub(crate) async fn nobody_knows(&mut self) -> Result<(), RespondError> {
        let failures = self.failures();
        // a strategy that lacked a right might have seen what the others and the host do not look at
        let blind = !failures.is_empty() && !self.missing.is_empty();
        let well = self.looks_healthy().await?;
        if well && !blind && !self.trouble_was_seen() {
            return self.close(Phase::NoAction, &self.state()).await;
        }
        if self.is_under_way() && !blind && !self.trouble_was_seen() {
            return self.watch_or_escalate("no strategy recognises a fault").await;
        }
        let mut reason = self.state();
        if let Some(word) = self.incident.case.last_word.clone() {
            reason = format!("{reason}; {word}; no other strategy is left");
        } else {
            let seen = self.seen();
            reason = match (seen.is_empty(), failures.is_empty()) {
                (true, true) => format!("{reason}; no strategy recognises a fault"),
                (true, false) => format!("{reason}; no strategy could tell why"),
                (false, _) => format!("{reason}; no strategy can tell the cause: {seen}"),
            };
        }
        if !failures.is_empty() {
            reason = format!("{reason}; not all could be asked: {}", failures.join("; "));
        }
        let what = self.subject();
        let proposal = format!("look at {what} by hand; what was seen is in the incident's evidence");
        self.escalate(&reason, &proposal).await
    }

    /// Whether the subject has all it wants and nothing restarted lately, by the host's own look.
    async fn looks_healthy(&mut self) -> Result<bool, RespondError> {
        let health = match self.health(&self.subject()).await {
            Ok(health) => health,
            // what has no health of its own cannot look well
            Err(ReadError::Invalid { .. } | ReadError::NotAvailable { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let now = self.responder.ports.clock.now();
        let calm = health
            .last_restart
            .is_none_or(|at| now.since(at) >= self.responder.settings.calm);
        let well = health.whole() && calm;
        self.incident.case.last_health = Some(health);
        Ok(well)
    }

    /// Whether a rollout keeps the subject from looking healthy and gets on, or has taken nothing away so far.
    fn is_under_way(&self) -> bool {
        let health = self.incident.case.last_health.as_ref();
        health.is_some_and(|h| h.desired > 0 && !h.settled && (h.progressing || h.ready >= h.desired))
    }

    /// How the subject does, as it was seen last.
    pub(crate) fn state(&self) -> String {
        let what = self.subject();
        let Some(Health {
            ready,
            desired,
            last_restart,
            ..
        }) = self.incident.case.last_health.clone()
        else {
            return format!("how {what} does is not known");
        };
        let now = self.responder.ports.clock.now();
        let ended = match last_restart {
            Some(at) => format!("a container ended {} s ago", now.since(at).as_secs()),
            None => "no container has ended".to_owned(),
        };
        format!("{what} has {ready} of {desired} ready and {ended}")
    }

    /// Whether any strategy found something wrong in this incident.
    fn trouble_was_seen(&self) -> bool {
        self.findings().any(|f| !matches!(f, Finding::Healthy { .. }))
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.incident.case.timeline.iter().filter_map(|e| match &e.event {
            Event::Diagnosed { finding } => Some(finding),
            _ => None,
        })
    }

    /// What strategies saw that could not tell the cause, newest first.
    fn seen(&self) -> String {
        let unknown = self.findings().filter(|f| matches!(f, Finding::Unknown { .. }));
        let mut evidence: Vec<&Evidence> = Vec::new();
        for one in unknown.flat_map(Finding::evidence) {
            if !evidence.contains(&one) {
                evidence.push(one);
            }
        }
        let said: Vec<String> = evidence
            .iter()
            .take(NAMED)
            .map(|e| format!("{}: {}", e.source, e.text))
            .collect();
        said.join("; ")
    }

    /// Strategies that could not be asked, each with why.
    fn failures(&self) -> Vec<String> {
        let mut failures: Vec<String> = Vec::new();
        for entry in &self.incident.case.timeline {
            if let Event::StrategyFailed {
                strategy,
                call,
                message,
                ..
            } = &entry.event
            {
                let failure = format!("{} at {call}: {message}", strategy.name);
                if !failures.contains(&failure) && failures.len() < NAMED {
                    failures.push(failure);
                }
            }
        }
        failures
    }

    /// The diagnosis in force.
    pub(crate) fn diagnosis(&self) -> Option<&Diagnosis> {
        match &self.incident.case.finding {
            Some(Finding::Cause(diagnosis)) => Some(diagnosis),
            _ => None,
        }
    }

    /// The cause in a sentence; empty where none is known.
    pub(crate) fn cause(&self) -> String {
        self.diagnosis().map_or_else(String::new, |d| d.root_cause.clone())
    }

    /// The object that has to be healthy in the end: the owner, else what has health of its own.
    pub(crate) fn subject(&self) -> ObjectRef {
        let case = &self.incident.case;
        let candidates = [
            case.owner.as_ref(),
            self.diagnosis().map(|d| &d.target),
            case.target.as_ref(),
        ];
        let with_health = candidates
            .iter()
            .flatten()
            .find(|o| WITH_HEALTH.contains(&o.kind.as_str()));
        let any = with_health.or_else(|| candidates.iter().flatten().next());
        any.map_or_else(|| ObjectRef::new("", &case.namespace, "", ""), |o| (*o).clone())
    }

    /// What the alert was about, where the incident went on to another owner: it has to be well in the end, too.
    pub(crate) fn origin(&self) -> Option<ObjectRef> {
        let first = self.incident.case.timeline.iter().rev().find_map(|e| match &e.event {
            Event::Correlated { owner, .. } => Some(owner),
            _ => None,
        })?;
        let has_health = WITH_HEALTH.contains(&first.kind.as_str());
        (has_health && !first.same(&self.subject())).then(|| first.clone())
    }
}
