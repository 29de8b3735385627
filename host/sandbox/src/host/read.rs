//! `dreamops:kubernetes/read`: each function becomes one [`ReadRequest`], inside the incident's namespaces.

use crate::bindings::dreamops::kubernetes::read as wit;
use crate::convert::bounds::{LIST_CAP, NAME_CAP};
use crate::convert::kubernetes::{Answer, shown};
use crate::dispatch::{HostCall, Outside, Refused};
use crate::guest::Guest;
use dreamops_domain::inert;
use dreamops_domain::object::{KINDS, ObjectRef, plural};
use dreamops_domain::read::{ListQuery, LogQuery, ReadRequest};
use serde::Serialize;
use wasmtime::Result;

type Asked<T> = std::result::Result<T, wit::Failure>;

/// The kinds that are in no namespace.
const CLUSTER_KINDS: [&str; 1] = ["Node"];
/// The longest selector or mask entry, in bytes.
const QUERY_CAP: usize = 4 * 1024;

impl Guest {
    async fn read<R: Answer + Serialize + Send>(
        &mut self,
        function: &'static str,
        grant: Option<String>,
        request: Asked<ReadRequest>,
    ) -> Result<Asked<R>> {
        let call = HostCall {
            interface: "dreamops:kubernetes/read",
            function,
            grant: grant.map(Into::into),
            cost: 1,
            asked: request,
        };
        self.dispatch(call, Some(refuse), |guest, request| {
            Box::pin(async move {
                match request {
                    Ok(request) => guest.look(request).await,
                    Err(failure) => Ok(Err(failure)),
                }
            })
        })
        .await
    }

    /// One kind of fact, whose grant has the fact's name.
    async fn fact<R: Answer + Serialize + Send>(
        &mut self,
        function: &'static str,
        fact: &'static str,
        request: Asked<ReadRequest>,
    ) -> Result<Asked<R>> {
        self.read(function, Some(format!("kubernetes/read/{fact}")), request)
            .await
    }

    async fn look<R: Answer>(&mut self, request: ReadRequest) -> Result<Asked<R>> {
        let context = self.context()?;
        let (reads, scope) = (context.reads.clone(), context.scope.clone());
        let asked = request.clone();
        let found = Outside {
            runtime: self.outside.clone(),
            work: Box::pin(async move { reads.read(&scope, asked).await }),
            waited: &mut self.cpu.waited,
        }
        .await;
        Ok(match found {
            Ok(found) => {
                self.learn(&shown(&request, &found));
                R::of(found).ok_or_else(|| wit::Failure::Unavailable("the cluster answered another question".into()))
            }
            Err(error) => Err(error.into()),
        })
    }

    /// A namespace in which the kind lives and that is the incident's; empty for kinds of the cluster.
    fn namespace(&self, kind: &str, namespace: String) -> Asked<String> {
        if CLUSTER_KINDS.contains(&kind) {
            return Ok(String::new());
        }
        let allowed = self
            .context
            .as_ref()
            .map_or(&[][..], |context| &context.scope.namespaces);
        if namespace.is_empty() {
            return Err(wit::Failure::Invalid(format!(
                "{kind} lives in a namespace; this incident's: {}",
                allowed.join(", ")
            )));
        }
        if allowed.contains(&namespace) {
            return Ok(namespace);
        }
        let shown = inert::line(&namespace, NAME_CAP);
        Err(wit::Failure::NotFound(format!(
            "namespace {shown} is not in this incident's scope"
        )))
    }

    fn object(&self, object: wit::ObjectRef) -> Asked<ObjectRef> {
        let mut object = ObjectRef::try_from(object).map_err(|bad| wit::Failure::Invalid(bad.to_string()))?;
        known_kind(&object.kind)?;
        object.namespace = self.namespace(&object.kind, object.namespace)?;
        Ok(object)
    }
}

/// A refusal in the words of the interface.
fn refuse<R>(refused: Refused) -> Asked<R> {
    Err(match refused {
        Refused::Denied(grant, line) => wit::Failure::Denied((grant, line)),
        Refused::Exhausted(which) => wit::Failure::Exhausted(which),
    })
}

/// The grant for a kind; an unknown kind has none, and its request is refused as making no sense.
fn kind_grant(kind: &str) -> Option<String> {
    plural(kind).map(|plural| format!("kubernetes/read/{plural}"))
}

fn known_kind(kind: &str) -> Asked<()> {
    if plural(kind).is_some() {
        return Ok(());
    }
    let all: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
    Err(wit::Failure::Invalid(format!(
        "{:?} is not a kind that can be read; there are {}",
        inert::line(kind, NAME_CAP),
        all.join(", ")
    )))
}

fn bounded(what: &str, value: String, cap: usize) -> Asked<String> {
    if value.len() > cap || value.chars().any(char::is_control) {
        return Err(wit::Failure::Invalid(format!(
            "{what} is longer than {cap} bytes or holds control characters"
        )));
    }
    Ok(value)
}

fn named(what: &str, value: String) -> Asked<String> {
    if value.is_empty() {
        return Err(wit::Failure::Invalid(format!("{what} is empty")));
    }
    bounded(what, value, NAME_CAP)
}

