//! Raw calls to one API server.
//!
//! Objects travel as the JSON that the server sent, so that no unknown field is lost. How a request is
//! sent, and when it counts as failed, is [`crate::exchange`]'s affair; every failure is an [`ApiError`].

use crate::connect::Credential;
use crate::error::{ApiError, Call, Failure};
use crate::exchange::Exchange;
use crate::resource::{self, Resource};
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;

/// The name under which the API server keeps what we wrote in `managedFields`.
pub const FIELD_MANAGER: &str = "dreamops";
/// How many objects [`Api::list_all`] asks for at a time.
const PAGE: u32 = 500;

/// One cluster's API server, with the credential bound to it.
#[derive(Clone)]
pub struct Api {
    exchange: Exchange,
}

/// Which objects of a kind are listed; empty fields restrict nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct Selection<'a> {
    /// A label selector.
    pub labels: &'a str,
    /// A field selector.
    pub fields: &'a str,
    /// At most so many; 0 for the server's own bound.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: &'a str,
}

/// A page of objects, each with its `apiVersion` and `kind`.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The objects as the server sent them.
    pub items: Vec<Value>,
    /// Where the next page begins; empty at the end.
    pub cursor: String,
}

/// Which lines of a container's log are read.
#[derive(Clone, Copy, Debug)]
pub struct LogSelection<'a> {
    /// The container; empty where the pod has one.
    pub container: &'a str,
    /// The run before the present one.
    pub previous: bool,
    /// So many lines from the end.
    pub tail_lines: u32,
    /// At most so many bytes, from the first of those lines on.
    pub limit_bytes: u32,
}

/// What is asked of a `SelfSubjectAccessReview`; empty strings mean "any".
#[derive(Clone, Copy, Debug, Default)]
pub struct Access<'a> {
    /// `get`, `patch`, `create`, ….
    pub verb: &'a str,
    /// The kind's row.
    pub kind: &'a str,
    /// `eviction`, `log`, …; empty for the object itself.
    pub subresource: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The object's name; empty for all.
    pub name: &'a str,
}

/// What an API server says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerVersion {
    /// `v1.34.4`.
    pub version: String,
    /// `linux/amd64`.
    pub platform: String,
}

impl Api {
    /// Calls through `client`, which must not retry by itself.
    pub fn new(client: kube::Client) -> Self {
        Self::with_credential(client, None)
    }

    /// As [`Api::new`], with a bearer token on each request.
    pub(crate) fn with_credential(client: kube::Client, credential: Option<Arc<Credential>>) -> Self {
        Self {
            exchange: Exchange::new(client, credential),
        }
    }

