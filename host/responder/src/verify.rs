//! Verifying: is the fault gone, does it stay gone, and does what we wrote still stand?
//!
//! Healed means, for a whole unbroken window: the strategy says so, the host sees at least as many
//! ready pods as were wanted, nothing restarted, the fields we set still hold, and what the alert was about works, too.
//! `healed_at` is the first moment of that window. Scaling to zero or deleting the workload can never look healed.
//!
//! | what is seen | what follows |
//! | --- | --- |
//! | a whole window | resolved |
//! | somebody changed what we set | a person; we do not fight |
//! | the strategy says worse | everything is taken back |
//! | no better in time | more ready than before: kept, a person; else everything is taken back |
//! | the component that drafted the change is gone for good | kept, a person |
//! | the run's time is over while a rollout makes progress | kept, a person: its own deadline is not undercut |
//! | the run's time is over while containers wait for their next start | kept, a person: nothing is known of the change yet |

use crate::RespondError;
use crate::look::{Look, Word, passes};
use crate::plan::escalation_in;
use crate::session::Session;
use crate::window::{self, Patience, Window};
use dreamops_domain::finding::Verdict;
use dreamops_domain::journal::{Direction, JournalEntry};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::read::Health;
use dreamops_domain::rehearsal::Write;
use dreamops_domain::time::Timestamp;
use std::time::Duration;

/// The longest that a strategy is not asked.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// How often a strategy is asked that says healed. It is asked once more at the window's end.
const CONFIRMATION: Duration = Duration::from_secs(2);

/// What is kept from look to look.
struct Vigil {
    applied: Vec<JournalEntry>,
    since: Timestamp,
    patience: Patience,
    window: Option<Window>,
    told: Option<Look>,
    next_question: Duration,
    /// Whether the host saw all well when the strategy was asked last.
    asked_when_well: bool,
}

/// What a look leads to.
enum Verified {
    Healed { since: Timestamp },
    Contested { breach: String },
    Worse { why: String },
    Hopeless { look: Look },
}

