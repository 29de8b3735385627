//! `dreamops:plan/draft`: each function adds one step to the draft, if the step makes sense.
//!
//! Invariants: a draft names only objects that the host returned in this incident, exactly as it returned them; a
//! redaction handle is never a value; a plan has at most [`STEP_CAP`] steps.

use crate::bindings::Draft;
use crate::bindings::dreamops::incident::view::ObjectRef as WitRef;
use crate::bindings::dreamops::plan::draft as wit;
use crate::convert::{BadOutput, bounds, plan};
use crate::dispatch::{HostCall, Refused};
use crate::guest::Guest;
use dreamops_domain::object::{ObjectRef, WORKLOADS};
use dreamops_domain::plan::{Action, Amounts};
use serde::Serialize;
use std::future::ready;
use wasmtime::Result;
use wasmtime::component::Resource;

/// The most steps of a plan.
pub(crate) const STEP_CAP: usize = 10;

type Drafted = std::result::Result<(), wit::Refusal>;
type Made = std::result::Result<Action, BadOutput>;

impl Guest {
    async fn draft<A: Serialize + Send>(
        &mut self,
        (function, grant): (&'static str, &'static str),
        asked: A,
        why: wit::Why,
        make: impl FnOnce(&Self, A) -> Made + Send,
    ) -> Result<Drafted> {
        let call = HostCall {
            interface: "dreamops:plan/draft",
            function,
            grant: Some(grant.into()),
            cost: 1,
            asked: (asked, why),
        };
        self.dispatch(call, Some(refuse), move |guest, (asked, why)| {
            let drafted = guest.add_step(asked, &why, make);
            Box::pin(ready(Ok(drafted)))
        })
        .await
    }

    fn add_step<A>(&mut self, asked: A, why: &wit::Why, make: impl FnOnce(&Self, A) -> Made) -> Drafted {
        if self.steps.len() >= STEP_CAP {
            return Err(wit::Refusal::Full);
        }
        let step = make(self, asked)
            .and_then(|action| plan::step(action, why))
            .map_err(|bad| wit::Refusal::Invalid(bad.0))?;
        self.steps.push(step);
        Ok(())
    }

    /// An object that the host returned, of one of these kinds; any kind where there are none.
    fn known_object(&self, object: WitRef, kinds: &[&str]) -> std::result::Result<ObjectRef, BadOutput> {
        let object = ObjectRef::try_from(object)?;
        if !kinds.is_empty() && !kinds.contains(&object.kind.as_str()) {
            return Err(BadOutput(format!("{object} is not a {}", kinds.join(" or "))));
        }
        self.recall(&object).ok_or_else(|| {
            BadOutput(format!(
                "{object} in namespace {:?} with uid {:?} was not returned by the host in this incident",
                object.namespace, object.uid
            ))
        })
    }

    fn known_workload(&self, object: WitRef) -> std::result::Result<ObjectRef, BadOutput> {
        self.known_object(object, &WORKLOADS)
    }

    /// A revision by its uid, as `read.revisions` gave it.
    fn known_revision(&self, uid: String) -> std::result::Result<String, BadOutput> {
        let uid = bounds::name("the revision", plan::value("the revision", uid, 253)?)?;
        if self.has_revision(&uid) {
            return Ok(uid);
        }
        Err(BadOutput(format!(
            "revision {uid:?} was not returned by the host in this incident; `read.revisions` gives the uids"
        )))
    }
}

fn refuse(refused: Refused) -> Drafted {
    Err(match refused {
        Refused::Denied(grant, line) => wit::Refusal::Denied((grant, line)),
        Refused::Exhausted(which) => wit::Refusal::Other(("exhausted".into(), format!("{which} are used up"))),
    })
}

impl wit::Host for Guest {}

impl wit::HostDraft for Guest {
    async fn restart_pod(&mut self, _: Resource<Draft>, pod: WitRef, why: wit::Why) -> Result<Drafted> {
        let at = ("[method]draft.restart-pod", "plan/restart-pod");
        self.draft(at, pod, why, |guest, pod| {
            Ok(Action::RestartPod {
                pod: guest.known_object(pod, &["Pod"])?,
            })
        })
        .await
    }