    /// One object.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value, ApiError> {
        let (row, call) = locate("get", kind, namespace, name, "")?;
        let uri = format!("{}/{name}", row.collection(namespace));
        self.json(call, Request::get(uri), Vec::new()).await
    }

    /// One page of objects of a kind. An empty namespace means all namespaces.
    pub async fn list(&self, kind: &str, namespace: &str, selection: Selection<'_>) -> Result<Listed, ApiError> {
        let (row, call) = locate("list", kind, namespace, "", "")?;
        let uri = format!("{}?{}", row.collection(namespace), selection.query());
        let mut answer = self.json(call, Request::get(uri), Vec::new()).await?;
        let cursor = answer["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        let mut items = match answer["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        for item in &mut items {
            name_kind(item, row);
        }
        Ok(Listed { items, cursor })
    }

    /// All objects of a kind that match, over as many pages as it takes.
    pub async fn list_all(
        &self,
        kind: &str,
        namespace: &str,
        labels: &str,
        fields: &str,
    ) -> Result<Vec<Value>, ApiError> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let selection = Selection {
                labels,
                fields,
                limit: PAGE,
                cursor: &cursor,
            };
            let page = self.list(kind, namespace, selection).await?;
            all.extend(page.items);
            if page.cursor.is_empty() {
                return Ok(all);
            }
            cursor = page.cursor;
        }
    }

    /// Applies a JSON patch (RFC 6902); returns the object as it is (or, dry, would be) after it.
    ///
    /// The server refuses a patch that would set a field it does not know.
    pub async fn patch_json(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        operations: &[Value],
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        let (row, mut call) = locate("patch", kind, namespace, name, "")?;
        call.changes = !dry_run;
        let uri = format!(
            "{}/{name}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{}",
            row.collection(namespace),
            dry(dry_run)
        );
        let request = Request::patch(uri).header("Content-Type", "application/json-patch+json");
        let body = Value::Array(operations.to_vec());
        self.json(call, request, body.to_string().into_bytes()).await
    }

    /// Creates an object; one of the same name is [`Failure::AlreadyExists`].
    pub async fn create(&self, kind: &str, namespace: &str, object: &Value, dry_run: bool) -> Result<Value, ApiError> {
        let (row, mut call) = locate("create", kind, namespace, "", "")?;
        // asking for one's own rights leaves nothing behind
        call.changes = !dry_run && kind != "SelfSubjectAccessReview";
        let uri = format!(
            "{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{}",
            row.collection(namespace),
            dry(dry_run)
        );
        self.post(call, uri, object).await
    }

    /// Deletes an object if it has this uid; a successor of the same name is [`Failure::Conflict`].
    ///
    /// Returns what the server answers: the object on its way out, or a `Status`.
    pub async fn delete(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        uid: &str,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        let (row, mut call) = locate("delete", kind, namespace, name, "")?;
        call.changes = !dry_run;
        let uri = format!("{}/{name}", row.collection(namespace));
        let request = Request::delete(uri).header("Content-Type", "application/json");
        let body = delete_options(uid, dry_run).to_string().into_bytes();
        self.json(call, request, body).await
    }

    /// Evicts a pod if it has this uid. A disruption budget in the way is [`Failure::TooManyRequests`].
    pub async fn evict(&self, namespace: &str, pod: &str, uid: &str, dry_run: bool) -> Result<Value, ApiError> {
        let (row, mut call) = locate("create", "Pod", namespace, pod, "eviction")?;
        call.changes = !dry_run;
        let uri = format!("{}/{pod}/eviction", row.collection(namespace));
        let eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "name": pod, "namespace": namespace },
            "deleteOptions": delete_options(uid, dry_run),
        });
        self.post(call, uri, &eviction).await
    }

    /// Bytes of a container's log. They are not redacted.
    pub async fn logs(&self, namespace: &str, pod: &str, selection: LogSelection<'_>) -> Result<Vec<u8>, ApiError> {
        let (row, call) = locate("get", "Pod", namespace, pod, "log")?;
        let uri = format!("{}/{pod}/log?{}", row.collection(namespace), selection.query());
        self.exchange.send(call, Request::get(uri), Vec::new()).await
    }

    /// Whether the credential may do something, by the cluster's word.
    pub async fn access_review(&self, access: Access<'_>) -> Result<bool, ApiError> {
        let row = row(access.kind, "create")?;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": access.verb,
                "group": row.group,
                "resource": row.plural,
                "subresource": access.subresource,
                "namespace": access.namespace,
                "name": access.name,
            }},
        });
        let answer = self.create("SelfSubjectAccessReview", "", &review, false).await?;
        Ok(answer["status"]["allowed"] == true)
    }

    /// The server's version and platform; empty where it does not say.
    pub async fn server_version(&self) -> Result<ServerVersion, ApiError> {
        let call = Call {
            verb: "get",
            resource: "version".to_owned(),
            ..Call::default()
        };
        let answer = self.json(call, Request::get("/version"), Vec::new()).await?;
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        Ok(ServerVersion {
            version: text("gitVersion"),
            platform: text("platform"),
        })
    }

    async fn post(&self, call: Call, uri: String, object: &Value) -> Result<Value, ApiError> {
        let request = Request::post(uri).header("Content-Type", "application/json");
        self.json(call, request, object.to_string().into_bytes()).await
    }

    async fn json(&self, call: Call, request: http::request::Builder, body: Vec<u8>) -> Result<Value, ApiError> {
        let request = request.header("Accept", "application/json");
        let bytes = self.exchange.send(call.clone(), request, body).await?;
        serde_json::from_slice(&bytes).map_err(|e| {
            ApiError::no_answer(
                call,
                true,
                format!("its answer is no JSON ({e}); is this a Kubernetes API server?"),
            )
        })
    }
}