fn mask(mask: Vec<String>) -> Asked<Vec<String>> {
    if mask.len() > LIST_CAP {
        return Err(wit::Failure::Invalid(format!("a mask has at most {LIST_CAP} pointers")));
    }
    mask.into_iter()
        .map(|pointer| {
            if pointer.starts_with('/') {
                bounded("a mask's pointer", pointer, QUERY_CAP)
            } else {
                Err(wit::Failure::Invalid(format!(
                    "{:?} is not a JSON pointer, such as /spec/replicas",
                    inert::line(&pointer, NAME_CAP)
                )))
            }
        })
        .collect()
}

impl Guest {
    fn get_request(&self, kind: String, namespace: String, name: String, pointers: Vec<String>) -> Asked<ReadRequest> {
        known_kind(&kind)?;
        Ok(ReadRequest::Get {
            namespace: self.namespace(&kind, namespace)?,
            name: named("the name", name)?,
            mask: mask(pointers)?,
            kind,
        })
    }

    fn list_request(&self, query: wit::Query) -> Asked<ReadRequest> {
        known_kind(&query.kind)?;
        Ok(ReadRequest::List(ListQuery {
            namespace: self.namespace(&query.kind, query.namespace)?,
            labels: bounded("the label selector", query.labels, QUERY_CAP)?,
            fields: bounded("the field selector", query.fields, QUERY_CAP)?,
            mask: mask(query.mask)?,
            limit: query.limit.min(dreamops_domain::read::LIST_CAP),
            cursor: bounded("the cursor", query.cursor, 4 * QUERY_CAP)?,
            kind: query.kind,
        }))
    }

    fn logs_request(
        &self,
        pod: wit::ObjectRef,
        container: String,
        previous: bool,
        tail_lines: u32,
    ) -> Asked<ReadRequest> {
        let pod = self.object(pod)?;
        if pod.kind != "Pod" {
            return Err(wit::Failure::Invalid(format!("{pod} has no log; a Pod has")));
        }
        Ok(ReadRequest::Logs(LogQuery {
            pod,
            container: bounded("the container", container, NAME_CAP)?,
            previous,
            tail_lines,
        }))
    }
}

impl wit::Host for Guest {
    async fn get(
        &mut self,
        kind: String,
        namespace: String,
        name: String,
        mask: Vec<String>,
    ) -> Result<Asked<wit::Object>> {
        let grant = kind_grant(&kind);
        let request = self.get_request(kind, namespace, name, mask);
        self.read("get", grant, request).await
    }

    async fn list(&mut self, query: wit::Query) -> Result<Asked<wit::Page>> {
        let grant = kind_grant(&query.kind);
        let request = self.list_request(query);
        self.read("list", grant, request).await
    }

    async fn events(&mut self, about: wit::ObjectRef) -> Result<Asked<Vec<wit::Event>>> {
        let request = self.object(about).map(|object| ReadRequest::Events { object });
        self.fact("events", "events", request).await
    }

    async fn logs(
        &mut self,
        pod: wit::ObjectRef,
        container: String,
        previous: bool,
        tail_lines: u32,
    ) -> Result<Asked<wit::LogText>> {
        let request = self.logs_request(pod, container, previous, tail_lines);
        self.fact("logs", "logs", request).await
    }

    async fn owners(&mut self, of: wit::ObjectRef) -> Result<Asked<Vec<wit::Owner>>> {
        let request = self.object(of).map(|object| ReadRequest::Owners { object });
        self.fact("owners", "owners", request).await
    }

    async fn revisions(&mut self, of: wit::ObjectRef) -> Result<Asked<Vec<wit::Revision>>> {
        let request = self.object(of).map(|workload| ReadRequest::Revisions { workload });
        self.fact("revisions", "revisions", request).await
    }

    async fn health_of(&mut self, object: wit::ObjectRef) -> Result<Asked<wit::Health>> {
        let request = self.object(object).map(|object| ReadRequest::Health { object });
        self.fact("health-of", "health", request).await
    }

    async fn service_of(&mut self, namespace: String, name: String) -> Result<Asked<wit::Service>> {
        let request = self.namespace("Service", namespace).and_then(|namespace| {
            Ok(ReadRequest::Service {
                namespace,
                name: named("the name", name)?,
            })
        });
        self.fact("service-of", "service", request).await
    }

    async fn node_images(&mut self, image: String) -> Result<Asked<Vec<String>>> {
        let request = named("the image", image).map(|image| ReadRequest::NodeImages { image });
        self.fact("node-images", "node-images", request).await
    }

    async fn quota_of(&mut self, namespace: String) -> Result<Asked<wit::Quota>> {
        let request = self
            .namespace("ResourceQuota", namespace)
            .map(|namespace| ReadRequest::Quota { namespace });
        self.fact("quota-of", "quota", request).await
    }

    async fn usage_of(&mut self, object: wit::ObjectRef) -> Result<Asked<Vec<wit::Usage>>> {
        let request = self.object(object).map(|object| ReadRequest::Usage { object });
        self.fact("usage-of", "usage", request).await
    }
}
