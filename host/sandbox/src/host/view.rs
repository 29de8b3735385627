//! `dreamops:incident/view`: getters, answered from what the responder put into the call.

use crate::bindings::dreamops::incident::view as wit;
use crate::bindings::{Execution, Incident};
use crate::dispatch::HostCall;
use crate::guest::Guest;
use crate::stop::Stop;
use dreamops_domain::finding::Finding;
use dreamops_domain::ports;
use dreamops_domain::time::Timestamp;
use serde::Serialize;
use std::future::ready;
use wasmtime::Result;
use wasmtime::component::Resource;

/// The most earlier actions that a component sees.
const HISTORY_CAP: usize = 20;

impl Guest {
    async fn of_incident<R: Serialize + Send + 'static>(
        &mut self,
        function: &'static str,
        get: fn(&ports::IncidentView) -> R,
    ) -> Result<R> {
        self.getter(function, move |guest| Ok(get(&guest.context()?.incident)))
            .await
    }

    async fn of_execution<R: Serialize + Send + 'static>(
        &mut self,
        function: &'static str,
        get: fn(&ports::Execution) -> R,
    ) -> Result<R> {
        self.getter(function, move |guest| {
            guest.execution.as_ref().map(get).ok_or(Stop::NoIncident)
        })
        .await
    }

    async fn getter<R: Serialize + Send + 'static>(
        &mut self,
        function: &'static str,
        get: impl FnOnce(&Self) -> std::result::Result<R, Stop> + Send,
    ) -> Result<R> {
        let call = HostCall {
            interface: "dreamops:incident/view",
            function,
            grant: None,
            cost: 1,
            asked: (),
        };
        self.dispatch(call, None, move |guest, ()| {
            let value = get(guest).map_err(wasmtime::Error::new);
            Box::pin(ready(value))
        })
        .await
    }
}

impl wit::Host for Guest {}

impl wit::HostIncident for Guest {
    async fn id(&mut self, _: Resource<Incident>) -> Result<String> {
        self.of_incident("[method]incident.id", |i| i.id.clone()).await
    }

    async fn cluster(&mut self, _: Resource<Incident>) -> Result<String> {
        self.of_incident("[method]incident.cluster", |i| i.cluster.clone())
            .await
    }

    async fn namespace(&mut self, _: Resource<Incident>) -> Result<String> {
        self.of_incident("[method]incident.namespace", |i| i.namespace.clone())
            .await
    }

    async fn title(&mut self, _: Resource<Incident>) -> Result<String> {
        self.of_incident("[method]incident.title", |i| i.title.clone()).await
    }

    async fn description(&mut self, _: Resource<Incident>) -> Result<String> {
        self.of_incident("[method]incident.description", |i| i.description.clone())
            .await
    }

    async fn severity(&mut self, _: Resource<Incident>) -> Result<String> {
        self.of_incident("[method]incident.severity", |i| i.severity.clone())
            .await
    }

    async fn labels(&mut self, _: Resource<Incident>) -> Result<Vec<(String, String)>> {
        self.of_incident("[method]incident.labels", |i| i.labels.clone()).await
    }

    async fn container(&mut self, _: Resource<Incident>) -> Result<Option<String>> {
        self.of_incident("[method]incident.container", |i| i.container.clone())
            .await
    }

    async fn started_ms(&mut self, _: Resource<Incident>) -> Result<Option<u64>> {
        self.of_incident("[method]incident.started-ms", |i| i.started_at.map(Timestamp::millis))
            .await
    }

    async fn target(&mut self, _: Resource<Incident>) -> Result<wit::ObjectRef> {
        self.of_incident("[method]incident.target", |i| (&i.target).into())
            .await
    }

    async fn owner(&mut self, _: Resource<Incident>) -> Result<wit::ObjectRef> {
        self.of_incident("[method]incident.owner", |i| (&i.owner).into()).await
    }

    async fn managed_by(&mut self, _: Resource<Incident>) -> Result<Option<String>> {
        self.of_incident("[method]incident.managed-by", |i| i.managed_by.clone())
            .await
    }

    async fn handed_over(&mut self, _: Resource<Incident>) -> Result<Option<String>> {
        self.of_incident("[method]incident.handed-over", |i| i.handed_over.clone())
            .await
    }

    async fn history(&mut self, _: Resource<Incident>) -> Result<Vec<wit::PastAction>> {
        self.of_incident("[method]incident.history", |i| {
            let newest = i.history.iter().take(HISTORY_CAP);
            newest.map(Into::into).collect()
        })
        .await
    }

    async fn drop(&mut self, _: Resource<Incident>) -> Result<()> {
        Ok(())
    }
}

impl wit::HostExecution for Guest {
    async fn steps(&mut self, _: Resource<Execution>) -> Result<Vec<(String, wit::ObjectRef, String)>> {
        self.of_execution("[method]execution.steps", |e| {
            e.steps
                .iter()
                .map(|(step, outcome)| {
                    (
                        step.action.name().to_owned(),
                        step.action.target().into(),
                        outcome.clone(),
                    )
                })
                .collect()
        })
        .await
    }

    async fn started_ms(&mut self, _: Resource<Execution>) -> Result<u64> {
        self.of_execution("[method]execution.started-ms", |e| e.started_at.millis())
            .await
    }

    async fn finished_ms(&mut self, _: Resource<Execution>) -> Result<u64> {
        self.of_execution("[method]execution.finished-ms", |e| e.finished_at.millis())
            .await
    }

    async fn baseline(&mut self, _: Resource<Execution>) -> Result<wit::Health> {
        self.of_execution("[method]execution.baseline", |e| (&e.baseline).into())
            .await
    }

    async fn present(&mut self, _: Resource<Execution>) -> Result<wit::Health> {
        self.of_execution("[method]execution.present", |e| (&e.present).into())
            .await
    }

    async fn fault(&mut self, _: Resource<Execution>) -> Result<String> {
        self.of_execution("[method]execution.fault", |e| match &e.finding {
            Finding::Cause(cause) => cause.fault.clone(),
            Finding::HandOver { fault, .. } => fault.clone(),
            Finding::Healthy { .. } | Finding::Unknown { .. } => String::new(),
        })
        .await
    }

    async fn target(&mut self, _: Resource<Execution>) -> Result<wit::ObjectRef> {
        self.getter("[method]execution.target", |guest| {
            let execution = guest.execution.as_ref().ok_or(Stop::NoIncident)?;
            Ok(match &execution.finding {
                Finding::Cause(cause) => (&cause.target).into(),
                Finding::HandOver { target, .. } => target.into(),
                Finding::Healthy { .. } | Finding::Unknown { .. } => (&guest.context()?.incident.owner).into(),
            })
        })
        .await
    }

    async fn facts(&mut self, _: Resource<Execution>) -> Result<Vec<(String, String)>> {
        self.of_execution("[method]execution.facts", |e| match &e.finding {
            Finding::Cause(cause) => cause.facts.clone(),
            _ => Vec::new(),
        })
        .await
    }

    async fn drop(&mut self, _: Resource<Execution>) -> Result<()> {
        Ok(())
    }
}
