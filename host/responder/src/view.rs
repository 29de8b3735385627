//! What a component gets to see and reach during one call.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::alert::Alert;
use dreamops_domain::decision::PastAction;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::{CallContext, IncidentView};
use dreamops_domain::time::Timestamp;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How far back earlier actions on an owner are told to components and policy.
const HISTORY: Duration = Duration::from_hours(24);
/// How many of them.
const HISTORY_ITEMS: usize = 20;

impl Session<'_> {
    /// The context of a call into `component`.
    pub(crate) async fn context(&self, component: &str) -> Result<CallContext, RespondError> {
        let ports = &self.responder.ports;
        let view = self.view().await?;
        self.know([view.target.clone(), view.owner.clone()]);
        Ok(CallContext {
            incident: Arc::new(view),
            scope: self.scope(),
            reads: self.missing.watch(Arc::clone(&ports.reads)),
            known: Arc::clone(&self.known),
            log: self.log_of(component),
            clock: Arc::clone(&ports.clock),
        })
    }

    /// Where a component's log lines go.
    pub(crate) fn log_of(&self, component: &str) -> Arc<dyn Fn(String) + Send + Sync> {
        let (lines, component) = (Arc::clone(&self.lines), component.to_owned());
        Arc::new(move |line| {
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((component.clone(), line));
        })
    }

    async fn view(&self) -> Result<IncidentView, RespondError> {
        let case = &self.incident.case;
        let nobody = || ObjectRef::new("", &case.namespace, "", "");
        let target = self.focus().unwrap_or_else(nobody);
        let owner = case.owner.clone().unwrap_or_else(|| target.clone());
        let first = self.active_alerts().next().or(case.alerts.first());
        Ok(IncidentView {
            id: self.incident.id.to_string(),
            cluster: self.incident.cluster.name.clone(),
            namespace: case.namespace.clone(),
            title: first.map(|a| a.title.clone()).unwrap_or_default(),
            description: first.map(|a| a.description.clone()).unwrap_or_default(),
            severity: first.map(|a| a.severity.clone()).unwrap_or_default(),
            labels: first
                .map(|a| a.labels.clone().into_iter().collect())
                .unwrap_or_default(),
            container: first.and_then(|a| a.hints.container.clone()),
            started_at: first.and_then(|a| a.starts_at),
            history: self.history(&owner).await?,
            managed_by: case.managed_by.clone(),
            handed_over: case.handed_over.as_ref().map(|(fault, _)| fault.clone()),
            target,
            owner,
        })
    }

    /// The alerts whose source still sees the symptom.
    pub(crate) fn active_alerts(&self) -> impl Iterator<Item = &Alert> {
        crate::withdraw::active(&self.incident.case.alerts)
    }

    /// The object that the strategy in charge looks at.
    fn focus(&self) -> Option<ObjectRef> {
        let case = &self.incident.case;
        case.handed_over
            .as_ref()
            .map(|(_, object)| object.clone())
            .or_else(|| case.target.clone())
    }

    /// Earlier actions on an owner, newest first.
    pub(crate) async fn history(&self, owner: &ObjectRef) -> Result<Vec<PastAction>, RespondError> {
        let ports = &self.responder.ports;
        let now = ports.clock.now().millis();
        let since = Timestamp::from_millis(now.saturating_sub(u64::try_from(HISTORY.as_millis()).unwrap_or(0)));
        let mut past = ports
            .store
            .history(self.incident.tenant, &self.incident.cluster, owner, since)
            .await?;
        past.truncate(HISTORY_ITEMS);
        Ok(past)
    }

    /// Adds objects that components may name in drafts.
    fn know(&self, objects: impl IntoIterator<Item = ObjectRef>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects {
            if !object.uid.is_empty() && !known.contains(&object) {
                known.push(object);
            }
        }
    }
}
