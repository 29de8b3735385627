//! Watching without having written: whether a fault goes by itself, before a person is asked.

use crate::RespondError;
use crate::look::{Look, passes};
use crate::session::Session;
use crate::window::{self, Window};
use dreamops_domain::event::Event;
use dreamops_domain::phase::Phase;
use dreamops_domain::read::Health;

/// How a watch ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The incident went on or is over.
    Over,
    /// The fault is still there.
    InVain,
}

impl Session<'_> {
    /// Nothing is to be written: waits a while whether the fault goes by itself and stays away.
    pub(crate) async fn watch(&mut self) -> Result<Watched, RespondError> {
        self.commit().await?;
        let clock = self.responder.ports.clock.clone();
        let mut until = clock.monotonic() + self.responder.settings.watch;
        let mut reached = (0, 0);
        let mut window: Option<Window> = None;
        let mut told: Option<Look> = None;
        loop {
            self.heartbeat().await?;
            if self.stopped().await? {
                return Ok(Watched::Over);
            }
            match self.look().await {
                Ok(look) => {
                    self.tell(&look, &mut told).await?;
                    // a rollout that gets on is not given up
                    let reaches = (look.health.updated, look.health.ready);
                    if look.health.progressing && reaches > reached {
                        reached = reaches;
                        until = clock.monotonic() + self.responder.settings.watch;
                    }
                    let well = self.is_sound(&look.health) && look.origin_is_well;
                    window = self.keep_window(window, &look.health, well).await?;
                    let length = window::length(&self.responder.settings, &look.health);
                    if window.as_ref().is_some_and(|w| w.complete(clock.monotonic(), length)) {
                        let what = self.subject();
                        self.close(Phase::NoAction, &format!("{what} recovered by itself"))
                            .await?;
                        return Ok(Watched::Over);
                    }
                }
                Err(error) if passes(&error) && !self.out_of_time() => window = None,
                Err(error) => return Err(error),
            }
            if window.is_none() && (clock.monotonic() >= until || self.out_of_time()) {
                return Ok(Watched::InVain);
            }
            self.pause(self.responder.settings.poll).await;
        }
    }

    /// Nothing is to be written, `because`: waits whether the fault goes by itself, else tells a person.
    pub(crate) async fn watch_or_escalate(&mut self, because: &str) -> Result<(), RespondError> {
        match self.watch().await? {
            Watched::Over => Ok(()),
            Watched::InVain => self.did_not_recover(because).await,
        }
    }

    /// Nothing was written, `because`, and it was watched in vain: a person's.
    pub(crate) async fn did_not_recover(&mut self, because: &str) -> Result<(), RespondError> {
        let (what, cause) = (self.subject(), self.cause());
        if cause.is_empty() {
            let proposal = format!("look at {what} by hand; what was seen is in the incident's evidence");
            let reason = format!("{}; {because}, and it did not recover by itself", self.state());
            return self.escalate(&reason, &proposal).await;
        }
        let proposal = format!("{because} in {what}; remove the cause: {cause}");
        self.escalate(
            &format!("{cause}; {because}, and it did not recover by itself"),
            &proposal,
        )
        .await
    }

    /// Opens, keeps or breaks the healthy window.
    pub(crate) async fn keep_window(
        &mut self,
        window: Option<Window>,
        health: &Health,
        well: bool,
    ) -> Result<Option<Window>, RespondError> {
        if !well {
            self.incident.case.healed_at = None;
            return Ok(None);
        }
        if let Some(open) = window.filter(|w| w.unbroken(health)) {
            return Ok(Some(open));
        }
        let clock = &self.responder.ports.clock;
        let open = Window::open(clock.now(), clock.monotonic(), health);
        let length = window::length(&self.responder.settings, health);
        self.incident.case.healed_at = Some(open.since);
        let window_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        self.record(Event::Healing {
            since: open.since,
            window_ms,
        });
        self.commit().await?;
        Ok(Some(open))
    }
}