    async fn restart_workload(&mut self, _: Resource<Draft>, workload: WitRef, why: wit::Why) -> Result<Drafted> {
        let at = ("[method]draft.restart-workload", "plan/restart-workload");
        self.draft(at, workload, why, |guest, workload| {
            Ok(Action::RestartWorkload {
                workload: guest.known_workload(workload)?,
            })
        })
        .await
    }

    async fn undo_rollout(
        &mut self,
        _: Resource<Draft>,
        workload: WitRef,
        revision: String,
        why: wit::Why,
    ) -> Result<Drafted> {
        let at = ("[method]draft.undo-rollout", "plan/undo-rollout");
        self.draft(at, (workload, revision), why, |guest, (workload, revision)| {
            Ok(Action::UndoRollout {
                workload: guest.known_workload(workload)?,
                revision: guest.known_revision(revision)?,
            })
        })
        .await
    }

    async fn scale(&mut self, _: Resource<Draft>, workload: WitRef, replicas: u32, why: wit::Why) -> Result<Drafted> {
        let at = ("[method]draft.scale", "plan/scale");
        self.draft(at, (workload, replicas), why, |guest, (workload, replicas)| {
            if replicas == 0 {
                return Err(BadOutput(
                    "scaling to zero takes a workload away, it does not heal it".into(),
                ));
            }
            Ok(Action::Scale {
                workload: guest.known_object(workload, &["Deployment", "StatefulSet"])?,
                replicas,
            })
        })
        .await
    }

    async fn set_resources(
        &mut self,
        _: Resource<Draft>,
        workload: WitRef,
        container: String,
        requests: wit::Amounts,
        limits: wit::Amounts,
        why: wit::Why,
    ) -> Result<Drafted> {
        let at = ("[method]draft.set-resources", "plan/set-resources");
        let asked = (workload, container, requests, limits);
        self.draft(at, asked, why, |guest, (workload, container, requests, limits)| {
            let (requests, limits) = (Amounts::try_from(requests)?, Amounts::try_from(limits)?);
            if requests == Amounts::default() && limits == Amounts::default() {
                return Err(BadOutput("there is no amount to set".into()));
            }
            Ok(Action::SetResources {
                workload: guest.known_workload(workload)?,
                container: bounds::name("the container", plan::value("the container", container, 253)?)?,
                requests,
                limits,
            })
        })
        .await
    }

    async fn set_pull_secret(
        &mut self,
        _: Resource<Draft>,
        workload: WitRef,
        registry: String,
        why: wit::Why,
    ) -> Result<Drafted> {
        let at = ("[method]draft.set-pull-secret", "plan/set-pull-secret");
        self.draft(at, (workload, registry), why, |guest, (workload, registry)| {
            Ok(Action::SetPullSecret {
                workload: guest.known_workload(workload)?,
                registry: bounds::name("the registry", plan::value("the registry", registry, 253)?)?,
            })
        })
        .await
    }

    async fn patch(
        &mut self,
        _: Resource<Draft>,
        target: WitRef,
        path: String,
        value: String,
        why: wit::Why,
    ) -> Result<Drafted> {
        let at = ("[method]draft.patch", "plan/patch");
        self.draft(at, (target, path, value), why, |guest, (target, path, value)| {
            Ok(Action::Patch {
                target: guest.known_object(target, &[])?,
                path: plan::pointer(path)?,
                value: plan::json(value)?,
            })
        })
        .await
    }

    async fn escalate(
        &mut self,
        _: Resource<Draft>,
        about: WitRef,
        proposal: String,
        why: wit::Why,
    ) -> Result<Drafted> {
        let at = ("[method]draft.escalate", "plan/escalate");
        self.draft(at, (about, proposal), why, |guest, (about, proposal)| {
            let target = ObjectRef::try_from(about.clone())
                .ok()
                // the incident's own object may be gone, and then has no uid to be known by
                .filter(|object| guest.is_own(object))
                .map_or_else(|| guest.known_object(about, &[]), Ok)?;
            Ok(Action::Escalate {
                target,
                proposal: bounds::text("the proposal", &proposal)?,
            })
        })
        .await
    }

    async fn drop(&mut self, _: Resource<Draft>) -> Result<()> {
        Ok(())
    }
}
