//! Received and correlating: from alert to object, owner, and the one open incident of that owner.

use crate::RespondError;
use crate::locate::Located;
use crate::session::Session;
use dreamops_domain::event::Event;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::Correlated;
use dreamops_domain::read::{Health, ReadError};
use std::collections::BTreeSet;

impl Session<'_> {
    /// Finds the owner; becomes its open incident or joins the one there is. What the source says is over is not
    /// looked at.
    pub(crate) async fn correlate(&mut self) -> Result<(), RespondError> {
        if self.incident.phase == Phase::Received {
            self.withdraw_resolved().await?;
            if self.active_alerts().next().is_none() {
                return self
                    .close(Phase::NoAction, "the source of the alert says that it is resolved")
                    .await;
            }
            self.heed_acknowledgement();
            self.enter(Phase::Correlating).await?;
        }
        let Some(located) = self.locate().await? else {
            return self.nothing_there().await;
        };
        if !self.claim(&located.owner).await? {
            return Ok(());
        }
        let health = self.baseline(&located).await?;
        let case = &mut self.incident.case;
        case.target = Some(located.target.clone());
        case.owner = Some(located.owner.clone());
        case.managed_by.clone_from(&located.managed_by);
        case.baseline = Some(health.clone());
        self.record(Event::Correlated {
            target: located.target,
            owner: located.owner,
            managed_by: located.managed_by,
            health,
        });
        self.enter(Phase::Assessing).await
    }

    async fn locate(&self) -> Result<Option<Located>, RespondError> {
        let locator = self.responder.locator(&self.incident.case.namespace);
        for alert in self.active_alerts() {
            if let Some(located) = locator.locate(alert).await? {
                return Ok(Some(located));
            }
        }
        Ok(None)
    }

    async fn nothing_there(&mut self) -> Result<(), RespondError> {
        // alerts of a storm name the same object
        let named: BTreeSet<String> = self
            .active_alerts()
            .flat_map(|a| a.hints.objects.iter().map(|(kind, name)| format!("{kind} {name}")))
            .collect();
        let namespace = &self.incident.case.namespace;
        let reason = if named.is_empty() {
            format!("the alert names no object that exists in namespace {namespace}")
        } else {
            format!(
                "neither {} nor an owner of it exists in namespace {namespace}",
                Vec::from_iter(named).join(" nor ")
            )
        };
        self.escalate(
            &reason,
            "check the names in the alert, or name the object with --target KIND/NAME",
        )
        .await
    }

    /// Becomes the open incident of `owner`. False if there is one already: this one is closed then.
    async fn claim(&mut self, owner: &ObjectRef) -> Result<bool, RespondError> {
        let store = &self.responder.ports.store;
        match store.correlate(&self.lease, &self.incident, owner).await? {
            Correlated::Became => Ok(true),
            Correlated::Joined(other) => {
                // the store has closed this one together with the joining
                self.incident = store.load(self.incident.tenant, self.incident.id).await?;
                self.joined = Some(other);
                Ok(false)
            }
        }
    }

    /// Makes another owner the incident's: the one that was handed over, or the one that the plan acts upon. False if that
    /// one has an open incident of its own, which this one joined.
    pub(crate) async fn take_over(&mut self, located: Located) -> Result<bool, RespondError> {
        if self
            .incident
            .case
            .owner
            .as_ref()
            .is_some_and(|o| o.same(&located.owner))
        {
            return Ok(true);
        }
        // what was found until here must not get lost where this one joins another
        self.commit().await?;
        if !self.claim(&located.owner).await? {
            return Ok(false);
        }
        let baseline = self.baseline(&located).await?;
        let case = &mut self.incident.case;
        case.owner = Some(located.owner);
        case.managed_by = located.managed_by;
        case.baseline = Some(baseline);
        Ok(true)
    }

    /// How the owner does before anything is done. Kinds without pods of their own count as they are.
    async fn baseline(&self, located: &Located) -> Result<Health, RespondError> {
        for object in [&located.owner, &located.target] {
            match self.health(object).await {
                Ok(health) => return Ok(health),
                Err(ReadError::Invalid { .. } | ReadError::NotFound { .. } | ReadError::NotAvailable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Health::default())
    }
}