impl Selection<'_> {
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, value) in [
            ("labelSelector", self.labels),
            ("fieldSelector", self.fields),
            ("continue", self.cursor),
        ] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        if self.limit > 0 {
            query.append_pair("limit", &self.limit.to_string());
        }
        query.finish()
    }
}

impl LogSelection<'_> {
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.container.is_empty() {
            query.append_pair("container", self.container);
        }
        if self.previous {
            query.append_pair("previous", "true");
        }
        query
            .append_pair("tailLines", &self.tail_lines.to_string())
            .append_pair("limitBytes", &self.limit_bytes.to_string());
        query.finish()
    }
}

fn dry(dry_run: bool) -> &'static str {
    if dry_run { "&dryRun=All" } else { "" }
}

fn delete_options(uid: &str, dry_run: bool) -> Value {
    let mut options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": { "uid": uid },
    });
    if dry_run {
        options["dryRun"] = json!(["All"]);
    }
    options
}

/// Items of a list come without their kind.
fn name_kind(item: &mut Value, row: &Resource) {
    if let Value::Object(fields) = item {
        fields.entry("apiVersion").or_insert_with(|| json!(row.api_version()));
        fields.entry("kind").or_insert_with(|| json!(row.kind));
    }
}

fn row(kind: &str, verb: &'static str) -> Result<&'static Resource, ApiError> {
    resource::of(kind).ok_or_else(|| {
        let call = Call {
            verb,
            resource: kind.to_owned(),
            ..Call::default()
        };
        ApiError::not_sent(
            call,
            Failure::BadRequest,
            format!("{kind} is not a kind that the host knows"),
        )
    })
}

/// The row of a kind, and the call in the words of RBAC. Refuses names that could leave their place in the path.
fn locate(
    verb: &'static str,
    kind: &str,
    namespace: &str,
    name: &str,
    subresource: &str,
) -> Result<(&'static Resource, Call), ApiError> {
    let row = row(kind, verb)?;
    let resource = if subresource.is_empty() {
        row.plural.to_owned()
    } else {
        format!("{}/{subresource}", row.plural)
    };
    let call = Call {
        verb,
        group: row.group.to_owned(),
        resource,
        namespace: if row.namespaced { namespace } else { "" }.to_owned(),
        name: name.to_owned(),
        changes: false,
    };
    let needs_name = matches!(verb, "get" | "patch" | "delete") || !subresource.is_empty();
    let bad_name = if name.is_empty() {
        needs_name
    } else {
        !resource::is_segment(name)
    };
    let bad_namespace = if namespace.is_empty() {
        row.namespaced && needs_name
    } else {
        !resource::is_segment(namespace)
    };
    if bad_name || bad_namespace {
        return Err(ApiError::not_sent(call, Failure::NotFound, String::new()));
    }
    Ok((row, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_path_is_asked_of_nobody() {
        for (namespace, name) in [("shop", "a/b"), ("..", "web"), ("shop", ""), ("", "web")] {
            let error = locate("get", "Pod", namespace, name, "").err();
            assert_eq!(
                error.map(|e| e.failure.clone()),
                Some(Failure::NotFound),
                "{namespace}/{name}"
            );
        }
    }

    #[test]
    fn a_delete_names_the_uid_it_is_for() {
        assert_eq!(
            delete_options("u-1", true),
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "u-1"}, "dryRun": ["All"]})
        );
    }
}