impl Session<'_> {
    /// Watches until the fault was gone for a whole window, or there is no hope left.
    pub(crate) async fn verify(&mut self) -> Result<(), RespondError> {
        let mut vigil = self.vigil().await?;
        if !vigil.applied.is_empty()
            && let Some(why) = self.drafter_is_gone().await?
        {
            return self.nobody_judges(&why).await;
        }
        loop {
            self.heartbeat().await?;
            if self.stopped().await? {
                return Ok(());
            }
            match self.look_once(&mut vigil).await {
                Ok(Some(verified)) => return self.conclude(verified, &vigil).await,
                Ok(None) => {}
                // what cannot be seen is not healed
                Err(error) if passes(&error) && !self.out_of_time() => vigil.window = None,
                Err(error) => return Err(error),
            }
            self.pause(self.responder.settings.poll).await;
        }
    }

    async fn vigil(&self) -> Result<Vigil, RespondError> {
        let forward = self.entries(Direction::Forward).await?;
        let clock = &self.responder.ports.clock;
        let since = clock.now();
        let acted = self.incident.case.last_write_at.unwrap_or(since);
        Ok(Vigil {
            applied: forward.into_iter().filter(JournalEntry::took_effect).collect(),
            since,
            patience: Patience::new(since, clock.monotonic(), acted),
            window: None,
            told: None,
            next_question: Duration::ZERO,
            asked_when_well: false,
        })
    }

    async fn look_once(&mut self, vigil: &mut Vigil) -> Result<Option<Verified>, RespondError> {
        let mut look = self.look().await?;
        look.breach = self.breach(&vigil.applied).await?;
        let well = self.is_sound(&look.health);
        look.word = self.ask_if_due(vigil, &look, well && look.origin_is_well).await?;
        self.tell(&look, &mut vigil.told).await?;
        if let Some(breach) = look.breach {
            return Ok(Some(Verified::Contested { breach }));
        }
        if let Word::Said(Verdict::Worse { why }) = look.word {
            return Ok(Some(Verified::Worse { why }));
        }
        let healed = match &look.word {
            Word::Said(verdict) => *verdict == Verdict::Healed,
            Word::Silent => true,
            // its last word opened the window, or did not
            Word::NotAsked => vigil.window.is_some(),
        };
        let window = vigil.window.take();
        vigil.window = self
            .keep_window(window, &look.health, well && look.origin_is_well && healed)
            .await?;
        let (settings, now) = (&self.responder.settings, self.responder.ports.clock.monotonic());
        vigil.patience.see(now, &look.health);
        Ok(match &vigil.window {
            Some(open) if open.complete(now, window::length(settings, &look.health)) => {
                Some(Verified::Healed { since: open.since })
            }
            Some(_) => None,
            None if self.out_of_time() => Some(Verified::Hopeless { look }),
            None => {
                let only_origin = well && !look.origin_is_well;
                let over = vigil.patience.exhausted(settings, now, &look.health, only_origin);
                over.then_some(Verified::Hopeless { look })
            }
        })
    }

    /// Asks the strategy when its answer is due, as soon as the host sees all well, and before a window ends.
    async fn ask_if_due(&mut self, vigil: &mut Vigil, look: &Look, well: bool) -> Result<Word, RespondError> {
        let now = self.responder.ports.clock.monotonic();
        let length = window::length(&self.responder.settings, &look.health);
        let ends = vigil.window.as_ref().is_some_and(|w| w.complete(now, length));
        let became_well = well && !vigil.asked_when_well;
        if now < vigil.next_question && !ends && !became_well {
            return Ok(Word::NotAsked);
        }
        vigil.asked_when_well = well;
        let Some(execution) = self.execution(&vigil.applied, vigil.since, look.health.clone()) else {
            return Ok(Word::Silent);
        };
        let word = self.word(&execution).await?;
        vigil.next_question = match &word {
            Word::Said(Verdict::Waiting { retry_after_ms }) => {
                now + Duration::from_millis(*retry_after_ms).min(LONGEST_SILENCE)
            }
            Word::Said(Verdict::Healed) => now + CONFIRMATION,
            _ => now,
        };
        Ok(word)
    }

    async fn conclude(&mut self, verified: Verified, vigil: &Vigil) -> Result<(), RespondError> {
        match verified {
            Verified::Healed { since } => self.healed(since, &vigil.applied).await,
            Verified::Contested { breach } => self.contested(&breach).await,
            Verified::Worse { why } => self.turn_back(&why, None).await,
            Verified::Hopeless { look } => {
                let under_way = under_way(&vigil.patience, &look.health);
                self.give_up(&look, under_way).await
            }
        }
    }

    async fn healed(&mut self, since: Timestamp, applied: &[JournalEntry]) -> Result<(), RespondError> {
        self.incident.case.healed_at = Some(since);
        self.incident.case.last_word = Some("healed for the whole window".to_owned());
        let subject = self.subject();
        let plan = self.incident.case.plan.clone().unwrap_or_default();
        if let Some((reason, proposal)) = escalation_in(&plan) {
            return self
                .escalate(&format!("{subject} works for now; {reason}"), &proposal)
                .await;
        }
        let mut summary = format!("{subject} is healthy again; the cause was: {}", self.cause());
        if applied.is_empty() {
            summary.push_str("; nothing was changed here");
        } else if let Some(note) = self.note_for_keeper(applied) {
            summary = format!("{summary}; {note}");
        }
        self.close(Phase::Resolved, &summary).await
    }

    /// What the keeper of a spec has to know: which fields its next apply would set back or conflict on.
    fn note_for_keeper(&self, applied: &[JournalEntry]) -> Option<String> {
        let keeper = self.incident.case.managed_by.as_deref()?;
        let fields: Vec<&str> = applied
            .iter()
            .filter_map(|e| match &e.write {
                Write::Patch { touched, .. } => Some(touched.iter().map(String::as_str)),
                _ => None,
            })
            .flatten()
            .collect();
        (!fields.is_empty()).then(|| format!("{keeper} keeps this object: carry over {} there", fields.join(", ")))
    }

    /// The component that would say whether the change helped is gone for good.
    async fn nobody_judges(&mut self, why: &str) -> Result<(), RespondError> {
        let (subject, id) = (self.subject(), self.incident.id);
        let proposal = format!(
            "the change is kept: look whether {subject} is well, or take it back with `dreamops incident rollback {id}`"
        );
        self.escalate(&format!("{why}; nobody can say whether the change helped"), &proposal)
            .await
    }

    /// Somebody else changed what we set: we do not fight.
    async fn contested(&mut self, breach: &str) -> Result<(), RespondError> {
        self.incident.case.last_word = Some(breach.to_owned());
        let reason = format!("what was changed here was changed back: {breach}");
        let proposal = format!("make the change where it is kept, or stop that writer: {breach}");
        self.escalate(&reason, &proposal).await
    }

    /// No better in time: more ready pods than before stay as they are, otherwise everything is taken back.
    async fn give_up(&mut self, look: &Look, under_way: Option<&str>) -> Result<(), RespondError> {
        let before = self.incident.case.baseline.as_ref().map_or(0, |b| b.ready);
        let subject = self.subject();
        let (ready, desired) = (look.health.ready, look.health.desired);
        let state = format!("{subject} has {ready} of {desired} ready (before: {before})");
        if self.is_sound(&look.health) && !look.origin_is_well {
            let origin = self.origin().map_or_else(String::new, |o: ObjectRef| o.to_string());
            let proposal = format!("the change is kept because {subject} is well; look at {origin}");
            return self
                .escalate(
                    &format!("partly healed in time: {state}, but {origin} is not well yet"),
                    &proposal,
                )
                .await;
        }
        if ready > before {
            let proposal =
                format!("the change is kept because it helped; look at the pods of {subject} that are not ready");
            return self
                .escalate(&format!("partly healed in time: {state}"), &proposal)
                .await;
        }
        if let Some(what) = under_way.filter(|_| self.out_of_time()) {
            let proposal = format!("the change is kept while {what}; watch {subject}, or take it back");
            let reason = format!("the run's time is over while {what}: {state}");
            return self.escalate(&reason, &proposal).await;
        }
        self.turn_back(&format!("no better in time: {state}"), None).await
    }
}

/// What is under way that does not tell yet whether the change helped.
fn under_way(patience: &Patience, health: &Health) -> Option<&'static str> {
    if patience.own_deadline(health).is_some() {
        return Some("the rollout makes progress");
    }
    let waits = patience.waits_for_start(health);
    waits.then_some("containers that ended before it wait for their next start")
}
